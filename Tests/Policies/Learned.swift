import Learning
import OriginZoo

/// How soon limits are known.
enum Learned {
    private static let traffic: [(arrivals: ZooArrivals, requests: Int)] = [
        (.poisson(0.01), 4000), (.poisson(0.1), 4000), (.poisson(1), 4000), (.poisson(10), 400_000),
        (.poisson(100), 400_000), (.bursts(20, on: 10, off: 60), 30_000),
        (.cron(every: 60, batch: 5, spread: 5), 4000), (.diurnal(0.2), 4000),
    ]
    private static let limits = [2.0, 5, 20, 60, 75, 300, 600]

    /// The worst of several round trips and seeds.
    static func closes(_ plan: Plan) -> String {
        var table = TextTable(["traffic"] + limits.map { "\(decimal($0, 0)) s" })
        var (all, lost, repeated, requests, short) = ([Int](), 0, 0, 0, 0)
        for (arrivals, count) in traffic {
            var row = ["\(arrivals)"]
            for limit in limits {
                var (needed, seconds) = ([Int](), [Double]())
                for (roundTrip, seeds) in [(0.0001, 1), (0.02, 3), (0.1, 1), (0.3, 1)] {
                    for seed in 0..<UInt64(seeds) {
                        let policy = ZooLearnedPolicy(pool: plan.pool)
                        let origin = ZooOrigin("", .fixed(limit), roundTrip: roundTrip)
                        let simulation = ZooSimulation(
                            origin, arrivals, policy, requests: count, seed: plan.seed + seed)
                        let run = simulation.run(untilCloses: 60)
                        lost += run.lostPosts
                        repeated += run.repeated
                        requests += run.requests
                        guard let closes = policy.closesNeeded(limit), let time = policy.timeNeeded(limit) else {
                            short += 1
                            continue
                        }
                        needed.append(closes)
                        seconds.append(time)
                    }
                }
                all += needed
                let median = seconds.isEmpty ? 0 : seconds.sorted()[seconds.count / 2]
                row.append(needed.max().map { "\($0) (\(decimal(median, 0)) s)" } ?? "-")
            }
            table.add(row)
        }
        all.sort()
        return
            "closes: until the limit is known to 5 % and stays so, the worst of 6 runs (median time)\n\(table.text)\n"
            + "\(all.count) runs: worst \(all.last ?? 0), 95 % within \(all[all.count * 95 / 100]), median "
            + "\(all[all.count / 2]); \(short) runs were too short. While learning, of \(requests) requests: \(lost) POSTs "
            + "lost, \(repeated) repeated."
    }

    /// At several rates.
    static func minutes(_ plan: Plan) -> String {
        let end = 600.0
        let traffic: [(arrivals: ZooArrivals, requests: Int)] = [
            (.poisson(0.2), 400), (.poisson(2), 2000), (.poisson(20), 16_000), (.bursts(20, on: 10, off: 60), 6000),
        ]
        var table = TextTable(
            ["origin", "limit", "traffic", "what is known", "closes", "to 5 %", "POSTs lost", "repeated"], texts: 4)
        var needed: [Bool: [Int]] = [:]
        var sum = ZooCount()
        for origin in ZooOrigin.zoo {
            for (arrivals, count) in traffic {
                let policy = ZooLearnedPolicy(pool: plan.pool)
                let simulation = ZooSimulation(origin, arrivals, policy, requests: count, seed: plan.seed)
                let run = simulation.run(until: end)
                sum = sum.plus(run)
                let closes = origin.isSweep ? nil : origin.truth.flatMap { policy.closesNeeded($0) }
                if let closes { needed[origin.isSharp, default: []].append(closes) }
                table.add([
                    origin.name, origin.truth.map { "\(decimal($0, 0)) s" } ?? "none", "\(arrivals)",
                    policy.learner.text(now: ZooLearnedPolicy.wall(end)), "\(policy.learner.closes)",
                    closes.map { "\($0)" } ?? "-", "\(run.lostPosts)", "\(run.repeated)",
                ])
            }
        }
        func known(_ isSharp: Bool) -> String {
            let closes = (needed[isSharp] ?? []).sorted()
            let origins = ZooOrigin.zoo.filter { $0.truth != nil && !$0.isSweep && $0.isSharp == isSharp }
            let few = closes.filter { $0 <= 8 }.count
            return "\(closes.count) of \(origins.count * traffic.count), \(few) of them within 8 closes, "
                + "all within \(closes.last ?? 0)"
        }
        return "minutes: after 10 minutes of traffic, from nothing known\n\(table.text)\n"
            + "known to 5 %, where all connections have one limit: \(known(true)); where not: \(known(false)). "
            + "Of \(sum.requests) requests \(sum.lostPosts) POSTs lost, \(sum.repeated) repeated."
    }
}
