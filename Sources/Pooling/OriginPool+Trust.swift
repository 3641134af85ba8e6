package import ProxyTypes

/// When a connection is lost without a FIN or RST, the idle ones may be dead too.
///
/// The loss shows that something ended the connection silently after its last sign of life: the origin's host
/// restarted, or a firewall or balancer dropped its entry. Every connection that is idle at that moment was last heard
/// from before, so the same event may have ended it, even if it was heard from later than the lost one. Leased
/// connections are not distrusted: the response they owe shows whether they are alive.
///
///     idle ──another is lost──> distrusted ──granted to a retryable request──> leased
///      ▲                            │                                          │   │
///      │                            │ `verificationTimeout` passed, or its     │   │ lost as well: all that are
///      │                            ▼ room is needed                           │   │ still distrusted close
///      │                         closing <─────────────────────────────────────┼───┘
///      └──────────────────────────── it answered ──────────────────────────────┘
///
/// - Only retryable requests get a distrusted connection, and only where no trusted one is idle: most distrusted
///   connections are alive. One at a time is leased, so that at most one request needs a retry.
/// - A whole response makes that one connection trusted again. An acknowledged TCP probe would not do: behind a balancer
///   the balancer acknowledges it.
/// - A distrusted connection is closed where it takes up the room of a dial that a waiting request needs.
/// - Pinned connections are left alone: their owners can use no other.
extension OriginPool {
    /// A distrusted connection that stays idle for this long is closed.
    package static let verificationTimeout = Interval.seconds(5)

    /// A leased connection ended before any byte of the response that is due; its lease is released after this. Returns
    /// how many idle connections are distrusted because of it.
    package mutating func lostWithoutNotice(
        _ id: ConnectionID, now: Instant, into actions: inout [PoolAction]
    ) -> Int {
        guard let index = table.index(of: id), table.slots[index].state == .leased else { return 0 }
        // One that was never idle was not lost silently: the origin failed at its first request.
        guard table.slots[index].granted > 1 || table.slots[index].hasBeenIdle else { return 0 }
        var distrusted = 0
        if table.slots[index].trust.isDistrusted {
            while let other = table.longestDistrusted { retire(other, reasonOfDoubt(other), into: &actions) }
        } else {
            distrusted = distrustIdle(now: now)
        }
        rebalance(now: now, into: &actions)
        return distrusted
    }

    private mutating func distrustIdle(now: Instant) -> Int {
        let due = now + Self.verificationTimeout
        let count = table.trusted.count
        while let index = table.longestTrusted {
            table.setTrust(index, .distrusted(until: due))
            setIdleBound(index)
        }
        if count > 0 { idleDue = min(idleDue, due) }
        // Busy connections take a further request only after their next response.
        while let index = table.firstOpen { table.setSharing(index, .full) }
        return count
    }

    /// The one heard from last, unless another distrusted one is leased.
    mutating func takeDistrusted(now: Instant, into actions: inout [PoolAction]) -> Int? {
        while table.distrustedLeases == 0, let index = table.lastDistrusted {
            if table.deadline(index) > now { return index }
            retireDue(index, into: &actions)
        }
        return nil
    }

    mutating func offerDistrusted(now: Instant, into actions: inout [PoolAction]) {
        while !table.distrusted.isEmpty, let next = queue.nextOrdinary, next.request.isRetryable,
            let index = takeDistrusted(now: now, into: &actions), let waiter = queue.takeOrdinary()
        {
            serve(waiter, index, now: now, into: &actions)
        }
    }

    mutating func closeDistrustedForWaiters(into actions: inout [PoolAction]) {
        while waitersNeedRoom, let index = table.longestDistrusted {
            retire(index, reasonOfDoubt(index), into: &actions)
        }
    }

    func reasonOfDoubt(_ index: Int) -> CloseReason {
        switch table.slots[index].trust {
        case .withdrawn: .dnsDrain
        case .parked: .poolShrink
        case .trusted, .distrusted: .distrusted
        }
    }

    /// A request waits for which no dial is under way and no closing connection makes room.
    @inline(__always)
    var waitersNeedRoom: Bool {
        queue.count > usefulDials + table.counts.closing && !backoff.isFailing && portsPermitDials
    }
}
