import ProxyTypes
import Testing
import Tuning

@Suite struct SettingOverridesReloadTests {
    @Test("a reload tells each value that differs, with both sources, and applies when told to")
    func changes() throws {
        var fixture = try OverridesFixture([
            (nil, .maxQueue, "1"), (nil, .maxTunnels, "2"), ("*.com", .maxQueue, "3"), ("a.org", .maxQueue, "4"),
        ])
        let file = try OverridesFixture.file([
            (nil, .maxRetries, "5"), (nil, .maxQueue, "1"), ("*.com", .maxQueue, "6"), ("a.com", .maxQueue, "6"),
            ("b.com", .maxQueue, "7"),
        ])
        let report = fixture.overrides.reload(file: file)
        let lines = report.changes.map { change in
            let write = change.setting.write
            return "\(change.pattern?.description ?? "all") \(change.setting.name): \(write(change.before.value)) "
                + "(\(change.before.source)) -> \(write(change.after.value)) (\(change.after.source))"
        }
        #expect(
            lines == [
                "all max_tunnels: 2 (connd.yaml:2) -> 256 (default)",
                "all max_retries: 1 (default) -> 5 (connd.yaml:1)",
                "*.com max_queue: 3 (connd.yaml:3) -> 6 (connd.yaml:3)",
                "a.com max_queue: 3 (connd.yaml:3) -> 6 (connd.yaml:4)",
                "a.org max_queue: 4 (connd.yaml:4) -> 1 (connd.yaml:2)",
                "b.com max_queue: 3 (connd.yaml:3) -> 7 (connd.yaml:5)",
            ])
        #expect(fixture.text(.maxQueue, "b.com") == "3")
        fixture.overrides.apply(report)
        #expect(fixture.text(.maxQueue, "b.com") == "7" && fixture.text(.maxQueue, "a.org") == "1")
        #expect(fixture.overrides.revision == 2)
    }

    @Test("a value that only moved to another line is no change, but its new place is known")
    func moved() throws {
        var fixture = try OverridesFixture([(nil, .maxQueue, "1"), (nil, .maxTunnels, "2")])
        let report = fixture.overrides.reload(
            file: try OverridesFixture.file([(nil, .maxTunnels, "2"), (nil, .maxQueue, "1")]))
        #expect(report.changes.isEmpty && report.affectedOrigins.isEmpty)
        fixture.overrides.apply(report)
        #expect("\(fixture.overrides.layers.source(of: .maxQueue, for: nil))" == "connd.yaml:2")
    }

    @Test("rows stay through a reload, and each change says which of them hide it")
    func hidden() throws {
        var fixture = try OverridesFixture([
            (nil, .maxQueue, "1"), ("*.com", .maxTunnels, "2"), ("a.com", .maxRetries, "2"),
        ])
        try fixture.edit("b.com", [("max_queue", "5")])
        try fixture.edit(nil, [("max_tunnels", "6")], tryFor: .minutes(5))
        try fixture.edit("*.org", [("max_retries", "0")])
        let report = fixture.overrides.reload(
            file: try OverridesFixture.file([
                (nil, .maxQueue, "10"), ("*.com", .maxTunnels, "20"), ("a.com", .maxRetries, "3"),
            ]))
        #expect(
            report.changes.map { $0.hiddenBy.map { $0.key.pattern?.description ?? "all" } } == [["b.com"], ["all"], []])
        #expect(report.changes.map(\.isHiddenEverywhere) == [false, true, false])
        fixture.overrides.apply(report)
        #expect(fixture.text(.maxQueue, "b.com") == "5" && fixture.text(.maxQueue, "c.com") == "10")
        #expect(fixture.text(.maxTunnels, "b.com") == "6" && fixture.text(.maxRetries, "a.com") == "3")
    }

    @Test(
        "a file edited under an override is a conflict by name, until either is as the other expects"
    )
    func conflict() throws {
        var fixture = try OverridesFixture([("*.com", .maxConnections, "8")])
        try fixture.edit("a.com", [("max_connections", "4")], reason: "too many")
        try fixture.edit("a.com", [("max_queue", "4")])
        let report = fixture.overrides.reload(
            file: try OverridesFixture.file([(nil, .maxTunnels, "1"), ("*.com", .maxConnections, "16")]))
        #expect(
            report.newConflicts.map(\.description) == [
                "`max_connections` for `a.com`: uid:1000 set 4 over 8 (connd.yaml:1), which is now 16 (connd.yaml:2)"
            ])
        #expect(fixture.overrides.conflicts.isEmpty)
        fixture.overrides.apply(report)
        #expect(fixture.overrides.conflicts == report.newConflicts)
        #expect(fixture.overrides.reload(file: fixture.overrides.file).newConflicts.isEmpty)
        let differences = fixture.overrides.differences
        #expect(differences.map { $0.without.text } == ["16", "256"])
        #expect(differences.map { $0.conflict != nil } == [true, false])
        var settled = fixture
        try settled.edit("a.com", [("max_connections", "4")])
        #expect(settled.overrides.conflicts.isEmpty)
        fixture.overrides.apply(
            fixture.overrides.reload(file: try OverridesFixture.file([("*.com", .maxConnections, "8")])))
        #expect(fixture.overrides.conflicts.isEmpty)
    }

    @Test("a default that a later version changed is a conflict too")
    func changedDefault() throws {
        let row = SettingRow(
            key: try key(.override, .maxQueue, "a.com"), value: .count(1), actor: "token", reason: nil, time: 0,
            base: .count(100), baseSource: "default")
        let overrides = SettingOverrides(file: SettingLayers(), rows: [row], now: OverridesFixture.begin)
        #expect(
            overrides.conflicts.map(\.description) == [
                "`max_queue` for `a.com`: token set 1 over 100 (default), which is now 256 (default)"
            ])
    }

    @Test("each row is shown beside what would hold without it")
    func differences() throws {
        var fixture = try OverridesFixture([(nil, .maxQueue, "9")])
        try fixture.edit(nil, [("max_queue", "8")])
        try fixture.edit("a.com", [("max_queue", "7")])
        try fixture.edit("a.com", [("max_queue", "6")], tryFor: .minutes(1))
        let lines = fixture.overrides.differences.map { difference in
            let row = difference.row
            return
                "\(row.key.pattern?.description ?? "all") \(row.key.layer.word) \(row.key.setting.write(row.value)) | "
                + "\(difference.without.source) \(difference.without.text) | \(difference.isInForce)"
        }
        #expect(
            lines == [
                "all override 8 | connd.yaml:1 9 | true", "a.com override 7 | trial 6 | false",
                "a.com trial 6 | override 7 | true",
            ])
    }
}
