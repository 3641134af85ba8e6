package import ProxyTypes

/// An address leaves an origin's name, and may come back.
extension OriginPool {
    /// The address of this connection is not the origin's any more. While it is idle no request gets it, and it closes at
    /// `until`, or sooner where it takes up the room of a dial that a waiting request needs. A pinned one may
    /// still serve its owner; of a leased one the driver decides when its lease ends.
    package mutating func withdraw(
        _ id: ConnectionID, until: Instant, now: Instant, into actions: inout [PoolAction]
    ) {
        guard let index = table.index(of: id) else { return }
        switch table.slots[index].state {
        case .idle:
            switch table.slots[index].trust {
            case .trusted:
                table.setTrust(index, .withdrawn(until: until))
                setIdleBound(index)
            // Nothing would be left of the doubt if its address came back; and what a parked one could show is of no use.
            case .distrusted, .parked: return retireAndRebalance(index, now: now, into: &actions)
            // It closes no later because yet another address has left.
            case .withdrawn: return
            }
        case .pinned:
            guard !table.slots[index].ownership.isLoggingIn, until < table.slots[index].idleUntil else { return }
            table.slots[index].idleUntil = until
            table.slots[index].idleReason = .dnsDrain
        case .free, .dialing, .leased, .closing, .tunnelDialing, .tunnel: return
        }
        idleDue = min(idleDue, table.deadline(index))
        rebalance(now: now, into: &actions)
    }

    /// The address is the origin's again.
    package mutating func restore(_ id: ConnectionID, now: Instant, into actions: inout [PoolAction]) {
        guard let index = table.index(of: id) else { return }
        switch table.slots[index].state {
        case .idle where table.slots[index].trust.isWithdrawn:
            table.restore(index)
            setIdleBound(index)
            offerRestored(index, now: now, into: &actions)
        case .pinned where table.slots[index].idleReason == .dnsDrain:
            table.slots[index].idleReason = .idleTimeout
            setIdleBound(index)
        case .free, .idle, .dialing, .leased, .pinned, .closing, .tunnelDialing, .tunnel: return
        }
        rebalance(now: now, into: &actions)
    }

    private mutating func retireAndRebalance(_ index: Int, now: Instant, into actions: inout [PoolAction]) {
        retire(index, .dnsDrain, into: &actions)
        rebalance(now: now, into: &actions)
    }

    /// Requests may be waiting that it can serve.
    private mutating func offerRestored(_ index: Int, now: Instant, into actions: inout [PoolAction]) {
        guard !isPaused, table.deadline(index) > now else { return }
        offerIdle(now: now, into: &actions)
    }
}
