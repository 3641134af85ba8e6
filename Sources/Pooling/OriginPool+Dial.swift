package import ProxyTypes

/// Dials begin, succeed and fail.
extension OriginPool {
    package mutating func dialSucceeded(_ id: ConnectionID, now: Instant, into actions: inout [PoolAction]) {
        // A dead generation, or one that the driver has begun to close: the events crossed.
        guard let index = table.index(of: id), table.slots[index].state != .closing else { return }
        switch table.slots[index].state {
        case .dialing:
            backoff.succeeded()
            confirmPath()
        case .tunnelDialing:
            openTunnel(index, now: now, into: &actions)
            if portBackoff.isFailing {
                portBackoff.succeeded()
                rebalance(now: now, into: &actions)
            }
            return
        case .free, .idle, .leased, .pinned, .closing, .tunnel:
            Invariant.broken("a dial succeeded that was not under way")
            return
        }
        portBackoff.succeeded()
        table.slots[index].openedAt = now
        if let reason = table.slots[index].closeReason {
            retire(index, reason, into: &actions)
        } else if origin.isExceeded || total.isExceeded {
            retire(index, .poolShrink, into: &actions)
        } else {
            table.slots[index].expiresAt = now + policy.lifetime(random: &random)
            offerNew(index, now: now, into: &actions)
        }
        noteFewerDials(now: now)
        rebalance(now: now, into: &actions)
    }

    package mutating func dialFailed(_ id: ConnectionID, now: Instant, into actions: inout [PoolAction]) {
        guard let index = table.index(of: id) else { return }
        switch table.slots[index].state {
        case .dialing:
            backoff.failed(begunIn: table.slots[index].epoch, now: now, random: &random)
            forget(index)
            retractPath(now: now, into: &actions)
            #if CONND_PLANTED_FAULTS
                if PlantedFault.isActive(.waiterForgottenByFailedDial) { _ = queue.takeOrdinary() }
            #endif
            // While paused, requests wait for the end of the pause: an origin is often paused because it restarts.
            if !hasUsable, usefulDials == 0, !isPaused { refuseRequests(.dialFailing, into: &actions) }
        case .closing:
            // The driver gave this dial up; its failure says nothing about the origin.
            forget(index)
        case .tunnelDialing:
            refuseTunnel(index, into: &actions)
        case .free, .idle, .leased, .pinned, .tunnel:
            Invariant.broken("a dial failed that was not under way")
            return
        }
        noteFewerDials(now: now)
        rebalance(now: now, into: &actions)
    }

    /// A connection has opened that no dial waits for any more. Nil: there is no room for it. `dialSucceeded` follows.
    package mutating func takeExtra(now: Instant) -> ConnectionID? {
        guard phase == .serving, table.counts.idle - table.counts.parked < policy.maxIdle, origin.tryTake() else {
            return nil
        }
        guard takeFromTotal(inTurn: false, now: now) else {
            origin.giveBack()
            return nil
        }
        return table.id(table.add(.requests(.warmUp), epoch: backoff.epoch, now: now))
    }

    /// Dials until `count` trusted connections are idle or being dialled, as far as limits and back-off allow. Returns
    /// how many dials it began: none while paused.
    @discardableResult
    package mutating func prewarm(_ count: Int, now: Instant, into actions: inout [PoolAction]) -> Int {
        guard phase == .serving else { return 0 }
        hasBeenUsed = true
        let before = usefulDials
        let wanted = queue.count + min(count, policy.maxIdle) - table.trusted.count
        while usefulDials < wanted, tryDial(now: now, into: &actions) {}
        rebalance(now: now, into: &actions)
        return usefulDials - before
    }

    private mutating func offerNew(_ index: Int, now: Instant, into actions: inout [PoolAction]) {
        if !isPaused, let waiter = queue.takeFresh() ?? queue.takeOrdinary() {
            serve(waiter, index, now: now, into: &actions)
        } else {
            becomeIdle(index, since: now, into: &actions)
        }
    }

    /// One dial for each CONNECT, for each waiting request and for each connection missing from `min_idle`, never more.
    mutating func dialAsWanted(now: Instant, into actions: inout [PoolAction]) {
        while !tunnelQueue.isEmpty, dialNext(inTurn: false, now: now, into: &actions) {}
        let wanted = queue.count + (now < warmBackoff.notBefore ? 0 : missingWarm)
        while usefulDials < wanted, tryDial(now: now, into: &actions) {}
    }

    /// Dials for the next in turn: retries first, then requests and CONNECTs by the longest wait.
    mutating func dialNext(inTurn: Bool, now: Instant, into actions: inout [PoolAction]) -> Bool {
        let tunnelIsFirst =
            queue.count <= usefulDials
            || !retryWaits && tunnelQueue.longestWaiting < queue.longestWaiting
        return tunnelIsFirst
            ? tryDialTunnel(inTurn: inTurn, now: now, into: &actions)
                || tryDialForRequest(inTurn: inTurn, now: now, into: &actions)
            : tryDialForRequest(inTurn: inTurn, now: now, into: &actions)
                || tryDialTunnel(inTurn: inTurn, now: now, into: &actions)
    }

    private mutating func tryDialForRequest(inTurn: Bool, now: Instant, into actions: inout [PoolAction]) -> Bool {
        usefulDials < queue.count && tryDial(inTurn: inTurn, now: now, into: &actions)
    }

    /// A retry waits for which no dial is under way.
    var retryWaits: Bool { queue.freshCount > table.replacementDials }

    /// How many connections are missing from `min_idle` when nothing waits.
    @inline(__always)
    private var missingWarm: Int {
        hasBeenUsed && !isShutDown ? max(0, policy.keptWarm - table.trusted.count) : 0
    }

    mutating func tryDial(inTurn: Bool = false, now: Instant, into actions: inout [PoolAction]) -> Bool {
        if backoff.isFailing, now < backoff.notBefore || allDials > 0 { return false }
        #if CONND_PLANTED_FAULTS
            if PlantedFault.isActive(.limitNotLookedAt) { origin.limit = max(origin.limit, origin.taken + 1) }
        #endif
        guard portsPermitDial(now: now), origin.tryTake() else { return false }
        guard takeFromTotal(inTurn: inTurn, now: now) else {
            origin.giveBack()
            return false
        }
        takePort()
        let cause = nextCause
        let index = table.add(.requests(cause), epoch: backoff.epoch, now: now)
        table.slots[index].probesEvery = policy.probesEvery
        actions.append(.dial(table.id(index), cause))
        return true
    }

    /// Retries first, then requests, for each kind as long as fewer of its dials are under way than requests wait.
    private var nextCause: DialCause {
        if table.replacementDials < queue.freshCount { return .replacement }
        return table.demandDials < queue.count - queue.freshCount ? .demand : .warmUp
    }

    /// When a delayed dial may begin. A lack of room and the only dial allowed during back-off end by an event instead.
    @inline(__always)
    func nextDialTime(now: Instant) -> Instant {
        let due = nextDialTimeOfRequests(now: now)
        guard !tunnelQueue.isEmpty, nextTryForPort > now else { return due }
        return min(due, nextTryForPort)
    }

    @inline(__always)
    private func nextDialTimeOfRequests(now: Instant) -> Instant {
        let waitsToDial = usefulDials < queue.count
        guard waitsToDial || usefulDials < queue.count + missingWarm else { return .distantFuture }
        if backoff.isFailing, allDials > 0 { return .distantFuture }
        var due = backoff.isFailing ? backoff.notBefore : .zero
        if !waitsToDial { due = max(due, warmBackoff.notBefore) }
        due = max(due, nextTryForPort)
        return due > now ? due : .distantFuture
    }

    /// Requests with a dial under way for them have no queue deadline; with one dial fewer, one of them has it again.
    mutating func noteFewerDials(now: Instant) {
        guard queue.count > dialsForWaiters else { return }
        waiterDue = min(waiterDue, queue.earliestDeadline(now: now))
    }

    mutating func refuseRequests(_ refusal: Refusal, into actions: inout [PoolAction]) {
        while let waiter = queue.takeFresh() ?? queue.takeOrdinary() {
            actions.append(.refuse(waiter.id, refusal))
        }
    }
}
