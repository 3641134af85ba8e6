import Learning
import OriginZoo
import ProxyTypes
import Testing

/// A pool that obeys the learner, beside one that knows the origin's limits. Each run is the same each time.
@Suite("Origins of many kinds")
struct ZooTests {
    private static let requests = 15_000

    @Test(
        "are used nearly as far as they allow, POSTs are hardly ever lost, and people are told what they do",
        arguments: ZooOrigin.zoo, [ZooArrivals.diurnal(0.2), .bursts(5, on: 20, off: 40)])
    func used(_ origin: ZooOrigin, _ arrivals: ZooArrivals) {
        let policy = ZooLearnedPolicy()
        let simulation = ZooSimulation(origin, arrivals, policy, requests: Self.requests, seed: 1, warmUp: 0.25)
        let run = simulation.run()
        let best = ZooSimulation(origin, arrivals, ZooOracle(), requests: Self.requests, seed: 1, warmUp: 0.25).run()
        #expect(best.reuse - run.reuse <= origin.shortfall)
        #expect(run.held <= best.held * 1.3 + 0.1)
        #expect(simulation.count.lostPosts <= 1)
        #expect(simulation.count.repeated <= Self.requests / 500)
        #expect(simulation.count.silent <= 4)
        #expect(origin.ends.contains(policy.bounds.state), "\(policy.bounds.state)")
        if let truth = origin.truth {
            let estimate = policy.learner.estimate()?.limit.zoo ?? 0
            #expect(abs(estimate - truth) <= truth / 20, "\(estimate)")
        }
    }

    @Test(
        "with one sharp limit are known to 5 % within eight closes",
        arguments: ZooOrigin.zoo.filter(\.isSharp), [ZooArrivals.diurnal(0.2), .bursts(5, on: 20, off: 40)])
    func known(_ origin: ZooOrigin, _ arrivals: ZooArrivals) throws {
        let policy = ZooLearnedPolicy()
        _ = ZooSimulation(origin, arrivals, policy, requests: Self.requests, seed: 2).run()
        let needed = try #require(origin.truth.flatMap { policy.closesNeeded($0) })
        #expect(needed <= 8)
    }

    @Test(
        "that close at another age after a restart are known again within eight closes",
        arguments: [ZooArrivals.poisson(0.1), .poisson(1), .cron(every: 60, batch: 5, spread: 5)])
    func changed(_ arrivals: ZooArrivals) throws {
        let policy = ZooLearnedPolicy()
        var random = ZooRandom(seed: 1003)
        let times = arrivals.times(&random, count: 30_000)
        // Between two requests: a restart at the moment of one would lose it under any policy.
        let (down, up) = ((times[10_000] + times[10_001]) / 2, (times[20_000] + times[20_001]) / 2)
        let origin = ZooOrigin("60 s, then 5 s, then 60 s", .fixed(60)).with {
            $0.changes = [.init(at: down, model: .fixed(5)), .init(at: up, model: .fixed(60))]
        }
        let simulation = ZooSimulation(origin, arrivals, policy, requests: 30_000, seed: 3)
        _ = simulation.run()
        #expect(try #require(policy.closesNeeded(5, from: down, to: up)) <= 8)
        #expect(try #require(policy.closesNeeded(60, from: up)) <= 8)
        #expect(simulation.count.lostPosts <= 1)
        #expect(simulation.count.repeated <= 10)
    }

    @Test("are known from the start where the learner was kept, and known anew where they changed meanwhile")
    func restored() throws {
        let arrivals = ZooArrivals.diurnal(0.2)
        let first = ZooLearnedPolicy()
        let before = ZooSimulation(ZooOrigin("", .fixed(60)), arrivals, first, requests: 10_000, seed: 1).run()
        for limit in [60.0, 5] {
            let wall = ZooLearnedPolicy.wall(before.seconds)
            let kept = try #require(IdleLimitLearner(packed: first.learner.packed, now: wall))
            let policy = ZooLearnedPolicy(kept, wall: wall)
            let origin = ZooOrigin("", .fixed(limit))
            let simulation = ZooSimulation(origin, arrivals, policy, requests: 10_000, seed: 2)
            let run = simulation.run()
            let anew = ZooSimulation(origin, arrivals, ZooLearnedPolicy(), requests: 10_000, seed: 2).run()
            #expect(try #require(policy.closesNeeded(limit)) <= (limit == 60 ? 1 : 4))
            #expect(run.reuse >= anew.reuse - 0.001)
            #expect(simulation.count.lostPosts <= 1)
        }
    }

    /// Origins where a request per limit and connection meets the close as often as it can.
    static let races = [
        ZooOrigin("2 s, 100 ms away", .fixed(2), roundTrip: 0.1),
        ZooOrigin("5 s", .fixed(5)),
        ZooOrigin("5 s, busy loop", .fixed(5, busy: 0.02), roundTrip: 0.001),
        ZooOrigin("60 s", .fixed(60), roundTrip: 0.05),
        ZooOrigin("10 s from the request", .fixed(10, fromRequest: true)).with { $0.slow = 6 },
        ZooOrigin("20 s, sweep 1 s", .sweep(20, every: 1)),
    ]

    @Test("are raced as often as can be, and lose no POST to speak of", arguments: races)
    func raced(_ origin: ZooOrigin) {
        let limit = origin.backends[0].model.known(lag: 0, roundTrip: 0)
        let arrivals = ZooArrivals.gaps(0.8 * limit, 1.05 * limit)
        func lost(_ policy: any ZooPolicy) -> Int {
            ZooSimulation(origin, arrivals, policy, requests: 40_000, seed: 3, posts: 0.5, warmUp: 0.05).run().lostPosts
        }
        #expect(lost(ZooLearnedPolicy()) <= 1)
        // The race is there for those that do not know the limit.
        #expect(lost(ZooFixedPolicy(2 * limit)) >= 50)
    }
}

/// How many closes it takes to know a limit to 5 %.
@Suite("Closes needed")
struct ClosesNeededTests {
    struct Traffic: Sendable, CustomTestStringConvertible {
        var arrivals: ZooArrivals
        var limits: [Double]
        var requests: Int
        /// Closes at most. Where several connections close at one moment, that is one observation.
        var worst = 8

        var testDescription: String { "\(arrivals)" }
    }

    private static let limits = [2.0, 5, 20, 60, 75, 300, 600]
    static let traffic = [
        Traffic(arrivals: .poisson(0.01), limits: limits, requests: 4000),
        Traffic(arrivals: .poisson(0.1), limits: limits, requests: 4000),
        Traffic(arrivals: .poisson(1), limits: limits, requests: 4000),
        Traffic(arrivals: .poisson(10), limits: [2, 5, 60], requests: 40_000),
        Traffic(arrivals: .poisson(100), limits: [2, 5], requests: 60_000),
        Traffic(arrivals: .bursts(20, on: 10, off: 60), limits: limits, requests: 12_000, worst: 12),
        Traffic(arrivals: .cron(every: 60, batch: 5, spread: 5), limits: limits, requests: 4000),
        Traffic(arrivals: .diurnal(0.2), limits: limits, requests: 4000),
    ]

    @Test("are few under all traffic, and cost no POST", arguments: traffic)
    func needed(_ traffic: Traffic) throws {
        var lost = 0
        for limit in traffic.limits {
            for roundTrip in [0.0001, 0.02, 0.3] {
                let policy = ZooLearnedPolicy()
                let origin = ZooOrigin("\(limit) s", .fixed(limit), roundTrip: roundTrip)
                let simulation = ZooSimulation(origin, traffic.arrivals, policy, requests: traffic.requests, seed: 1)
                lost += simulation.run(untilCloses: 40).lostPosts
                guard policy.learner.closes >= 4 else { continue }
                let needed = try #require(policy.closesNeeded(limit), "\(limit) s, \(roundTrip) s away")
                #expect(needed <= traffic.worst, "\(limit) s, \(roundTrip) s away")
            }
        }
        #expect(lost <= 1)
    }
}
