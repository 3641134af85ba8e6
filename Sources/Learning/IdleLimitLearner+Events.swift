package import ProxyTypes

/// What the pool tells.
extension IdleLimitLearner {
    /// A FIN or RST came on an idle connection that was being watched, after so many requests.
    package mutating func closed(_ period: IdlePeriod, requests: Int, now: Int64) {
        closed(
            age: period.age.learned, lag: period.lag.learned, told: period.told.learned, requests: Int64(requests),
            now: now)
    }

    /// The first byte of a response came on a connection that had been idle for so long when the request went out.
    /// Below the watermark `rested` is enough.
    package mutating func reused(_ period: IdlePeriod) {
        stayedOpen(period)
        path.prove(period.age.learned)
    }

    /// We closed it ourselves, still open.
    package mutating func kept(_ period: IdlePeriod) {
        stayedOpen(period)
        guard age(period.age.learned, period.lag.learned) >= LearningRules.horizon else { return }
        fullHolds = fullHolds < .max ? fullHolds + 1 : .max
    }

    /// Idle periods of so much in all ended below the watermark.
    package mutating func rested(_ total: Interval) { hazard.rest(total.learned) }

    /// A probe has passed the milestone and is still open. Returns what is told of its idle period from now on.
    @discardableResult
    package mutating func outlived(_ period: IdlePeriod) -> Interval {
        let age = age(period.age.learned, period.lag.learned)
        outlive(from: period.told.learned, to: age, endedBy: nil)
        return .learned(age)
    }

    /// A reuse failed before any byte of a response, on a connection that had answered so many requests.
    package mutating func lost(_ period: IdlePeriod, _ failure: FailedReuse, requests: Int, now: Int64) {
        let (elapsed, shortest) = (failure.elapsed.learned, failure.shortestRoundTrip.learned)
        let tookARoundTrip = elapsed >= shortest - (shortest >> 3)
        if failure.sign == .silence || failure.sign == .reset && tookARoundTrip {
            path.fail(period.age.learned, now: now)
        } else if elapsed <= reach + 2 * LearningRules.millisecond {
            // It was under way when we sent: a close like any other, seen to the millisecond.
            closed(
                age: period.age.learned + elapsed, lag: period.lag.learned, told: period.told.learned,
                requests: Int64(requests), now: now)
        }
        // Else the origin answered the request with its FIN, which says nothing about idle time.
    }

    /// A TCP keep-alive segment was sent on a probe at this idle age.
    package mutating func probed(_ age: Interval, answered: Bool, now: Int64) {
        if answered { path.prove(age.learned) } else { path.fail(age.learned, now: now) }
    }

    /// A connection has answered its so-many-th request.
    package mutating func served(requests: Int) {
        if Int64(requests) > cap.requests { cap.refute() }
    }

    /// A Keep-Alive field named this time-out; zero where there is none.
    package mutating func hinted(_ timeout: Interval, now: Int64) {
        guard timeout.learned != hint else { return }
        if hint > 0 { doubtedAt = now }
        hint = timeout.learned
    }

    /// Delays beyond an hour count as one.
    package mutating func measured(_ delays: PathDelays) {
        let longest = 3600 * LearningRules.second
        roundTrip = min(delays.roundTrip.learned, longest)
        variation = min(delays.variation.learned, longest)
        retransmission = min(delays.retransmission.learned, longest)
    }

    /// The fingerprint of a Server field. A rolling deploy alternates between two without raising doubt.
    package mutating func servedBy(_ fingerprint: UInt32, now: Int64) {
        guard fingerprint != server, fingerprint != previousServer else { return }
        if server != 0 { doubtedAt = now }
        previousServer = server
        server = fingerprint
    }

    private mutating func closed(age: Microseconds, lag: Microseconds, told: Microseconds, requests: Int64, now: Int64)
    {
        closes += 1
        guard age >= LearningRules.afterResponse else { return cap.closed(after: requests, now: now) }
        if cap.requests > 0, requests >= cap.requests { cap.refute() }
        path.prove(age)
        let age = min(self.age(age, lag), LearningRules.largestAge)
        outlive(from: told, to: age, endedBy: explanation(of: age))
        hazard.rest(age)
        // Forgetting others does not change which limit explains this.
        guard let index = explanation(of: age) else {
            hazard.noteClose()
            return noteStray(Stray(age: age, lag: lag, at: now))
        }
        let limit = limits[index]
        if !limit.isTerminal, !isTight(limit), !hazard.isCrowded(limit) { hazard.noteClose() }
        if 0 <= now - limit.last, now - limit.last < LearningRules.instant {
            limits[index].widen(age)
        } else {
            hit(index, age, now: now)
        }
    }

    private mutating func stayedOpen(_ period: IdlePeriod) {
        hazard.rest(period.age.learned)
        let age = age(period.age.learned, period.lag.learned)
        outlive(from: period.told.learned, to: age, endedBy: nil)
        ladder.climb(age)
    }

    /// The connection was seen open beyond `told` and up to `age`, where the limit `ending` ended it.
    private mutating func outlive(from told: Microseconds, to age: Microseconds, endedBy ending: Int?) {
        var isForgotten = false
        for index in limits.indices where index != ending {
            let edge = edge(limits[index])
            guard told <= edge, edge < age else { continue }
            limits[index].noteOutlived()
            isForgotten = isForgotten || limits[index].missed >= LearningRules.missedToForget
        }
        if isForgotten { limits.removeAll { $0.missed >= LearningRules.missedToForget } }
        isForgotten = false
        for index in strays.indices {
            let edge = strays[index].age + tolerance(strays[index].age)
            guard told <= edge, edge < age else { continue }
            strays[index].passed = strays[index].passed < .max ? strays[index].passed + 1 : .max
            isForgotten = isForgotten || strays[index].passed >= LearningRules.passedToForget
        }
        if isForgotten { strays.removeAll { $0.passed >= LearningRules.passedToForget } }
    }
}
