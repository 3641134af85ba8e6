package import ProxyTypes

/// Dials begin, succeed and fail.
extension OriginPool {
    package mutating func dialSucceeded(_ id: ConnectionID, now: Instant, into actions: inout [PoolAction]) {
        // A dead generation, or one the driver has begun to close: the news crossed.
        guard let index = table.index(of: id), table.slots[index].state != .closing else { return }
        guard table.slots[index].state == .dialing else {
            Invariant.broken("a dial succeeded that was not under way")
            return
        }
        backoff.succeeded()
        table.slots[index].openedAt = now
        if table.slots[index].isLeaving {
            retire(index, table.slots[index].leaveReason, into: &actions)
        } else if origin.isExceeded || total.isExceeded {
            retire(index, .poolShrink, into: &actions)
        } else {
            table.slots[index].expiresAt = now + policy.lifetime(random: &random)
            offerNew(index, now: now, into: &actions)
        }
        noteFewerDials(now: now)
        settle(now: now, into: &actions)
    }

    package mutating func dialFailed(_ id: ConnectionID, now: Instant, into actions: inout [PoolAction]) {
        guard let index = table.index(of: id) else { return }
        switch table.slots[index].state {
        case .dialing:
            backoff.failed(begunIn: table.slots[index].era, now: now, random: &random)
            forget(index)
            // In a pause they wait for its end: an origin is often paused because it is about to restart.
            if !hasLive, usefulDials == 0, !isPaused { refuseAll(.dialFailing, into: &actions) }
        case .closing:
            // The driver gave this dial up; its failure is how that ended, and says nothing about the origin.
            forget(index)
        case .free, .idle, .leased, .pinned:
            Invariant.broken("a dial failed that was not under way")
            return
        }
        noteFewerDials(now: now)
        settle(now: now, into: &actions)
    }

    /// Dials until `count` trusted connections are idle or on their way to be, as far as limits and back-off allow.
    /// Returns how many dials it began: in a pause none.
    @discardableResult
    package mutating func prewarm(_ count: Int, now: Instant, into actions: inout [PoolAction]) -> Int {
        guard phase == .serving else { return 0 }
        wasUsed = true
        let before = usefulDials
        let wanted = queue.count + min(count, policy.maxIdle) - table.trusted.count
        while usefulDials < wanted, tryDial(now: now, into: &actions) {}
        settle(now: now, into: &actions)
        return usefulDials - before
    }

    private mutating func offerNew(_ index: Int, now: Instant, into actions: inout [PoolAction]) {
        if !isPaused, let waiter = queue.takeFresh() ?? queue.takeOrdinary() {
            grant(waiter.id, index, mayPipeline: waiter.mayPipeline, into: &actions)
        } else {
            becomeIdle(index, now: now, into: &actions)
        }
    }

    /// A dial for each who waits and for each that `min_idle` lacks; never more.
    mutating func dialAsWanted(now: Instant, into actions: inout [PoolAction]) {
        let wanted = queue.count + (now < warmBackoff.notBefore ? 0 : missingWarm)
        while usefulDials < wanted, tryDial(now: now, into: &actions) {}
    }

    /// How many `min_idle` lacks, when nobody waits.
    @inline(__always)
    private var missingWarm: Int {
        wasUsed && !isShutDown ? max(0, policy.keptWarm - table.trusted.count) : 0
    }

    mutating func tryDial(now: Instant, into actions: inout [PoolAction]) -> Bool {
        if backoff.isFailing, now < backoff.notBefore || allDials > 0 { return false }
        guard origin.tryTake() else { return false }
        guard total.tryTake() else {
            origin.giveBack()
            return false
        }
        let cause = nextCause
        let index = table.add(cause, era: backoff.era, now: now)
        actions.append(.dial(table.id(index), cause))
        return true
    }

    /// For whom a dial begins now: the first whose kind has fewer dials under way than waits.
    private var nextCause: DialCause {
        if table.replacementDials < queue.freshCount { return .replacement }
        return table.demandDials < queue.count - queue.freshCount ? .demand : .warmUp
    }

    /// When time alone lets a wanted dial begin. Want of room is ended by an event, and so is a probe under way.
    @inline(__always)
    func nextDialTime(now: Instant) -> Instant {
        let waitsToDial = usefulDials < queue.count
        guard waitsToDial || usefulDials < queue.count + missingWarm else { return .distantFuture }
        if backoff.isFailing, allDials > 0 { return .distantFuture }
        var due = backoff.isFailing ? backoff.notBefore : .zero
        if !waitsToDial { due = max(due, warmBackoff.notBefore) }
        return due > now ? due : .distantFuture
    }

    /// Who has a dial under way for them is spared by their deadline; with a dial less one may not be.
    mutating func noteFewerDials(now: Instant) {
        guard queue.count > dialsForWaiters else { return }
        waiterDue = min(waiterDue, queue.earliestDeadline(now: now))
    }

    mutating func refuseAll(_ refusal: Refusal, into actions: inout [PoolAction]) {
        while let waiter = queue.takeFresh() ?? queue.takeOrdinary() {
            actions.append(.refuse(waiter.id, refusal))
        }
    }
}
