package import ProxyTypes

/// Connections that belong to one client: they carried authentication that holds for the connection and not for a
/// request (RFC 4559), so requests of other clients on them would act as that client. Between requests such a
/// connection is `pinned`, not idle: it is granted to requests of its owner only.
extension OriginPool {
    /// How long after its last request a pinned connection is kept for its owner although other clients wait. A login
    /// under way is kept at least this long between two steps, whatever the idle bounds are.
    static let ownerGrace = Interval.seconds(1)
    /// The same for a connection whose owner has been challenged and has yet to answer.
    static let loginTimeout = Interval.seconds(5)

    /// The leased connection belongs to the client from now on. Where requests of others were sent on it too, it closes
    /// with its last lease. `isLoggingIn`: the client was just challenged and has yet to answer.
    package mutating func pin(_ id: ConnectionID, to client: ClientID, isLoggingIn: Bool) {
        // A dead generation.
        guard let index = table.index(of: id), table.slots[index].state == .leased else { return }
        guard table.slots[index].leases == 1, table.slots[index].ownership.owner ?? client == client else {
            return markDraining(index, .pinned)
        }
        // A draining connection carries no further step of a login.
        let continues = isLoggingIn && table.slots[index].closeReason == nil
        table.setOwnership(index, continues ? .loggingIn(client) : .pinned(client))
        table.setSharing(index, .exclusive)
    }

    /// The client is gone: its pinned connection closes now, a leased one when its lease ends.
    package mutating func endPins(of client: ClientID, now: Instant, into actions: inout [PoolAction]) {
        guard table.owned > 0 else { return }
        for index in table.slots.indices where table.slots[index].ownership.owner == client {
            endPin(index, into: &actions)
        }
        rebalance(now: now, into: &actions)
    }

    /// The client has a connection of its own that is not draining.
    package func isPinned(to client: ClientID) -> Bool {
        table.owned > 0
            && table.slots.indices.contains {
                table.slots[$0].ownership.owner == client && table.slots[$0].closeReason == nil
            }
    }

    /// The lease of an owned connection has ended: it serves the owner's next waiting request or becomes pinned, within
    /// the usual idle bounds. A client keeps one at most.
    mutating func keepPinned(_ index: Int, owner: ClientID, now: Instant, into actions: inout [PoolAction]) {
        for other in table.slots.indices where other != index && table.slots[other].ownership.owner == owner {
            endPin(other, into: &actions)
        }
        if !isPaused, let waiter = queue.takeOrdinary(of: owner) {
            serve(waiter, index, alone: true, now: now, into: &actions)
        } else {
            table.slots[index].idleSince = now
            setIdleBound(index)
            table.move(index, to: .pinned)
            idleDue = min(idleDue, table.deadline(index))
        }
        rebalance(now: now, into: &actions)
    }

    /// The client's pinned connection.
    mutating func takePinned(of client: ClientID, now: Instant, into actions: inout [PoolAction]) -> Int? {
        var cursor = table.firstPinned
        while let index = cursor {
            cursor = table.next(index)
            #if CONND_PLANTED_FAULTS
                if PlantedFault.isActive(.pinnedIsShared) { return index }
            #endif
            guard table.slots[index].ownership.owner == client else { continue }
            if table.deadline(index) > now { return index }
            retireDue(index, into: &actions)
        }
        return nil
    }

    /// After a pause: waiting requests of owners get their pinned connections.
    mutating func servePinned(now: Instant, into actions: inout [PoolAction]) {
        var cursor = table.firstPinned
        while let index = cursor {
            cursor = table.next(index)
            if table.deadline(index) <= now {
                retireDue(index, into: &actions)
            } else if let owner = table.slots[index].ownership.owner, let waiter = queue.takeOrdinary(of: owner) {
                serve(waiter, index, alone: true, now: now, into: &actions)
            }
        }
    }

    /// While a request waits and there is no room to dial: closes pinned ones, the longest idle first, that their
    /// owners have not used for `ownerGrace`, or `loginTimeout` during a login.
    mutating func closePinnedForWaiters(now: Instant, into actions: inout [PoolAction]) {
        var cursor = table.firstPinned
        while pinnedMustYield, let index = cursor {
            cursor = table.next(index)
            let grace = table.slots[index].ownership.isLoggingIn ? Self.loginTimeout : Self.ownerGrace
            let due = table.slots[index].idleSince + grace
            if due <= now { retire(index, .poolShrink, into: &actions) } else { idleDue = min(idleDue, due) }
        }
    }

    @inline(__always)
    private var pinnedMustYield: Bool {
        table.counts.pinned > 0 && queue.count > usefulDials + table.counts.closing && !backoff.isFailing
            && portsPermitDials && !(origin.hasRoom && totalHasRoom)
    }

    /// A soft drain lets a client that was challenged send its answer within `loginTimeout`. A drain for another reason
    /// does not: what a changed policy forbids must end.
    mutating func drainPinned(_ index: Int, _ reason: CloseReason, now: Instant, into actions: inout [PoolAction]) {
        guard table.slots[index].ownership.isLoggingIn, reason == .drained || reason == .dnsDrain else {
            return retire(index, reason, into: &actions)
        }
        markDraining(index, reason)
        table.slots[index].idleUntil = min(table.slots[index].idleUntil, now + Self.loginTimeout)
        idleDue = min(idleDue, table.slots[index].idleUntil)
    }

    /// Leased connections that can serve their owners only.
    var leasedToOwners: Int {
        table.slots.indices.count {
            table.slots[$0].state == .leased && table.slots[$0].closeReason == nil
                && table.slots[$0].ownership.owner != nil
        }
    }

    private mutating func endPin(_ index: Int, into actions: inout [PoolAction]) {
        if let owner = table.slots[index].ownership.owner { table.setOwnership(index, .pinned(owner)) }
        if table.slots[index].state == .pinned {
            retire(index, .pinned, into: &actions)
        } else {
            markDraining(index, .pinned)
        }
    }
}
