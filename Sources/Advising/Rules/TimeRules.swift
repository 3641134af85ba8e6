import ProxyTypes

/// Time-outs, names and windows.
extension AdviceRule {
    /// So many answers show how long the slowest take.
    private static let answersThatShow = 1000

    /// Requests that fail do so long after any answer would have come.
    static func headersTimeoutFar(_ facts: OriginFacts, _ bar: Bar) -> Advice? {
        far(
            .headersTimeoutFar, facts, "headers_timeout", facts.settings.headersTimeout, hits: facts.answerTimeouts,
            answers: facts.firstByteTime, least: 1e6, bar,
            label: "answers that did not begin in time",
            text: "Requests that get no answer wait many times longer than any answer took.")
    }

    static func connectTimeoutFar(_ facts: OriginFacts, _ bar: Bar) -> Advice? {
        far(
            .connectTimeoutFar, facts, "connect_timeout", facts.settings.connectTimeout, hits: facts.connectTimeouts,
            answers: facts.connectTime, least: 250_000, bar,
            label: "connections that were not opened in time",
            text: "Dials that fail wait many times longer than any that succeeded took.")
    }

    private static func far(
        _ rule: AdviceRule, _ facts: OriginFacts, _ setting: String, _ limit: Interval, hits: Int, answers: Tally,
        least: Double, _ bar: Bar, label: String, text: String
    ) -> Advice? {
        let slowest = answers.quantile(0.999)
        let wanted = max(slowest * 5, least)
        let now = Double(limit.microseconds)
        guard limit > .zero, bar.isOver(hits, 5), answers.count >= answersThatShow, now >= wanted * 2,
            bar.isOver(Double(hits) * (now - wanted) / facts.hours, Bar.leastSaving)
        else { return nil }
        let share = Double(facts.failures) / Double(max(facts.requests, 1))
        return Advice(
            rule: rule, change: .set(setting: setting, value: ValueText.duration(microseconds: wanted)), text: text,
            evidence: [
                Evidence(label, hits), Evidence("time-out in force", now, .microseconds),
                Evidence("999 of 1000 take at most", slowest, .microseconds),
                Evidence("time that the failing ones wait", Double(hits) * now / facts.hours, .microsecondsPerHour),
            ],
            // As many fail as before, only sooner.
            prediction: Prediction(.failures, now: share, least: share, most: share), confidence: .medium,
            isSafe: false)
    }

    /// Answers come close to the time-out, and many miss it.
    static func headersTimeoutNear(_ facts: OriginFacts, _ bar: Bar) -> Advice? {
        let limit = Double(facts.settings.headersTimeout.microseconds)
        let hits = facts.answerTimeouts
        guard limit > 0, limit <= 30 * 60e6, bar.isOver(hits, 5), facts.firstByteTime.count >= Bar.fewest,
            bar.isOver(Double(hits), Double(facts.requests) * 0.01),
            bar.isOver(facts.firstByteTime.quantile(0.9), limit * 0.5)
        else { return nil }
        let share = Double(facts.failures) / Double(max(facts.requests, 1))
        let other = max(share - Double(hits) / Double(max(facts.requests, 1)), 0)
        return Advice(
            rule: .headersTimeoutNear,
            change: .set(setting: "headers_timeout", value: ValueText.duration(microseconds: limit * 2)),
            text: "Many answers take nearly as long as headers_timeout allows, and others are cut off by it.",
            evidence: [
                Evidence("answers that did not begin in time", hits),
                Evidence("time-out in force", limit, .microseconds),
                Evidence("one answer in ten takes at least", facts.firstByteTime.quantile(0.9), .microseconds),
            ],
            prediction: Prediction(.failures, now: share, least: other, most: other + (share - other) * 0.6),
            confidence: .medium, isSafe: false)
    }

    /// Requests wait for look-ups.
    static func nameTTLShort(_ facts: OriginFacts, _ bar: Bar) -> Advice? {
        let waited = facts.waited.name
        let settings = facts.settings
        guard bar.isOver(waited / facts.hours, Bar.leastSaving), facts.nameTime.count >= Bar.fewest,
            bar.isOver(waited, facts.waited.all * 0.3)
        else { return nil }
        let change: AdviceChange
        if settings.nameMaxTTL < .minutes(1) {
            change = .set(setting: "dns_max_ttl", value: "5m")
        } else if settings.nameMinTTL < .seconds(30) {
            change = .set(setting: "dns_min_ttl", value: "30s")
        } else {
            return nil
        }
        return Advice(
            rule: .nameTTLShort, change: change,
            text: "Requests wait for look-ups of the origin's name, as its addresses are kept for a short time only.",
            evidence: [
                Evidence("time that requests wait for look-ups", waited / facts.hours, .microsecondsPerHour),
                Evidence("of their wait for new connections", waited / max(facts.waited.all, 1), .share),
                Evidence("addresses are kept for at most", Double(settings.nameMaxTTL.microseconds), .microseconds),
            ],
            prediction: Prediction(.nameTime, now: facts.nameTime.mean, least: 0, most: facts.nameTime.mean * 0.6),
            confidence: settings.nameMaxTTL < .minutes(1) ? .medium : .low, isSafe: false)
    }

    /// Uploads wait for congestion windows that collapsed while their connection was idle.
    static func slowStart(_ facts: OriginFacts, _ bar: Bar) -> Advice? {
        let found = facts.restarts
        guard bar.isOver(found.costly, Bar.fewest), bar.isOver(found.timeLost / facts.hours, Bar.leastSaving),
            found.uploads > 0
        else { return nil }
        let share = Double(found.costly) / Double(found.uploads)
        let change: AdviceChange =
            facts.settings.isWidest
            ? .people("set net.ipv4.tcp_slow_start_after_idle=0 on this host")
            : .set(setting: "reuse_order", value: "widest")
        return Advice(
            rule: .slowStart, change: change,
            text: "Uploads begin slowly again, as the kernel cuts the congestion window of idle connections.",
            evidence: [
                Evidence("uploads that took more round trips for it", found.costly),
                Evidence("uploads on idle connections", found.uploads),
                Evidence("time that it cost", found.timeLost / facts.hours, .microsecondsPerHour),
            ],
            prediction: Prediction(
                .restarts, now: share, least: 0, most: facts.settings.isWidest ? share * 0.1 : share * 0.7),
            confidence: facts.settings.isWidest ? .high : .low, isSafe: true)
    }

    /// The origin writes its answers in parts and waits for an acknowledgement in between.
    static func delayedAnswers(_ facts: OriginFacts, _ bar: Bar) -> Advice? {
        guard !facts.settings.quickack else { return nil }
        return delayed(
            .delayedAnswers, .delayedAnswers, facts.delaysOfOrigin, facts, bar, setting: "tcp_quickack",
            text: "The origin waits for acknowledgements that this host puts off, in the middle of its answers.")
    }

    /// connd's own requests in parts wait, as Nagle's algorithm is on.
    static func delayedRequests(_ facts: OriginFacts, _ bar: Bar) -> Advice? {
        guard !facts.settings.nodelay else { return nil }
        return delayed(
            .delayedRequests, .delayedRequests, facts.delaysOfOurs, facts, bar, setting: "tcp_nodelay",
            text: "Requests wait for acknowledgements that the origin's host puts off, as tcp_nodelay is off.")
    }

    private static func delayed(
        _ rule: AdviceRule, _ figure: Figure, _ found: DelayFacts, _ facts: OriginFacts, _ bar: Bar, setting: String,
        text: String
    ) -> Advice? {
        let lost = Double(found.waits * found.length) * 1000
        guard found.length > 0, bar.isOver(found.waits, Bar.fewest), found.exchanges > 0,
            bar.isOver(lost / facts.hours, Bar.leastSaving)
        else { return nil }
        let share = Double(found.waits) / Double(found.exchanges)
        return Advice(
            rule: rule, change: .set(setting: setting, value: "on"), text: text,
            evidence: [
                Evidence("exchanges that waited", found.waits), Evidence("of them all", share, .share),
                Evidence("each of them for", Double(found.length) * 1000, .microseconds),
                Evidence("together", lost / facts.hours, .microsecondsPerHour),
            ],
            prediction: Prediction(figure, now: share, least: 0, most: share * 0.3), confidence: .high, isSafe: true)
    }
}
