import Learning
import OriginZoo

/// What the learner keeps of an origin.
enum Memory {
    static func text(_ plan: Plan) -> String {
        var kept: [Int] = []
        for origin in ZooOrigin.zoo {
            for arrivals in Plan.traffic {
                let policy = ZooLearnedPolicy(pool: plan.pool)
                _ = plan.simulation(origin, arrivals, policy).run()
                kept.append(policy.learner.packed.count)
            }
        }
        let mean = Double(kept.reduce(0, +)) / Double(kept.count)
        return """
            memory: bytes for each origin
            the learner                  \(MemoryLayout<IdleLimitLearner>.size)
            what a pool obeys            \(MemoryLayout<IdleBounds>.size)
            kept over a restart          \(decimal(mean, 0)) on average, \(kept.max() ?? 0) at most in \(kept.count) runs
            """
    }
}
