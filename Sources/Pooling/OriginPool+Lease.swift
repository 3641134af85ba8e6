package import ProxyTypes

/// Requests ask for a connection, get one, wait for one, or give up.
extension OriginPool {
    package mutating func lease(
        _ waiter: WaiterID, _ request: LeaseRequest, now: Instant, into actions: inout [PoolAction]
    ) {
        guard !isShutDown else {
            actions.append(.refuse(waiter, .draining))
            return
        }
        hasBeenUsed = true
        if phase == .serving, !request.needsFresh, table.counts.pinned > 0,
            let index = takePinned(of: request.client, now: now, into: &actions)
        {
            grant(waiter, index, mayPipeline: false, into: &actions)
            return rebalance(now: now, into: &actions)
        }
        if phase == .serving, let index = takeIdle(for: request, now: now, into: &actions) {
            grant(waiter, index, mayPipeline: request.mayPipeline, into: &actions)
            if policy.minIdle > 0 || !queue.isEmpty || !tunnelQueue.isEmpty { rebalance(now: now, into: &actions) }
            return
        }
        guard !queue.contains(waiter) else {
            Invariant.broken("a waiting request asks again")
            return
        }
        if isBounded { notePassedOver(request, now: now) }
        let deadline = now + policy.queueTimeout
        queue.append(waiter, request, since: now, deadline: deadline)
        waiterDue = min(waiterDue, deadline)
        rebalance(now: now, into: &actions)
        if let refusal = overBounds(waiter, now: now) {
            _ = queue.remove(waiter)
            actions.append(.refuse(waiter, refusal))
            rebalance(now: now, into: &actions)
        }
    }

    package mutating func cancel(_ waiter: WaiterID, now: Instant, into actions: inout [PoolAction]) {
        // Legal: a request that no longer waits has been answered by an action that the driver has yet to perform.
        guard queue.remove(waiter) || cancelTunnel(waiter, into: &actions) else { return }
        rebalance(now: now, into: &actions)
    }

    /// The total budget has room, and it is this pool's turn to take it for one dial.
    package mutating func budgetFreed(now: Instant, into actions: inout [PoolAction]) {
        if !isPaused { _ = dialNext(inTurn: true, now: now, into: &actions) }
        rebalance(now: now, into: &actions)
    }

    /// Why a request that has just been queued may not wait. `max_queue` counts neither those for which a dial is under
    /// way, nor those for which a closing connection makes room, nor those that only the back-off keeps from dialling.
    @inline(__always)
    private func overBounds(_ waiter: WaiterID, now: Instant) -> Refusal? {
        guard queue.contains(waiter) else { return nil }
        if isPaused { return queue.count > policy.maxQueue || policy.queueTimeout <= .zero ? .paused : nil }
        let undialled = queue.count - usefulDials
        guard undialled > 0 else { return nil }
        let forRetries = max(0, queue.freshCount - usefulDials)
        let roomComing = min(table.counts.closing, forRetries + table.distrustedClosing)
        let roomUnused = backoff.isFailing ? min(origin.limit - origin.taken, total.limit - total.taken) : 0
        #if CONND_PLANTED_FAULTS
            if PlantedFault.isActive(.queueBoundOffByOne) {
                if undialled - roomComing - max(0, roomUnused) == policy.maxQueue + 1 { return nil }
            }
        #endif
        if undialled - roomComing - max(0, roomUnused) > policy.maxQueue {
            return isShortOfPorts ? .portsShort : .queueFull
        }
        return policy.queueTimeout <= .zero && undialled > table.distrustedClosing ? refusalForWaiting : nil
    }

    var refusalForWaiting: Refusal {
        if isPaused { return .paused }
        if requestsBlockedByTotal > 0 { return .connectionLimit }
        return isShortOfPorts ? .portsShort : .waitedTooLong
    }

    /// A waiting request gets the connection. `alone`: no other request may be pipelined behind it.
    mutating func serve(
        _ waiter: WaiterQueue.Waiter, _ index: Int, alone: Bool = false, now: Instant, into actions: inout [PoolAction]
    ) {
        lastServed = now
        grant(waiter.id, index, mayPipeline: waiter.request.mayPipeline && !alone, into: &actions)
    }

    private mutating func grant(_ waiter: WaiterID, _ index: Int, mayPipeline: Bool, into actions: inout [PoolAction]) {
        let reused = occupy(index, mayPipeline: mayPipeline)
        actions.append(.grant(waiter, table.id(index), reused: reused))
    }

    /// The common case of `lease`, without a list of actions: a connection is idle and nothing waits. Nil: call
    /// `lease`.
    package mutating func leaseIdle(
        mayPipeline: Bool, isRetryable: Bool, now: Instant
    ) -> (id: ConnectionID, reused: Bool)? {
        guard queue.isEmpty, tunnelQueue.isEmpty, phase == .serving, policy.minIdle == 0, table.counts.pinned == 0,
            let index = candidate(isRetryable: isRetryable, now), table.deadline(index) > now
        else { return nil }
        hasBeenUsed = true
        let reused = occupy(index, mayPipeline: mayPipeline)
        return (table.id(index), reused)
    }

    /// Returns whether the connection has served before.
    private mutating func occupy(_ index: Int, mayPipeline: Bool) -> Bool {
        let reused = table.slots[index].granted > 0
        if table.slots[index].leases > 0 {
            table.slots[index].leases += 1
            if !mayPipeline { table.setSharing(index, .exclusive) }
        } else {
            table.move(index, to: .leased)
            if table.hasNoneUnleased { idleDue = .distantFuture }
            table.slots[index].leases = 1
            table.setSharing(index, mayPipeline ? .full : .exclusive)
        }
        table.slots[index].granted &+= 1
        if table.slots[index].allowed != .max, table.slots[index].allowed > 0 { table.slots[index].allowed -= 1 }
        updateSharing(index)
        return reused
    }

    /// The trusted idle connection that comes first in the reuse order, else a distrusted one if the request may take
    /// it. Connections past their deadline are retired on the way: the timer is late, and their origin may be closing
    /// them.
    mutating func takeIdle(for request: LeaseRequest, now: Instant, into actions: inout [PoolAction]) -> Int? {
        while let index = request.needsFresh ? lastUnused : candidate(isRetryable: request.isRetryable, now) {
            if table.deadline(index) > now { return index }
            retireDue(index, into: &actions)
        }
        return request.needsFresh || !request.isRetryable ? nil : takeDistrusted(now: now, into: &actions)
    }

    /// O(n) in idle connections, unlike `lifo` and `fifo`.
    mutating func widestIdle(isRetryable: Bool, _ now: Instant) -> Int? {
        var cursor = table.lastTrusted
        while let index = cursor, !permits(index, isRetryable: isRetryable, now) { cursor = table.previous(index) }
        guard var best = cursor else { return nil }
        let lastUsed = window(best, now)
        var widest = lastUsed
        cursor = table.previous(best)
        while let index = cursor {
            let window = window(index, now)
            if window > widest, permits(index, isRetryable: isRetryable, now) { (best, widest) = (index, window) }
            cursor = table.previous(index)
        }
        widestChoice = WidestChoice(id: table.id(best), lease: table.slots[best].granted &+ 1, lastUsed: lastUsed)
        return best
    }

    /// With which it would send now.
    @inline(__always)
    private func window(_ index: Int, _ now: Instant) -> UInt32 {
        table.slots[index].window.after(now - table.slots[index].idleSince)
    }

    /// Where `ReuseOrder.widest` chose the connection for the lease that runs on it: the window, in segments, of the one that
    /// was used last, which `lifo` would have granted.
    package func windowPassedOver(for id: ConnectionID) -> UInt32? {
        guard let choice = widestChoice, choice.id == id, let index = table.index(of: id),
            table.slots[index].granted == choice.lease
        else { return nil }
        return choice.lastUsed
    }

    @inline(__always)
    private var lastUnused: Int? {
        guard table.idleUnused > 0 else { return nil }
        var cursor = table.lastTrusted
        while let index = cursor, table.slots[index].granted > 0 { cursor = table.previous(index) }
        return cursor
    }

    /// A used connection helps a retry only by making room for a new one.
    mutating func closeIdleForRetries(into actions: inout [PoolAction]) {
        while retryNeedsRoom, let index = table.longestIdle {
            retire(
                index, table.slots[index].trust.isDistrusted ? reasonOfDoubt(index) : .poolShrink, into: &actions)
        }
    }

    @inline(__always)
    var retryNeedsRoom: Bool {
        queue.freshCount > usefulDials + table.counts.closing && !backoff.isFailing && portsPermitDials
    }

    /// Only the next request in turn may share a busy connection: if later ones could, shared connections would never
    /// become free for requests that may not share.
    mutating func pipelineWaiters(now: Instant, into actions: inout [PoolAction]) {
        while queue.count > usefulDials, let index = table.firstOpen, let next = queue.nextOrdinary,
            next.request.mayPipeline
        {
            table.setSharing(index, .full)
            if table.slots[index].expiresAt <= now { continue }
            guard let waiter = queue.takeOrdinary() else { return }
            serve(waiter, index, now: now, into: &actions)
        }
    }

    /// Keeps the list of leased connections that could take one more request.
    mutating func updateSharing(_ index: Int) {
        guard policy.pipelineDepth > 1 || table.slots[index].sharing == .open else { return }
        let slot = table.slots[index]
        guard slot.sharing != .exclusive else { return }
        let isOpen =
            policy.pipelineDepth > 1 && slot.state == .leased && slot.closeReason == nil && !slot.trust.isDistrusted
            && slot.completed > 0 && slot.leases < policy.pipelineDepth && slot.allowed > 0 && !isWornOut(index)
        table.setSharing(index, isOpen ? .open : .full)
    }
}
