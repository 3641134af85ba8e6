package import HTTPWire
package import Metering
package import Pooling
package import ProxyTypes
import Reactor
package import Tuning

/// The connections of one origin on one loop: feeds the pure pool machine with events and performs what it decides. It
/// decides nothing itself. Loop-bound.
package final class UpstreamPool {
    private struct Waiter {
        var exchange: (any UpstreamExchange)?
        var generation: UInt32
        var isIdempotent: Bool
        var request: LeaseRequest
    }

    package let origin: Origin
    /// The origin's host, as requests to it say.
    package let host: [UInt8]
    package internal(set) var settings: EffectiveSettings
    /// What is counted of the origin on this loop.
    package var figures = OriginFigures()
    /// Something happened since the last report.
    var isTouched = true
    /// CONNECTs and upgrades that are open.
    var openTunnels = 0
    /// Exchanges that hold a connection.
    package var active = 0
    let loop: UpstreamLoop
    var machine: OriginPool
    var connections: [UpstreamConnection?] = []
    var dials: [ConnectionID: Dial] = [:]
    var tunnelDials: [ObjectIdentifier: Dial] = [:]
    var tunnels: [ObjectIdentifier: UpstreamConnection] = [:]
    private var waiters: [Waiter] = []
    private var freeWaiters: [UInt32] = []
    var actions: [PoolAction] = []
    private var isPerforming = false
    var closesAbruptly = false
    let timer = Deadline()
    private var lastDialError: ProxyError?
    var refused = RefusedSettings()
    package var retryBudget = RetryBudget()
    package internal(set) var isForgotten = false

    init(origin: Origin, settings: EffectiveSettings, loop: UpstreamLoop, seed: UInt64) {
        self.origin = origin
        host = Array(origin.host.utf8)
        self.settings = settings
        self.loop = loop
        let budget = ConnectionBudget(limit: settings.maxConnections)
        machine = OriginPool(policy: PoolPolicy(settings), origin: budget, total: loop.total, seed: seed)
        timer.owner = self
    }

    deinit {
        timer.owner = nil
    }

    package var counts: PoolCounts { machine.counts }
    /// Without those that one client alone may use; and with them.
    var sharedIdle: Int { machine.counts.idle }
    package var idleConnections: Int { machine.counts.idle + machine.counts.pinned }
    package var openConnections: Int {
        connections.lazy.filter { $0 != nil }.count + dials.count + tunnels.count + tunnelDials.count
    }
    package var isUnused: Bool { openConnections == 0 && waiters.count == freeWaiters.count && !machine.isPaused }
    func eachConnection(_ body: (UpstreamConnection) -> Void) {
        for connection in connections { connection.map(body) }
        for tunnel in tunnels.values { body(tunnel) }
    }

    var waitsForTotal: Bool { machine.counts.waiting > 0 }

    // MARK: Leases

    /// `fresh`: only a connection that has served nothing yet (a retry). The answer comes by leaseGranted or leaseRefused,
    /// perhaps before this returns.
    /// `mayPipeline`: the request may be sent behind others on one connection, where the origin's settings say so.
    package func lease(
        for exchange: any UpstreamExchange, client: ClientID, fresh: Bool, mayPipeline: Bool, now: Instant
    ) -> WaiterID? {
        let isIdempotent = exchange.method.isIdempotent
        if !fresh, !isPerforming, let (id, reused) = machine.leaseIdle(mayPipeline: mayPipeline, now: now),
            let connection = connection(id)
        {
            if isIdempotent || !reused && connection.isFresh(now) || connection.isSilent() {
                hand(connection, to: exchange, reused: reused, now: now)
                return nil
            }
            machine.release(id, .mustClose(.originFinIdle), now: now, into: &actions)
        }
        let request = LeaseRequest(
            client: client, needsFresh: fresh, isRetryable: exchange.isRetryable, mayPipeline: mayPipeline)
        let id = addWaiter(Waiter(exchange: exchange, generation: 0, isIdempotent: isIdempotent, request: request))
        machine.lease(id, request, now: now, into: &actions)
        perform(now: now)
        guard isWaiting(id) else { return nil }
        figures.queued += 1
        if machine.wantsTotalRoom {
            // The total is used up elsewhere; idle connections there serve nobody, this request does.
            _ = loop.shedElsewhere(for: self, abruptly: false, now: now)
        }
        return id
    }

    /// The exchange gives up waiting.
    package func cancel(_ id: WaiterID, now: Instant) {
        guard removeWaiter(id) != nil else { return }
        machine.cancel(id, now: now, into: &actions)
        perform(now: now)
    }

    private func addWaiter(_ waiter: Waiter) -> WaiterID {
        var waiter = waiter
        if let slot = freeWaiters.popLast() {
            waiter.generation = waiters[Int(slot)].generation
            waiters[Int(slot)] = waiter
            return WaiterID(slot: slot, generation: waiter.generation)
        }
        waiters.append(waiter)
        return WaiterID(slot: UInt32(waiters.count - 1), generation: 0)
    }

    private func isWaiting(_ id: WaiterID) -> Bool {
        let slot = Int(id.slot)
        return slot < waiters.count && waiters[slot].generation == id.generation && waiters[slot].exchange != nil
    }

    private func removeWaiter(_ id: WaiterID) -> Waiter? {
        guard isWaiting(id) else { return nil }
        let slot = Int(id.slot)
        let waiter = waiters[slot]
        waiters[slot].exchange = nil
        waiters[slot].generation &+= 1
        freeWaiters.append(id.slot)
        return waiter
    }

    // MARK: Events of connections

    func release(_ connection: UpstreamConnection, _ disposition: Disposition, now: Instant) {
        guard let id = connection.id else { return Invariant.broken("a connection outside the pool is released") }
        machine.release(id, disposition, now: now, into: &actions)
        perform(now: now)
    }

    /// It is leased, and ended before any byte of the response: others may have ended with it.
    func lostWithoutNotice(_ connection: UpstreamConnection, now: Instant) {
        guard let id = connection.id else { return }
        let distrusted = machine.lostWithoutNotice(id, now: now, into: &actions)
        loop.metrics.upstreamDistrusted += distrusted
        figures.distrusted += distrusted
        perform(now: now)
    }

    func noteClosing(_ connection: UpstreamConnection, now: Instant) {
        guard let id = connection.id else { return }
        machine.noteClosing(id, now: now, into: &actions)
        perform(now: now)
    }

    func closed(_ connection: UpstreamConnection, now: Instant) {
        guard let id = connection.id else {
            guard tunnels.removeValue(forKey: ObjectIdentifier(connection)) != nil else { return }
            loop.total.giveBack()
            return loop.budgetFreed(by: self, now: now)
        }
        guard connections[Int(id.slot)] === connection else { return }
        connections[Int(id.slot)] = nil
        machine.closed(id, now: now, into: &actions)
        perform(now: now)
        loop.budgetFreed(by: self, now: now)
    }

    // MARK: Actions

    func perform(now: Instant) {
        isTouched = true
        // An action that causes an event at once adds to the list that is being worked through: never a recursion.
        guard !isPerforming else { return }
        guard !actions.isEmpty else { return wake(at: machine.nextDeadline) }
        isPerforming = true
        var index = 0
        while index < actions.count {
            let action = actions[index]
            index += 1
            switch action {
            case .dial(let id, let cause): dial(id, cause, now: now)
            case .grant(let waiter, let id, let reused): grant(waiter, id, reused: reused, now: now)
            case .refuse(let waiter, let refusal):
                removeWaiter(waiter)?.exchange?.leaseRefused(error(for: refusal), now: now)
            case .close(let id, let reason): connection(id)?.closeByPool(reason, abruptly: closesAbruptly)
            }
        }
        actions.removeAll(keepingCapacity: true)
        isPerforming = false
        wake(at: machine.nextDeadline)
    }

    private func wake(at when: Instant) {
        if when < .distantFuture { loop.timer.wake(timer, at: when) }
    }

    private func connection(_ id: ConnectionID) -> UpstreamConnection? {
        guard Int(id.slot) < connections.count, let connection = connections[Int(id.slot)], connection.id == id else {
            return nil
        }
        return connection
    }

    private func grant(_ waiterID: WaiterID, _ id: ConnectionID, reused: Bool, now: Instant) {
        guard let connection = connection(id) else {
            return Invariant.broken("a connection was granted that is not there")
        }
        guard isWaiting(waiterID) else {
            // It gave up between the decision and now.
            machine.release(id, .unused, now: now, into: &actions)
            return
        }
        var waiter = waiters[Int(waiterID.slot)]
        // What may not be sent twice deserves a look at the socket: a FIN that the loop has not read yet would cost it.
        if !waiter.isIdempotent, reused || !connection.isFresh(now), !connection.isSilent() {
            machine.release(id, .mustClose(.originFinIdle), now: now, into: &actions)
            waiter.request.mayPipeline = false
            machine.lease(waiterID, waiter.request, now: now, into: &actions)
            return
        }
        guard let exchange = removeWaiter(waiterID)?.exchange else { return }
        hand(connection, to: exchange, reused: reused, now: now)
    }

    private func hand(
        _ connection: UpstreamConnection, to exchange: any UpstreamExchange, reused: Bool, now: Instant
    ) {
        isTouched = true
        if reused {
            loop.metrics.upstreamReused += 1
            figures.reused += 1
            figures.handshakeSaved += connection.handshakeCost
            // One that was handed on at once did not lie idle.
            if let idleSince = connection.idleSince, idleSince < now {
                figures.idleGap.record(microseconds: (now - idleSince).microseconds)
            }
        } else {
            figures.firstLeases += 1
        }
        connection.lease(to: exchange, now: now)
        exchange.leaseGranted(connection, reused: reused, now: now)
    }

    func error(for refusal: Refusal) -> ProxyError {
        switch refusal {
        case .queueFull:
            ProxyError(
                .connectionLimitReached,
                detail:
                    "max_connections (\(settings.maxConnections)) are busy and max_queue (\(settings.maxQueue)) is full"
            )
        case .waitedTooLong:
            ProxyError(
                .connectionLimitReached,
                detail:
                    "no connection became free within queue_timeout (\(settings.queueTimeout.wholeMilliseconds) ms); max_connections is \(settings.maxConnections)"
            )
        case .dialFailing:
            lastDialError ?? ProxyError(.destinationUnavailable, detail: "no connection could be opened")
        case .paused:
            ProxyError(
                .destinationUnavailable, detail: "the origin is paused (connctl resume \(origin))")
        case .draining:
            ProxyError(.destinationUnavailable, detail: "connd is shutting down")
        case .connectionLimit:
            ProxyError(
                .connectionLimitReached,
                detail: "max_upstream_connections (\(loop.total.limit)) are open")
        }
    }

    // MARK: Dials

    private func dial(_ id: ConnectionID, _ cause: DialCause, now: Instant) {
        let dial = Dial(origin: origin, settings: settings, loop: loop, cause: cause)
        dials[id] = dial
        dial.start { [unowned self] result in dialled(id, result) }
    }

    private func dialled(_ id: ConnectionID, _ result: Result<DialledStream, ProxyError>) {
        let now = loop.now
        guard let dial = dials.removeValue(forKey: id) else {
            if case .success(let dialled) = result { dialled.stream.close() }
            return
        }
        note(dial.refusals)
        switch result {
        case .success(let dialled):
            let connection = open(dialled, id: id, cause: dial.cause, now: now)
            while connections.count <= Int(id.slot) { connections.append(nil) }
            connections[Int(id.slot)] = connection
            machine.dialSucceeded(id, now: now, into: &actions)
        case .failure(let error):
            lastDialError = error
            loop.metrics.dialFailures[error.kind] += 1
            figures.dialFailures[error.kind] += 1
            machine.dialFailed(id, now: now, into: &actions)
        }
        perform(now: now)
        if case .failure = result { loop.budgetFreed(by: self, now: now) }
    }

    func open(
        _ dialled: DialledStream, id: ConnectionID?, cause: DialCause, now: Instant
    ) -> UpstreamConnection {
        let connection = UpstreamConnection(
            id: id, number: loop.nextConnectionNumber(), pool: self, cause: cause, dialled: dialled, now: now)
        loop.metrics.upstreamOpened += 1
        let dns = dialled.times.dns.microseconds
        let connect = dialled.times.connect.microseconds
        loop.metrics.dnsTime.record(microseconds: dns)
        loop.metrics.connectTime.record(microseconds: connect)
        if id != nil { figures.opened[cause] += 1 }
        figures.dnsTime.record(microseconds: dns)
        figures.connectTime.record(microseconds: connect)
        figures.handshakePaid += dns + connect
        return connection
    }
}

extension UpstreamPool: DeadlineOwner {
    package func deadlineReached(now: Instant) -> Instant {
        machine.deadlineReached(now: now, into: &actions)
        perform(now: now)
        return machine.nextDeadline
    }
}

extension PoolPolicy {
    init(_ settings: EffectiveSettings) {
        self.init()
        maxConnections = settings.maxConnections
        maxIdle = settings.maxIdle
        minIdle = settings.minIdle
        maxRequestsPerConnection = settings.maxRequestsPerConnection
        maxLifetime = settings.maxLifetime
        lifetimeJitterPercent = settings.lifetimeJitter
        idleTimeout = settings.idleTimeout
        keepAliveMargin = settings.keepAliveMargin
        reuseOrder = settings.reuseOrder
        maxQueue = settings.maxQueue
        queueTimeout = settings.queueTimeout
        pipelineDepth = settings.pipelining == .idempotent ? settings.pipelineDepth : 1
    }
}
