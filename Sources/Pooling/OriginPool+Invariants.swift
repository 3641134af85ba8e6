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
        let counts = table.counts
        if isPaused {
            check(dialDue == .distantFuture, "a dial is due in a pause")
        } else {
            check(table.trusted.isEmpty || queue.count == queue.freshCount, "somebody waits beside an idle connection")
            check(!distrustedGiveWay || table.distrusted.isEmpty, "somebody waits beside a distrusted one in the way")
            check(table.idleUnserved == 0 || queue.isEmpty, "a retry waits beside a new connection")
            check(!retryNeedsRoom || counts.idle == 0, "a retry waits beside one that could make room")
        }
        check(counts.idle <= max(0, policy.maxIdle), "more are idle than max_idle")
        check(origin.taken >= counts.connections, "a connection outside the origin's budget")
        check(total.taken >= counts.connections, "a connection outside the total budget")
        check(!isShutDown || (queue.isEmpty && counts.idle + counts.pinned == 0), "in use after the shutdown")
        check(queue.count <= dialsForWaiters || waiterDue < .distantFuture, "a waiter without a deadline")
        for index in table.slots.indices where table.slots[index].state == .idle || table.slots[index].state == .pinned
        {
            check(idleDue <= table.deadline(index), "an idle connection whose deadline nobody watches")
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
        var proving = 0
        var givingWay = 0
        for index in slots.indices {
            let slot = slots[index]
            if slot.isOpen { opened += 1 }
            switch (slot.state, slot.isDistrusted) {
            case (.idle, false): if slot.granted == 0 { unserved += 1 }
            case (.idle, true): distrustedIdle += 1
            case (.leased, true): proving += 1
            case (.closing, true): givingWay += 1
            case (.free, let isDistrusted), (.dialing, let isDistrusted), (.pinned, let isDistrusted):
                check(!isDistrusted, "distrusted, and never offered to all")
            case (.leased, false), (.closing, false): break
            }
            switch (slot.state, slot.isLeaving) {
            case (.free, _): free += 1
            case (.dialing, false):
                seen.dialing += 1
                if slot.cause == .demand { demand += 1 }
                if slot.cause == .replacement { replacement += 1 }
            case (.idle, _): seen.idle += 1
            case (.leased, false): seen.leased += 1
            case (.dialing, true), (.leased, true): seen.draining += 1
            case (.pinned, _): seen.pinned += 1
            case (.closing, _): seen.closing += 1
            }
            if slot.owner != nil { ownedNow += 1 }
            check(slot.owner == nil || slot.state != .idle, "a client's own connection is offered to all")
            check(slot.owner != nil || slot.state != .pinned, "pinned to nobody")
            check(slot.owner == nil || slot.leases <= 1, "a client's own connection is shared")
            check(slot.state != .leased || slot.leases > 0, "leased to nobody")
            check(slot.state != .idle || (slot.leases == 0 && !slot.isLeaving), "idle, yet held or leaving")
            check(slot.state != .pinned || slot.leases == 0, "pinned, yet held")
            check(slot.state != .pinned || !slot.isLeaving || slot.isLoggingIn, "pinned, yet leaving")
            check(slot.state != .closing || slot.isLeaving, "closing, and the budgets do not know")
            check(!slot.isOpen || slot.state == .leased, "open to more requests, and not leased")
        }
        check(seen == counts, "counted \(counts), found \(seen)")
        check(demand == demandDials && replacement == replacementDials, "a dial's cause is lost")
        check(seen.connections + free == slots.count, "a slot leaks")
        check(freeCount == free, "a free slot is lost")
        check(walk(pinned) == seen.pinned, "the pinned list is broken")
        check(ownedNow == owned, "a client's own connection is not counted")
        check(walk(trusted) == seen.idle - distrustedIdle, "the list of trusted ones is broken")
        check(walk(distrusted) == distrustedIdle, "the list of distrusted ones is broken")
        check(unserved == idleUnserved, "counted \(idleUnserved) that have not served, found \(unserved)")
        check(proving == distrustedLeases && proving <= 1, "more than one proves alive at a time")
        check(givingWay == distrustedClosing, "a distrusted one that closes is lost")
        check(walk(open) == opened, "the open list is broken")
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
