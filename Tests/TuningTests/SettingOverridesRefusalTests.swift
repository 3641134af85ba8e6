import ProxyTypes
import Testing
import Tuning

@Suite struct SettingOverridesRefusalTests {
    @Test(
        "a wrong edit is refused with each field that is wrong",
        arguments: [
            (
                [("max_conections", "8")], nil, SettingProblem.Field.setting("max_conections"), .unknownSetting,
                "unknown setting `max_conections`; did you mean `max_connections`?"
            ),
            ([("frobnicate", "8")], nil, .setting("frobnicate"), .unknownSetting, "unknown setting `frobnicate`"),
            ([("frobnicate", nil)], nil, .setting("frobnicate"), .unknownSetting, "unknown setting `frobnicate`"),
            (
                [("max_connections", "many")], nil, .setting("max_connections"), .wrongValue,
                "`max_connections` must be 1 to 10000, not `many`"
            ),
            (
                [("max_connections", "0")], nil, .setting("max_connections"), .wrongValue,
                "`max_connections` must be 1 to 10000, not 0"
            ),
            (
                [("tls_verify", "off")], nil, .setting("tls_verify"), .wrongValue,
                "`tls_verify` must be full or none, not `off`: write `none`"
            ),
            (
                [("min_idle", "33")], nil, .setting("min_idle"), .contradiction,
                "`min_idle` (33) must not be more than `max_connections` (32)"
            ),
            (
                [("max_connections", "4"), ("min_idle", "5")], nil, .setting("min_idle"), .contradiction,
                "`min_idle` (5) must not be more than `max_connections` (4)"
            ),
            (
                [("dns_max_ttl", "1s")], nil, .setting("dns_max_ttl"), .contradiction,
                "`dns_min_ttl` (5s) must not be more than `dns_max_ttl` (1s)"
            ),
            (
                [("max_queue", "1"), ("max_queue", "1")], nil, .setting("max_queue"), .givenTwice,
                "`max_queue` is given twice"
            ),
            (
                [("tls_client_cert", "/c.pem")], nil, .setting("tls_client_cert"), .contradiction,
                "`tls_client_cert` (/c.pem) needs `tls_client_key` too, which is not set"
            ),
            (
                [("tls_client_key", "/k.pem")], .minutes(1), .setting("tls_client_key"), .contradiction,
                "`tls_client_key` (/k.pem) needs `tls_client_cert` too, which is not set"
            ),
            (
                [("tls_verify", "none")], nil, .reason, .reasonMissing,
                "`tls_verify` can only be set to none with a `reason`, which is shown wherever the origins concerned are"
            ),
            (
                [("tls_verify", "none"), ("max_queue", "1")], .minutes(1), .reason, .reasonMissing,
                "`tls_verify` can only be set to none with a `reason`, which is shown wherever the origins concerned are"
            ),
            ([], nil, .edit, .empty, "no setting is named"),
            ([("max_queue", "1")], .milliseconds(999), .tryFor, .wrongValue, "a trial must last 1s to 24h, not 999ms"),
            (
                [("max_queue", "1")], .hours(24) + .milliseconds(1), .tryFor, .wrongValue,
                "a trial must last 1s to 24h, not 86400001ms"
            ),
            (
                [("max_queue", "1")], .infinite, .tryFor, .wrongValue,
                "a trial must last 1s to 24h, not 9223372036854775807ns"
            ),
            (
                [("max_queue", nil)], .minutes(1), .setting("max_queue"), .wrongValue,
                "`max_queue`: a trial needs a value"
            ),
        ] as [([(String, String?)], Interval?, SettingProblem.Field, SettingProblem.Kind, String)])
    func refused(
        values: [(String, String?)], tryFor: Interval?, field: SettingProblem.Field, kind: SettingProblem.Kind,
        text: String
    ) throws {
        let fixture = try OverridesFixture()
        let problems = try fixture.problems { try fixture.change("a.com", values, tryFor: tryFor) }
        #expect(problems.map(\.text) == [text])
        #expect(problems.map(\.field) == [field])
        #expect(problems.map(\.kind) == [kind])
    }

    @Test("all that is wrong is told at once, and the name that was meant apart from the text")
    func allAtOnce() throws {
        let fixture = try OverridesFixture()
        let long = String(repeating: "x", count: 501)
        let problems = try fixture.problems {
            try fixture.change(
                "a.com", [("max_queeu", "1"), ("max_tunnels", "x")], reason: long, tryFor: .zero,
                actor: String(repeating: "y", count: 101))
        }
        #expect(problems.map(\.field) == [.actor, .reason, .tryFor, .setting("max_queeu"), .setting("max_tunnels")])
        #expect(problems.compactMap(\.suggestion) == ["max_queue"])
    }

    @Test("lengths are bounded in bytes, and what fits is taken")
    func bounds() throws {
        let fixture = try OverridesFixture()
        let change = try fixture.change(
            "a.com", [("max_queue", "1")], reason: String(repeating: "x", count: 500), tryFor: .seconds(1),
            actor: String(repeating: "y", count: 100))
        #expect(change.puts.first?.expiresAt == OverridesFixture.start + 1000)
        #expect(throws: Never.self) { try fixture.change("a.com", [("max_queue", "1")], tryFor: .hours(24)) }
        #expect(throws: SettingProblems.self) {
            try fixture.change("a.com", [("max_queue", "1")], reason: String(repeating: "ü", count: 251))
        }
        #expect(try fixture.change("a.com", [("max_queue", "1")], reason: "").puts.first?.reason == nil)
    }

    @Test("what would contradict is judged with all that holds for the pattern, trials and wider patterns too")
    func contradictionInContext() throws {
        var fixture = try OverridesFixture([("*.com", .maxConnections, "10")])
        #expect(throws: SettingProblems.self) { try fixture.change("a.com", [("min_idle", "11")]) }
        #expect(throws: Never.self) { try fixture.change("a.org", [("min_idle", "11")]) }
        try fixture.edit("a.com", [("max_connections", "50")], tryFor: .minutes(1))
        try fixture.edit("a.com", [("min_idle", "40")])
        #expect(throws: SettingProblems.self) { try fixture.change("a.com", [("max_connections", nil)]) }
        #expect(throws: Never.self) { try fixture.change("a.com", [("max_connections", nil), ("min_idle", nil)]) }
        // A trial's end is not refused: what contradicts then is bounded.
        fixture.now += 60_000
        fixture.expire()
        let origin = Origin(scheme: .http, host: "a.com", port: 80)
        #expect(fixture.overrides.layers.effective(for: origin).minIdle == 10)
        #expect(throws: Never.self) { try fixture.change("a.com", [("max_queue", "1")]) }
    }

    @Test("there are at most 10,000 rows, and with as many the old ones can still be changed and removed")
    func manyRows() throws {
        let rows = (0..<10_000).map { index in
            SettingRow(
                key: SettingKey(
                    layer: .override, setting: .maxQueue,
                    pattern: HostPattern(Origin(scheme: .http, host: "h\(index).com", port: 80))),
                value: .count(index), actor: "t", reason: nil, time: 0, base: .count(256), baseSource: "default")
        }
        var fixture = try OverridesFixture()
        fixture.overrides = SettingOverrides(file: SettingLayers(), rows: rows, now: OverridesFixture.begin)
        #expect(fixture.text(.maxQueue, "h9999.com") == "9999")
        let problems = try fixture.problems { try fixture.change("a.com", [("max_queue", "1")]) }
        #expect(problems.map(\.kind) == [.tooMany])
        #expect(throws: Never.self) { try fixture.change("http://h1.com", [("max_queue", "1")]) }
        #expect(throws: Never.self) {
            try fixture.change("http://h1.com", [("max_queue", nil), ("max_tunnels", "1")])
        }
        fixture.overrides = SettingOverrides(
            file: SettingLayers(), rows: try rows + ["x.y", "x.z"].map(Self.extra), now: OverridesFixture.begin)
        #expect(throws: Never.self) { try fixture.change("http://h1.com", [("max_queue", nil)]) }
    }

    private static func extra(_ pattern: String) throws -> SettingRow {
        SettingRow(
            key: try key(.override, .maxQueue, pattern), value: .count(1), actor: "t", reason: nil, time: 0,
            base: .count(256), baseSource: "default")
    }
}
