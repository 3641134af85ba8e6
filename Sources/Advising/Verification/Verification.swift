package import ProxyTypes

/// Whether a change had the effect that was predicted, and did no harm: what is compared, by which test, on how much traffic.
/// Value.
package struct Verification: Hashable, Sendable {
    package let figure: Figure
    /// What it was, and how low it must get.
    package let before: Double
    package let goal: Double
    /// Requests that the trial must have seen.
    package let leastRequests: Int
    /// The change must take effect on new connections.
    let isOfNewConnections: Bool

    package init(_ advice: Advice) {
        let prediction = advice.prediction
        figure = prediction.figure
        before = prediction.now
        goal = prediction.goal
        leastRequests = Self.requests(from: prediction.now, to: prediction.goal, prediction.figure)
        isOfNewConnections = advice.rule == .delayedAnswers || advice.rule == .delayedRequests
    }

    /// So many that a fall to the goal is told from chance in nine of ten trials: the usual formula for two shares, at 5 % and
    /// 90 %.
    private static func requests(from: Double, to goal: Double, _ figure: Figure) -> Int {
        guard figure.unit == .share, isFall(from: from, to: goal), from <= 1, goal >= 0 else { return 100 }
        let mean = (from + goal) / 2
        let wanted = 2 * mean * (1 - mean) * 8.56 / ((from - goal) * (from - goal))
        // Far more than any integer holds, for a small fall.
        return Int(min(max(wanted.rounded(.up), 30), 100_000))
    }

    /// Less is no fall but the rounding of a figure that stays.
    private static func isFall(from: Double, to goal: Double) -> Bool { from - goal >= 1e-6 }

    /// Otherwise it is enough that nothing is worse.
    package var isFallPredicted: Bool { Self.isFall(from: before, to: goal) }

    package enum Verdict: Hashable, Sendable {
        /// The effect is there.
        case agrees(after: Double)
        case differs(after: Double)
        case harms(Harm)
        case tooLittleTraffic
    }

    package enum Harm: Hashable, Sendable, Codable {
        /// Shares of the requests.
        case failures(before: Double, after: Double)
        /// Medians, in microseconds.
        case slower(before: Double, after: Double)
    }

    /// The chance that nothing is worse. A trial is looked at often, so the bar is higher than for the effect.
    private static let harmLevel = 0.001
    private static let effectLevel = 0.05
    /// So few requests show no harm.
    private static let fewest = 20

    package func verdict(before: Sample, after: Sample) -> Verdict {
        if let harm = Self.harm(before, after) { return .harms(harm) }
        guard after.requests >= leastRequests else { return .tooLittleTraffic }
        switch (
            before.measure(figure, withSetting: false), after.measure(figure, withSetting: isOfNewConnections)
        ) {
        case (.share(let hits, let all), .share(let hitsAfter, let allAfter)):
            guard allAfter >= Self.fewest else { return .tooLittleTraffic }
            let share = Double(hitsAfter) / Double(allAfter)
            guard isFallPredicted else { return .agrees(after: share) }
            let chance = Significance.isLower((hitsAfter, allAfter), than: (hits, all))
            return chance <= Self.effectLevel && share <= goal ? .agrees(after: share) : .differs(after: share)
        case (.times(let times), .times(let timesAfter)):
            guard timesAfter.count >= Self.fewest else { return .tooLittleTraffic }
            let chance = Significance.areLower(timesAfter, than: times).probability
            return chance <= Self.effectLevel && timesAfter.mean <= goal
                ? .agrees(after: timesAfter.mean) : .differs(after: timesAfter.mean)
        case (.level, .level(let level?)):
            return level <= goal ? .agrees(after: level) : .differs(after: level)
        case (.level, _), (.share, _), (.times, _): return .tooLittleTraffic
        }
    }

    /// More failures, or answers that are clearly slower: more often by a fifth of all pairs, and by a quarter in the median.
    private static func harm(_ before: Sample, _ after: Sample) -> Harm? {
        guard after.requests >= fewest, before.requests > 0 else { return nil }
        let failing = (
            Double(before.failures) / Double(before.requests), Double(after.failures) / Double(after.requests)
        )
        let fewer = Significance.isLower((before.failures, before.requests), than: (after.failures, after.requests))
        if failing.1 > failing.0, fewer <= harmLevel { return .failures(before: failing.0, after: failing.1) }
        let faster = Significance.areLower(before.totalTime, than: after.totalTime)
        let medians = (before.totalTime.quantile(0.5), after.totalTime.quantile(0.5))
        guard faster.probability <= harmLevel, faster.share >= 0.6, medians.1 >= medians.0 * 1.25 else { return nil }
        return .slower(before: medians.0, after: medians.1)
    }
}

/// How long a trial runs, and what ends it. Value.
package enum TrialEnd: Hashable, Sendable {
    case goesOn
    case confirm(after: Double)
    case revert(TrialFault)
}

package enum TrialFault: Hashable, Sendable, Codable {
    case noEffect(after: Double)
    case harm(Verification.Harm)
    case tooLittleTraffic
}

/// When a trial is judged. No state.
package enum TrialRules {
    /// Earlier, only harm ends it: an hour has its quarters.
    package static let shortest = Interval.minutes(15)
    /// Without enough traffic until then, it is reverted.
    package static let longest = Interval.hours(6)

    /// `isAsked`: somebody wants to know now, however short it was.
    package static func end(
        _ verification: Verification, before: Sample, after: Sample, age: Interval, isAsked: Bool
    ) -> TrialEnd {
        switch verification.verdict(before: before, after: after) {
        case .harms(let harm): return .revert(.harm(harm))
        case .agrees(let value):
            return age >= shortest || isAsked ? .confirm(after: value) : .goesOn
        case .differs(let value):
            return age >= shortest || isAsked ? .revert(.noEffect(after: value)) : .goesOn
        case .tooLittleTraffic: return age >= longest ? .revert(.tooLittleTraffic) : .goesOn
        }
    }
}
