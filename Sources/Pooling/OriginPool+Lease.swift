package import ProxyTypes

/// Requests come, get a connection, wait, or give up.
extension OriginPool {
    /// `fresh` (a retry): only a connection that has not served yet will do. `mayRepeat`: it is sent again when its
    /// connection is lost, so that a distrusted one will do. `mayPipeline`: it may share one.
    package mutating func lease(
        _ waiter: WaiterID, client: ClientID, fresh: Bool, mayRepeat: Bool, mayPipeline: Bool, now: Instant,
        into actions: inout [PoolAction]
    ) {
        guard !isShutDown else {
            actions.append(.refuse(waiter, .draining))
            return
        }
        wasUsed = true
        if phase == .serving, !fresh, table.counts.pinned > 0,
            let index = takePinned(of: client, now: now, into: &actions)
        {
            grant(waiter, index, mayPipeline: false, into: &actions)
            return settle(now: now, into: &actions)
        }
        if phase == .serving, let index = takeIdle(fresh: fresh, mayRepeat: mayRepeat, now: now, into: &actions) {
            grant(waiter, index, mayPipeline: mayPipeline, into: &actions)
            if policy.minIdle > 0 || !queue.isEmpty { settle(now: now, into: &actions) }
            return
        }
        guard !queue.contains(waiter) else {
            Invariant.broken("a waiter asks twice")
            return
        }
        let deadline = now + policy.queueTimeout
        queue.append(
            waiter, client: client, fresh: fresh, mayRepeat: mayRepeat, mayPipeline: mayPipeline, deadline: deadline)
        waiterDue = min(waiterDue, deadline)
        settle(now: now, into: &actions)
        if let refusal = overBounds(waiter, now: now) {
            _ = queue.remove(waiter)
            actions.append(.refuse(waiter, refusal))
            settle(now: now, into: &actions)
        }
    }

    package mutating func cancel(_ waiter: WaiterID, now: Instant, into actions: inout [PoolAction]) {
        // One that does not wait was answered by an action that is still on its way: legal.
        guard queue.remove(waiter) else { return }
        settle(now: now, into: &actions)
    }

    /// Room may have come from outside: another pool gave some back, or a limit was raised.
    package mutating func budgetFreed(now: Instant, into actions: inout [PoolAction]) {
        settle(now: now, into: &actions)
    }

    /// Why one that has just come to wait must not. Those with a dial under way for them do not count, nor those that
    /// a closing connection makes room for, nor those that would dial if it were not for the back-off.
    @inline(__always)
    private func overBounds(_ waiter: WaiterID, now: Instant) -> Refusal? {
        guard queue.contains(waiter) else { return nil }
        if isPaused { return queue.count > policy.maxQueue || policy.queueTimeout <= .zero ? .paused : nil }
        let undialled = queue.count - usefulDials
        guard undialled > 0 else { return nil }
        let forRetries = max(0, queue.freshCount - usefulDials)
        let roomComing = min(table.counts.closing, forRetries + table.distrustedClosing)
        let roomUnused = backoff.isFailing ? min(origin.limit - origin.taken, total.limit - total.taken) : 0
        if undialled - roomComing - max(0, roomUnused) > policy.maxQueue { return .queueFull }
        return policy.queueTimeout <= .zero && undialled > table.distrustedClosing ? refusalForWaiting : nil
    }

    var refusalForWaiting: Refusal { isPaused ? .paused : wantsTotalRoom ? .connectionLimit : .waitedTooLong }

    mutating func grant(_ waiter: WaiterID, _ index: Int, mayPipeline: Bool, into actions: inout [PoolAction]) {
        let reused = occupy(index, mayPipeline: mayPipeline)
        actions.append(.grant(waiter, table.id(index), reused: reused))
    }

    /// The usual case of `lease` without a list of actions: nobody waits and an idle connection is there. Nil: ask `lease`.
    package mutating func leaseIdle(mayPipeline: Bool, now: Instant) -> (id: ConnectionID, reused: Bool)? {
        guard queue.isEmpty, phase == .serving, policy.minIdle == 0, table.counts.pinned == 0, let index = candidate,
            table.deadline(index) > now
        else { return nil }
        wasUsed = true
        let reused = occupy(index, mayPipeline: mayPipeline)
        return (table.id(index), reused)
    }

    /// True when it has served before.
    private mutating func occupy(_ index: Int, mayPipeline: Bool) -> Bool {
        let reused = table.slots[index].granted > 0
        if table.slots[index].leases > 0 {
            table.slots[index].leases += 1
            table.slots[index].allMayPipeline = table.slots[index].allMayPipeline && mayPipeline
        } else {
            table.move(index, to: .leased)
            if table.nothingLiesIdle { idleDue = .distantFuture }
            table.slots[index].leases = 1
            table.slots[index].allMayPipeline = mayPipeline
        }
        table.slots[index].granted &+= 1
        if table.slots[index].allowed != .max, table.slots[index].allowed > 0 { table.slots[index].allowed -= 1 }
        refreshOpen(index)
        return reused
    }

    /// The trusted idle connection that the reuse order names, else a distrusted one for who may take it. Those found to
    /// be due are retired: their timer is only late, and their origin may be closing them now.
    mutating func takeIdle(
        fresh: Bool, mayRepeat: Bool, now: Instant, into actions: inout [PoolAction]
    ) -> Int? {
        while let index = fresh ? lastUnserved : candidate {
            if table.deadline(index) > now { return index }
            retireDue(index, into: &actions)
        }
        return fresh || !mayRepeat ? nil : takeDistrusted(now: now, into: &actions)
    }

    @inline(__always)
    private var candidate: Int? {
        switch policy.reuseOrder {
        case .lifo: table.lastTrusted
        case .fifo: table.longestTrusted
        case .widest: widestIdle
        }
    }

    /// Looks at each idle one; `lifo` and `fifo` do not.
    @inline(__always)
    private var widestIdle: Int? {
        guard var best = table.lastTrusted else { return nil }
        var cursor = table.previous(best)
        while let index = cursor {
            if table.slots[index].window > table.slots[best].window { best = index }
            cursor = table.previous(index)
        }
        return best
    }

    @inline(__always)
    private var lastUnserved: Int? {
        guard table.idleUnserved > 0 else { return nil }
        var cursor = table.lastTrusted
        while let index = cursor, table.slots[index].granted > 0 { cursor = table.previous(index) }
        return cursor
    }

    /// A used connection could only serve a retry by making room for a new one.
    mutating func makeRoomForRetries(into actions: inout [PoolAction]) {
        while retryNeedsRoom, let index = table.longestIdle {
            retire(index, table.slots[index].isDistrusted ? .distrusted : .poolShrink, into: &actions)
        }
    }

    @inline(__always)
    var retryNeedsRoom: Bool {
        queue.freshCount > usefulDials + table.counts.closing && !backoff.isFailing
    }

    /// Only whose turn it is may share a busy connection: otherwise shared ones would never come free for those who
    /// may not.
    mutating func pipelineWaiters(now: Instant, into actions: inout [PoolAction]) {
        while queue.count > usefulDials, let index = table.firstOpen, let next = queue.nextOrdinary, next.mayPipeline {
            table.setOpen(index, false)
            if table.slots[index].expiresAt <= now { continue }
            guard let waiter = queue.takeOrdinary() else { return }
            grant(waiter.id, index, mayPipeline: true, into: &actions)
        }
    }

    /// Keeps the list of leased connections that could take one more request.
    mutating func refreshOpen(_ index: Int) {
        guard policy.pipelineDepth > 1 || table.slots[index].isOpen else { return }
        let slot = table.slots[index]
        let isOpen =
            policy.pipelineDepth > 1 && slot.state == .leased && !slot.isLeaving && slot.allMayPipeline
            && !slot.isDistrusted && slot.completed > 0 && slot.leases < policy.pipelineDepth && slot.allowed > 0
            && !isWornOut(index)
        table.setOpen(index, isOpen)
    }
}
