import Learning
import OriginZoo

/// What is learned of events, when, and what they cost.
enum Events {
    private static let traffic: [ZooArrivals] = [.diurnal(0.2), .bursts(5, on: 20, off: 40)]
    private static let seeds: UInt64 = 5

    static func text(_ plan: Plan) -> String {
        var table = TextTable(
            [
                "event", "traffic", "what is known then (seed \(plan.seed))", "closes", "seconds", "POSTs lost",
                "repeated",
                "fixed 60 s lost", "repeated", "hint only lost", "repeated", "reuse %", "oracle %",
            ], texts: 3)
        let requests = plan.requests / 25
        var sums: [ZooContender: ZooCount] = [:]
        for event in Event.all {
            for arrivals in traffic {
                let runs = (0..<seeds).map { Runs(event, arrivals, requests, plan, seed: plan.seed + $0) }
                for run in runs { sums.merge(run.counts) { $0.plus($1) } }
                for (index, part) in event.parts.enumerated() {
                    table.add([part.name, "\(arrivals)"] + row(runs, index))
                }
            }
        }
        return
            "events: \(requests) requests each, with \(seeds) seeds; closes: the worst; seconds: the median, until the limit "
            + "is known to 5 %, or what it is like\n\(table.text)\n"
            + ZooContender.allCases.compactMap { contender in
                sums[contender].map {
                    "\(contender.rawValue): of \($0.requests) requests \($0.lostPosts) POSTs lost, \($0.repeated) repeated"
                }
            }.joined(separator: "\n")
    }

    private static func row(_ runs: [Runs], _ part: Int) -> [String] {
        let parts = runs.map { $0.parts[part] }
        let closes = parts.compactMap(\.closes)
        let seconds = parts.compactMap(\.seconds).sorted()
        func sum(_ contender: ZooContender, _ figure: (ZooCount) -> Int) -> String {
            "\(runs.compactMap { $0.counts[contender] }.map(figure).reduce(0, +))"
        }
        func reuse(_ contender: ZooContender) -> String {
            percent(runs.compactMap { $0.counts[contender]?.reuse }.reduce(0, +) / Double(runs.count))
        }
        let isLast = part + 1 == runs[0].parts.count
        let costs =
            isLast
            ? [
                sum(.learned, \.lostPosts), sum(.learned, \.repeated), sum(.fixed60, \.lostPosts),
                sum(.fixed60, \.repeated), sum(.hint, \.lostPosts), sum(.hint, \.repeated), reuse(.learned),
                reuse(.oracle),
            ] : Array(repeating: "", count: 8)
        let needed = closes.count == parts.count ? closes.max().map { "\($0)" } ?? "-" : "-"
        let median = seconds.isEmpty ? "-" : decimal(seconds[seconds.count / 2], 0)
        return [parts[0].known, needed, median] + costs
    }
}

/// One event under one kind of traffic, with one seed. Value.
private struct Runs {
    struct Part {
        var known: String
        var closes: Int?
        var seconds: Double?
    }

    private(set) var counts: [ZooContender: ZooCount] = [:]
    private(set) var parts: [Part] = []

    init(_ event: Event, _ arrivals: ZooArrivals, _ requests: Int, _ plan: Plan, seed: UInt64) {
        var random = ZooRandom(seed: seed + 1000)
        let times = arrivals.times(&random, count: requests)
        let origin = event.origin(times)
        for contender in ZooContender.allCases {
            let policy = contender.policy(plan.pool)
            let run = ZooSimulation(origin, arrivals, policy, requests: requests, seed: seed).run()
            counts[contender] = run
            if contender == .learned, let learned = policy.learned {
                parts = event.parts.map { Self.part($0, event, learned, times, end: run.seconds) }
            }
        }
    }

    private static func part(
        _ part: Event.Part, _ event: Event, _ policy: ZooLearnedPolicy, _ times: [Double], end: Double
    ) -> Part {
        let start = part.from > 0 ? event.time(part.from, times) : 0
        let stop = part.to < 1 ? event.time(part.to, times) : .infinity
        let known =
            stop < .infinity
            ? policy.history.last { $0.at < stop }?.estimate.map { "\(decimal($0)) s" } ?? "no limit"
            : policy.learner.text(now: ZooLearnedPolicy.wall(end))
        // A sweep has no one age.
        guard let truth = part.limit ?? (event.origin.isSweep ? nil : event.origin.truth) else {
            return Part(known: known, seconds: policy.reached[policy.bounds.state])
        }
        let seconds = policy.timeNeeded(truth, from: start, to: stop).map { $0 - start }
        return Part(known: known, closes: policy.closesNeeded(truth, from: start, to: stop), seconds: seconds)
    }
}
