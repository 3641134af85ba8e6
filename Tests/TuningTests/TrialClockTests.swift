import ProxyTypes
import Testing
import Tuning

@Suite("Trials and a wall clock that is set")
struct TrialClockTests {
    private static let day: Int64 = 86_400_000

    @Test("a trial lasts as long as it was meant to, whatever the wall clock says", arguments: [-1, 1, -400, 400])
    func lasts(days: Int64) throws {
        var fixture = try OverridesFixture()
        try fixture.edit("a.com", [("max_queue", "6")], tryFor: .minutes(10))
        fixture.setClock(by: days * Self.day)
        fixture.now += 599_999
        #expect(fixture.overrides.expire(now: fixture.moment).isEmpty)
        fixture.now += 1
        let change = fixture.overrides.expire(now: fixture.moment)
        #expect(change.removals.map(\.setting) == [.maxQueue])
        #expect(change.audit.map(\.time) == [fixture.now])
    }

    @Test("it may be confirmed until its own end", arguments: [-1, 1])
    func confirmed(days: Int64) throws {
        var fixture = try OverridesFixture()
        let pattern = try HostPattern(parsing: "a.com")
        try fixture.edit("a.com", [("max_queue", "6")], tryFor: .minutes(10))
        fixture.setClock(by: days * Self.day)
        fixture.now += 599_999
        #expect(try fixture.overrides.confirm(pattern: pattern, actor: "t", now: fixture.moment).puts.count == 1)
        fixture.now += 1
        #expect(throws: SettingProblems.self) {
            try fixture.overrides.confirm(pattern: pattern, actor: "t", now: fixture.moment)
        }
    }

    @Test("what is kept of a trial follows the clock, so that the next run gives it what was left", arguments: [-1, 1])
    func follows(days: Int64) throws {
        var fixture = try OverridesFixture()
        try fixture.edit("a.com", [("max_queue", "6")], tryFor: .minutes(10))
        try fixture.edit("a.com", [("max_tunnels", "6")])
        fixture.now += 60_000
        #expect(fixture.overrides.followingClock(fixture.moment).isEmpty)
        fixture.setClock(by: days * Self.day)
        let change = fixture.overrides.followingClock(fixture.moment)
        #expect(change.puts.map(\.key.setting) == [.maxQueue])
        #expect(change.puts.first?.expiresAt == fixture.now + 540_000)
        #expect(change.puts.first?.time == fixture.now - 60_000)
        #expect(change.audit.isEmpty && change.removals.isEmpty)
        fixture.overrides.apply(change)
        #expect(fixture.overrides.followingClock(fixture.moment).isEmpty)
        var next = fixture
        next.overrides = SettingOverrides(
            file: SettingLayers(), rows: fixture.overrides.exportRows(), now: fixture.moment)
        for var run in [fixture, next] {
            run.now += 539_999
            #expect(run.overrides.expire(now: run.moment).isEmpty)
            run.now += 1
            #expect(run.overrides.expire(now: run.moment).removals.map(\.setting) == [.maxQueue])
        }
    }

    @Test("a clock that is slewed into step writes nothing")
    func slewed() throws {
        var fixture = try OverridesFixture()
        try fixture.edit("a.com", [("max_queue", "6")], tryFor: .minutes(10))
        fixture.setClock(by: 900)
        #expect(fixture.overrides.followingClock(fixture.moment).isEmpty)
        fixture.setClock(by: -1800)
        #expect(fixture.overrides.followingClock(fixture.moment).isEmpty)
    }

    @Test("a clock that was set back while connd was down makes no trial longer than it was meant to be")
    func setBackWhileDown() throws {
        var fixture = try OverridesFixture()
        try fixture.edit("a.com", [("max_queue", "6")], tryFor: .minutes(10))
        let rows = fixture.overrides.exportRows()
        fixture.setClock(by: -Self.day)
        fixture.overrides = SettingOverrides(file: SettingLayers(), rows: rows, now: fixture.moment)
        #expect(fixture.overrides.nextExpiry == (fixture.moment + 600_000).instant)
        fixture.setClock(by: 2 * Self.day)
        fixture.overrides = SettingOverrides(file: SettingLayers(), rows: rows, now: fixture.moment)
        #expect(fixture.overrides.expire(now: fixture.moment).removals.count == 1)
    }

    @Test("times that no clock ever says are survived", arguments: [Int64.min, -1, 0, .max])
    func absurd(time: Int64) throws {
        var fixture = try OverridesFixture()
        try fixture.edit("a.com", [("max_queue", "6")], tryFor: .minutes(10))
        var rows = fixture.overrides.exportRows()
        rows[0].expiresAt = time
        fixture.overrides = SettingOverrides(file: SettingLayers(), rows: rows, now: fixture.moment)
        let longest = fixture.moment.instant + SettingOverrides.trialLengths.upperBound
        #expect(try #require(fixture.overrides.nextExpiry) <= longest)
        fixture.overrides.apply(fixture.overrides.followingClock(fixture.moment))
        rows[0].time = time
        fixture.overrides = SettingOverrides(file: SettingLayers(), rows: rows, now: fixture.moment)
        #expect(try #require(fixture.overrides.nextExpiry) <= longest)
    }
}
