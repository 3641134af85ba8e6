import Learning
import OriginZoo

/// All policies on the whole zoo.
enum Standings {
    private static let figures = [
        "requests", "reuse %", "POSTs reuse %", "POSTs lost", "repeated", "dials", "idle held",
    ]

    /// `held`: idle connections on average, for each pool.
    private static func figures(_ count: ZooCount, held: Double) -> [String] {
        [
            "\(count.requests)", percent(count.reuse), percent(count.postReuse), "\(count.lostPosts)",
            "\(count.repeated)", "\(count.dials)", decimal(held),
        ]
    }

    static func row(_ count: ZooCount) -> [String] { figures(count, held: count.held) }
    static var head: [String] { figures }

    static func summary(_ plan: Plan) -> String {
        var table = TextTable(["policy"] + figures)
        for contender in ZooContender.allCases {
            var (sum, held) = (ZooCount(), 0.0)
            for origin in ZooOrigin.zoo {
                for arrivals in Plan.traffic {
                    let run = plan.run(origin, arrivals, contender)
                    sum = sum.plus(run)
                    held += run.held
                }
            }
            let pools = Double(ZooOrigin.zoo.count * Plan.traffic.count)
            table.add([contender.rawValue] + figures(sum, held: held / pools))
        }
        let (origins, kinds) = (ZooOrigin.zoo.count, Plan.traffic.count)
        return
            "summary: \(origins) origins under \(kinds) kinds of traffic, one in five requests a POST; after learning; "
            + "idle held: per origin\n\(table.text)"
    }

    /// And where learning falls short of the oracle.
    static func origins(_ plan: Plan) -> String {
        var table = TextTable(["traffic", "origin", "policy"] + figures + ["closes to 5 %"], texts: 3)
        var short = TextTable(["traffic", "origin", "learned, reuse %", "oracle, reuse %", "POSTs lost"], texts: 2)
        for arrivals in Plan.traffic {
            for origin in ZooOrigin.zoo {
                var runs: [ZooContender: ZooCount] = [:]
                for contender in ZooContender.allCases {
                    let policy = contender.policy(plan.pool)
                    let run = plan.simulation(origin, arrivals, policy).run()
                    runs[contender] = run
                    let needed = closes(policy.learned, origin)
                    table.add(["\(arrivals)", origin.name, contender.rawValue] + row(run) + [needed])
                }
                guard let learned = runs[.learned], let oracle = runs[.oracle] else { continue }
                if oracle.reuse - learned.reuse > 0.02 || learned.lostPosts > 0 {
                    let lost = "\(learned.lostPosts)"
                    short.add(["\(arrivals)", origin.name, percent(learned.reuse), percent(oracle.reuse), lost])
                }
            }
        }
        return "origins:\n\(table.text)\n\nmore than 2 % below the oracle, or a POST lost:\n\(short.text)"
    }

    /// Such as `3`, or how many there were where they were not enough.
    private static func closes(_ learned: ZooLearnedPolicy?, _ origin: ZooOrigin) -> String {
        guard let learned, !origin.isSweep, let truth = origin.truth else { return "-" }
        return learned.closesNeeded(truth).map { "\($0)" } ?? "(\(learned.learner.closes) seen)"
    }
}
