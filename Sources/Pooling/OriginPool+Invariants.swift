import ProxyTypes

/// Unlike `Invariant.check` it counts in release builds too: that is where the fuzzers run.
func check(_ holds: Bool, _ what: @autoclosure () -> String, file: StaticString = #fileID, line: UInt = #line) {
    if !holds { Invariant.broken(what(), file: file, line: line) }
}

/// What must hold between any two events. For debug and fuzz builds: it looks at everything.
extension OriginPool {
    package borrowing func checkInvariants() {
        table.checkInvariants()
        queue.checkInvariants()
        tunnelQueue.checkInvariants()
        check(tunnelQueue.freshCount == 0, "a CONNECT waits in the lane of retries")
        let counts = table.counts
        if isPaused {
            check(dialDue == .distantFuture, "a dial is due in a pause")
        } else {
            check(
                table.trusted.isEmpty || queue.count == queue.freshCount || isBounded,
                "a request waits beside an idle connection")
            check(!waitersNeedRoom || table.distrusted.isEmpty, "a request waits, a distrusted one takes its room")
            check(table.idleUnused == 0 || queue.freshCount == 0, "a retry waits beside a new connection")
            check(!waitersNeedRoom || counts.idle == 0, "a request waits beside one that could make room")
            check(!retryNeedsRoom || counts.idle == 0, "a retry waits beside one that could make room")
        }
        check(counts.idle <= max(0, policy.maxIdle), "more are idle than max_idle")
        check(origin.taken >= counts.connections, "a connection outside the origin's budget")
        check(total.taken >= counts.sockets, "a connection outside the total budget")
        check(!isShutDown || (queue.isEmpty && counts.idle + counts.pinned == 0), "in use after the shutdown")
        check(!isShutDown || tunnelQueue.isEmpty, "a CONNECT waits after the shutdown")
        check(tunnelQueue.isEmpty || waiterDue < .distantFuture, "a waiting CONNECT without a deadline")
        check(queue.count <= dialsForWaiters || waiterDue < .distantFuture, "a waiting request without a deadline")
        for index in table.slots.indices where table.slots[index].state == .idle || table.slots[index].state == .pinned
        {
            check(idleDue <= table.deadline(index), "an idle connection whose deadline has no timer")
        }
    }
}

/// The slots of a table, counted afresh.
private struct SlotTally {
    var counts = PoolCounts()
    var free = 0
    var open = 0
    var demandDials = 0
    var replacementDials = 0
    var owned = 0
    var idleUnused = 0
    var distrustedIdle = 0
    var distrustedLeases = 0
    var distrustedClosing = 0

    mutating func add(_ slot: ConnectionSlot) {
        if slot.sharing == .open { open += 1 }
        if slot.ownership.owner != nil { owned += 1 }
        addState(slot)
        addTrust(slot)
    }

    private mutating func addState(_ slot: ConnectionSlot) {
        switch (slot.state, slot.closeReason != nil) {
        case (.free, _): free += 1
        case (.dialing, false):
            counts.dialing += 1
            if slot.purpose == .requests(.demand) { demandDials += 1 }
            if slot.purpose == .requests(.replacement) { replacementDials += 1 }
        case (.idle, _): counts.idle += 1
        case (.leased, false): counts.leased += 1
        case (.dialing, true), (.leased, true): counts.draining += 1
        case (.pinned, _): counts.pinned += 1
        case (.closing, _): counts.closing += 1
        case (.tunnelDialing, _): counts.tunnelDials += 1
        case (.tunnel, _): counts.tunnels += 1
        }
    }

    private mutating func addTrust(_ slot: ConnectionSlot) {
        switch (slot.state, slot.trust.isDistrusted) {
        case (.idle, false): if slot.granted == 0 { idleUnused += 1 }
        case (.idle, true):
            distrustedIdle += 1
            if slot.trust.isParked { counts.parked += 1 }
        case (.leased, true): distrustedLeases += 1
        case (.closing, true): distrustedClosing += 1
        case (.dialing, let isDistrusted), (.pinned, let isDistrusted), (.tunnelDialing, let isDistrusted),
            (.tunnel, let isDistrusted):
            check(!isDistrusted, "distrusted, and not of those offered to all")
        case (.leased, false), (.closing, false), (.free, _): break
        }
    }
}

extension ConnectionTable {
    fileprivate func checkInvariants() {
        var tally = SlotTally()
        for index in slots.indices {
            let slot = slots[index]
            tally.add(slot)
            checkPurpose(slot)
            checkState(slot)
        }
        check(tally.counts == counts, "counted \(counts), found \(tally.counts)")
        check(
            tally.demandDials == demandDials && tally.replacementDials == replacementDials, "a dial's cause is lost")
        check(tally.counts.sockets + tally.free == slots.count, "a slot leaks")
        check(freeCount == tally.free, "a free slot is lost")
        check(tally.owned == owned, "a client's own connection is not counted")
        check(tally.idleUnused == idleUnused, "counted \(idleUnused) that have not served, found \(tally.idleUnused)")
        check(
            tally.distrustedLeases == distrustedLeases && distrustedLeases <= 1,
            "more than one distrusted one is leased")
        check(tally.distrustedClosing == distrustedClosing, "a distrusted one that closes is not counted")
        check(walk(pinned) == tally.counts.pinned, "the pinned list is broken")
        check(walk(trusted) == tally.counts.idle - tally.distrustedIdle, "the list of trusted ones is broken")
        check(walk(distrusted) == tally.distrustedIdle, "the list of distrusted ones is broken")
        check(walk(open) == tally.open, "the open list is broken")
        check(walk(tunnelDials) == tally.counts.tunnelDials, "the list of tunnel dials is broken")
    }

    private func checkState(_ slot: ConnectionSlot) {
        let owner = slot.ownership.owner
        let isDraining = slot.closeReason != nil
        check(owner == nil || slot.state != .idle, "a client's own connection is offered to all")
        check(owner != nil || slot.state != .pinned, "pinned without an owner")
        check(owner == nil || slot.leases <= 1, "a client's own connection is shared")
        check(slot.state != .leased || slot.leases > 0, "leased without a lease")
        check(slot.state != .idle || (slot.leases == 0 && !isDraining), "idle, yet leased or draining")
        check(slot.state != .pinned || slot.leases == 0, "pinned, yet leased")
        check(slot.state != .pinned || !isDraining || slot.ownership.isLoggingIn, "pinned, yet draining")
        check(slot.state != .closing || isDraining, "closing, and the budgets do not know")
        check(slot.sharing != .open || slot.state == .leased, "open to more requests, and not leased")
    }

    private func checkPurpose(_ slot: ConnectionSlot) {
        switch (slot.purpose, slot.state) {
        case (_, .free), (.requests, .dialing), (.requests, .idle), (.requests, .leased), (.requests, .pinned),
            (.requests, .closing):
            break
        case (.tunnel(let request), .tunnelDialing):
            check(
                tunnelDial(for: request.waiter).map { slots[$0].generation } == slot.generation,
                "dialled twice for a CONNECT")
        case (.tunnel, .tunnel):
            check(slot.leases == 0 && slot.closeReason == nil && slot.ownership == .shared, "a tunnel in the pool")
        case (.requests, .tunnelDialing), (.requests, .tunnel), (.tunnel, _):
            check(false, "state \(slot.state) of a connection for \(slot.purpose)")
        }
    }

    private func walk(_ list: IndexList) -> Int {
        var length = 0
        var cursor = list.first
        while cursor != Links.none, length <= slots.count {
            length += 1
            cursor = next(Int(cursor)).map { UInt32($0) } ?? Links.none
        }
        return length == list.count ? length : -1
    }
}
