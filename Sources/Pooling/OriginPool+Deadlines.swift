package import ProxyTypes

/// Time passes, and settings change.
extension OriginPool {
    /// It may be called early or late. Afterwards `nextDeadline` is later than `now`.
    package mutating func deadlineReached(now: Instant, into actions: inout [PoolAction]) {
        // `idleDue` may also be the time at which a pinned connection is closed for waiters, which `rebalance` does.
        if idleDue <= now { retireAllDue(now: now, into: &actions) }
        if waiterDue <= now { refuseOverdue(now: now, into: &actions) }
        rebalance(now: now, into: &actions)
    }

    /// Limits and idle bounds apply immediately, lifetimes to new connections, queue bounds to new requests.
    package mutating func apply(_ policy: PoolPolicy, now: Instant, into actions: inout [PoolAction]) {
        self.policy = policy
        noteBounds()
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
            if isWornOut(index), !table.slots[index].ownership.isLoggingIn {
                retire(index, .maxRequests, into: &actions)
            }
        }
        retireAllDue(now: now, into: &actions)
        while table.counts.idle > policy.maxIdle || origin.isExceeded, let oldest = table.longestIdle {
            retire(oldest, .poolShrink, into: &actions)
        }
        while origin.isExceeded, let oldest = table.firstPinned { retire(oldest, .poolShrink, into: &actions) }
        updateAllSharing()
        if !isPaused { offerIdle(now: now, into: &actions) }
        rebalance(now: now, into: &actions)
    }

    mutating func updateAllSharing() {
        var cursor = table.firstOpen
        while let index = cursor {
            cursor = table.next(index)
            updateSharing(index)
        }
    }

    /// Looks at each idle connection. `idleDue` is exact afterwards, so this is called at most once per retirement.
    mutating func retireAllDue(now: Instant, into actions: inout [PoolAction]) {
        let next = retireDue(from: table.longestIdle, now: now, into: &actions)
        idleDue = min(next, retireDue(from: table.firstPinned, now: now, into: &actions))
    }

    /// From `first` to the end of its list. Returns the next deadline of those left.
    private mutating func retireDue(from first: Int?, now: Instant, into actions: inout [PoolAction]) -> Instant {
        var next = Instant.distantFuture
        var cursor = first
        while let index = cursor {
            cursor = table.nextIdle(index)
            if table.deadline(index) <= now { retireDue(index, into: &actions) }
            // It was parked, and that time may be over as well.
            if table.slots[index].state == .idle, table.slots[index].trust.isParked, table.deadline(index) <= now {
                retireDue(index, into: &actions)
            }
            switch table.slots[index].state {
            case .idle, .pinned: next = min(next, table.deadline(index))
            case .free, .dialing, .leased, .closing, .tunnelDialing, .tunnel: break
            }
        }
        return next
    }

    mutating func retireDue(_ index: Int, into actions: inout [PoolAction]) {
        let isOld = table.slots[index].expiresAt <= table.slots[index].idleUntil
        if park(index, isOld: isOld, into: &actions) { return }
        retire(index, isOld ? .maxLifetime : table.slots[index].idleReason, into: &actions)
    }

    /// The longest waiting, as many as dials are under way, are spared: connect_timeout bounds their wait.
    private mutating func refuseOverdue(now: Instant, into actions: inout [PoolAction]) {
        let refusal = refusalForWaiting
        waiterDue = queue.expire(sparing: dialsForWaiters, now: now) { actions.append(.refuse($0, refusal)) }
        let tunnelRefusal = refusalForWaitingTunnel
        waiterDue = min(
            waiterDue, tunnelQueue.expire(sparing: 0, now: now) { actions.append(.refuse($0, tunnelRefusal)) })
    }
}
