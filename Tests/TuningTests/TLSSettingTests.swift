import ProxyTypes
import Testing

@testable import Tuning

@Suite struct TLSSettingTests {
    private static func pin(_ byte: UInt8) throws -> PublicKeyPin {
        try #require(PublicKeyPin(bytes: Array(repeating: byte, count: PublicKeyPin.byteCount)))
    }

    @Test("a pin is written as curl's --pinnedpubkey takes it")
    func pinText() throws {
        let text = "sha256//" + String(repeating: "A", count: 43) + "="
        #expect(try Self.pin(0).description == text)
        #expect(PublicKeyPin(parsing: text) == (try Self.pin(0)))
        #expect(try Setting.tlsPin.read(.text(text)) == .pins([Self.pin(0)]))
    }

    @Test("pins are one or several, each once, in the order given")
    func pins() throws {
        let pins = try (0..<16).map { try Self.pin(UInt8($0)) }
        let texts = pins.map(\.description)
        let value = try Setting.tlsPin.read(.text(texts.joined(separator: ";")))
        #expect(value == .pins(pins))
        #expect(try Setting.tlsPin.read(.list(texts)) == value)
        #expect(try Setting.tlsPin.read(.text(Setting.tlsPin.write(value))) == value)
        #expect(try Setting.tlsPin.read(.list([])) == .unset)
        let oneTooMany = texts + [try Self.pin(16).description]
        for list in [oneTooMany, [texts[0], texts[0]], [texts[0], ""], ["none"]] {
            #expect(throws: ValueProblem.self) { try Setting.tlsPin.read(.list(list)) }
        }
        var values = SettingValues()
        values[.tlsPin] = value
        #expect(EffectiveSettings(values).tlsPins == pins)
    }

    @Test("a server name is kept in canonical form")
    func serverName() throws {
        #expect(try Setting.tlsServerName.read(.text("API.Example.com.")) == .word("api.example.com"))
        #expect(try Setting.tlsServerName.read(.text("[FD00:0::1]")) == .word("[fd00::1]"))
        #expect(try Setting.tlsServerName.read(.text("host")) == .unset)
        var values = SettingValues()
        for (text, name) in [("a.example", "a.example"), ("[fd00::1]", "fd00::1"), ("10.0.0.1", "10.0.0.1")] {
            values[.tlsServerName] = try Setting.tlsServerName.read(.text(text))
            #expect(EffectiveSettings(values).tlsServerName == name)
        }
    }

    @Test("the lowest version is 1.2 unless 1.3 is asked for")
    func minVersion() throws {
        #expect(EffectiveSettings().tlsMinVersion == .v1_2)
        var values = SettingValues()
        values[.tlsMinVersion] = try Setting.tlsMinVersion.read(.text("1.3"))
        #expect(EffectiveSettings(values).tlsMinVersion == .v1_3)
    }

    @Test("what turns off verification needs a reason that says something, wherever it is set")
    func reason() throws {
        var fixture = try OverridesFixture()
        let values: [(String, String?)] = [("tls_verify", "none")]
        for blank in [nil, "", " \t"] {
            let problems = try fixture.problems { try fixture.change("a.com", values, reason: blank) }
            #expect(problems.map(\.field) == [.reason] && problems.map(\.kind) == [.reasonMissing])
        }
        #expect(throws: Never.self) { try fixture.change("a.com", [("tls_verify", "full")]) }
        #expect(throws: Never.self) { try fixture.change("a.com", [("tls_verify", nil)]) }
        try fixture.edit("a.com", values, reason: "its certificate ran out", tryFor: .minutes(1))
        // The trial's own reason is enough to keep it.
        let kept = try fixture.overrides.confirm(
            pattern: HostPattern(parsing: "a.com"), actor: "t", now: fixture.moment)
        #expect(kept.puts.map(\.reason) == ["its certificate ran out"])
        #expect(kept.audit.map(\.turnsOffVerification) == [true])
    }

    @Test("an import needs a reason for each such setting, its own or the import's")
    func importedReason() throws {
        let fixture = try OverridesFixture()
        func item(_ pattern: String, _ name: String, _ value: String, _ reason: String? = nil) -> ImportedSetting {
            ImportedSetting(pattern: pattern, name: name, input: .text(value), reason: reason)
        }
        let items = [
            item("a.com", "max_queue", "1"), item("b.com", "tls_verify", "none"),
            item("c.com", "tls_verify", "none", "a test"), item("d.com", "tls_verify", "full"),
        ]
        func importing(_ reason: String?) throws -> SettingChange {
            try fixture.overrides.importing(items, actor: "t", reason: reason, now: fixture.moment, replace: false)
        }
        let problems = try fixture.problems { try importing(nil) }
        #expect(problems.map(\.field) == [.reason] && problems.map(\.index) == [1])
        #expect(try importing("moved").puts.map(\.reason) == ["moved", "moved", "a test", "moved"])
    }

    @Test("patterns without verification are told by the value that wins for them, with who set it")
    func unverified() throws {
        var fixture = try OverridesFixture([
            ("b.com", .tlsVerify, "none"), ("a.com", .tlsVerify, "none"), ("c.com", .tlsVerify, "full"),
            ("http://d.com", .tlsVerify, "none"),
        ])
        func told() -> [String] {
            fixture.overrides.unverified.map { "\($0.pattern?.description ?? "*") \($0.place ?? $0.reason ?? "")" }
        }
        #expect(told() == ["a.com connd.yaml:2", "b.com connd.yaml:1"])
        try fixture.edit("a.com", [("tls_verify", "full")])
        try fixture.edit(nil, [("tls_verify", "none")], reason: "all")
        try fixture.edit("c.com", [("tls_verify", "none")], reason: "for now", tryFor: .minutes(1))
        #expect(told() == ["* all", "b.com connd.yaml:1", "c.com for now"])
        let layers = fixture.overrides.layers
        let hosts = ["a.com", "b.com", "c.com", "d.com"].map { Origin(scheme: .https, host: $0, port: 443) }
        #expect(hosts.map(layers.isUnverified) == [false, true, true, true])
        #expect(!layers.isUnverified(Origin(scheme: .http, host: "d.com", port: 80)))
        fixture.now += 60_000
        fixture.expire()
        #expect(told() == ["* all", "b.com connd.yaml:1"])
    }

    @Test(
        "who switches something off with another word is told which one it is",
        arguments: [
            (Setting.tlsVerify, SettingInput.text("off"), "must be full or none, not `off`: write `none`"),
            (.tlsVerify, .flag(false), "must be full or none, not false: write `none`"),
            (.tlsVerify, .text("on"), "must be full or none, not `on`"),
            (.pipelining, .text("none"), "must be off or idempotent, not `none`: write `off`"),
            (.ipFamily, .text("off"), "must be any, ipv4 or ipv6, not `off`"),
        ])
    func otherWord(setting: Setting, input: SettingInput, text: String) {
        let problem = #expect(throws: ValueProblem.self) { try setting.read(input) }
        #expect(problem?.description == text)
    }
}
