import ProxyTypes
import Testing

@testable import Store

@Suite("Which time deletions go by")
struct RetentionClockTests {
    private static let hour: Int64 = 3_600_000
    private static let day = 24 * hour

    /// Looks every 2.5 s, as a store does. Value.
    private struct Run {
        var now = Moment(wall: Bench.start, instant: Instant(nanoseconds: 9_000_000_000_000))
        var clock: RetentionClock
        /// What the wall clock would say had it never been set.
        var real = Bench.start

        init(last: Int64? = nil) { clock = RetentionClock(now, last: last) }

        mutating func pass(_ milliseconds: Int64, step: Int64 = 0) {
            now.wall += step
            var left = milliseconds
            repeat {
                clock.update(now)
                let part = min(left, 2_500)
                now.wall += part
                now.instant = now.instant + .milliseconds(part)
                real += part
                left -= part
            } while left > 0
            clock.update(now)
        }

        var time: Int64 { clock.time(now) }
    }

    @Test("a clock that is left alone is the time")
    func plain() {
        var run = Run()
        run.pass(3 * Self.day)
        #expect(run.time == run.now.wall)
    }

    @Test("a clock that jumps ahead is believed when it has held for an hour", arguments: [10_000, day, 4000 * day])
    func ahead(step: Int64) {
        var run = Run()
        run.pass(Self.hour)
        run.pass(Self.hour - 10_000, step: step)
        #expect(run.time == run.real)
        run.pass(20_000)
        #expect(run.time == run.now.wall && run.time == run.real + step)
    }

    @Test("one that is set right again within the hour was never believed, and is at once believed again")
    func excursion() {
        var run = Run()
        for _ in 1...5 {
            run.pass(40 * 60_000, step: 400 * Self.day)
            #expect(run.time == run.real)
            run.pass(5_000, step: -400 * Self.day)
            #expect(run.time == run.now.wall && run.time == run.real)
        }
    }

    @Test("a clock that jumps back is believed at once: it keeps more, not less")
    func back() {
        var run = Run()
        run.pass(5_000, step: -Self.day)
        #expect(run.time == run.now.wall)
        run.pass(2 * Self.hour)
        #expect(run.time == run.now.wall)
        // Right again: that is a jump ahead now, and waits for its hour.
        run.pass(5_000, step: Self.day)
        #expect(run.time < run.real - 20 * Self.hour)
        run.pass(Self.hour)
        #expect(run.time == run.now.wall && run.time == run.real)
    }

    @Test("a clock that never stays is never believed")
    func restless() {
        var run = Run()
        for index in 1...40 {
            run.pass(20 * 60_000, step: Int64(index) * Self.day)
            #expect(run.time == run.real)
        }
    }

    @Test("a clock that is slewed by a thousandth is the time throughout")
    func slewed() {
        var run = Run()
        for _ in 0..<10_000 {
            run.pass(2_500, step: 3)
            #expect(run.time == run.now.wall)
        }
    }

    @Test("a suspended machine is no jump: both clocks go on")
    func suspended() {
        var run = Run()
        run.now.wall += 9 * Self.hour
        run.now.instant = run.now.instant + .hours(9)
        run.clock.update(run.now)
        #expect(run.time == run.now.wall)
    }

    @Test("at a start long after the run before, that is the time until the clock has held")
    func start() {
        var run = Run(last: Bench.start - 300 * Self.day)
        #expect(run.time == run.now.wall - 300 * Self.day)
        run.pass(Self.hour + 5_000)
        #expect(run.time == run.now.wall)
        for last in [nil, Bench.start - 1_000, Bench.start, Bench.start + 300 * Self.day] {
            #expect(Run(last: last).time == Bench.start)
        }
    }
}
