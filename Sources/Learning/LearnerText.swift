/// What it tells people.
extension IdleLimitLearner {
    package func state(now: Int64) -> IdleLimitState {
        if let terminal {
            let limit = limits[terminal]
            if isTight(limit) || !isRisky { return isConfirmed(limit, now: now) ? .learned : .doubtful }
        }
        let fresh = freshStrays(now)
        if isRisky || fresh >= LearningRules.closesToLearnRange { return .erratic }
        if path.isBounded { return .path }
        if !limits.isEmpty { return .partial }
        if fullHolds >= LearningRules.closesToBeSure { return .unlimited }
        if fresh > 0 { return .tentative }
        return hint > 0 ? .hinted : .unknown
    }

    /// Nil before a limit is learned.
    package func estimate() -> IdleLimitEstimate? {
        guard let terminal else { return nil }
        let limit = limits[terminal]
        if isTight(limit) {
            return IdleLimitEstimate(
                limit: .learned(limit.mean), deviation: .learned(deviation(limit)), hits: Int(limit.hits))
        }
        guard !isRisky else { return nil }
        return IdleLimitEstimate(limit: .learned(limit.low), deviation: .learned(limit.spread), hits: Int(limit.hits))
    }

    /// In percent: how sure the limit, or that there is none, is.
    package func confidence(now: Int64) -> Int {
        let state = state(now: now)
        if let terminal {
            let (hits, share) = (Int(limits[terminal].hits), Int(limits[terminal].share))
            let percent = 100 * hits * share / (255 * (hits + 2))
            return state == .learned ? percent : percent >> 1
        }
        return state == .unlimited ? 100 * Int(fullHolds) / (Int(fullHolds) + 2) : 0
    }

    /// One line for an operator.
    package func text(now: Int64) -> String {
        let state = state(now: now)
        var parts = state == .erratic ? [] : partialLimits()
        let terminal = terminal.map { limits[$0] }
        let known = Self.age(ladder.largest)
        switch state {
        case .erratic:
            let rate =
                hazard.closes > 0 ? ", one in \(Self.age(hazard.idle / hazard.closes)) of idle time" : ""
            parts.append("closes idle connections at no fixed age\(rate)")
        case _ where terminal != nil:
            if let terminal { parts.append(described(terminal, isRest: !parts.isEmpty)) }
        case .tentative:
            let age = strays.last?.age ?? 0
            let others = ladder.largest > age ? "; others lived for \(known)" : ""
            parts.append("closed an idle connection after \(Self.age(age)), not yet seen often enough\(others)")
        case .unlimited:
            parts.append("keeps idle connections for \(Self.age(LearningRules.horizon)) and more: no limit seen")
        case .hinted: parts.append("says it keeps idle connections for \(Self.age(hint)); not yet observed")
        case _ where !parts.isEmpty: break
        case _ where ladder.largest > 0: parts.append("no limit known; idle connections lived for \(known)")
        case .unknown, .partial, .learned, .doubtful, .path: parts.append("nothing known yet")
        }
        return (parts + remarks(terminal, state)).joined(separator: "; ")
    }

    /// The limits that only some connections have.
    private func partialLimits() -> [String] {
        let end = terminal.map { limits[$0].low }
        var parts: [String] = []
        for index in limits.indices where index != terminal {
            let limit = limits[index]
            if let end, limit.low > end { continue }
            let share = limit.share >= 13 ? "about \(Int(limit.share) * 100 / 255) % of" : "a few"
            parts.append("closes \(share) idle connections \(range(limit))")
        }
        return parts
    }

    private func described(_ limit: Limit, isRest: Bool) -> String {
        let what = isRest ? "closes the rest" : "closes idle connections"
        let clock = countsFromRequest ? ", counted from the request" : ""
        let times = limit.hits == 1 ? "time" : "times"
        let deviation = max(deviation(limit), LearningRules.millisecond)
        let precision = isTight(limit) ? ", ±\(Self.span(deviation))" : ""
        return "\(what) \(range(limit))\(clock), seen \(limit.hits) \(times)\(precision)"
    }

    private func remarks(_ terminal: Limit?, _ state: IdleLimitState) -> [String] {
        var parts: [String] = []
        if state == .doubtful { parts.append("not confirmed since the origin changed") }
        if path.isBounded {
            let (alive, dead) = (Self.age(path.alive), Self.age(path.dead))
            parts.append("the path drops idle connections silently between \(alive) and \(dead)")
        }
        if let terminal, hint > 0, hint > edge(terminal) || hint < terminal.low - tolerance(terminal.low) {
            parts.append("its hint says \(Self.age(hint))")
        }
        if cap.isLearned { parts.append("closes after \(cap.requests) requests without saying so") }
        return parts
    }

    private func deviation(_ limit: Limit) -> Microseconds { max(limit.high - limit.mean, limit.mean - limit.low) }

    private func range(_ limit: Limit) -> String {
        isTight(limit)
            ? "after \(Self.age(limit.mean))" : "between \(Self.age(limit.low)) and \(Self.age(limit.high))"
    }

    /// Such as 5.00 s, 60.0 s or 610 s.
    private static func age(_ age: Microseconds) -> String {
        let second = LearningRules.second
        return switch age {
        case ..<(10 * second): "\(decimal(age, places: 2)) s"
        case ..<(100 * second): "\(decimal(age, places: 1)) s"
        default: "\(decimal(age, places: 0)) s"
        }
    }

    /// Such as 12 ms or 1.5 s.
    private static func span(_ span: Microseconds) -> String {
        span < LearningRules.second
            ? "\(span / LearningRules.millisecond) ms" : "\(decimal(span, places: 1)) s"
    }

    /// Seconds.
    private static func decimal(_ length: Microseconds, places: Int) -> String {
        var unit = LearningRules.second
        for _ in 0..<places { unit /= 10 }
        let parts = LearningRules.second / unit
        let rounded = (length + unit / 2) / unit
        guard places > 0 else { return "\(rounded)" }
        let fraction = "\(rounded % parts)"
        return "\(rounded / parts).\(String(repeating: "0", count: places - fraction.utf8.count))\(fraction)"
    }
}
