import Learning
import OriginZoo
import ProxyTypes
import Testing

@Suite("The sketch of idle gaps")
struct GapSketchTests {
    private static func at(_ seconds: Double) -> Instant { ZooSimulation.instant(seconds) }

    /// Three connections become idle, and are taken 1, 5 and 30 s later, the last first; two requests find none.
    private static func small() -> GapSketch {
        var sketch = GapSketch(now: at(0))
        for _ in 0..<3 { sketch.wanted(now: at(0)) }
        for _ in 0..<3 { sketch.released(now: at(10)) }
        sketch.wanted(now: at(11))
        sketch.wanted(now: at(15))
        sketch.wanted(now: at(40))
        return sketch
    }

    private static func reuse(_ sketch: GapSketch, _ timeout: Int64, maxIdle: Int = .max) -> Double {
        sketch.predict(GapQuestion(idleTimeout: .seconds(timeout), maxIdle: maxIdle), now: at(100)).reuse * 6
    }

    @Test("counts the connections that a time-out would have kept")
    func timeouts() {
        let sketch = Self.small()
        #expect([0, 2, 10, 60].map { Self.reuse(sketch, $0).rounded() } == [0, 1, 2, 3])
        let question = GapQuestion(idleTimeout: .seconds(10))
        let prediction = sketch.predict(question, now: Self.at(100))
        #expect(prediction.dials.rounded() == 4)
        // 1 and 5 s until they were taken, and 10 s for the one that was not.
        #expect(abs(prediction.held - 0.16) < 0.001)
    }

    @Test("counts those that fewer idle connections would have kept")
    func depths() {
        let sketch = Self.small()
        #expect([0, 1, 2, 3].map { Self.reuse(sketch, 60, maxIdle: $0).rounded() } == [0, 1, 2, 3])
    }

    @Test("an origin's own limit ends them sooner")
    func limits() {
        let question = GapQuestion(idleTimeout: .seconds(60), limit: .seconds(3))
        #expect((Self.small().predict(question, now: Self.at(100)).reuse * 6).rounded() == 1)
    }

    @Test("merged sketches count both, faded ones the half in half of the time")
    func merged() {
        var both = Self.small()
        both.merge(Self.small())
        #expect(both.requests == 12)
        #expect(Self.reuse(both, 10).rounded() == 2)
        let question = GapQuestion(idleTimeout: .seconds(10))
        let prediction = both.predict(question, now: Self.at(100))
        #expect(abs(prediction.held - 0.32) < 0.001)
        both.fade(now: Self.at(100))
        #expect(both.requests == 6 && both.observed(now: Self.at(100)) == .seconds(50))
        #expect(abs(both.predict(question, now: Self.at(100)).held - prediction.held) < 0.001)
    }

    @Test("nothing is left of an age that fades away")
    func fadedAway() {
        var sketch = Self.small()
        sketch.fade(now: Self.at(100))
        // In the bucket in which one of 30 s was.
        sketch.released(now: Self.at(100))
        sketch.wanted(now: Self.at(126))
        let prediction = sketch.predict(GapQuestion(idleTimeout: .seconds(60)), now: Self.at(150))
        #expect(abs(prediction.held - 0.26) < 0.002, "\(prediction.held)")
    }

    @Test("connections below the latest 128 are not looked at, and nothing overflows")
    func bounded() {
        var sketch = GapSketch(now: Self.at(0))
        for index in 0..<1000 { sketch.released(now: Self.at(Double(index))) }
        for _ in 0..<1000 { sketch.wanted(now: Self.at(1000)) }
        let question = GapQuestion(idleTimeout: .seconds(3600))
        #expect((sketch.predict(question, now: Self.at(1000)).reuse * 1000).rounded() == 128)
        sketch.released(now: Self.at(2000))
        sketch.wanted(now: Self.at(1000))
        sketch.released(now: .zero)
        sketch.wanted(now: .distantFuture)
        let all = GapQuestion(idleTimeout: .infinite)
        #expect(sketch.predict(all, now: Self.at(2000)).reuse > 0)
    }

    static let arrivals = [
        ZooArrivals.poisson(0.05), .poisson(1), .poisson(5), .bursts(20, on: 10, off: 60),
        .cron(every: 60, batch: 5, spread: 5), .diurnal(0.2),
    ]

    /// One run under a learner, and runs under the settings that its sketch is asked about.
    @Test("predicts what a pool under other settings does", arguments: arrivals, [5, 60, Double.infinity])
    func predicted(_ arrivals: ZooArrivals, _ limit: Double) throws {
        let origin = ZooOrigin("", limit < .infinity ? .fixed(limit) : .never)
        let (requests, seed) = (10_000, UInt64(21))
        let policy = ZooLearnedPolicy()
        let simulation = ZooSimulation(origin, arrivals, policy, requests: requests, seed: seed, sketches: true)
        let run = simulation.run()
        let sketch = try #require(simulation.sketch)
        func question(_ timeout: Double, maxIdle: Int = .max) -> GapPrediction {
            let known = policy.learner.estimate().map { $0.limit - $0.deviation - .zoo(origin.roundTrip) }
            let busy = Double(requests) / run.seconds * (origin.service + origin.roundTrip)
            let question = GapQuestion(
                idleTimeout: .zoo(timeout), maxIdle: maxIdle, limit: known ?? .infinite, lifetime: .seconds(900),
                active: busy)
            return sketch.predict(question, now: Self.at(run.seconds))
        }
        func shown(_ timeout: Double, maxIdle: Int = .max) -> ZooCount {
            let fixed = ZooFixedPolicy(timeout)
            return ZooSimulation(origin, arrivals, fixed, requests: requests, seed: seed, maxIdle: maxIdle).run()
        }
        for timeout in [1, 4, 20, 120] as [Double] {
            let (predicted, shown) = (question(timeout), shown(timeout))
            #expect(abs(predicted.reuse - shown.reuse) <= 0.01, "\(timeout) s")
            #expect(abs(predicted.held - shown.held) <= 0.12 * max(shown.held, 0.1), "\(timeout) s")
            if shown.dials >= 200 {
                #expect(abs(predicted.dials - Double(shown.dials)) <= 0.12 * Double(shown.dials), "\(timeout) s")
            }
        }
        for maxIdle in [1, 2, 3, 6] {
            let (predicted, shown) = (question(30, maxIdle: maxIdle), shown(30, maxIdle: maxIdle))
            #expect(abs(predicted.reuse - shown.reuse) <= 0.01, "at most \(maxIdle) idle")
        }
    }

    @Test(
        "predicts how often requests race the close", arguments: [ZooArrivals.poisson(0.2), .diurnal(0.2), .poisson(1)])
    func races(_ arrivals: ZooArrivals) throws {
        let origin = ZooOrigin("5 s", .fixed(5), roundTrip: 0.1)
        let policy = ZooLearnedPolicy()
        let simulation = ZooSimulation(origin, arrivals, policy, requests: 60_000, seed: 31, sketches: true)
        _ = simulation.run()
        let (sketch, estimate) = (try #require(simulation.sketch), try #require(policy.learner.estimate()))
        let predicted = sketch.exposure(
            limit: estimate.limit, share: 1, reach: .zoo(origin.roundTrip + 2 * origin.jitter),
            idleTimeout: .seconds(60))
        let shown = ZooSimulation(origin, arrivals, ZooFixedPolicy(60), requests: 60_000, seed: 31).run()
        let share = Double(shown.lostPosts + shown.repeated) / Double(shown.requests)
        #expect(abs(predicted - share) <= 0.15 * share)
    }
}
