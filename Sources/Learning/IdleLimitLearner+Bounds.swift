package import ProxyTypes

/// What the pool obeys.
extension IdleLimitLearner {
    /// To be asked when something was learned, not for each request. `margin`: `keep_alive_margin`, how far to stay
    /// below the origin's hint.
    package func bounds(now: Int64, margin: Interval = .seconds(1)) -> IdleBounds {
        let terminal = terminal.map { limits[$0] }
        var ages = ages(terminal, margin: margin.learned, now: now)
        if path.isBounded {
            let climb = max(path.alive, min(LearningRules.reachOfRepeats * path.alive, path.dead >> 1))
            ages.post = min(ages.post, path.alive - (path.alive >> 4))
            ages.repeat = min(ages.repeat, climb)
            ages.retire = min(ages.retire, climb)
        }
        let zones = zones(below: ages.post, now: now)
        let isSure = terminal.map { $0.hits >= LearningRules.closesToBeSure } ?? false
        let keepAliveAt = path.keepAliveAt
        var bounds = IdleBounds(
            post: .learned(ages.post), repeat: .learned(ages.repeat), retire: .learned(ages.retire), zones: zones,
            firstZone: zones.isEmpty ? .learned(ages.post) : zones[0].low,
            park: isSure || fullHolds >= LearningRules.closesToBeSure ? 1 : 2, hold: .learned(LearningRules.horizon),
            milestone: .learned(terminal.map { edge($0) + 1 } ?? LearningRules.horizon),
            keepAliveAt: .learned(keepAliveAt), maxRequests: Int(cap.obeyed(now: now)), watermark: watermark,
            countsFromRequest: countsFromRequest, state: state(now: now))
        if path.isBounded {
            // Beyond it nothing comes through, not even a FIN.
            bounds.hold = .learned(min(path.dead + (path.dead >> 2), LearningRules.horizon))
            if keepAliveAt > path.dead { bounds.park = 1 }
        }
        return bounds
    }

    private typealias Ages = (post: Microseconds, repeat: Microseconds, retire: Microseconds)

    /// As far as the path is not concerned.
    private func ages(_ terminal: Limit?, margin: Microseconds, now: Int64) -> Ages {
        let vouched = vouched(now)
        let hint = hint > 0 && vouched < 2 * hint ? hint : 0
        let unproven = hint > 0 ? max(hint - max(margin, reach), 0) : LearningRules.trustedAge
        var ages: Ages
        if let terminal {
            (ages.post, ages.repeat) = below(terminal)
            if !isConfirmed(terminal, now: now) { ages.post = min(ages.post, max(unproven, vouched)) }
            if hint > 0, terminal.hits < LearningRules.closesToBeSure { ages.post = min(ages.post, unproven) }
            ages.retire = max(ages.post, ages.repeat)
        } else {
            ages.post = max(unproven, vouched)
            ages.repeat =
                hint > 0
                ? max(ages.post, hint - reach - 50 * LearningRules.millisecond)
                : min(max(ages.post, LearningRules.reachOfRepeats * path.alive), LearningRules.horizon)
            ages.retire = max(ages.post, min(ages.repeat, LearningRules.unprovenHold))
        }
        if isRisky { ages.post = min(ages.post, unproven) }
        return ages
    }

    /// How far a limit lets requests go.
    private func below(_ limit: Limit) -> (post: Microseconds, repeat: Microseconds) {
        var post = max(limit.floor(6) - guarded(limit), 0)
        let mean = min(limit.mean, limit.low + variation)
        let repeatGuard = LearningRules.repeatGuard(low: limit.low, hits: Int64(limit.hits))
        var `repeat` = max(max(limit.floor(2), mean) - reach - repeatGuard, 0)
        if !isTight(limit), limit.hits >= 16 {
            // Within a sweep few reuses meet their close, except towards its end.
            `repeat` = max(`repeat`, limit.high - 64 * (reach + LearningRules.millisecond))
            post = max(post, limit.high - LearningRules.postRisk * reach)
        }
        return (post, `repeat`)
    }

    /// How far a request that must not be sent twice stays below a limit.
    private func guarded(_ limit: Limit) -> Microseconds {
        reach + min(retransmission, limit.low >> 3)
            + LearningRules.postGuard(low: limit.low, spread: surplus(limit), hits: Int64(limit.hits))
    }

    /// The age that idle periods vouch for, as far as the path is proven.
    private func vouched(_ now: Int64) -> Microseconds {
        min(ladder.vouched(against: strays, now: now), path.alive + (path.alive >> 3), LearningRules.horizon)
    }

    /// Where a request that must not be sent twice stays away from: by age, apart, at most four.
    private func zones(below post: Microseconds, now: Int64) -> InlineVector<4, IdleBounds.Zone> {
        typealias Ages = (low: Microseconds, high: Microseconds)
        var found = InlineVector<8, Ages>(unused: (0, 0))
        func avoid(_ low: Microseconds, _ high: Microseconds) {
            if low < post { found.append((max(low, 0), high)) }
        }
        for index in 0..<(terminal ?? limits.count) where deservesZone(limits[index]) {
            let limit = limits[index]
            avoid(
                limit.floor(6) - guarded(limit), limit.high + limit.reserve(6) + 20 * LearningRules.millisecond)
        }
        if freshStrays(now) < LearningRules.closesToLearnRange {
            for index in strays.indices where strays[index].isFresh(now) {
                let (age, passed) = (strays[index].age, strays[index].passed)
                guard passed < LearningRules.passedToTrust else { continue }
                let guarded = LearningRules.postGuard(low: age, spread: 0, hits: 4)
                avoid(age - reach - min(retransmission, age >> 3) - guarded, age + tolerance(age))
            }
        }
        found.sort { $0 < $1 }
        var merged = InlineVector<8, Ages>(unused: (0, 0))
        for index in found.indices {
            if let last = merged.last, found[index].low <= last.high {
                merged[merged.count - 1].high = max(last.high, found[index].high)
            } else {
                merged.append(found[index])
            }
        }
        while merged.count > 4 {
            var narrowest = 0
            for index in 0..<merged.count - 1
            where merged[index + 1].low - merged[index].high < merged[narrowest + 1].low - merged[narrowest].high {
                narrowest = index
            }
            merged[narrowest].high = merged[narrowest + 1].high
            merged.remove(at: narrowest + 1)
        }
        var zones = InlineVector<4, IdleBounds.Zone>(unused: .init(low: .zero, high: .zero))
        for index in merged.indices {
            zones.append(.init(low: .learned(merged[index].low), high: .learned(merged[index].high)))
        }
        return zones
    }

    /// A wide limit only where closes crowd: more than a POST may cost, and more than they do elsewhere.
    private func deservesZone(_ limit: Limit) -> Bool {
        isTight(limit)
            || max(Int64(limit.share), 1) * reach * LearningRules.postRisk >= 255 * limit.spread
                && hazard.isCrowded(limit)
    }
}
