package import Pooling
package import ProxyTypes

/// The pool's events, in its words.
extension PoolModel {
    package mutating func lease(
        _ id: WaiterID, _ client: ClientID, fresh: Bool, mayRepeat: Bool, mayPipeline: Bool, now: Instant
    ) {
        if isShutDown { return actions.append(.refuse(id, .draining)) }
        wasUsed = true
        if !isPaused, !fresh, let serial = ownPinned(client, now) {
            grant(id, serial, false)
            return settle(now)
        }
        if !isPaused, let serial = reusable(fresh: fresh, mayRepeat: mayRepeat, now) {
            grant(id, serial, mayPipeline)
            return settle(now)
        }
        let waiter = Waiter(
            id: id, client: client, fresh: fresh, mayRepeat: mayRepeat, mayPipeline: mayPipeline,
            deadline: now + policy.queueTimeout)
        waiters.append(waiter)
        if !fresh, !turns.contains(client) { turns.append(client) }
        settle(now)
        guard waiters.contains(where: { $0.id == id }) else { return }
        if isPaused {
            if waiters.count > policy.maxQueue || policy.queueTimeout <= .zero {
                stopWaiting(id)
                actions.append(.refuse(id, .paused))
            }
            return
        }
        let undialled = waiters.count - usefulDials
        guard undialled > 0 else { return }
        let forRetries = max(0, freshCount - usefulDials)
        let roomComing = min(count(.closing, leaving: true), forRetries + countDistrusted(.closing))
        let roomUnused = isFailing ? max(0, room) : 0
        if undialled - roomComing - roomUnused > policy.maxQueue {
            stopWaiting(id)
            actions.append(.refuse(id, .queueFull))
            settle(now)
        } else if policy.queueTimeout <= .zero, undialled > countDistrusted(.closing) {
            let refusal: Refusal = blockedByTotal ? .connectionLimit : .waitedTooLong
            stopWaiting(id)
            actions.append(.refuse(id, refusal))
            settle(now)
        }
    }

    package mutating func cancel(_ id: WaiterID, now: Instant) {
        if stopWaiting(id) { settle(now) }
    }

    package mutating func dialSucceeded(_ serial: Int, now: Instant) {
        guard let place = place(serial), connections[place].state == .dialing else { return }
        dialDelay.failures = 0
        if let reason = connections[place].leaving {
            retire(serial, reason)
        } else if originExceeded || totalExceeded {
            retire(serial, .poolShrink)
        } else {
            let span = policy.maxLifetime.nanoseconds / 100 * Int64(policy.lifetimeJitterPercent)
            let jitter = span == 0 ? 0 : Int64(random.below(Int(span * 2))) - span
            connections[place].expiresAt = now + policy.maxLifetime + Interval(nanoseconds: jitter)
            if !isPaused, let waiter = waiters.first(where: { $0.fresh }) ?? nextOrdinary {
                serve(waiter, serial)
            } else {
                becomeIdle(serial, now)
            }
        }
        settle(now)
    }

    package mutating func dialFailed(_ serial: Int, now: Instant) {
        guard let place = place(serial) else { return }
        let wasDialing = connections[place].state == .dialing
        if wasDialing { dialDelay.failed(connections[place].era, now, &random) }
        connections.remove(at: place)
        if wasDialing, !isPaused, trusted.isEmpty, usefulDials == 0,
            !connections.contains(where: { $0.state == .leased && $0.leaving == nil && $0.owner == nil })
        {
            refuseAll(.dialFailing)
        }
        settle(now)
    }

    package mutating func release(_ serial: Int, _ disposition: Disposition, now: Instant) {
        guard let place = place(serial) else { return }
        connections[place].leases -= 1
        if connections[place].state == .closing { return }
        connections[place].completed += 1
        switch disposition {
        case .mustClose(let reason):
            if connections[place].leaving == nil { connections[place].leaving = reason }
        case .unused: break
        case .reusable(let hint, let window):
            connections[place].proveBy = nil
            warmDelay.failures = 0
            connections[place].window = window
            if let timeout = hint?.timeout { connections[place].hint = timeout }
            if let max = hint?.max { connections[place].allowed = Swift.max(0, max - connections[place].leases) }
        }
        if connections[place].leases > 0 {
            updateOpen(serial)
        } else {
            open.removeAll { $0 == serial }
            if let reason = endOfUse(connections[place], now) {
                retire(serial, reason)
            } else if let owner = connections[place].owner {
                keepPinned(serial, owner, now)
            } else if isPaused || isDistrusted(serial) {
                becomeIdle(serial, now)
            } else {
                while usefulDials < freshCount, dial(now) {}
                if retryNeedsRoom {
                    retire(serial, .poolShrink)
                } else if let waiter = nextOrdinary {
                    serve(waiter, serial)
                } else {
                    becomeIdle(serial, now)
                }
            }
        }
        settle(now)
    }

    package mutating func lostWithoutNotice(_ serial: Int, now: Instant) -> Int {
        guard let place = place(serial), connections[place].state == .leased else { return 0 }
        guard connections[place].granted > 1 || connections[place].hasLainIdle else { return 0 }
        let doubted = trusted
        if connections[place].proveBy != nil {
            for serial in distrusted { retire(serial, .distrusted) }
            settle(now)
            return 0
        }
        for serial in doubted {
            guard let doubtful = self.place(serial) else { continue }
            connections[doubtful].proveBy = now + OriginPool.proofTime
            noteDoubt(doubtful)
        }
        open.removeAll()
        settle(now)
        return doubted.count
    }

    package mutating func closed(_ serial: Int, now: Instant) {
        guard let place = place(serial) else { return }
        noteLost(connections[place], now)
        connections.remove(at: place)
        idle.removeAll { $0 == serial }
        pinned.removeAll { $0 == serial }
        open.removeAll { $0 == serial }
        settle(now)
    }

    package mutating func noteClosing(_ serial: Int, now: Instant) {
        guard let place = place(serial), connections[place].state != .closing else { return }
        noteLost(connections[place], now)
        if connections[place].leaving == nil { connections[place].leaving = .killed }
        connections[place].state = .closing
        idle.removeAll { $0 == serial }
        pinned.removeAll { $0 == serial }
        open.removeAll { $0 == serial }
        settle(now)
    }

    package mutating func deadlineReached(now: Instant) {
        for serial in oldestFirst + pinned {
            if let place = place(serial), connections[place].deadline <= now { retireDue(serial) }
        }
        let refusal: Refusal = isPaused ? .paused : blockedByTotal ? .connectionLimit : .waitedTooLong
        for waiter in waiters.dropFirst(servedByDials) where waiter.deadline <= now {
            stopWaiting(waiter.id)
            actions.append(.refuse(waiter.id, refusal))
        }
        settle(now)
    }

    package mutating func apply(_ policy: PoolPolicy, now: Instant) {
        self.policy = policy
        originLimit = policy.maxConnections
        for serial in oldestFirst + pinned {
            guard let place = place(serial) else { continue }
            setIdleBound(place)
            if isWornOut(connections[place]), !connections[place].isLoggingIn { retire(serial, .maxRequests) }
        }
        for serial in oldestFirst + pinned {
            if let place = place(serial), connections[place].deadline <= now { retireDue(serial) }
        }
        while let oldest = oldestFirst.first, idle.count > policy.maxIdle || originExceeded {
            retire(oldest, .poolShrink)
        }
        while let oldest = pinned.first, originExceeded { retire(oldest, .poolShrink) }
        for serial in open { updateOpen(serial) }
        settle(now)
    }

    package mutating func drain(_ reason: CloseReason, now: Instant) -> Int {
        let concerned = staying
        leaveAll(reason, now)
        settle(now)
        return concerned
    }

    package mutating func close(_ serial: Int, _ reason: CloseReason, now: Instant) {
        guard let place = place(serial), connections[place].leaving == nil || connections[place].state == .pinned
        else { return }
        if connections[place].state == .idle || connections[place].state == .pinned {
            retire(serial, reason)
        } else {
            connections[place].leaving = reason
            open.removeAll { $0 == serial }
        }
        settle(now)
    }

    package mutating func pause() {
        if !isShutDown { isPaused = true }
    }

    package mutating func resume(now: Instant) {
        if !isPaused { return }
        isPaused = false
        for serial in pinned {
            guard let place = place(serial) else { continue }
            if connections[place].deadline <= now {
                retireDue(serial)
            } else if let waiter = waiters.first(where: { $0.client == connections[place].owner && !$0.fresh }) {
                serve(waiter, serial, alone: true)
            }
        }
        while let waiter = waiters.first(where: { $0.fresh }), let serial = reusable(fresh: true, mayRepeat: false, now)
        {
            serve(waiter, serial)
        }
        while usefulDials < freshCount, dial(now) {}
        makeRoomForRetries()
        while let waiter = nextOrdinary, let serial = reusable(fresh: false, mayRepeat: waiter.mayRepeat, now) {
            serve(waiter, serial)
        }
        settle(now)
    }

    package mutating func shutdown(now: Instant) {
        isShutDown = true
        isPaused = false
        refuseAll(.draining)
        leaveAll(.shutdown, now)
        settle(now)
    }

    package mutating func shedIdle(_ count: Int, _ reason: CloseReason, now: Instant) -> Int {
        let shed = Array((oldestFirst + settledPinned).prefix(max(0, count)))
        for serial in shed { retire(serial, reason) }
        if !shed.isEmpty {
            warmDelay.failed(warmDelay.era, now, &random)
            settle(now)
        }
        return shed.count
    }

    package mutating func prewarm(_ count: Int, now: Instant) -> Int {
        if isShutDown || isPaused { return 0 }
        let before = dials
        wasUsed = true
        while usefulDials < waiters.count + min(count, policy.maxIdle) - trusted.count, dial(now) {}
        settle(now)
        return dials - before
    }

    package mutating func pin(_ serial: Int, _ client: ClientID, isLoggingIn: Bool) {
        guard let place = place(serial), connections[place].state == .leased else { return }
        if connections[place].leases > 1 || (connections[place].owner ?? client) != client {
            if connections[place].leaving == nil { connections[place].leaving = .pinned }
        } else {
            connections[place].owner = client
            connections[place].isLoggingIn = isLoggingIn && connections[place].leaving == nil
            connections[place].allMayPipeline = false
        }
        updateOpen(serial)
    }

    package mutating func endPins(_ client: ClientID, now: Instant) {
        var found = false
        for connection in connections {
            found = found || connection.owner != nil
            if connection.owner == client { endPin(connection.serial) }
        }
        if found { settle(now) }
    }

    package mutating func budgetFreed(now: Instant) {
        settle(now)
    }
}
