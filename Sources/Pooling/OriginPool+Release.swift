package import ProxyTypes

/// Leases and connections end.
extension OriginPool {
    package mutating func release(
        _ id: ConnectionID, _ disposition: Disposition, now: Instant, into actions: inout [PoolAction]
    ) {
        // A dead generation: its socket closed first, which ended the lease.
        guard let index = table.index(of: id) else { return }
        guard table.slots[index].state == .leased, table.slots[index].leases > 0 else {
            releaseWithoutLease(index, into: &actions)
            return
        }
        table.slots[index].leases -= 1
        table.slots[index].completed &+= 1
        switch disposition {
        case .reusable(let hint, let window, let lag):
            table.slots[index].window = window
            table.slots[index].lag = lag
            table.slots[index].idleSince = now
            if table.slots[index].trust.isDistrusted { table.setTrust(index, .trusted) }
            if warmBackoff.isFailing { warmBackoff.succeeded() }
            if let hint { note(hint, index) }
        case .unused: break
        case .mustClose(let reason):
            markDraining(index, reason)
        }
        if table.slots[index].leases > 0 {
            // Otherwise pipelined requests of this pool could keep it leased forever.
            if table.slots[index].sharing != .exclusive, mustYield(index, now: now), !isYielding {
                markDraining(index, .poolShrink)
            }
            updateSharing(index)
            rebalance(now: now, into: &actions)
        } else if let reason = retirement(index, now: now) {
            retire(index, reason, into: &actions)
            rebalance(now: now, into: &actions)
        } else if let owner = table.slots[index].ownership.owner {
            keepPinned(index, owner: owner, now: now, into: &actions)
        } else if case .unused = disposition, table.slots[index].hasBeenIdle {
            returnUnused(index, now: now, into: &actions)
        } else {
            offerUsed(index, now: now, into: &actions)
        }
    }

    /// Its socket is closed, whatever its state was: the origin closed it, it failed, or the pool ordered it closed.
    /// `portIsFree`: it leaves nothing in TIME_WAIT on this side.
    package mutating func closed(
        _ id: ConnectionID, portIsFree: Bool = false, now: Instant, into actions: inout [PoolAction]
    ) {
        guard let index = table.index(of: id) else { return }
        if portIsFree { notePortFree(now: now) }
        noteLost(index, now: now)
        forget(index)
        noteFewerDials(now: now)
        rebalance(now: now, into: &actions)
    }

    /// The driver has begun to close the connection itself (unexpected bytes or a FIN while it was idle, or a failure).
    /// It is not granted any more, and counts until `closed`; its leases may still be released, without effect.
    package mutating func noteClosing(_ id: ConnectionID, now: Instant, into actions: inout [PoolAction]) {
        guard let index = table.index(of: id) else { return }
        switch table.slots[index].state {
        case .dialing, .idle, .leased, .pinned: break
        // Noted already, or a tunnel, which is never granted again.
        case .closing, .tunnelDialing, .tunnel, .free: return
        }
        noteLost(index, now: now)
        markDraining(index, .killed)
        beginClosing(index)
        noteFewerDials(now: now)
        rebalance(now: now, into: &actions)
    }

    /// Otherwise an origin that closes connections dialled ahead would be dialled again immediately, forever.
    private mutating func noteLost(_ index: Int, now: Instant) {
        guard table.slots[index].state == .idle, table.slots[index].granted == 0 else { return }
        warmBackoff.failed(begunIn: warmBackoff.epoch, now: now, random: &random)
    }

    private mutating func releaseWithoutLease(_ index: Int, into actions: inout [PoolAction]) {
        if table.slots[index].state == .closing, table.slots[index].leases > 0 {
            // Legal: the driver began to close it during the exchange that ends now.
            table.slots[index].leases -= 1
            return
        }
        Invariant.broken("a connection is released that is not leased")
        switch table.slots[index].state {
        case .idle, .pinned: retire(index, .killed, into: &actions)
        case .free, .dialing, .leased, .closing, .tunnelDialing, .tunnel: break
        }
    }

    private mutating func note(_ hint: KeepAliveHint, _ index: Int) {
        if let timeout = hint.timeout { table.slots[index].hintedTimeout = timeout }
        if let max = hint.max {
            // Requests already pipelined behind this response count towards the origin's maximum.
            let left = Swift.max(0, max - Int(table.slots[index].leases))
            table.slots[index].allowed = UInt32(clamping: min(left, Int(UInt32.max) - 1))
        }
    }

    /// Why a connection whose last lease has ended is not used again.
    @inline(__always)
    private mutating func retirement(_ index: Int, now: Instant) -> CloseReason? {
        if let reason = table.slots[index].closeReason { return reason }
        // Nothing was received on it, and only requests of its owner could show that it is alive.
        if table.slots[index].trust.isDistrusted, table.slots[index].ownership.owner != nil { return .distrusted }
        if table.slots[index].allowed == 0 { return .keepAliveHint }
        // The login needs one more request on this connection.
        if table.slots[index].ownership.isLoggingIn { return nil }
        if isWornOut(index), wearsOut(index) { return .maxRequests }
        if let hint = table.slots[index].hintedTimeout, hint - policy.keepAliveMargin <= .zero { return .keepAliveHint }
        if table.slots[index].expiresAt <= now { return .maxLifetime }
        if origin.isExceeded || total.isExceeded { return .poolShrink }
        return nil
    }

    @inline(__always)
    mutating func isWornOut(_ index: Int) -> Bool {
        let granted = table.slots[index].granted
        if policy.maxRequestsPerConnection > 0, granted >= policy.maxRequestsPerConnection { return true }
        return isBounded && isWornOutAsLearned(granted)
    }

    /// Of those that end only for what was learned, one in eight goes on, to find out whether that still holds. It serves
    /// only what may be repeated.
    private mutating func wearsOut(_ index: Int) -> Bool {
        let limit = policy.maxRequestsPerConnection
        if limit > 0, table.slots[index].granted >= limit { return true }
        wornOut &+= 1
        return wornOut % 8 != 0
    }

    private mutating func isWornOutAsLearned(_ granted: UInt32) -> Bool {
        guard let learned, learned.maxRequests > 0 else { return false }
        return granted >= learned.maxRequests
    }

    private mutating func offerUsed(_ index: Int, now: Instant, into actions: inout [PoolAction]) {
        if (queue.isEmpty && tunnelQueue.isEmpty && policy.minIdle == 0) || isPaused {
            becomeIdle(index, since: now, into: &actions)
            return
        }
        if table.slots[index].trust.isDistrusted {
            // Nothing was received on it: it stays distrusted, and not every waiting request may have it.
            becomeIdle(index, since: now, into: &actions)
            rebalance(now: now, into: &actions)
            return
        }
        // Where there is room, dial rather than close a connection that works.
        while usefulDials < queue.freshCount, tryDial(now: now, into: &actions) {}
        if retryNeedsRoom || !queue.isEmpty && mustYield(index, now: now) {
            retire(index, .poolShrink, into: &actions)
        } else if isBounded, isTooUsedForNext(index) {
            retire(index, .maxRequests, into: &actions)
        } else if let waiter = queue.takeOrdinary() {
            serve(waiter, index, now: now, into: &actions)
        } else {
            becomeIdle(index, since: now, into: &actions)
        }
        rebalance(now: now, into: &actions)
    }

    private mutating func isTooUsedForNext(_ index: Int) -> Bool {
        guard isWornOutAsLearned(table.slots[index].granted), !hasNoPort, let next = queue.nextOrdinary else {
            return false
        }
        return !next.request.isRetryable
    }

    /// Nothing was sent on it: it is as old as before.
    private mutating func returnUnused(_ index: Int, now: Instant, into actions: inout [PoolAction]) {
        becomeIdle(index, since: table.slots[index].idleSince, into: &actions)
        if table.slots[index].state == .idle, !table.slots[index].trust.isDistrusted { table.sortIn(index) }
        if !isPaused { offerIdle(now: now, into: &actions) }
        rebalance(now: now, into: &actions)
    }

    mutating func becomeIdle(_ index: Int, since: Instant, into actions: inout [PoolAction]) {
        table.slots[index].idleSince = since
        table.slots[index].hasBeenIdle = true
        setIdleBound(index)
        table.move(index, to: .idle)
        let due = table.deadline(index)
        if due < idleDue { idleDue = due }
        if table.counts.idle > policy.maxIdle, let oldest = table.longestIdle {
            retire(oldest, .poolShrink, into: &actions)
        }
    }

    mutating func setIdleBound(_ index: Int) {
        // A pinned one whose address has left keeps its end, whatever settings change.
        let end = table.slots[index].idleUntil
        let isLeaving = table.slots[index].state == .pinned && table.slots[index].idleReason == .dnsDrain
        let (bound, reason) = idleBound(of: index)
        table.slots[index].idleUntil = table.slots[index].idleSince + bound
        table.slots[index].idleReason = reason
        if let bound = pathBound(of: index), table.slots[index].idleSince + bound < table.slots[index].idleUntil {
            table.slots[index].idleUntil = table.slots[index].idleSince + bound
            table.slots[index].idleReason = .learnedIdleBound
        }
        boundTrust(index)
        if isLeaving, end <= table.slots[index].idleUntil {
            table.slots[index].idleUntil = end
            table.slots[index].idleReason = .dnsDrain
        }
        if table.slots[index].ownership.isLoggingIn {
            let atLeast = table.slots[index].idleSince + Self.ownerGrace
            table.slots[index].idleUntil = max(table.slots[index].idleUntil, atLeast)
            table.slots[index].expiresAt = max(table.slots[index].expiresAt, atLeast)
        }
    }

    @inline(__always)
    private mutating func idleBound(of index: Int) -> (bound: Interval, reason: CloseReason) {
        isBounded ? learnedIdleBound(of: index) : policy.idleBound(hint: table.slots[index].hintedTimeout)
    }

    private mutating func learnedIdleBound(of index: Int) -> (bound: Interval, reason: CloseReason) {
        guard let bounds = learned else { return policy.idleBound(hint: table.slots[index].hintedTimeout) }
        let lag = bounds.countsFromRequest ? table.slots[index].lag : .zero
        return (max(bounds.retire - lag, .zero), .learnedIdleBound)
    }

    @inline(__always)
    private mutating func boundTrust(_ index: Int) {
        let (until, reason): (Instant, CloseReason)
        switch table.slots[index].trust {
        case .trusted: return
        case .distrusted(let end): (until, reason) = (end, .distrusted)
        case .withdrawn(let end): (until, reason) = (end, .dnsDrain)
        case .parked(let end):
            table.slots[index].idleUntil = end
            table.slots[index].idleReason = .learnedIdleBound
            return
        }
        guard until <= table.slots[index].idleUntil else { return }
        table.slots[index].idleUntil = until
        table.slots[index].idleReason = reason
    }
}
