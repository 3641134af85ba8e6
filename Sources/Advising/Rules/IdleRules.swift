#if canImport(Glibc)
    import Glibc
#endif
import ProxyTypes

/// How long idle connections are kept.
extension AdviceRule {
    /// What `auto` keeps an idle connection for until it knows better.
    private static let unlearned = Interval.seconds(4)

    /// Connections end by connd's own timer, and new ones are opened for requests that come a little later.
    static func idleTimeoutShort(_ facts: OriginFacts, _ bar: Bar) -> Advice? {
        let missed = min(facts.dials, facts.closes.idle, facts.fresh)
        guard bar.isOver(missed, Bar.fewest), bar.isOver(Double(missed), Double(facts.leases) * 0.05),
            let (change, now, then, confidence) = longerIdle(facts)
        else { return nil }
        let share = Double(missed) / Double(facts.leases)
        let others = facts.freshShare - share
        let (least, most) = stillMissed(then, now: now, share: share, facts)
        let saved = (share - most) * Double(facts.leases)
        guard most <= share * 0.7, bar.isWorth(dials: saved, each: facts.waitPerDial, in: facts) else { return nil }
        return Advice(
            rule: .idleTimeoutShort, change: change,
            text: "Idle connections are closed shortly before the next request needs one.",
            evidence: [
                Evidence("connections closed as idle", facts.closes.idle),
                Evidence("connections opened for a waiting request", facts.dials),
                Evidence("requests on new connections", facts.freshShare, .share),
                Evidence("idle time in force", Double(now.microseconds), .microseconds),
                Evidence("time that a request waits for a new connection", facts.waitPerDial, .microseconds),
            ],
            prediction: Prediction(
                .newConnections, now: facts.freshShare, least: others + least, most: others + most),
            confidence: confidence, isSafe: true)
    }

    /// What would keep idle connections for longer; how long they are kept now and would be then.
    private static func longerIdle(_ facts: OriginFacts) -> (AdviceChange, Interval, Interval, Confidence)? {
        let learned = facts.learned
        if let fixed = facts.settings.idleTimeout {
            if let limit = learned?.limit, limit <= fixed { return nil }
            let then = learned.map { $0.isSettled ? $0.retire : max($0.retire, unlearned) } ?? unlearned
            guard then.nanoseconds / 2 >= fixed.nanoseconds / 4 * 3 else { return nil }
            let isKnown = learned?.isSettled ?? false
            return (.set(setting: "idle_timeout", value: "auto"), fixed, then, isKnown ? .high : .medium)
        }
        let isSettled = learned?.isSettled ?? false
        guard !isSettled, !facts.settings.idleExploration else { return nil }
        // Watching a few connections shows for how long the origin keeps them; most keep them for a minute.
        return (
            .set(setting: "idle_exploration", value: "on"), learned?.retire ?? unlearned, .seconds(60), .low
        )
    }

    /// Of all leases, those that would still find no connection. Pauses between requests that are spread as chance has it give
    /// the smaller share; Markov's inequality bounds the larger, however they are spread.
    private static func stillMissed(
        _ then: Interval, now: Interval, share: Double, _ facts: OriginFacts
    ) -> (least: Double, most: Double) {
        let ratio = Double(then.nanoseconds) / Double(max(now.nanoseconds, 1))
        let connections = Double(max(facts.pool.mostOpen, 1))
        // Each one is used so much more seldom than all of them, and has to be opened once.
        let meanGap = Double(facts.window.nanoseconds) / Double(max(facts.leases, 1)) * connections
        let late = meanGap / Double(max(then.nanoseconds, 1))
        let most = min(share, late + connections / Double(max(facts.leases, 1)))
        return (min(share >= 1 ? 0 : pow(share, ratio), most), most)
    }

    /// A fixed idle time that is longer than the origin's own: requests meet connections that are ending.
    static func idleTimeoutLong(_ facts: OriginFacts, _ bar: Bar) -> Advice? {
        guard let fixed = facts.settings.idleTimeout, facts.reused > 0, bar.isOver(facts.stale, 5),
            bar.isOver(facts.perHour(facts.stale) * 24, 24) || bar.isOver(facts.staleSurfaced, 3)
        else { return nil }
        let share = Double(facts.stale) / Double(facts.reused)
        let isKnown = facts.learned?.limit.map { $0 <= fixed } ?? false
        var evidence = [
            Evidence("reuses of dead connections", facts.perHour(facts.stale) * 24, .perDay),
            Evidence("requests that failed for it", facts.staleSurfaced),
            Evidence("idle time in force", Double(fixed.microseconds), .microseconds),
            Evidence("idle connections ended by the origin", facts.closes.byOrigin),
        ]
        if let limit = facts.learned?.limit {
            evidence.append(Evidence("idle time that the origin allows", Double(limit.microseconds), .microseconds))
        }
        return Advice(
            rule: .idleTimeoutLong, change: .set(setting: "idle_timeout", value: "auto"),
            text: "Requests are sent on connections that the origin is closing: idle_timeout is longer than it allows.",
            evidence: evidence,
            prediction: Prediction(.stale, now: share, least: 0, most: share * 0.2),
            confidence: isKnown ? .high : .medium, isSafe: true)
    }

    /// Requests wait for handshakes since the origin ends connections before the next request comes.
    static func keepWarm(_ facts: OriginFacts, _ bar: Bar) -> Advice? {
        let isSettled = facts.learned?.isSettled ?? false
        let isLimited = facts.learned?.limit.map { $0 <= facts.settings.idleTimeout ?? .infinite } ?? false
        guard facts.settings.minIdle == 0, isSettled, isLimited, bar.isOver(facts.dials, Bar.fewest),
            bar.isOver(Double(facts.closes.idle + facts.closes.byOrigin), Double(facts.closes.all) * 0.5),
            bar.isOver(facts.waited.all / facts.hours, Bar.leastSaving),
            bar.isOver(facts.waited.all, facts.totalTime.sum * 0.1)
        else { return nil }
        let share = Double(facts.queued) / Double(max(facts.requests, 1))
        let retire = Double(facts.learned?.retire.nanoseconds ?? 1) / 3.6e12
        return Advice(
            rule: .keepWarm, change: .set(setting: "min_idle", value: "1"),
            text: "Requests wait for new connections, as the origin ends idle ones before the next request comes.",
            evidence: [
                Evidence(
                    "time that requests wait for new connections", facts.waited.all / facts.hours, .microsecondsPerHour),
                Evidence("of the time that requests take", facts.waited.all / max(facts.totalTime.sum, 1), .share),
                Evidence("connections that min_idle opens at most", 1 / max(retire, 1e-9), .perHour),
            ],
            prediction: Prediction(.waiting, now: share, least: 0, most: share * 0.6),
            confidence: .medium, isSafe: false)
    }
}
