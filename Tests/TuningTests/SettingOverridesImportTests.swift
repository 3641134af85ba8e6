import ProxyTypes
import Testing
import Tuning

@Suite struct SettingOverridesImportTests {
    @Test("what was exported imports as it was, and importing what is there changes nothing")
    func idempotent() throws {
        var fixture = try OverridesFixture([(nil, .maxQueue, "9")])
        try fixture.edit("*.com", [("max_queue", "7"), ("source_address", "10.0.0.5,fd00::5")], reason: "why")
        try fixture.edit(nil, [("idle_timeout", "auto")])
        try fixture.edit("http://[::1]:81", [("max_queue", "6")], tryFor: .minutes(1))
        let document = fixture.overrides.exportRows().map { ImportedSetting($0) }
        for replace in [false, true] {
            #expect(
                try fixture.overrides.importing(document, actor: "t", now: fixture.moment + 5, replace: replace).isEmpty
            )
        }
        var other = SettingOverrides(file: SettingLayers(), rows: [], now: OverridesFixture.begin)
        other.apply(
            try other.importing(document, actor: "token", reason: "moved", now: fixture.moment + 5, replace: true))
        let theirs = other.exportRows()
        let ours = fixture.overrides.exportRows()
        #expect(theirs.map(\.key) == ours.map(\.key) && theirs.map(\.value) == ours.map(\.value))
        #expect(theirs.map(\.expiresAt) == ours.map(\.expiresAt))
        #expect(theirs.map(\.reason) == ["moved", "why", "why", "moved"])
        #expect(theirs.allSatisfy { $0.actor == "token" && $0.baseSource == "default" })
    }

    @Test("an element is found again by the key that became of it, however its pattern is written")
    func elements() throws {
        let key = SettingKey(layer: .override, setting: .maxQueue, pattern: nil)
        for pattern in [nil, "", "*"] {
            #expect(ImportedSetting(pattern: pattern, name: "max_queue", input: .text("1")).isOf(key))
        }
        #expect(!ImportedSetting(pattern: "*", name: "max_idle", input: .text("1")).isOf(key))
        #expect(!ImportedSetting(pattern: "*.com", name: "max_queue", input: .text("1")).isOf(key))
        let named = SettingKey(layer: .override, setting: .maxQueue, pattern: try HostPattern(parsing: "*.example.com"))
        #expect(ImportedSetting(pattern: "*.EXAMPLE.com", name: "max_queue", input: .text("1")).isOf(named))
    }

    @Test("replace removes what the document does not name, without it the rest stays")
    func replace() throws {
        var fixture = try OverridesFixture()
        try fixture.edit("a.com", [("max_queue", "1"), ("max_tunnels", "2")])
        try fixture.edit("b.com", [("max_queue", "3")], tryFor: .minutes(1))
        let document = [ImportedSetting(pattern: "a.com", name: "max_queue", input: .integer(5))]
        let added = try fixture.overrides.importing(document, actor: "t", now: fixture.moment, replace: false)
        #expect(added.removals.isEmpty && added.puts.map(\.value) == [.count(5)])
        #expect(added.audit.map { [$0.action.rawValue, $0.before, $0.after] } == [["import", "1", "5"]])
        let replaced = try fixture.overrides.importing(document, actor: "t", now: fixture.moment, replace: true)
        #expect(try replaced.removals == [key(.override, .maxTunnels, "a.com")])
        fixture.overrides.apply(replaced)
        #expect(fixture.overrides.exportRows().map(\.value) == [.count(5), .count(3)])
        let emptied = try fixture.overrides.importing([], actor: "t", now: fixture.moment, replace: true)
        #expect(try emptied.removals == [key(.override, .maxQueue, "a.com")])
    }

    @Test("only a document that has trials replaces trials")
    func replaceTrials() throws {
        var fixture = try OverridesFixture()
        try fixture.edit("a.com", [("max_queue", "1")])
        try fixture.edit("b.com", [("max_queue", "3")], tryFor: .minutes(1))
        let overrides = fixture.overrides.exportRows().filter { $0.key.layer == .override }.map { ImportedSetting($0) }
        #expect(try fixture.overrides.importing(overrides, actor: "t", now: fixture.moment, replace: true).isEmpty)
        let over = ImportedSetting(pattern: "c.com", name: "max_queue", input: .integer(1), expiresAt: fixture.now - 1)
        let change = try fixture.overrides.importing(overrides + [over], actor: "t", now: fixture.moment, replace: true)
        #expect(try change.removals == [key(.trial, .maxQueue, "b.com")] && change.puts.isEmpty)
    }

    @Test("a trial that is over is passed by")
    func overTrial() throws {
        let fixture = try OverridesFixture()
        let item = ImportedSetting(pattern: nil, name: "max_queue", input: .integer(5), expiresAt: fixture.now)
        #expect(try fixture.overrides.importing([item], actor: "t", now: fixture.moment, replace: false).isEmpty)
        #expect(
            try fixture.overrides.importing([item], actor: "t", now: fixture.moment - 1, replace: false).puts.count == 1
        )
    }

    @Test("each wrong element is told with its number, and nothing of the document is taken")
    func refused() throws {
        let fixture = try OverridesFixture()
        let document = [
            ImportedSetting(pattern: "a.com", name: "max_queue", input: .integer(5)),
            ImportedSetting(pattern: "a.*.b", name: "max_queue", input: .integer(5)),
            ImportedSetting(pattern: "a.com", name: "max_queeu", input: .integer(5)),
            ImportedSetting(pattern: "A.com.", name: "max_queue", input: .integer(6)),
            ImportedSetting(pattern: "b.com", name: "max_queue", input: .integer(-1)),
            ImportedSetting(pattern: "b.com", name: "max_connections", input: .integer(3)),
            ImportedSetting(pattern: "b.com", name: "min_idle", input: .integer(4)),
            ImportedSetting(
                pattern: nil, name: "max_queue", input: .integer(4), reason: String(repeating: "x", count: 501)),
            ImportedSetting(
                pattern: nil, name: "max_tunnels", input: .integer(4), expiresAt: fixture.now + 86_400_001),
        ]
        let problems = try fixture.problems {
            try fixture.overrides.importing(document, actor: "t", now: fixture.moment, replace: false)
        }
        #expect(problems.map(\.index) == [1, 2, 3, 4, 7, 8, 6])
        #expect(
            problems.map(\.kind) == [
                .wrongValue, .unknownSetting, .givenTwice, .wrongValue, .tooLong, .wrongValue, .contradiction,
            ])
        #expect(problems[2].text == "`max_queue` is given twice for `a.com`, first as number 1")
    }
}
