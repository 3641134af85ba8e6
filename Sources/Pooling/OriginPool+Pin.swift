package import ProxyTypes

/// Connections that belong to one client: authentication was seen on them that holds for a connection, not for a request
/// (RFC 4559), so what anyone else sent there would act as that client. Between its client's requests such a connection is
/// `pinned`, not idle: nothing but a request of its owner is ever granted it.
extension OriginPool {
    /// How long after its last request a pinned connection is kept for its owner although other clients wait, and how
    /// long a login may take between two steps, whatever the bounds of idle connections.
    static let ownersTime = Interval.seconds(1)
    /// How long a client that was challenged may take to answer before its connection gives way like any other.
    static let loginTime = Interval.seconds(5)

    /// From here on the leased connection is the client's that holds it. Where requests of others were sent on it too, it
    /// can be nobody's: it closes with its last lease. `isLoggingIn`: the client is to answer the challenge that it just got.
    package mutating func pin(_ id: ConnectionID, to client: ClientID, isLoggingIn: Bool) {
        // A dead generation.
        guard let index = table.index(of: id), table.slots[index].state == .leased else { return }
        guard table.slots[index].leases == 1, table.slots[index].owner ?? client == client else {
            return mark(index, .pinned)
        }
        table.setOwner(index, client)
        // What is on its way out carries no further step.
        table.slots[index].isLoggingIn = isLoggingIn && !table.slots[index].isLeaving
        table.slots[index].allMayPipeline = false
        refreshOpen(index)
    }

    /// The client is gone: its connections close, those between requests now, a leased one when its lease ends.
    package mutating func endPins(of client: ClientID, now: Instant, into actions: inout [PoolAction]) {
        guard table.owned > 0 else { return }
        for index in table.slots.indices where table.slots[index].owner == client { endPin(index, into: &actions) }
        settle(now: now, into: &actions)
    }

    /// A connection of this client's own lives.
    package func isPinned(to client: ClientID) -> Bool {
        table.owned > 0
            && table.slots.indices.contains { table.slots[$0].owner == client && !table.slots[$0].isLeaving }
    }

    /// What was used under a pin: the next request of its owner gets it, or it waits for one. It stays until it has been
    /// idle for as long as any connection may be. A client needs one at most.
    mutating func keepPinned(_ index: Int, owner: ClientID, now: Instant, into actions: inout [PoolAction]) {
        for other in table.slots.indices where other != index && table.slots[other].owner == owner {
            endPin(other, into: &actions)
        }
        if !isPaused, let waiter = queue.takeOrdinary(of: owner) {
            grant(waiter.id, index, mayPipeline: false, into: &actions)
        } else {
            table.slots[index].idleSince = now
            setIdleBound(index)
            table.move(index, to: .pinned)
            idleDue = min(idleDue, table.deadline(index))
        }
        settle(now: now, into: &actions)
    }

    /// The client's own connection, where it has one between requests.
    mutating func takePinned(of client: ClientID, now: Instant, into actions: inout [PoolAction]) -> Int? {
        var cursor = table.firstPinned
        while let index = cursor {
            cursor = table.next(index)
            guard table.slots[index].owner == client else { continue }
            if table.deadline(index) > now { return index }
            retireDue(index, into: &actions)
        }
        return nil
    }

    /// After a pause: whoever waits and has a connection of its own gets that one.
    mutating func servePinned(now: Instant, into actions: inout [PoolAction]) {
        var cursor = table.firstPinned
        while let index = cursor {
            cursor = table.next(index)
            if table.deadline(index) <= now {
                retireDue(index, into: &actions)
            } else if let owner = table.slots[index].owner, let waiter = queue.takeOrdinary(of: owner) {
                grant(waiter.id, index, mayPipeline: false, into: &actions)
            }
        }
    }

    /// While somebody waits and there is no room to dial: the longest idle first, but none that its owner used just now, nor
    /// one in the middle of a login that may still go on.
    mutating func makeRoomOfPinned(now: Instant, into actions: inout [PoolAction]) {
        var cursor = table.firstPinned
        while pinnedGiveWay, let index = cursor {
            cursor = table.next(index)
            let spared = table.slots[index].isLoggingIn ? Self.loginTime : Self.ownersTime
            let due = table.slots[index].idleSince + spared
            if due <= now { retire(index, .poolShrink, into: &actions) } else { idleDue = min(idleDue, due) }
        }
    }

    @inline(__always)
    private var pinnedGiveWay: Bool {
        table.counts.pinned > 0 && queue.count > usefulDials + table.counts.closing && !backoff.isFailing
            && !(origin.hasRoom && total.hasRoom)
    }

    /// A soft drain lets a login that waits for its client's answer have that one request, if it comes soon. Nothing else
    /// does: what a changed policy forbids must end.
    mutating func drainPinned(_ index: Int, _ reason: CloseReason, now: Instant, into actions: inout [PoolAction]) {
        guard table.slots[index].isLoggingIn, reason == .drained || reason == .dnsDrain else {
            return retire(index, reason, into: &actions)
        }
        mark(index, reason)
        table.slots[index].idleUntil = min(table.slots[index].idleUntil, now + Self.loginTime)
        idleDue = min(idleDue, table.slots[index].idleUntil)
    }

    /// Those that can serve nobody but their owners.
    var leasedToOwners: Int {
        table.slots.indices.count {
            table.slots[$0].state == .leased && !table.slots[$0].isLeaving && table.slots[$0].owner != nil
        }
    }

    private mutating func endPin(_ index: Int, into actions: inout [PoolAction]) {
        table.slots[index].isLoggingIn = false
        if table.slots[index].state == .pinned {
            retire(index, .pinned, into: &actions)
        } else {
            mark(index, .pinned)
        }
    }
}
