package import Pooling
package import ProxyTypes

/// The pool's events, in its words.
extension PoolModel {
    package mutating func lease(_ id: WaiterID, _ request: LeaseRequest, now: Instant) {
        if isShutDown { return actions.append(.refuse(id, .draining)) }
        hasBeenUsed = true
        if !isPaused, !request.needsFresh, let serial = ownPinned(request.client, now) {
            grant(id, serial, false)
            return rebalance(now)
        }
        if !isPaused, let serial = reusable(for: request, now) {
            grant(id, serial, request.mayPipeline)
            return rebalance(now)
        }
        waiters.append(Waiter(id: id, request: request, since: now, deadline: now + policy.queueTimeout))
        if !request.needsFresh, !turns.contains(request.client) { turns.append(request.client) }
        rebalance(now)
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
        let roomComing = min(count(.closing, draining: true), forRetries + countDistrusted(.closing))
        let roomUnused = isFailing ? max(0, room(inTurn: true)) : 0
        if undialled - roomComing - roomUnused > policy.maxQueue {
            stopWaiting(id)
            actions.append(.refuse(id, portsAreShort ? .portsShort : .queueFull))
            rebalance(now)
        } else if policy.queueTimeout <= .zero, undialled > countDistrusted(.closing) {
            let refusal = refusalOfRequests
            stopWaiting(id)
            actions.append(.refuse(id, refusal))
            rebalance(now)
        }
    }

    package mutating func cancel(_ id: WaiterID, now: Instant) {
        if stopWaiting(id) || cancelTunnel(id) { rebalance(now) }
    }

    package mutating func dialSucceeded(_ serial: Int, now: Instant) {
        guard let place = place(serial), connections[place].state == .dialing else { return }
        dialDelay.failures = 0
        portDelay.failures = 0
        if let reason = connections[place].closeReason {
            retire(serial, reason)
        } else if originExceeded || totalExceeded {
            retire(serial, .poolShrink)
        } else {
            let span = policy.maxLifetime.nanoseconds / 100 * Int64(policy.lifetimeJitterPercent)
            let jitter = span == 0 ? 0 : Int64(random.below(Int(span * 2))) - span
            connections[place].expiresAt = now + policy.maxLifetime + Interval(nanoseconds: jitter)
            if !isPaused, let waiter = waiters.first(where: { $0.request.needsFresh }) ?? nextOrdinary {
                serve(waiter, serial, now)
            } else {
                becomeIdle(serial, now)
            }
        }
        rebalance(now)
    }

    package mutating func dialFailed(_ serial: Int, now: Instant) {
        guard let place = place(serial) else { return }
        let wasDialing = connections[place].state == .dialing
        if wasDialing { dialDelay.failed(connections[place].epoch, now, &random) }
        connections.remove(at: place)
        if wasDialing, !isPaused, trusted.isEmpty || policy.idleTimeout == .auto && learned != nil, usefulDials == 0,
            !connections.contains(where: { $0.state == .leased && $0.closeReason == nil && $0.owner == nil })
        {
            refuseAll(.dialFailing)
        }
        rebalance(now)
    }

    package mutating func release(_ serial: Int, _ disposition: Disposition, now: Instant) {
        guard let place = place(serial) else { return }
        connections[place].leases -= 1
        if connections[place].state == .closing { return }
        connections[place].completed += 1
        switch disposition {
        case .mustClose(let reason):
            if connections[place].closeReason == nil { connections[place].closeReason = reason }
        case .unused: break
        case .reusable(let hint, let window, let lag):
            connections[place].lag = lag
            connections[place].idleSince = now
            connections[place].distrustedUntil = nil
            warmDelay.failures = 0
            connections[place].window = window
            if let timeout = hint?.timeout { connections[place].hint = timeout }
            if let max = hint?.max { connections[place].allowed = Swift.max(0, max - connections[place].leases) }
        }
        if connections[place].leases > 0 {
            if connections[place].allMayPipeline, mustYield(connections[place], now), !isYielding,
                connections[place].closeReason == nil
            {
                connections[place].closeReason = .poolShrink
            }
            updateOpen(serial)
        } else {
            open.removeAll { $0 == serial }
            if let reason = endOfUse(connections[place], now) {
                retire(serial, reason)
            } else if let owner = connections[place].owner {
                keepPinned(serial, owner, now)
            } else if case .unused = disposition, connections[place].hasBeenIdle {
                becomeIdle(serial, connections[place].idleSince)
                if idle.contains(serial), !isDistrusted(serial) { sortIn(serial) }
                if !isPaused { offerIdle(now) }
            } else if isPaused || isDistrusted(serial) {
                becomeIdle(serial, now)
            } else {
                while usefulDials < freshCount, dial(now) {}
                if retryNeedsRoom || !waiters.isEmpty && mustYield(connections[place], now) {
                    retire(serial, .poolShrink)
                } else if let waiter = nextOrdinary, isTooUsed(connections[place], for: waiter) {
                    retire(serial, .maxRequests)
                } else if let waiter = nextOrdinary {
                    serve(waiter, serial, now)
                } else {
                    becomeIdle(serial, now)
                }
            }
        }
        rebalance(now)
    }

    package mutating func lostWithoutNotice(_ serial: Int, now: Instant) -> Int {
        guard let place = place(serial), connections[place].state == .leased else { return 0 }
        guard connections[place].granted > 1 || connections[place].hasBeenIdle else { return 0 }
        let doubted = trusted
        if connections[place].distrustedUntil != nil {
            for serial in distrusted { retire(serial, reasonOfDoubt(serial)) }
            rebalance(now)
            return 0
        }
        for serial in doubted {
            guard let doubtful = self.place(serial) else { continue }
            connections[doubtful].distrustedUntil = now + OriginPool.verificationTimeout
            noteDistrusted(doubtful)
        }
        open.removeAll()
        rebalance(now)
        return doubted.count
    }

    package mutating func closed(_ serial: Int, portIsFree: Bool = false, now: Instant) {
        guard let place = place(serial) else { return }
        if portIsFree { notePortFree(now) }
        noteLost(connections[place], now)
        connections.remove(at: place)
        idle.removeAll { $0 == serial }
        pinned.removeAll { $0 == serial }
        open.removeAll { $0 == serial }
        rebalance(now)
    }

    package mutating func noteClosing(_ serial: Int, now: Instant) {
        guard let place = place(serial), connections[place].state != .closing else { return }
        noteLost(connections[place], now)
        if connections[place].closeReason == nil { connections[place].closeReason = .killed }
        connections[place].state = .closing
        idle.removeAll { $0 == serial }
        pinned.removeAll { $0 == serial }
        open.removeAll { $0 == serial }
        rebalance(now)
    }

    private mutating func retireAllDue(_ now: Instant) {
        for serial in oldestFirst + pinned {
            if let place = place(serial), connections[place].deadline <= now { retireDue(serial) }
            if let place = place(serial), isParked(serial), connections[place].state == .idle,
                connections[place].deadline <= now
            {
                retireDue(serial)
            }
        }
    }

    package mutating func deadlineReached(now: Instant) {
        retireAllDue(now)
        let refusal = refusalOfRequests
        for waiter in waiters.dropFirst(servedByDials) where waiter.deadline <= now {
            stopWaiting(waiter.id)
            actions.append(.refuse(waiter.id, refusal))
        }
        for waiter in tunnelWaiters where waiter.deadline <= now {
            stopWaitingForTunnel(waiter.id)
            actions.append(.refuse(waiter.id, refusalOfTunnels))
        }
        rebalance(now)
    }

    package mutating func apply(_ policy: PoolPolicy, now: Instant) {
        self.policy = policy
        originLimit = policy.maxConnections
        for serial in oldestFirst + pinned {
            guard let place = place(serial) else { continue }
            setIdleBound(place)
            if isWornOut(connections[place]), !connections[place].isLoggingIn { retire(serial, .maxRequests) }
        }
        retireAllDue(now)
        while let oldest = oldestFirst.first, idle.count > policy.maxIdle || originExceeded {
            retire(oldest, .poolShrink)
        }
        while let oldest = pinned.first, originExceeded { retire(oldest, .poolShrink) }
        for serial in open { updateOpen(serial) }
        if !isPaused { offerIdle(now) }
        rebalance(now)
    }

    package mutating func drain(_ reason: CloseReason, now: Instant) -> Int {
        let concerned = staying
        drainAll(reason, now)
        rebalance(now)
        return concerned
    }

    package mutating func close(_ serial: Int, _ reason: CloseReason, now: Instant) {
        guard let place = place(serial), connections[place].closeReason == nil || connections[place].state == .pinned
        else { return }
        if connections[place].state == .idle || connections[place].state == .pinned {
            retire(serial, reason)
        } else {
            connections[place].closeReason = reason
            open.removeAll { $0 == serial }
        }
        rebalance(now)
    }

    package mutating func pause() {
        if !isShutDown { isPaused = true }
        setClaim()
    }

    package mutating func apply(_ bounds: LearnedBounds?, now: Instant) {
        if learned == bounds { return }
        learned = bounds
        for serial in idle + pinned { if let place = place(serial) { setIdleBound(place) } }
        retireAllDue(now)
        for serial in open { updateOpen(serial) }
        if !isPaused { offerIdle(now) }
        rebalance(now)
    }

    package mutating func apply(_ parking: Parking, now: Instant) {
        if self.parking == parking { return }
        self.parking = parking
        for serial in idle { if let place = place(serial), isParked(serial) { setIdleBound(place) } }
        retireAllDue(now)
        rebalance(now)
    }

    package mutating func resume(now: Instant) {
        if !isPaused { return }
        isPaused = false
        for serial in pinned {
            guard let place = place(serial) else { continue }
            if connections[place].deadline <= now {
                retireDue(serial)
            } else if let waiter = waiters.first(where: {
                $0.request.client == connections[place].owner && !$0.request.needsFresh
            }) {
                serve(waiter, serial, alone: true, now)
            }
        }
        while let waiter = waiters.first(where: { $0.request.needsFresh }),
            let serial = reusable(for: waiter.request, now)
        {
            serve(waiter, serial, now)
        }
        while usefulDials < freshCount, dial(now) {}
        makeRoomForRetries()
        offerIdle(now)
        rebalance(now)
    }

    package mutating func shutdown(now: Instant) {
        isShutDown = true
        isPaused = false
        refuseAll(.draining)
        while let waiter = nextTunnel {
            takeTurn(waiter)
            actions.append(.refuse(waiter.id, .draining))
        }
        drainAll(.shutdown, now)
        rebalance(now)
    }

    package mutating func shedIdle(_ count: Int, _ reason: CloseReason, now: Instant) -> Int {
        let shed = Array((oldestFirst + loggedInPinned).prefix(max(0, count)))
        for serial in shed { retire(serial, reason) }
        if !shed.isEmpty {
            warmDelay.failed(warmDelay.epoch, now, &random)
            rebalance(now)
        }
        return shed.count
    }

    package mutating func prewarm(_ count: Int, now: Instant) -> Int {
        if isShutDown || isPaused { return 0 }
        let before = usefulDials
        hasBeenUsed = true
        while usefulDials < waiters.count + min(count, policy.maxIdle) - trusted.count, dial(now) {}
        rebalance(now)
        // CONNECTs may have been dialled for as well.
        return usefulDials - before
    }

    package mutating func pin(_ serial: Int, _ client: ClientID, isLoggingIn: Bool) {
        guard let place = place(serial), connections[place].state == .leased else { return }
        if connections[place].leases > 1 || (connections[place].owner ?? client) != client {
            if connections[place].closeReason == nil { connections[place].closeReason = .pinned }
        } else {
            connections[place].owner = client
            connections[place].isLoggingIn = isLoggingIn && connections[place].closeReason == nil
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
        if found { rebalance(now) }
    }

    package mutating func budgetFreed(now: Instant) {
        if !isPaused { _ = dialNext(now, inTurn: true) }
        rebalance(now)
    }
}
