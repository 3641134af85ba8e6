import OriginZoo

/// What exploring costs, beside the same pool without it.
enum Exploration {
    private static let origins = [
        ZooOrigin("5 s", .fixed(5)), ZooOrigin("60 s", .fixed(60)), ZooOrigin("600 s", .fixed(600)),
        ZooOrigin("none", .never), ZooOrigin("NAT, drops after 240 s", .never).with { $0.silence = .drops(after: 240) },
        ZooOrigin("pressure, about 30 s", .pressure(30)),
    ]
    private static let traffic: [ZooArrivals] = [
        .poisson(0.01), .poisson(1), .bursts(20, on: 10, off: 60), .cron(every: 60, batch: 5, spread: 5),
    ]

    /// From nothing known to the end.
    static func text(_ plan: Plan) -> String {
        var table = TextTable(
            [
                "origin", "traffic", "probes, mean", "most", "idle held", "without", "POSTs lost", "without",
                "repeated",
                "without", "dials", "without",
            ], texts: 2)
        let each = plan.requests / (origins.count * traffic.count)
        var (probes, most) = (0.0, 0)
        for origin in origins {
            for arrivals in traffic {
                func run(_ contender: ZooContender) -> (ZooCount, ZooSimulation) {
                    let policy = contender.policy(plan.pool)
                    let simulation = ZooSimulation(origin, arrivals, policy, requests: each, seed: plan.seed)
                    return (simulation.run(), simulation)
                }
                let (with, simulation) = run(.learned)
                let (without, _) = run(.unexplored)
                probes = max(probes, with.probes)
                most = max(most, simulation.mostProbes)
                table.add([
                    origin.name, "\(arrivals)", decimal(with.probes), "\(simulation.mostProbes)", decimal(with.held),
                    decimal(without.held), "\(with.lostPosts)", "\(without.lostPosts)", "\(with.repeated)",
                    "\(without.repeated)", "\(with.dials)", "\(without.dials)",
                ])
            }
        }
        return
            "exploration: idle connections that are only watched, \(each) requests each, from nothing known to the end\n"
            + "\(table.text)\nprobes: \(decimal(probes)) on average at most, \(most) at one time (at most 2)"
    }
}
