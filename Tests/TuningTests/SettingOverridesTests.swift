import ProxyTypes
import Testing
import Tuning

@Suite struct SettingOverridesTests {
    @Test("an edit is worked out without being applied, and holds once it is")
    func worksOut() throws {
        var fixture = try OverridesFixture([(nil, .maxQueue, "100"), ("*.example.com", .maxQueue, "50")])
        let change = try fixture.change("a.example.com", [("max_queue", "7")], reason: "load test")
        #expect(fixture.text(.maxQueue, "a.example.com") == "50")
        #expect(fixture.overrides.revision == 1)
        let row = SettingRow(
            key: try key(.override, .maxQueue, "a.example.com"), value: .count(7), actor: "uid:1000",
            reason: "load test", time: OverridesFixture.start, base: .count(50), baseSource: "connd.yaml:2")
        #expect(change.puts == [row])
        #expect(change.removals.isEmpty)
        #expect(
            change.audit == [
                AuditEntry(
                    time: OverridesFixture.start, actor: "uid:1000", action: .set, subject: "a.example.com",
                    setting: .maxQueue, before: nil, after: "7", reason: "load test")
            ])
        fixture.overrides.apply(change)
        #expect(fixture.text(.maxQueue, "a.example.com") == "7")
        #expect(fixture.text(.maxQueue, "b.example.com") == "50")
        #expect(fixture.overrides.revision == 2)
    }

    @Test(
        "an override's base is what the file says for its pattern, the next wider one, or all, else the default"
    )
    func base() throws {
        let fixture = try OverridesFixture([
            (nil, .maxQueue, "1"), ("*", .maxTunnels, "2"), ("*.com", .maxQueue, "3"), ("*.a.com", .maxQueue, "4"),
            ("*.a.com:81", .maxQueue, "5"), ("http://x.a.com:81", .maxQueue, "6"), ("b.com", .maxTunnels, "7"),
        ])
        for (pattern, setting, base, source) in [
            (nil, Setting.maxQueue, "1", "connd.yaml:1"), ("*", .maxTunnels, "2", "connd.yaml:2"),
            (nil, .maxTunnels, "2", "connd.yaml:2"), ("*.org", .maxQueue, "1", "connd.yaml:1"),
            ("*.com", .maxQueue, "3", "connd.yaml:3"), ("*.b.com", .maxQueue, "3", "connd.yaml:3"),
            ("*.x.a.com", .maxQueue, "4", "connd.yaml:4"), ("x.a.com", .maxQueue, "4", "connd.yaml:4"),
            ("x.a.com:81", .maxQueue, "5", "connd.yaml:5"), ("http://x.a.com:81", .maxQueue, "6", "connd.yaml:6"),
            ("b.com", .maxTunnels, "7", "connd.yaml:7"), ("b.com", .maxRetries, "1", "default"),
        ] as [(String?, Setting, String, String)] {
            let row = try #require(fixture.change(pattern, [(setting.name, "0")]).puts.first)
            #expect(setting.write(row.base) == base, "\(pattern ?? "all") \(setting)")
            #expect(row.baseSource == source, "\(pattern ?? "all") \(setting)")
        }
    }

    @Test("base is what lies below overrides and trials, whatever was set over it before")
    func baseBelowRows() throws {
        var fixture = try OverridesFixture([(nil, .maxQueue, "1")])
        try fixture.edit(nil, [("max_queue", "2")])
        try fixture.edit("a.com", [("max_queue", "3")], tryFor: .minutes(1))
        try fixture.edit("a.com", [("max_queue", "4")])
        #expect(fixture.overrides.exportRows().map(\.base) == [.count(1), .count(1), .count(1)])
    }

    @Test("setting the value that is in force already is said, kept and audited")
    func sameAgain() throws {
        var fixture = try OverridesFixture()
        try fixture.edit("a.com", [("max_queue", "256")])
        #expect(try fixture.overrides.row(key(.override, .maxQueue, "a.com"))?.value == .count(256))
        fixture.now += 5
        let change = try fixture.change("a.com", [("max_queue", "256")], actor: "token")
        #expect(change.puts.map(\.actor) == ["token"])
        #expect(change.audit.map { [$0.before, $0.after] } == [["256", "256"]])
    }

    @Test("null returns to the inherited value, from override and trial alike; where nothing is set it does nothing")
    func unset() throws {
        var fixture = try OverridesFixture([(nil, .maxQueue, "9")])
        #expect(try fixture.change("a.com", [("max_queue", nil)]).isEmpty)
        try fixture.edit("*.com", [("max_queue", "8")])
        try fixture.edit("a.com", [("max_queue", "7")])
        try fixture.edit("a.com", [("max_queue", "6"), ("max_tunnels", "5")], tryFor: .minutes(1))
        let change = try fixture.change("a.com", [("max_queue", nil)], reason: "done")
        #expect(try change.removals == [key(.override, .maxQueue, "a.com"), key(.trial, .maxQueue, "a.com")])
        #expect(change.audit.map(\.action) == [.unset, .revert])
        #expect(change.audit.map(\.before) == ["7", "6"])
        #expect(change.audit.allSatisfy { $0.after == nil && $0.reason == "done" })
        fixture.overrides.apply(change)
        #expect(fixture.text(.maxQueue, "a.com") == "8")
        #expect(fixture.text(.maxTunnels, "a.com") == "5")
        try fixture.edit("*.com", [("max_queue", nil)])
        #expect(fixture.text(.maxQueue, "a.com") == "9")
    }

    @Test("`*` and no pattern are the same scope of overrides")
    func starIsAll() throws {
        var fixture = try OverridesFixture([("*", .maxQueue, "9")])
        try fixture.edit("*", [("max_queue", "8")])
        try fixture.edit(nil, [("max_queue", "7")])
        #expect(fixture.overrides.rowCount == 1)
        #expect(fixture.text(.maxQueue, "a.com") == "7")
        #expect(fixture.overrides.exportRows().map(\.base) == [.count(9)])
        try fixture.edit("*", [("max_queue", nil)])
        #expect(fixture.text(.maxQueue, "a.com") == "9")
    }

    @Test("a trial lies over the override, ends at its time and not before, and a later one takes its place")
    func trial() throws {
        var fixture = try OverridesFixture()
        try fixture.edit("a.com", [("max_queue", "5")])
        try fixture.edit("a.com", [("max_queue", "6")], tryFor: .minutes(10))
        #expect(fixture.overrides.nextExpiry == (OverridesFixture.begin + 600_000).instant)
        fixture.now += 1000
        let later = try fixture.change("a.com", [("max_queue", "7")], tryFor: .minutes(1))
        #expect(later.audit.map { [$0.action.rawValue, $0.before, $0.after] } == [["trial", "6", "7"]])
        fixture.overrides.apply(later)
        #expect(fixture.overrides.rowCount == 2)
        #expect(fixture.text(.maxQueue, "a.com") == "7")
        fixture.now += 59_999
        #expect(fixture.overrides.expire(now: fixture.moment).isEmpty)
        fixture.now += 1
        let change = fixture.overrides.expire(now: fixture.moment)
        #expect(
            change.audit == [
                AuditEntry(
                    time: fixture.now, actor: "connd", action: .trialExpired, subject: "a.com", setting: .maxQueue,
                    before: "7")
            ])
        fixture.overrides.apply(change)
        #expect(fixture.text(.maxQueue, "a.com") == "5")
        #expect(fixture.overrides.nextExpiry == nil)
    }

    @Test("a trial that ran out while connd was down ends at once, and one that lost its end too")
    func expiredBefore() throws {
        var fixture = try OverridesFixture()
        try fixture.edit("a.com", [("max_queue", "6"), ("max_tunnels", "3")], tryFor: .minutes(10))
        var rows = fixture.overrides.exportRows()
        rows[1].expiresAt = nil
        let overrides = SettingOverrides(file: SettingLayers(), rows: rows, now: OverridesFixture.begin)
        #expect(overrides.nextExpiry == Instant(nanoseconds: .min))
        #expect(overrides.expire(now: fixture.moment).removals.map(\.setting) == [.maxTunnels])
        #expect(overrides.expire(now: fixture.moment + 600_000).removals.map(\.setting) == [.maxQueue, .maxTunnels])
    }

    @Test("a confirmed trial is an override with the base it was tried over")
    func confirm() throws {
        var fixture = try OverridesFixture([(nil, .maxQueue, "9")])
        try fixture.edit("a.com", [("max_queue", "4")])
        try fixture.edit("a.com", [("max_queue", "6"), ("max_tunnels", "3")], reason: "try", tryFor: .minutes(10))
        fixture.overrides.apply(fixture.overrides.reload(file: try OverridesFixture.file([(nil, .maxQueue, "8")])))
        fixture.now += 1
        let change = try fixture.overrides.confirm(
            pattern: try HostPattern(parsing: "a.com"), settings: [.maxQueue], actor: "token", now: fixture.moment)
        #expect(
            change.audit.map { [$0.action.rawValue, $0.before, $0.after, $0.reason] } == [["confirm", "4", "6", "try"]])
        fixture.overrides.apply(change)
        let row = try #require(try fixture.overrides.row(key(.override, .maxQueue, "a.com")))
        #expect(row.value == .count(6) && row.base == .count(9) && row.baseSource == "connd.yaml:1")
        #expect(row.actor == "token" && row.time == fixture.now && row.expiresAt == nil)
        #expect(fixture.overrides.conflicts.map(\.setting) == [.maxQueue])
        #expect(try fixture.overrides.row(key(.trial, .maxQueue, "a.com")) == nil)
        #expect(try fixture.overrides.row(key(.trial, .maxTunnels, "a.com")) != nil)
        fixture.now += 600_000
        fixture.expire()
        #expect(fixture.text(.maxQueue, "a.com") == "6" && fixture.text(.maxTunnels, "a.com") == "256")
    }

    @Test("reverting ends the pattern's trials, and nothing but trials")
    func revert() throws {
        var fixture = try OverridesFixture()
        try fixture.edit("a.com", [("max_queue", "4")])
        try fixture.edit("a.com", [("max_queue", "6"), ("max_tunnels", "3")], tryFor: .minutes(10))
        try fixture.edit(nil, [("max_queue", "2")], tryFor: .minutes(10))
        let change = try fixture.overrides.revert(
            pattern: try HostPattern(parsing: "a.com"), actor: "token", reason: "no good", now: fixture.moment)
        #expect(
            change.audit.map { [$0.action.rawValue, $0.before, $0.reason] } == [
                ["revert", "6", "no good"], ["revert", "3", "no good"],
            ])
        fixture.overrides.apply(change)
        // The trial for all lies over the override for one: layers before specificity.
        #expect(fixture.text(.maxQueue, "a.com") == "2")
        fixture.overrides.apply(try fixture.overrides.revert(pattern: nil, actor: "token", now: fixture.moment))
        #expect(fixture.text(.maxQueue, "a.com") == "4")
    }

    @Test("there must be a trial to confirm or revert, and it must not have run out")
    func noTrial() throws {
        var fixture = try OverridesFixture()
        let pattern = try HostPattern(parsing: "a.com")
        try fixture.edit("a.com", [("max_queue", "4")])
        for settings in [nil, [Setting.maxQueue]] {
            let field = settings == nil ? SettingProblem.Field.edit : .setting("max_queue")
            for problems in [
                try fixture.problems {
                    try fixture.overrides.confirm(
                        pattern: pattern, settings: settings, actor: "t", now: OverridesFixture.begin)
                },
                try fixture.problems {
                    try fixture.overrides.revert(
                        pattern: pattern, settings: settings, actor: "t", now: OverridesFixture.begin)
                },
            ] { #expect(problems.map(\.field) == [field] && problems.map(\.kind) == [.noTrial]) }
        }
        try fixture.edit("a.com", [("max_queue", "4")], tryFor: .minutes(1))
        let overrides = fixture.overrides
        #expect(throws: SettingProblems.self) {
            try overrides.confirm(pattern: pattern, actor: "t", now: OverridesFixture.begin + 60_000)
        }
        #expect(throws: Never.self) {
            try overrides.confirm(pattern: pattern, actor: "t", now: OverridesFixture.begin + 59_999)
        }
    }

    @Test("a change knows which origins it can matter to")
    func scope() throws {
        var fixture = try OverridesFixture()
        try fixture.edit("b.com", [("max_queue", "1")])
        func origin(_ host: String) -> Origin { Origin(scheme: .http, host: host, port: 80) }
        let one = try fixture.change("a.com", [("max_queue", "1")]).affectedOrigins
        #expect(one.contains(origin("a.com")) && !one.contains(origin("b.com")) && !one.contains(origin("x.a.com")))
        let wide = try fixture.change("*.a.com", [("max_queue", "1")]).affectedOrigins
        #expect(wide.contains(origin("x.a.com")) && !wide.contains(origin("a.com")))
        let gone = try fixture.change("b.com", [("max_queue", nil)]).affectedOrigins
        #expect(gone.contains(origin("b.com")) && !gone.contains(origin("a.com")))
        #expect(try fixture.change(nil, [("max_queue", "1")]).affectedOrigins.contains(origin("x.y")))
        #expect(try fixture.change("a.com", [("max_queue", nil)]).affectedOrigins.isEmpty)
    }

    @Test("an empty change changes nothing, the revision neither")
    func emptyChange() throws {
        var fixture = try OverridesFixture()
        fixture.overrides.apply(SettingChange())
        fixture.overrides.apply(fixture.overrides.reload(file: SettingLayers()))
        #expect(fixture.overrides.revision == 1)
    }

    @Test("an override of another value that is set while a trial runs is told from others")
    func overrideSinceTrial() throws {
        var fixture = try OverridesFixture()
        try fixture.edit("a.com", [("max_queue", "3")])
        fixture.now += 1000
        try fixture.edit("a.com", [("max_queue", "6")], tryFor: .minutes(10))
        let trial = try #require(fixture.overrides.row(try key(.trial, .maxQueue, "a.com")))
        #expect(fixture.overrides.overrideSet(since: trial) == nil)
        fixture.now += 1000
        try fixture.edit("a.com", [("max_queue", "6")])
        #expect(fixture.overrides.overrideSet(since: trial) == nil)
        try fixture.edit("a.com", [("max_queue", "4")])
        #expect(fixture.overrides.overrideSet(since: trial)?.value == .count(4))
        try fixture.edit("a.com", [("max_queue", nil)])
        #expect(fixture.overrides.overrideSet(since: trial) == nil)
    }

    @Test("a value is the same however it is written")
    func writings() throws {
        var fixture = try OverridesFixture()
        try fixture.edit("a.com", [("headers_timeout", "2m"), ("idle_timeout", "auto")])
        let row = try #require(fixture.overrides.row(try key(.override, .headersTimeout, "a.com")))
        #expect(row.holds("120s") && row.holds("2m") && !row.holds("121s") && !row.holds("soon") && !row.holds(""))
        #expect(fixture.overrides.row(try key(.override, .idleTimeout, "a.com"))?.holds("auto") == true)
    }
}
