import OriginZoo

/// What is simulated. Value.
struct Plan {
    enum Table: String, CaseIterable {
        case summary, origins, races, closes, minutes, events, exploration, memory
    }

    /// Measured, per policy.
    var requests = 1_000_000
    var seed: UInt64 = 1
    var tables = [Table.summary]
    var pool = ZooLearnedPolicy.Pool.daemon

    /// Traffic whose gaps are about as long as limits are.
    static let traffic: [ZooArrivals] = [
        .poisson(0.05), .poisson(1), .bursts(5, on: 20, off: 40), .cron(every: 60, batch: 5, spread: 5), .diurnal(0.2),
    ]

    /// Requests of each run that are for learning and not counted: hours to days.
    static let learning = 15_000

    func simulation(_ origin: ZooOrigin, _ arrivals: ZooArrivals, _ policy: any ZooPolicy) -> ZooSimulation {
        let runs = ZooOrigin.zoo.count * Self.traffic.count
        let all = Self.learning + (requests + runs - 1) / runs
        return ZooSimulation(
            origin, arrivals, policy, requests: all, seed: seed, warmUp: Double(Self.learning) / Double(all))
    }

    func run(_ origin: ZooOrigin, _ arrivals: ZooArrivals, _ contender: ZooContender) -> ZooCount {
        simulation(origin, arrivals, contender.policy(pool)).run()
    }
}
