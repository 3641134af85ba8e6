import Learning
import ProxyTypes
import Testing

@Suite("Rules of learning")
struct LearnerTests {
    private var learner = LearnerTests.fresh()
    private var now: Int64 = 1_700_000_000_000

    private static func fresh() -> IdleLimitLearner {
        var learner = IdleLimitLearner()
        learner.measured(PathDelays(roundTrip: .milliseconds(20), variation: .milliseconds(4)))
        return learner
    }

    /// A close after so many milliseconds, ten seconds after the one before.
    private mutating func close(_ ages: Int64..., every pause: Int64 = 10_000, requests: Int = 3) {
        for age in ages {
            now += pause
            learner.closed(
                IdlePeriod(age: .milliseconds(age), lag: .milliseconds(20)), requests: requests, now: now)
        }
    }

    private mutating func reuse(_ age: Interval, times: Int = 1) {
        for _ in 0..<times { learner.reused(IdlePeriod(age: age, lag: .milliseconds(20))) }
    }

    private var bounds: IdleBounds { learner.bounds(now: now) }

    @Test("closes of unlike ages within a second are a restart, those of one age are a timer's")
    mutating func bursts() {
        close(20_000, 20_001, 20_003, every: 120)
        #expect(bounds.state == .learned)
        learner = Self.fresh()
        learner.rested(.hours(1))
        close(20_000, 45_000, 20_000, 20_001, 20_002, every: 120)
        #expect(bounds.state == .unknown && learner.restarts == 1)
        // Twice the age and a tenth of a second are no unlike age yet.
        learner = Self.fresh()
        close(2_000, 4_090, every: 120)
        #expect(learner.restarts == 0)
        close(4_110, every: 120)
        #expect(learner.restarts == 1)
    }

    @Test("one age among scattered ones becomes the limit")
    mutating func sharpened() {
        close(71_000, 104_000, 63_000, 92_000, 115_000, 84_000)
        #expect(bounds.state == .learned)
        let wide = learner.estimate()
        for _ in 0..<12 { close(110_000) }
        #expect(wide?.limit == .seconds(63))
        #expect(learner.estimate()?.limit == .seconds(110))
        #expect((learner.estimate()?.deviation ?? .infinite) < .seconds(3))
    }

    @Test("so many idle periods must vouch for an age for each close below it")
    mutating func vouched() {
        reuse(.seconds(60), times: 39)
        #expect(bounds.post > .seconds(60))
        close(12_000)
        #expect(bounds.post == .seconds(11))
        reuse(.seconds(60))
        #expect(bounds.post > .seconds(60))
        #expect(!bounds.isSafe(.seconds(12)) && bounds.isSafe(.seconds(10)) && bounds.isSafe(.seconds(14)))
    }

    @Test("three closes after the same number of requests make a cap; after other numbers they count against it")
    mutating func requestCap() {
        for _ in 0..<2 { close(1, requests: 100) }
        #expect(bounds.maxRequests == 0)
        close(1, requests: 7)
        close(1, requests: 100)
        #expect(bounds.maxRequests == 0)
        close(1, requests: 100)
        #expect(bounds.maxRequests == 100)
        close(60_000, requests: 100)
        #expect(bounds.maxRequests == 0)
    }

    @Test("a cap that another number met once is replaced")
    mutating func replacedCap() {
        close(1, requests: 7)
        for _ in 0..<3 { close(1, requests: 50) }
        #expect(bounds.maxRequests == 50)
        learner = Self.fresh()
        for _ in 0..<2 { close(1, requests: 7) }
        for _ in 0..<3 { close(1, requests: 50) }
        #expect(bounds.maxRequests == 0)
    }

    @Test("another loop's doubt, silent path and restarts are taken over")
    mutating func merged() {
        for _ in 0..<10 { close(60_000) }
        #expect(bounds.state == .learned)
        var other = Self.fresh()
        other.servedBy(1, now: now)
        other.servedBy(2, now: now + 1)
        other.probed(.seconds(64), answered: true, now: now)
        other.probed(.seconds(240), answered: false, now: now)
        learner.merge(other)
        #expect(bounds.state == .doubtful)
        close(60_000)
        #expect(bounds.state == .learned)
        #expect(learner.text(now: now).contains("silently between 64.0 s and 240 s"))
    }

    @Test("where two loops count ages differently, the one with more closes wins")
    mutating func mergedClocks() {
        var other = Self.fresh()
        for (index, lag) in [2_400, 300, 900].enumerated() {
            let period = IdlePeriod(age: .milliseconds(Int64(10_020 - lag)), lag: .milliseconds(Int64(lag)))
            other.closed(period, requests: 3, now: now + Int64(index) * 100_000)
        }
        #expect(other.countsFromRequest)
        close(60_000)
        var most = other
        most.merge(learner)
        #expect(most.countsFromRequest && most.estimate()?.limit == other.estimate()?.limit)
        learner.merge(other)
        #expect(learner.countsFromRequest && learner.estimate() != nil)
    }

    @Test("ranges that touch become one limit, as far as one reaches")
    mutating func joined() {
        close(20_000, 20_010, 20_020)
        close(21_000, 21_010, 21_020)
        close(20_500)
        #expect(learner.estimate()?.hits == 7)
        close(60_000, 60_010, 60_020)
        #expect(learner.estimate()?.hits == 3)
    }

    @Test("idle time below the watermark counts for the rate of closes without an age")
    mutating func rested() {
        close(2_000, 7_000, 30_000, 60_000, 13_000)
        #expect(bounds.state == .erratic)
        learner.rested(.hours(100))
        #expect(bounds.state == .tentative)
    }

    @Test("what was told is not counted again")
    mutating func told() {
        for _ in 0..<10 { close(5_000) }
        let confidence = learner.confidence(now: now)
        var probe = IdlePeriod(age: bounds.milestone, lag: .milliseconds(20))
        probe.told = learner.outlived(probe)
        let fallen = learner.confidence(now: now)
        #expect(fallen < confidence)
        probe.age = .seconds(60)
        learner.kept(probe)
        #expect(learner.confidence(now: now) == fallen)
    }

    private mutating func lose(_ sign: FailedReuse.Sign, after elapsed: Int64) {
        now += 10_000
        learner.lost(
            IdlePeriod(age: .seconds(5), lag: .milliseconds(20)),
            FailedReuse(sign, elapsed: .milliseconds(elapsed), shortestRoundTrip: .milliseconds(16)), requests: 3,
            now: now)
    }

    @Test("a FIN within reach of the path is a close, a later one says nothing, a RST after a round trip is the path")
    mutating func lost() {
        lose(.closed, after: 27)
        #expect(bounds.state == .unknown)
        lose(.closed, after: 26)
        lose(.reset, after: 13)
        #expect(bounds.state == .tentative && learner.closes == 2)
        for _ in 0..<2 {
            now += 60_000
            lose(.reset, after: 14)
        }
        #expect(learner.closes == 2 && learner.text(now: now).contains("silently between"))
    }

    @Test("ages that counted from the request count from the response again where that agrees better")
    mutating func turnedBack() {
        func period(_ fixed: Int64, _ lag: Int64) -> IdlePeriod {
            IdlePeriod(age: .milliseconds(fixed), lag: .milliseconds(lag))
        }
        for lag in [2_400, 300, 900] as [Int64] {
            now += 100_000
            learner.closed(period(10_020 - lag, lag), requests: 3, now: now)
        }
        #expect(bounds.countsFromRequest)
        for lag in [9_000, 5_000, 14_000] as [Int64] {
            now += 100_000
            learner.closed(period(30_000, lag), requests: 3, now: now)
        }
        #expect(!bounds.countsFromRequest && learner.estimate()?.limit == .seconds(30))
    }

    @Test("of more than three limits, the one that most have outlived is forgotten, then the one seen least")
    mutating func weakest() {
        close(200_000, 200_000, 200_000, 200_000)
        close(60_000, 60_000, 60_000)
        close(20_000, 20_000, 20_000, 20_000)
        reuse(.seconds(100))
        close(5_000, 5_000, 5_000)
        for _ in 0..<4 { reuse(.seconds(30)) }
        let text = learner.text(now: now)
        #expect(text.contains("after 5.00 s; ") && text.contains("after 20.0 s; closes the rest after 200 s"))
        #expect(!text.contains("60.0 s"))
    }

    @Test("a limit that another close widens takes in its neighbour")
    mutating func widened() {
        close(20_000, 20_010, 20_020)
        close(23_000, 23_010, 23_020)
        #expect(learner.estimate()?.hits == 3)
        close(20_600)
        #expect(learner.estimate()?.hits == 7)
    }

    @Test("a running burst changes nothing of what another loop saw")
    mutating func burstDuringMerge() {
        var other = Self.fresh()
        for (index, lag) in [2_400, 300, 900].enumerated() {
            let period = IdlePeriod(age: .milliseconds(Int64(10_020 - lag)), lag: .milliseconds(Int64(lag)))
            other.closed(period, requests: 3, now: now + Int64(index) * 10_000)
        }
        other.closed(IdlePeriod(age: .seconds(8), lag: .zero), requests: 3, now: now + 30_000)
        now += 30_000
        close(7_000)
        learner.merge(other)
        #expect(learner.countsFromRequest && !bounds.isSafe(.seconds(8)))
        close(6_900, every: 1)
        #expect(!bounds.isSafe(.seconds(8)))
    }
}
