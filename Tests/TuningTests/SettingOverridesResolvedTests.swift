import ProxyTypes
import Testing
import Tuning

@Suite struct SettingOverridesResolvedTests {
    @Test("every setting is resolved with what won, where, by whom, and all that lost")
    func resolved() throws {
        var fixture = try OverridesFixture([
            (nil, .maxQueue, "9"), ("*.com", .maxQueue, "8"), ("x.org", .maxQueue, "3"), (nil, .maxTunnels, "1"),
        ])
        try fixture.edit("*.com", [("max_queue", "7")], reason: "why")
        try fixture.edit("a.com", [("max_queue", "6")], tryFor: .minutes(1), actor: "token")
        let all = fixture.overrides.resolved(for: Origin(scheme: .http, host: "a.com", port: 80))
        #expect(all.map(\.setting) == Setting.allCases)
        let queue = try #require(all.first { $0.setting == .maxQueue })
        let lines = ([queue.inForce] + queue.others).map {
            "\($0.layer.word) \($0.text) \($0.pattern?.description ?? "all") \($0.place ?? "-") \($0.actor ?? "-") "
                + "\($0.reason ?? "-") over \($0.baseText ?? "-") (\($0.baseSource ?? "-"))"
        }
        #expect(
            lines == [
                "trial 6 a.com - token - over 8 (connd.yaml:2)",
                "override 7 *.com - uid:1000 why over 8 (connd.yaml:2)",
                "file 8 *.com connd.yaml:2 - - over - (-)", "file 9 all connd.yaml:1 - - over - (-)",
                "default 256 all - - - over - (-)",
            ])
        #expect(
            queue.inForce.expiresAt == OverridesFixture.start + 60_000 && queue.inForce.time == OverridesFixture.start)
        let untouched = try #require(all.first { $0.setting == .maxRetries })
        #expect(untouched.inForce.layer == .standard && untouched.others.isEmpty && untouched.text == "1")
    }

    @Test("what was learned shows as the source where an auto leaves the value to it")
    func learned() throws {
        let origin = Origin(scheme: .http, host: "a.com", port: 80)
        var file = SettingLayers()
        file.set(.idleTimeout, to: SettingEntry(.unset, source: .file(path: "connd.yaml", line: 1)))
        file.set(
            .idleTimeout, to: SettingEntry(.duration(.seconds(20)), source: .learned), for: HostPattern(origin))
        var overrides = SettingOverrides(file: file, rows: [], now: OverridesFixture.begin)
        func lines() -> [String] {
            let idle = overrides.resolved(for: origin).filter { $0.setting == .idleTimeout }
            return idle.flatMap { [$0.inForce] + $0.others }.map { "\($0.layer.word) \($0.text)" }
        }
        #expect(lines() == ["learned 20s", "file auto", "default auto"])
        func set(_ value: String) throws {
            let edit = SettingEdit(pattern: HostPattern(origin), values: [("idle_timeout", .text(value))])
            overrides.apply(try overrides.edit(edit, actor: "token", now: OverridesFixture.begin))
        }
        try set("30s")
        #expect(lines() == ["override 30s", "file auto", "learned 20s", "default auto"])
        #expect(
            overrides.differences.map { "\($0.without.layer.word) \($0.without.text) \($0.isInForce)" } == [
                "learned 20s true"
            ])
        try set("auto")
        #expect(lines() == ["learned 20s", "override auto", "file auto", "default auto"])
        #expect(
            overrides.differences.map { "\($0.without.layer.word) \($0.without.text) \($0.isInForce)" } == [
                "learned 20s true"
            ])
        // That it is learned anew is no conflict.
        var next = file
        next.set(
            .idleTimeout, to: SettingEntry(.duration(.seconds(25)), source: .learned), for: HostPattern(origin))
        overrides.apply(overrides.reload(file: next))
        #expect(
            overrides.conflicts.isEmpty && overrides.layers.effective(for: origin).idleTimeout == .fixed(.seconds(25)))
        next.set(.idleTimeout, to: SettingEntry(.duration(.seconds(7)), source: .file(path: "connd.yaml", line: 1)))
        overrides.apply(overrides.reload(file: next))
        #expect(overrides.conflicts.map(\.now.value) == [.duration(.seconds(7))])
    }

    @Test("a pattern's own view leaves closer patterns out")
    func ofPattern() throws {
        var fixture = try OverridesFixture([("*", .maxQueue, "9")])
        try fixture.edit("*.a.com", [("max_queue", "7")])
        func text(_ pattern: String?) throws -> String? {
            let pattern = try pattern.map { try HostPattern(parsing: $0) }
            return fixture.overrides.resolved(forPattern: pattern).first { $0.setting == .maxQueue }?.text
        }
        #expect(try text(nil) == "9" && text("*.com") == "9" && text("*.a.com") == "7" && text("x.a.com") == "7")
    }

    @Test("a value that another one bounds says what it comes to")
    func bounded() throws {
        let fixture = try OverridesFixture([
            (nil, .minIdle, "20"), (nil, .maxIdle, "30"), (nil, .dnsMinTTL, "10m"), ("a.com", .maxConnections, "8"),
        ])
        let all = fixture.overrides.resolved(for: Origin(scheme: .http, host: "a.com", port: 80))
        let bounded = all.filter { $0.boundedTo != nil }.map { "\($0.setting.name) \($0.text) \($0.boundedText ?? "")" }
        #expect(bounded == ["max_idle 30 8", "min_idle 20 8", "dns_max_ttl 5m 10m"])
        let others = fixture.overrides.resolved(for: Origin(scheme: .http, host: "b.com", port: 80))
        #expect(others.filter { $0.boundedTo != nil }.map(\.setting) == [.dnsMaxTTL])
    }

    @Test("a client certificate is not used without its key, nor the key alone")
    func certificateWithoutKey() throws {
        let fixture = try OverridesFixture([
            (nil, .tlsClientCert, "/c"), (nil, .tlsClientKey, "/k"), ("a.com", .tlsClientKey, "none"),
            ("b.com", .tlsClientCert, "none"),
        ])
        for (host, bounded) in [("a.com", ["tls_client_cert"]), ("b.com", ["tls_client_key"]), ("c.com", [])] {
            let origin = Origin(scheme: .https, host: host, port: 443)
            let all = fixture.overrides.resolved(for: origin).filter { $0.boundedTo != nil }
            #expect(all.map(\.setting.name) == bounded && all.allSatisfy { $0.boundedText == "none" })
            let settings = fixture.overrides.layers.effective(for: origin)
            let used = [settings.tlsClientCert, settings.tlsClientKey].compactMap { $0 }
            #expect(used == (bounded.isEmpty ? ["/c", "/k"] : []))
        }
    }
}
