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
    }

    @Test("the lowest version is 1.2 unless 1.3 is asked for")
    func minVersion() throws {
        #expect(EffectiveSettings().tlsMinVersion == .v1_2)
        var values = SettingValues()
        values[.tlsMinVersion] = try Setting.tlsMinVersion.read(.text("1.3"))
        #expect(EffectiveSettings(values).tlsMinVersion == .v1_3)
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
