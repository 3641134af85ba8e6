import OriginZoo

/// One request per limit on average, half of them POSTs: the origin's close is met as often as it can be.
enum Races {
    private static let origins = [
        ZooOrigin("2 s, 1 ms away", .fixed(2), roundTrip: 0.001),
        ZooOrigin("2 s, 100 ms away", .fixed(2), roundTrip: 0.1),
        ZooOrigin("2 s, 300 ms away", .fixed(2), roundTrip: 0.3),
        ZooOrigin("5 s", .fixed(5)),
        ZooOrigin("5 s, busy loop", .fixed(5, busy: 0.02), roundTrip: 0.001),
        ZooOrigin("5 s, 0.1 % loss", .fixed(5), roundTrip: 0.05).with { $0.loss = 0.001 },
        ZooOrigin("10 s, 300 ms away", .fixed(10), roundTrip: 0.3),
        ZooOrigin("60 s", .fixed(60), roundTrip: 0.01),
        ZooOrigin("600 s", .fixed(600), roundTrip: 0.015),
        ZooOrigin("10 s from the request", .fixed(10, fromRequest: true)).with { $0.slow = 6 },
        ZooOrigin("20 s, sweep 1 s", .sweep(20, every: 1)),
        ZooOrigin("2 s, sweep 1 s", .sweep(2, every: 1), roundTrip: 0.005),
        ZooOrigin(
            "30 % 5 s, 70 % 60 s", [.init(weight: 0.3, model: .fixed(5)), .init(weight: 0.7, model: .fixed(60))]),
        ZooOrigin("says 60, closes at 5 s", .fixed(5)).with { $0.hint = 60 },
        ZooOrigin("60 s, a restart each 6 h", .fixed(60)).with { $0.restarts = 21_600 },
        ZooOrigin("pressure, about 30 s", .pressure(30), roundTrip: 0.001),
    ]

    static func text(_ plan: Plan) -> String {
        var table = TextTable(["origin", "policy"] + Standings.head + ["POSTs lost while learning"], texts: 2)
        var sums: [ZooContender: ZooCount] = [:]
        for origin in origins {
            for contender in ZooContender.allCases {
                let simulation = ZooSimulation(
                    origin, .poisson(1 / scale(origin)), contender.policy(plan.pool), requests: plan.requests * 20 / 19,
                    seed: plan.seed, posts: 0.5, warmUp: 0.05)
                let run = simulation.run()
                sums[contender] = run.plus(sums[contender] ?? ZooCount())
                let before = "\(simulation.count.lostPosts - run.lostPosts)"
                table.add([origin.name, contender.rawValue] + Standings.row(run) + [before])
            }
        }
        for contender in ZooContender.allCases {
            guard let sum = sums[contender] else { continue }
            table.add(["all", contender.rawValue] + Standings.row(sum) + [""])
        }
        return "races: one request per limit on average, half of them POSTs; the first 5 % are for learning\n"
            + table.text
    }

    private static func scale(_ origin: ZooOrigin) -> Double {
        if case .pressure(let scale) = origin.backends[0].model { scale } else { origin.backends[0].model.limit }
    }
}
