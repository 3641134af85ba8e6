package import ProxyTypes

/// A connection that is lost without notice casts doubt on the others.
///
/// What its failure proves: after its last sign of life something ended it (the origin's host started anew, a firewall or
/// balancer dropped its entry), and no FIN or RST told of that. Whatever is idle at the moment of the failure was last
/// heard from before it, so the same may have ended it too. To have been heard from later than the lost one is no alibi:
/// what ended that one may have come later still. What is leased at that moment proves itself by the answer it owes, or
/// fails in its own right.
///
///     idle ──another is lost──> distrusted ──granted to what may be repeated──> leased
///      ▲                            │                                          │   │
///      │                            │ not proved by `proveBy`, or in the way   │   │ lost as well: those
///      │                            ▼ of who waits                             │   │ still distrusted close
///      │                         closing <─────────────────────────────────────┼───┘
///      └──────────────────────────── it answered ──────────────────────────────┘
///
/// - What may not be repeated never gets a distrusted connection. What may gets one where no trusted one is idle, since
///   the doubt is mostly unfounded (an origin that ends idle connections); one at a time, so that in the worst case a
///   single request pays with a retry.
/// - Each proves itself alone, by a whole answer. An acknowledged TCP probe would not do: behind a balancer it comes from
///   the balancer.
/// - A distrusted one keeps nobody waiting: where it takes the place of a dial that is wanted, it is closed.
/// - Pinned ones are left alone: their owner has no other that would do.
extension OriginPool {
    /// For so long a distrusted connection may lie idle without having proved alive.
    package static let proofTime = Interval.seconds(5)

    /// A leased connection ended before any byte of the response that is due; its lease is released after this. Returns
    /// how many others are distrusted for it.
    package mutating func lostWithoutNotice(
        _ id: ConnectionID, now: Instant, into actions: inout [PoolAction]
    ) -> Int {
        guard let index = table.index(of: id), table.slots[index].state == .leased else { return 0 }
        // One that was in use from its dial on was not lost in silence: the origin failed at the request.
        guard table.slots[index].granted > 1 || table.slots[index].hasLainIdle else { return 0 }
        var distrusted = 0
        if table.slots[index].isDistrusted {
            while let doubted = table.longestDistrusted { retire(doubted, .distrusted, into: &actions) }
        } else {
            distrusted = distrustIdle(now: now)
        }
        settle(now: now, into: &actions)
        return distrusted
    }

    private mutating func distrustIdle(now: Instant) -> Int {
        let due = now + Self.proofTime
        let count = table.trusted.count
        while let index = table.longestTrusted {
            table.setDistrusted(index, true)
            table.slots[index].proveBy = due
            setIdleBound(index)
        }
        if count > 0 { idleDue = min(idleDue, due) }
        // What is busy takes one more request when it has answered one.
        while let index = table.firstOpen { table.setOpen(index, false) }
        return count
    }

    /// The one heard from last, unless another is proving itself.
    mutating func takeDistrusted(now: Instant, into actions: inout [PoolAction]) -> Int? {
        while table.distrustedLeases == 0, let index = table.lastDistrusted {
            if table.deadline(index) > now { return index }
            retireDue(index, into: &actions)
        }
        return nil
    }

    /// To whose turn it is.
    mutating func offerDistrusted(now: Instant, into actions: inout [PoolAction]) {
        while !table.distrusted.isEmpty, let next = queue.nextOrdinary, next.mayRepeat,
            let index = takeDistrusted(now: now, into: &actions), let waiter = queue.takeOrdinary()
        {
            grant(waiter.id, index, mayPipeline: waiter.mayPipeline, into: &actions)
        }
    }

    mutating func makeRoomOfDistrusted(into actions: inout [PoolAction]) {
        while distrustedGiveWay, let index = table.longestDistrusted {
            retire(index, .distrusted, into: &actions)
        }
    }

    /// Somebody waits for whom neither a dial is under way nor a closing connection makes room.
    @inline(__always)
    var distrustedGiveWay: Bool {
        queue.count > usefulDials + table.counts.closing && !backoff.isFailing
    }
}
