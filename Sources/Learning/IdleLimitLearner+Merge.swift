extension IdleLimitLearner {
    /// Adds what another loop or host learned of the same origin. Where the two count ages differently, the one with
    /// more closes wins.
    package mutating func merge(_ other: IdleLimitLearner) {
        guard countsFromRequest == other.countsFromRequest else {
            if other.closes > closes {
                limits = other.limits
                strays = other.strays
                ladder = other.ladder
                countsFromRequest = other.countsFromRequest
                for index in strays.indices { strays[index].leadsBurst = false }
            }
            return
        }
        for index in other.limits.indices { insert(other.limits[index]) }
        mergeStrays(other.strays)
        ladder.merge(other.ladder)
        closes += other.closes
        hazard.merge(other.hazard)
        restarts = min(restarts + other.restarts, Int(UInt16.max))
        fullHolds = UInt8(min(Int(fullHolds) + Int(other.fullHolds), 255))
        doubtedAt = max(doubtedAt, other.doubtedAt)
        path.merge(other.path)
        if let terminal { ladder.forget(above: edge(limits[terminal])) }
    }

    /// The latest that no limit explains.
    private mutating func mergeStrays(_ others: InlineVector<8, Stray>) {
        var both = InlineVector<16, Stray>(unused: .unused)
        for index in strays.indices { both.append(strays[index]) }
        for index in others.indices {
            both.append(others[index])
            both[both.count - 1].leadsBurst = false
        }
        both.sort { $0.at < $1.at }
        let known = self
        both.removeAll { known.isExplained($0) }
        strays.removeAll()
        for index in max(both.count - LearningRules.strays, 0)..<both.count { strays.append(both[index]) }
    }
}
