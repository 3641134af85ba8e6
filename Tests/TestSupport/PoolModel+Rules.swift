import Pooling
import ProxyTypes

/// The rules that the events share.
extension PoolModel {
    mutating func rebalance(_ now: Instant) {
        if !isPaused { restore(now) }
        setClaim()
    }

    private mutating func restore(_ now: Instant) {
        if policy.idleTimeout == .auto, learned != nil, portsLeft == 0 || portDelay.failures > 0 { offerIdle(now) }
        while let waiter = nextOrdinary, waiter.request.isRetryable, let serial = leasableDistrusted(now) {
            serve(waiter, serial, now)
        }
        dialAsWanted(now)
        makeRoomForRetries()
        while !isFailing, portsLetRequestsDial, waiters.count > usefulDials + count(.closing, draining: true),
            let oldest = distrusted.first
        {
            retire(oldest, reasonOfDoubt(oldest))
        }
        if policy.idleTimeout == .auto, learned != nil {
            while !isFailing, portsLetRequestsDial, waiters.count > usefulDials + count(.closing, draining: true),
                let oldest = trusted.first
            {
                if let place = place(oldest) { connections[place].distrustedUntil = .zero }
                retire(oldest, .poolShrink)
            }
        }
        for serial in pinned where pinnedMustYield {
            if let place = place(serial), yieldsAt(connections[place]) <= now { retire(serial, .poolShrink) }
        }
        while waiters.count > usefulDials, let serial = open.first, let waiter = nextOrdinary,
            waiter.request.mayPipeline
        {
            open.removeFirst()
            guard let place = place(serial), connections[place].expiresAt > now else { continue }
            serve(waiter, serial, now)
        }
    }

    mutating func dialAsWanted(_ now: Instant) {
        dialForTunnelsAndRequests(now)
        let warm = now < warmDelay.notBefore ? 0 : missingWarm
        while usefulDials < waiters.count + warm, dial(now) {}
    }

    mutating func dial(_ now: Instant, inTurn: Bool = false) -> Bool {
        if isFailing {
            if now < dialDelay.notBefore { return false }
            if count(.dialing) + count(.dialing, draining: true) > 0 { return false }
        }
        if room(inTurn: inTurn) <= 0 || !portsAreLeftForRequests || !portIsTried(now) { return false }
        if let portsLeft { self.portsLeft = portsLeft - 1 }
        let cause: DialCause
        if dials(.replacement) < freshCount {
            cause = .replacement
        } else if dials(.demand) < waiters.count - freshCount {
            cause = .demand
        } else {
            cause = .warmUp
        }
        connections.append(Connection(serial: dials, cause: cause, epoch: dialDelay.epoch))
        actions.append(.dial(dials, cause))
        dials += 1
        lastServed = now
        return true
    }

    var retryNeedsRoom: Bool {
        !isFailing && portsLetRequestsDial && freshCount > usefulDials + count(.closing, draining: true)
    }

    mutating func makeRoomForRetries() {
        while retryNeedsRoom, let oldest = oldestFirst.first {
            retire(oldest, isDistrusted(oldest) ? reasonOfDoubt(oldest) : .poolShrink)
        }
    }

    var nextOrdinary: Waiter? {
        guard let client = turns.first else { return nil }
        return waiters.first { $0.request.client == client && !$0.request.needsFresh }
    }

    mutating func serve(_ waiter: Waiter, _ serial: Int, alone: Bool = false, _ now: Instant) {
        lastServed = now
        stopWaiting(waiter.id)
        if !waiter.request.needsFresh, let turn = turns.firstIndex(of: waiter.request.client) {
            turns.remove(at: turn)
            turns.append(waiter.request.client)
        }
        grant(waiter.id, serial, waiter.request.mayPipeline && !alone)
    }

    /// Retires those of this client's whose time has come as it meets them.
    mutating func ownPinned(_ client: ClientID, _ now: Instant) -> Int? {
        for serial in pinned {
            guard let place = place(serial), connections[place].owner == client else { continue }
            if connections[place].deadline > now { return serial }
            retireDue(serial)
        }
        return nil
    }

    mutating func keepPinned(_ serial: Int, _ owner: ClientID, _ now: Instant) {
        for other in connections where other.serial != serial && other.owner == owner { endPin(other.serial) }
        if !isPaused, let waiter = waiters.first(where: { $0.request.client == owner && !$0.request.needsFresh }) {
            return serve(waiter, serial, alone: true, now)
        }
        guard let place = place(serial) else { return }
        connections[place].state = .pinned
        connections[place].idleSince = now
        setIdleBound(place)
        pinned.append(serial)
    }

    mutating func endPin(_ serial: Int) {
        guard let place = place(serial) else { return }
        connections[place].isLoggingIn = false
        if connections[place].state == .pinned {
            retire(serial, .pinned)
        } else if connections[place].closeReason == nil {
            connections[place].closeReason = .pinned
        }
    }

    var loggedInPinned: [Int] {
        pinned.filter { serial in !(place(serial).map { connections[$0].isLoggingIn } ?? false) }
    }

    func yieldsAt(_ connection: Connection) -> Instant {
        connection.idleSince + .seconds(connection.isLoggingIn ? 5 : 1)
    }

    var pinnedMustYield: Bool {
        !isFailing && portsLetRequestsDial && waiters.count > usefulDials + count(.closing, draining: true)
            && room <= 0
    }

    @discardableResult
    mutating func stopWaiting(_ id: WaiterID) -> Bool {
        guard let place = waiters.firstIndex(where: { $0.id == id }) else { return false }
        let waiter = waiters.remove(at: place)
        if !waiter.request.needsFresh,
            !waiters.contains(where: { $0.request.client == waiter.request.client && !$0.request.needsFresh })
        {
            turns.removeAll { $0 == waiter.request.client }
        }
        return true
    }

    mutating func refuseAll(_ refusal: Refusal) {
        for waiter in waiters where waiter.request.needsFresh {
            stopWaiting(waiter.id)
            actions.append(.refuse(waiter.id, refusal))
        }
        while let waiter = nextOrdinary {
            stopWaiting(waiter.id)
            if let turn = turns.firstIndex(of: waiter.request.client) {
                turns.remove(at: turn)
                turns.append(waiter.request.client)
            }
            actions.append(.refuse(waiter.id, refusal))
        }
    }

    mutating func grant(_ id: WaiterID, _ serial: Int, _ mayPipeline: Bool) {
        guard let place = place(serial) else { return }
        idle.removeAll { $0 == serial }
        pinned.removeAll { $0 == serial }
        actions.append(.grant(id, serial, reused: connections[place].granted > 0))
        let shares = connections[place].leases > 0
        connections[place].allMayPipeline = mayPipeline && (!shares || connections[place].allMayPipeline)
        connections[place].state = .leased
        connections[place].leases += 1
        connections[place].granted += 1
        if let allowed = connections[place].allowed { connections[place].allowed = allowed - 1 }
        updateOpen(serial)
    }

    /// Retires those whose time has come as it meets them.
    mutating func reusable(for request: LeaseRequest, _ now: Instant) -> Int? {
        while let serial = named(fresh: request.needsFresh, request.isRetryable, now), let place = place(serial) {
            if connections[place].deadline > now { return serial }
            retireDue(serial)
        }
        return request.needsFresh || !request.isRetryable ? nil : leasableDistrusted(now)
    }

    /// The distrusted one heard from last, unless another is proving itself.
    mutating func leasableDistrusted(_ now: Instant) -> Int? {
        while countDistrusted(.leased) == 0, let serial = distrusted.last(where: { !isWithdrawn($0) && !isParked($0) }),
            let place = place(serial)
        {
            if connections[place].deadline > now { return serial }
            retireDue(serial)
        }
        return nil
    }

    /// The trusted idle one that the reuse order names.
    private func named(fresh: Bool, _ isRetryable: Bool, _ now: Instant) -> Int? {
        var best: Connection?
        for serial in trusted {
            guard let place = place(serial) else { continue }
            let connection = connections[place]
            if !fresh, isTooOld(connection, isRetryable, now) { continue }
            if fresh {
                if connection.granted == 0 { best = connection }
            } else if let held = best {
                switch policy.reuseOrder {
                case .lifo: best = connection
                case .fifo: break
                case .widest: if window(connection, now) >= window(held, now) { best = connection }
                }
            } else {
                best = connection
            }
        }
        return best?.serial
    }

    /// As the pool's own, said otherwise: halved once for each whole time-out by which the silence is longer than one.
    private func window(_ connection: Connection, _ now: Instant) -> UInt32 {
        let kept = connection.window
        guard kept.timeout > 0 else { return kept.segments }
        let silence = (now - connection.idleSince).nanoseconds + Int64(kept.silence) * 1_000_000
        let halvings = max((silence - 1) / (Int64(kept.timeout) * 1_000_000), 0)
        return max(kept.segments >> min(UInt32(clamping: halvings), 31), min(kept.segments, SendWindow.initial))
    }

    func isOpen(_ serial: Int) -> Bool {
        guard let place = place(serial) else { return false }
        let connection = connections[place]
        return policy.pipelineDepth > 1 && connection.state == .leased && connection.closeReason == nil
            && connection.distrustedUntil == nil && connection.allMayPipeline && connection.completed > 0
            && connection.leases < policy.pipelineDepth
            && connection.allowed != 0 && !isWornOut(connection)
    }

    mutating func updateOpen(_ serial: Int) {
        if !isOpen(serial) {
            open.removeAll { $0 == serial }
        } else if !open.contains(serial) {
            open.append(serial)
        }
    }

    func isWornOut(_ connection: Connection) -> Bool {
        if policy.maxRequestsPerConnection > 0, connection.granted >= policy.maxRequestsPerConnection { return true }
        guard policy.idleTimeout == .auto else { return false }
        return learned.map { $0.maxRequests > 0 && connection.granted >= $0.maxRequests } ?? false
    }

    mutating func endOfUse(_ connection: Connection, _ now: Instant) -> CloseReason? {
        if let reason = connection.closeReason { return reason }
        if connection.distrustedUntil != nil, connection.owner != nil { return .distrusted }
        if connection.allowed == 0 { return .keepAliveHint }
        if connection.isLoggingIn { return nil }
        if isWornOut(connection) {
            let limit = policy.maxRequestsPerConnection
            if limit > 0, connection.granted >= limit { return .maxRequests }
            wornOut += 1
            if wornOut % 8 != 0 { return .maxRequests }
        }
        if let hint = connection.hint, hint <= policy.keepAliveMargin { return .keepAliveHint }
        if connection.expiresAt <= now { return .maxLifetime }
        return originExceeded || totalExceeded ? .poolShrink : nil
    }

    mutating func becomeIdle(_ serial: Int, _ since: Instant) {
        guard let place = place(serial) else { return }
        connections[place].state = .idle
        connections[place].idleSince = since
        connections[place].hasBeenIdle = true
        setIdleBound(place)
        idle.append(serial)
        if connections[place].distrustedUntil != nil { noteDistrusted(place) }
        if idle.count > policy.maxIdle, let oldest = oldestFirst.first { retire(oldest, .poolShrink) }
    }

    func isWithdrawn(_ serial: Int) -> Bool { place(serial).map { connections[$0].isWithdrawn } ?? false }

    func reasonOfDoubt(_ serial: Int) -> CloseReason {
        isWithdrawn(serial) ? .dnsDrain : isParked(serial) ? .poolShrink : .distrusted
    }

    mutating func noteDistrusted(_ place: Int) {
        distrustings += 1
        connections[place].distrustOrder = distrustings
    }

    mutating func setIdleBound(_ place: Int) {
        if connections[place].isParked {
            connections[place].idleBound = parking.hold
            connections[place].distrustedUntil = connections[place].idleUntil
            return
        }
        var bound: Interval
        var byHint = false
        switch policy.idleTimeout {
        case .fixed(let fixed): bound = fixed
        case .auto: bound = connections[place].hint == nil ? .seconds(4) : .seconds(90)
        }
        if let hint = connections[place].hint, hint - policy.keepAliveMargin < bound {
            bound = hint - policy.keepAliveMargin
            byHint = true
        }
        connections[place].idleByLearning = false
        if policy.idleTimeout == .auto, let learned {
            let lag = learned.countsFromRequest ? connections[place].lag : .zero
            bound = learned.retire < lag ? .zero : learned.retire - lag
            connections[place].idleByLearning = true
        }
        connections[place].idleBound = bound
        connections[place].idleByHint = byHint
        if connections[place].isLoggingIn {
            connections[place].idleBound = max(bound, .seconds(1))
            let atLeast = connections[place].idleSince + .seconds(1)
            connections[place].expiresAt = max(connections[place].expiresAt, atLeast)
        }
    }

    mutating func retireDue(_ serial: Int) {
        guard let place = place(serial) else { return }
        let connection = connections[place]
        if park(connection) { return }
        let distrustedUntil = connection.distrustedUntil ?? .distantFuture
        if connection.isParked {
            retire(serial, .learnedIdleBound)
        } else if connection.expiresAt <= min(connection.idleUntil, distrustedUntil) {
            retire(serial, .maxLifetime)
        } else if distrustedUntil <= connection.idleUntil {
            retire(serial, reasonOfDoubt(serial))
        } else {
            retire(
                serial,
                connection.idleByLearning ? .learnedIdleBound : connection.idleByHint ? .keepAliveHint : .idleTimeout)
        }
    }

    mutating func retire(_ serial: Int, _ reason: CloseReason) {
        guard let place = place(serial) else { return }
        idle.removeAll { $0 == serial }
        pinned.removeAll { $0 == serial }
        open.removeAll { $0 == serial }
        let reason = connections[place].closeReason ?? reason
        connections[place].closeReason = reason
        connections[place].state = .closing
        actions.append(.close(serial, reason))
    }

    mutating func drainAll(_ reason: CloseReason, _ now: Instant) {
        for serial in oldestFirst { retire(serial, reason) }
        for serial in pinned {
            guard let place = place(serial) else { continue }
            if connections[place].isLoggingIn, reason == .drained || reason == .dnsDrain {
                if connections[place].closeReason == nil { connections[place].closeReason = reason }
                let left = now + .seconds(5) - connections[place].idleSince
                connections[place].idleBound = min(connections[place].idleBound, left)
            } else {
                retire(serial, reason)
            }
        }
        open.removeAll()
        for place in connections.indices where connections[place].closeReason == nil {
            connections[place].closeReason = reason
        }
    }

    mutating func noteLost(_ connection: Connection, _ now: Instant) {
        if connection.state == .idle, connection.granted == 0 { warmDelay.failed(warmDelay.epoch, now, &random) }
    }
}
