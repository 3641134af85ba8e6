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
            check(table.trusted.isEmpty || queue.count == queue.freshCount, "a request waits beside an idle connection")
            check(!distrustedMustYield || table.distrusted.isEmpty, "a request waits, a distrusted one takes its room")
            check(table.idleUnused == 0 || queue.isEmpty, "a retry waits beside a new connection")
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

extension ConnectionTable {
    fileprivate func checkInvariants() {
        var seen = PoolCounts()
        var free = 0
        var opened = 0
        var demand = 0
        var replacement = 0
        var ownedNow = 0
        var unserved = 0
        var distrustedIdle = 0
        var distrustedLeased = 0
        var distrustedClosingNow = 0
        var tunnelDialsNow = 0
        for index in slots.indices {
            let slot = slots[index]
            if slot.sharing == .open { opened += 1 }
            switch (slot.state, slot.trust.isDistrusted) {
            case (.idle, false): if slot.granted == 0 { unserved += 1 }
            case (.idle, true): distrustedIdle += 1
            case (.leased, true): distrustedLeased += 1
            case (.closing, true): distrustedClosingNow += 1
            case (.dialing, let isDistrusted), (.pinned, let isDistrusted), (.tunnelDialing, let isDistrusted),
                (.tunnel, let isDistrusted):
                check(!isDistrusted, "distrusted, and not of those offered to all")
            case (.leased, false), (.closing, false), (.free, _): break
            }
            switch (slot.state, slot.closeReason != nil) {
            case (.free, _): free += 1
            case (.dialing, false):
                seen.dialing += 1
                if slot.purpose == .requests(.demand) { demand += 1 }
                if slot.purpose == .requests(.replacement) { replacement += 1 }
            case (.idle, _): seen.idle += 1
            case (.leased, false): seen.leased += 1
            case (.dialing, true), (.leased, true): seen.draining += 1
            case (.pinned, _): seen.pinned += 1
            case (.closing, _): seen.closing += 1
            case (.tunnelDialing, _):
                seen.tunnelDials += 1
                tunnelDialsNow += 1
            case (.tunnel, _): seen.tunnels += 1
            }
            checkPurpose(slot)
            let owner = slot.ownership.owner
            let isDraining = slot.closeReason != nil
            if owner != nil { ownedNow += 1 }
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
        check(seen == counts, "counted \(counts), found \(seen)")
        check(demand == demandDials && replacement == replacementDials, "a dial's cause is lost")
        check(seen.sockets + free == slots.count, "a slot leaks")
        check(freeCount == free, "a free slot is lost")
        check(walk(pinned) == seen.pinned, "the pinned list is broken")
        check(ownedNow == owned, "a client's own connection is not counted")
        check(walk(trusted) == seen.idle - distrustedIdle, "the list of trusted ones is broken")
        check(walk(distrusted) == distrustedIdle, "the list of distrusted ones is broken")
        check(unserved == idleUnused, "counted \(idleUnused) that have not served, found \(unserved)")
        check(distrustedLeased == distrustedLeases && distrustedLeased <= 1, "more than one distrusted one is leased")
        check(distrustedClosingNow == distrustedClosing, "a distrusted one that closes is not counted")
        check(walk(open) == opened, "the open list is broken")
        check(walk(tunnelDials) == tunnelDialsNow, "the list of tunnel dials is broken")
    }

    private func checkPurpose(_ slot: ConnectionSlot) {
        switch (slot.purpose, slot.state) {
        case (_, .free), (.requests, .dialing), (.requests, .idle), (.requests, .leased), (.requests, .pinned),
            (.requests, .closing):
            break
        case (.tunnel(let waiter), .tunnelDialing):
            check(
                tunnelDial(for: waiter).map { slots[$0].generation } == slot.generation, "dialled twice for a CONNECT")
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
