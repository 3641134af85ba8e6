package import ProxyTypes

/// Connections are drained or closed by an order from outside.
extension OriginPool {
    /// Idle connections close now, and so do pinned ones unless their owner is in the middle of a login; leased ones
    /// close when their lease ends, dialing ones when the dial has succeeded. Requests that wait or arrive later get
    /// new connections. Tunnels continue. Returns how many connections were not draining already.
    @discardableResult
    package mutating func drain(_ reason: CloseReason, now: Instant, into actions: inout [PoolAction]) -> Int {
        let affected = markAllDraining(reason, now: now, into: &actions)
        noteFewerDials(now: now)
        rebalance(now: now, into: &actions)
        return affected
    }

    /// Ends one connection: an idle one now, a leased or dialing one when that ends.
    package mutating func close(
        _ id: ConnectionID, _ reason: CloseReason, now: Instant, into actions: inout [PoolAction]
    ) {
        // A dead generation, or one that is draining already: the order crossed with the event.
        guard let index = table.index(of: id),
            table.slots[index].closeReason == nil || table.slots[index].state == .pinned
        else { return }
        switch table.slots[index].state {
        case .idle, .pinned: retire(index, reason, into: &actions)
        case .free, .dialing, .leased, .closing: markDraining(index, reason)
        // A tunnel ends with its client or its origin.
        case .tunnelDialing, .tunnel: return
        }
        noteFewerDials(now: now)
        rebalance(now: now, into: &actions)
    }

    /// Drains, and refuses waiting and later requests and CONNECTs. The shutdown is complete when `isEmpty`.
    package mutating func shutdown(now: Instant, into actions: inout [PoolAction]) {
        phase = .shutDown
        refuseRequests(.draining, into: &actions)
        refuseTunnels(.draining, into: &actions)
        _ = markAllDraining(.shutdown, now: now, into: &actions)
        rebalance(now: now, into: &actions)
    }

    /// Closes up to `count` idle connections, the longest idle first, then pinned ones, and returns how many it closed.
    /// `warmBackoff` delays the dials of `min_idle` that would replace them.
    package mutating func shedIdle(
        _ count: Int, _ reason: CloseReason, now: Instant, into actions: inout [PoolAction]
    ) -> Int {
        var shed = 0
        while shed < count, let index = table.longestIdle ?? table.firstPinnedLoggedIn {
            retire(index, reason, into: &actions)
            shed += 1
        }
        if shed > 0 {
            warmBackoff.failed(begunIn: warmBackoff.epoch, now: now, random: &random)
            rebalance(now: now, into: &actions)
        }
        return shed
    }

    /// What `shedIdle` could close; nil if nothing. `pool`: the driver's number for this pool.
    package func shedCandidate(_ pool: Int) -> ShedPolicy.Candidate? {
        guard let first = table.longestIdle ?? table.firstPinnedLoggedIn else { return nil }
        var candidate = ShedPolicy.Candidate(pool: pool, idleSince: table.slots[first].idleSince)
        candidate.distrusted = table.distrusted.count
        candidate.shared = table.trusted.count
        var cursor = table.firstPinned
        while let index = cursor {
            cursor = table.next(index)
            if !table.slots[index].ownership.isLoggingIn { candidate.pinned += 1 }
        }
        return candidate
    }

    /// Returns how many were not draining already.
    private mutating func markAllDraining(_ reason: CloseReason, now: Instant, into actions: inout [PoolAction]) -> Int
    {
        var affected = table.counts.idle + table.counts.dialing + table.counts.leased
        while let index = table.longestIdle { retire(index, reason, into: &actions) }
        var cursor = table.firstPinned
        while let index = cursor {
            cursor = table.next(index)
            if table.slots[index].closeReason == nil { affected += 1 }
            drainPinned(index, reason, now: now, into: &actions)
        }
        for index in table.slots.indices {
            #if CONND_PLANTED_FAULTS
                if PlantedFault.isActive(.drainForgetsDial), table.slots[index].state == .dialing { continue }
            #endif
            switch table.slots[index].state {
            case .dialing, .leased: markDraining(index, reason)
            case .free, .idle, .pinned, .closing, .tunnelDialing, .tunnel: break
            }
        }
        return affected
    }
}
