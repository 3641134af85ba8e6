package import ProxyTypes

/// Leases end, and sockets do.
extension OriginPool {
    package mutating func release(
        _ id: ConnectionID, _ disposition: Disposition, now: Instant, into actions: inout [PoolAction]
    ) {
        // A dead generation: its socket went first and took the lease with it.
        guard let index = table.index(of: id) else { return }
        guard table.slots[index].state == .leased, table.slots[index].leases > 0 else {
            releaseWithoutLease(index, into: &actions)
            return
        }
        table.slots[index].leases -= 1
        table.slots[index].completed &+= 1
        switch disposition {
        case .reusable(let hint, let window):
            table.slots[index].window = window
            if table.slots[index].isDistrusted { table.setDistrusted(index, false) }
            if warmBackoff.isFailing { warmBackoff.succeeded() }
            if let hint { note(hint, index) }
        case .unused: break
        case .mustClose(let reason):
            mark(index, reason)
        }
        if table.slots[index].leases > 0 {
            refreshOpen(index)
            settle(now: now, into: &actions)
        } else if let reason = retirement(index, now: now) {
            retire(index, reason, into: &actions)
            settle(now: now, into: &actions)
        } else if let owner = table.slots[index].owner {
            keepPinned(index, owner: owner, now: now, into: &actions)
        } else {
            offerUsed(index, now: now, into: &actions)
        }
    }

    /// Its socket is gone, from whatever state: an idle one's FIN or RST, a broken one, or the end of a close we ordered.
    package mutating func closed(_ id: ConnectionID, now: Instant, into actions: inout [PoolAction]) {
        guard let index = table.index(of: id) else { return }
        noteLost(index, now: now)
        forget(index)
        noteFewerDials(now: now)
        settle(now: now, into: &actions)
    }

    /// The driver has begun to close it itself (bytes or a FIN on an idle one, a broken one): nobody gets it any more.
    /// It counts until `closed`; leases that it has may still be released, to no effect.
    package mutating func noteClosing(_ id: ConnectionID, now: Instant, into actions: inout [PoolAction]) {
        guard let index = table.index(of: id), table.slots[index].state != .closing else { return }
        noteLost(index, now: now)
        mark(index, .killed)
        table.move(index, to: .closing)
        if table.nothingLiesIdle { idleDue = .distantFuture }
        noteFewerDials(now: now)
        settle(now: now, into: &actions)
    }

    /// An origin that ends what was dialled ahead of use would be dialled again at once, for ever.
    private mutating func noteLost(_ index: Int, now: Instant) {
        guard table.slots[index].state == .idle, table.slots[index].granted == 0 else { return }
        warmBackoff.failed(begunIn: warmBackoff.era, now: now, random: &random)
    }

    private mutating func releaseWithoutLease(_ index: Int, into actions: inout [PoolAction]) {
        if table.slots[index].state == .closing, table.slots[index].leases > 0 {
            // The driver began to close it during the exchange that ends now.
            table.slots[index].leases -= 1
            return
        }
        Invariant.broken("a connection is released that is not leased")
        switch table.slots[index].state {
        case .idle, .pinned: retire(index, .killed, into: &actions)
        case .free, .dialing, .leased, .closing: break
        }
    }

    private mutating func note(_ hint: KeepAliveHint, _ index: Int) {
        if let timeout = hint.timeout { table.slots[index].hintedTimeout = timeout }
        if let max = hint.max {
            // Requests pipelined behind this one's response are of the M that the origin still takes.
            let left = Swift.max(0, max - Int(table.slots[index].leases))
            table.slots[index].allowed = UInt32(clamping: min(left, Int(UInt32.max) - 1))
        }
    }

    /// Why a connection whose last lease has ended is not used again.
    @inline(__always)
    private func retirement(_ index: Int, now: Instant) -> CloseReason? {
        if table.slots[index].isLeaving { return table.slots[index].leaveReason }
        // Not used, and only its owner could prove it alive.
        if table.slots[index].isDistrusted, table.slots[index].owner != nil { return .distrusted }
        if table.slots[index].allowed == 0 { return .keepAliveHint }
        // A login that needs one more request on this connection gets it.
        if table.slots[index].isLoggingIn { return nil }
        if isWornOut(index) { return .maxRequests }
        if let hint = table.slots[index].hintedTimeout, hint - policy.keepAliveMargin <= .zero { return .keepAliveHint }
        if table.slots[index].expiresAt <= now { return .maxLifetime }
        if origin.isExceeded || total.isExceeded { return .poolShrink }
        return nil
    }

    @inline(__always)
    func isWornOut(_ index: Int) -> Bool {
        policy.maxRequestsPerConnection > 0 && table.slots[index].granted >= policy.maxRequestsPerConnection
    }

    private mutating func offerUsed(_ index: Int, now: Instant, into actions: inout [PoolAction]) {
        if (queue.isEmpty && policy.minIdle == 0) || isPaused {
            becomeIdle(index, now: now, into: &actions)
            return
        }
        if table.slots[index].isDistrusted {
            // It was not used: not everybody who waits may have it.
            becomeIdle(index, now: now, into: &actions)
            settle(now: now, into: &actions)
            return
        }
        // What room there is comes before closing one that works.
        while usefulDials < queue.freshCount, tryDial(now: now, into: &actions) {}
        if retryNeedsRoom {
            retire(index, .poolShrink, into: &actions)
        } else if let waiter = queue.takeOrdinary() {
            grant(waiter.id, index, mayPipeline: waiter.mayPipeline, into: &actions)
        } else {
            becomeIdle(index, now: now, into: &actions)
        }
        settle(now: now, into: &actions)
    }

    mutating func becomeIdle(_ index: Int, now: Instant, into actions: inout [PoolAction]) {
        table.slots[index].idleSince = now
        table.slots[index].hasLainIdle = true
        setIdleBound(index)
        table.move(index, to: .idle)
        let due = table.deadline(index)
        if due < idleDue { idleDue = due }
        if table.counts.idle > policy.maxIdle, let oldest = table.longestIdle {
            retire(oldest, .poolShrink, into: &actions)
        }
    }

    mutating func setIdleBound(_ index: Int) {
        let (bound, byHint) = policy.idleBound(hint: table.slots[index].hintedTimeout)
        table.slots[index].idleUntil = table.slots[index].idleSince + bound
        table.slots[index].idleByHint = byHint
        if table.slots[index].isDistrusted {
            table.slots[index].idleUntil = min(table.slots[index].idleUntil, table.slots[index].proveBy)
        }
        if table.slots[index].isLoggingIn {
            let atLeast = table.slots[index].idleSince + Self.ownersTime
            table.slots[index].idleUntil = max(table.slots[index].idleUntil, atLeast)
            table.slots[index].expiresAt = max(table.slots[index].expiresAt, atLeast)
        }
    }
}
