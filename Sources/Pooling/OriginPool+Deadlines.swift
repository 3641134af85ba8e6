package import ProxyTypes

/// Time passes, and settings change.
extension OriginPool {
    /// May come early or late: what is due now is done, and `nextDeadline` is later than `now` afterwards.
    package mutating func deadlineReached(now: Instant, into actions: inout [PoolAction]) {
        // The time of a pinned one that gives way is not among those that this finds: `settle` looks after it.
        if idleDue <= now { retireAllDue(now: now, into: &actions) }
        if waiterDue <= now { refuseOverdue(now: now, into: &actions) }
        settle(now: now, into: &actions)
    }

    /// Settings changed: limits and idle bounds hold at once, lifetimes for new connections, queue bounds for new requests.
    package mutating func apply(_ policy: PoolPolicy, now: Instant, into actions: inout [PoolAction]) {
        self.policy = policy
        origin.limit = policy.maxConnections
        var cursor = table.longestIdle
        while let index = cursor {
            cursor = table.nextIdle(index)
            setIdleBound(index)
            if isWornOut(index) { retire(index, .maxRequests, into: &actions) }
        }
        cursor = table.firstPinned
        while let index = cursor {
            cursor = table.next(index)
            setIdleBound(index)
            if isWornOut(index), !table.slots[index].isLoggingIn { retire(index, .maxRequests, into: &actions) }
        }
        retireAllDue(now: now, into: &actions)
        while table.counts.idle > policy.maxIdle || origin.isExceeded, let oldest = table.longestIdle {
            retire(oldest, .poolShrink, into: &actions)
        }
        while origin.isExceeded, let oldest = table.firstPinned { retire(oldest, .poolShrink, into: &actions) }
        cursor = table.firstOpen
        while let index = cursor {
            cursor = table.next(index)
            refreshOpen(index)
        }
        settle(now: now, into: &actions)
    }

    /// Looks at each idle connection; it is called once per retirement at most, as the bound it leaves is exact.
    private mutating func retireAllDue(now: Instant, into actions: inout [PoolAction]) {
        let next = retireDue(from: table.longestIdle, now: now, into: &actions)
        idleDue = min(next, retireDue(from: table.firstPinned, now: now, into: &actions))
    }

    /// Of one list, from its first on. Returns when the next of the rest is due.
    private mutating func retireDue(from first: Int?, now: Instant, into actions: inout [PoolAction]) -> Instant {
        var next = Instant.distantFuture
        var cursor = first
        while let index = cursor {
            cursor = table.nextIdle(index)
            if table.deadline(index) <= now {
                retireDue(index, into: &actions)
            } else {
                next = min(next, table.deadline(index))
            }
        }
        return next
    }

    mutating func retireDue(_ index: Int, into actions: inout [PoolAction]) {
        let slot = table.slots[index]
        let reason: CloseReason
        if slot.expiresAt <= slot.idleUntil {
            reason = .maxLifetime
        } else if slot.isDistrusted, slot.proveBy <= slot.idleUntil {
            reason = .distrusted
        } else {
            reason = slot.idleByHint ? .keepAliveHint : .idleTimeout
        }
        retire(index, reason, into: &actions)
    }

    /// As many as dials are under way, the longest waiting, are bounded by those dials' own limits instead.
    private mutating func refuseOverdue(now: Instant, into actions: inout [PoolAction]) {
        let refusal = refusalForWaiting
        waiterDue = queue.expire(sparing: dialsForWaiters, now: now) { actions.append(.refuse($0, refusal)) }
    }
}
