package import HTTPWire
import Learning
package import Metering
package import Pooling
package import ProxyTypes
import Reactor
import TLS
package import Tuning

/// The connections of one origin on one loop: reports events to the pure pool machine and performs what it decides. It
/// decides nothing itself. Loop-bound.
package final class UpstreamPool {
    package let origin: Origin
    /// In the order of creation on the loop.
    let number: Int
    /// The origin's host, and its port where it is not the scheme's own: what requests to it say in Host.
    package let authority: [UInt8]
    package internal(set) var settings: EffectiveSettings
    /// What is counted of the origin on this loop.
    package var statistics = OriginStatistics()
    package internal(set) var learning: IdleLearning
    /// Nil while there is little to record.
    var traffic: RecordedTraffic?
    /// Requests when its traffic was last looked at.
    var notedLeases = 0
    /// Of connections that had served and were closed without being taken again, in microseconds.
    var unusedIdleTime: Int64 = 0
    /// The timer came long after its time, as after a sleep of the machine.
    private(set) var closesLate = false
    private static let late = Interval.seconds(1)
    /// Of statistics or gauges, since the last report.
    var hasUnreportedChanges = true
    /// When the certificate of the origin expires that was seen last, in milliseconds since 1970.
    var certificateExpires: Int64?
    /// What its latest handshakes have shown.
    var shown = OriginProof()
    /// Open, and whoever answered was believed.
    var unverifiedConnections = 0
    /// CONNECTs and upgrades that are open.
    var openTunnels = 0
    var lateAttempts: [LateAttempt] = []
    /// Connections at each address, and dials that begin there.
    let load = AddressLoad()
    private(set) lazy var addressDrain = AddressDrain(self, loop, seed: drainSeed)
    private let drainSeed: UInt64
    let loop: UpstreamLoop
    var machine: OriginPool
    var sockets = SocketTable()
    var waiters = WaiterTable()
    var actions = ActionQueue<PoolAction>()
    /// As the loop knows them.
    private var (totalRoomWanted, roomClaim) = (0, Instant.distantFuture)
    let timer = Deadline()
    var lastDialError: ProxyError?
    var refused = RefusedSettings()
    var ports = PoolPorts()
    package var retryBudget = RetryBudget()
    /// The loop has dropped it: a client that still refers to it asks the loop for the origin's pool again.
    package internal(set) var isForgotten = false

    init(origin: Origin, number: Int, settings: EffectiveSettings, loop: UpstreamLoop, seed: UInt64) {
        self.origin = origin
        self.number = number
        authority = Array(origin.authority.utf8)
        self.settings = settings
        self.loop = loop
        let budget = ConnectionBudget(limit: settings.maxConnections)
        drainSeed = seed &+ 1
        learning = IdleLearning(now: loop.wallClock, margin: settings.keepAliveMargin)
        machine = OriginPool(policy: PoolPolicy(settings), origin: budget, total: loop.total, seed: seed)
        timer.owner = self
        applyLearning(now: loop.now)
    }

    deinit {
        timer.owner = nil
    }

    /// Of the connections that are pooled; nil where they are not encrypted.
    var tlsProfile: TLSProfile? {
        switch origin.scheme {
        case .http: nil
        case .https: TLSProfile(settings)
        }
    }

    package var counts: PoolCounts { machine.counts }
    package var openConnections: Int { sockets.count }
    /// A dial is under way for each request that waits.
    package var dialsForAllWaiting: Bool { machine.dialsForAllWaiting }
    /// Exchanges that hold a connection.
    package var active: Int { machine.leases }
    package var isUnused: Bool { sockets.isEmpty && waiters.isEmpty && !machine.isPaused }

    // MARK: Leases

    /// `fresh`: only a connection that has served nothing yet (a retry). The answer comes by leaseGranted or
    /// leaseRefused, perhaps before this returns.
    /// `mayPipeline`: the request may be sent behind others on one connection, where the origin's settings say so.
    package func lease(
        for exchange: any UpstreamExchange, client: ClientID, fresh: Bool, mayPipeline: Bool, now: Instant
    ) -> WaiterID? {
        let isIdempotent = exchange.method.isIdempotent
        traffic?.wanted(isRepeatable: isIdempotent, now: now)
        if !fresh, !actions.isPerforming,
            let (id, reused) = machine.leaseIdle(
                mayPipeline: mayPipeline, isRetryable: !machine.isBounded || exchange.isRetryable, now: now),
            let connection = sockets.connection(id)
        {
            if maySend(onto: connection, isIdempotent: isIdempotent, reused: reused, now: now) {
                connection.leaseTimes = LeaseTimes(occupied: now)
                hand(connection, to: exchange, reused: reused, now: now)
                return nil
            }
            machine.release(id, .mustClose(reasonNotToSend(connection)), now: now, into: &actions.pending)
        }
        let request = LeaseRequest(
            client: client, needsFresh: fresh, isRetryable: exchange.isRetryable, mayPipeline: mayPipeline)
        let id = waiters.insert(.request(exchange, request, isIdempotent: isIdempotent), now: now)
        machine.lease(id, request, now: now, into: &actions.pending)
        statistics.races.passedOver += machine.takePassedOver()
        perform(now: now)
        guard waiters[id] != nil else { return nil }
        if !machine.dialsForAllWaiting { waiters.noteQueued(id) }
        statistics.queued += 1
        return id
    }

    /// Opens a connection of its own for a CONNECT. The answer comes as that of `lease`.
    package func openTunnel(for exchange: any UpstreamExchange, client: ClientID, now: Instant) -> WaiterID? {
        let id = waiters.insert(.tunnel(exchange), now: now)
        machine.openTunnel(id, client: client, now: now, into: &actions.pending)
        perform(now: now)
        return waiters[id] == nil ? nil : id
    }

    /// The exchange gives up waiting.
    package func cancel(_ id: WaiterID, now: Instant) {
        guard let waiter = waiters.remove(id) else { return }
        switch waiter {
        case .tunnel: statistics.tunnels.failed += 1
        case .request: traffic?.gaveUp(now: now)
        case .proof: break
        }
        machine.cancel(id, now: now, into: &actions.pending)
        perform(now: now)
    }

    /// Whether the connection, which the machine granted, can carry the request. A request that must not be sent twice
    /// is not sent onto a connection that has ended: for such a request the socket is asked for a FIN that the loop has
    /// not read yet, unless it was opened in this moment.
    @inline(__always)
    private func maySend(
        onto connection: UpstreamConnection, isIdempotent: Bool, reused: Bool, now: Instant
    ) -> Bool {
        #if CONND_PLANTED_FAULTS
            if PlantedFault.isActive(.endNotAskedFor) { return true }
        #endif
        // Idle ones are withdrawn; this one is busy, and a request was to go behind the others.
        if connection.hasAddressLeft, reused, !connection.isPinned { return false }
        return isIdempotent || !reused && connection.isFresh(now) || connection.isSilent()
    }

    private func reasonNotToSend(_ connection: UpstreamConnection) -> CloseReason {
        connection.hasAddressLeft ? .dnsDrain : .originFinIdle
    }

    // MARK: Events of connections

    func release(_ connection: UpstreamConnection, _ ended: Disposition, now: Instant) {
        let times = connection.leaseTimes
        traffic?.ended(occupied: now - times.occupied, waited: times.queued, isKept: ended.isKept, now: now)
        let disposition =
            connection.hasAddressLeft && !connection.isLoggingIn ? ended.closing(.dnsDrain) : ended
        machine.release(connection.id, disposition, now: now, into: &actions.pending)
        perform(now: now)
    }

    /// It is leased, and ended before any byte of the response: others may have ended with it.
    func lostWithoutNotice(_ connection: UpstreamConnection, now: Instant) {
        let distrusted = machine.lostWithoutNotice(connection.id, now: now, into: &actions.pending)
        loop.metrics.upstreamDistrusted += distrusted
        statistics.distrusted += distrusted
        perform(now: now)
    }

    /// It was lost in silence after such a silence.
    func pathDropped(after silence: Interval, by connection: UpstreamConnection, now: Instant) {
        machine.pathDropped(after: silence, now: now, into: &actions.pending)
        loop.ended.note(PathDrop(origin: origin, connection: connection.number, silence: silence))
        perform(now: now)
    }

    func pathSurvived(_ silence: Interval) { machine.pathSurvived(silence) }

    func noteClosing(_ connection: UpstreamConnection, now: Instant) {
        machine.noteClosing(connection.id, now: now, into: &actions.pending)
        perform(now: now)
    }

    func closed(_ connection: UpstreamConnection, now: Instant) {
        guard sockets.removeConnection(connection.id) != nil else { return }
        if let tls = connection.tls, !tls.isVerified { unverifiedConnections -= 1 }
        if let address = connection.remote?.address { load.remove(address) }
        machine.closed(connection.id, portIsFree: connection.portIsFree, now: now, into: &actions.pending)
        perform(now: now)
        stopFollowingIfEmpty()
    }

    func stopFollowingIfEmpty() {
        if machine.counts.connections == 0 { addressDrain.stop() }
    }

    // MARK: Actions

    /// To be called after each event. `abruptly`: connections that are to be closed are gone when this returns.
    func perform(abruptly: Bool = false, now: Instant) {
        hasUnreportedChanges = true
        if !actions.isEmpty {
            reportRoomWanted()
            guard actions.begin() else { return }
            while let action = actions.next() { perform(action, abruptly: abruptly, now: now) }
        }
        reportRoomWanted()
        let due = machine.nextDeadline
        if due < .distantFuture { loop.timer.wake(timer, at: due) }
        if loop.isTotalContended { loop.shareTotal(after: self, now: now) }
    }

    @inline(__always)
    private func reportRoomWanted() {
        // Usually none is wanted, before and after.
        guard machine.totalRoomWanted > 0 || totalRoomWanted > 0,
            machine.totalRoomWanted != totalRoomWanted || machine.roomClaim != roomClaim
        else { return }
        totalRoomWanted = machine.totalRoomWanted
        roomClaim = machine.roomClaim
        loop.roomWanted(by: self, totalRoomWanted, claim: roomClaim)
    }

    private func perform(_ action: PoolAction, abruptly: Bool, now: Instant) {
        switch action {
        case .dial(let id, let cause): dial(id, .requests, cause, now: now)
        case .dialTunnel(let id, _): dial(id, .tunnel, .demand, now: now)
        case .cancelDial(let id):
            sockets.removeDial(id)?.cancel()
            stopFollowingIfEmpty()
        case .grant(let waiter, let id, let reused): grant(waiter, id, reused: reused, now: now)
        case .refuse(let id, let refusal):
            guard let waiter = waiters.remove(id) else { return }
            switch waiter {
            case .request(let exchange, _, _):
                traffic?.gaveUp(now: now)
                exchange.leaseRefused(error(for: refusal), now: now)
            case .tunnel(let exchange):
                statistics.tunnels.failed += 1
                exchange.leaseRefused(error(for: refusal), now: now)
            case .proof(let waiter): waiter.originFailed(error(for: refusal), now: now)
            }
        case .close(let id, let reason):
            // Its room is needed: an origin that has left may answer no FIN.
            let gaveWay = reason == .dnsDrain && machine.counts.waiting > 0
            sockets.connection(id)?.closeByPool(reason, abruptly: abruptly || gaveWay)
        case .park(let id): sockets.connection(id)?.park(now: now)
        }
    }

    private func grant(_ waiterID: WaiterID, _ id: ConnectionID, reused: Bool, now: Instant) {
        guard let connection = sockets.connection(id) else {
            return Invariant.broken("a connection was granted that is not there")
        }
        guard let waiter = waiters[waiterID] else { return giveBack(connection, now: now) }
        switch waiter {
        case .tunnel(let exchange):
            _ = waiters.remove(waiterID)
            connection.startTunnel(for: exchange)
            exchange.leaseGranted(connection, reused: false, now: now)
        case .proof(let waiter):
            _ = waiters.remove(waiterID)
            giveBack(connection, now: now)
            waiter.originProven(now: now)
        case .request(let exchange, var request, let isIdempotent):
            guard maySend(onto: connection, isIdempotent: isIdempotent, reused: reused, now: now) else {
                machine.release(id, .mustClose(reasonNotToSend(connection)), now: now, into: &actions.pending)
                request.mayPipeline = false
                machine.lease(waiterID, request, now: now, into: &actions.pending)
                return
            }
            connection.leaseTimes = waiters.times(of: waiterID, now: now)
            _ = waiters.remove(waiterID)
            hand(connection, to: exchange, reused: reused, now: now)
        }
    }

    /// Nobody sends anything on it: the exchange gave up between the decision and now, or only its being there was wanted.
    private func giveBack(_ connection: UpstreamConnection, now: Instant) {
        switch connection.purpose {
        case .requests:
            machine.release(connection.id, .unused, now: now, into: &actions.pending)
            addressDrain.settled(connection.id, now: now)
        case .tunnel: connection.kill()
        }
    }

    private func hand(
        _ connection: UpstreamConnection, to exchange: any UpstreamExchange, reused: Bool, now: Instant
    ) {
        hasUnreportedChanges = true
        if reused {
            loop.metrics.upstreamReused += 1
            statistics.reused += 1
            statistics.handshakeSaved += connection.handshakeCost
            // One that was handed on at once was not idle.
            if let idleSince = connection.idleSince, idleSince < now {
                let age = now - idleSince
                statistics.idleGap.record(microseconds: age.microseconds)
                if learning.reuseTeaches(at: age) { connection.watch.beginProof(at: age) }
            }
            if learning.testsRequestCap(after: connection.requestsServed) {
                connection.watch.beginProof(at: connection.idleSince.map { now - $0 } ?? .zero)
            }
        } else {
            statistics.firstLeases += 1
        }
        connection.lease(to: exchange, now: now)
        exchange.leaseGranted(connection, reused: reused, now: now)
    }
}

extension UpstreamPool: DeadlineOwner {
    package func deadlineReached(now: Instant) -> Instant {
        closesLate = now - machine.nextDeadline > Self.late
        machine.deadlineReached(now: now, into: &actions.pending)
        perform(now: now)
        closesLate = false
        return machine.nextDeadline
    }
}

// MARK: Refusals

extension UpstreamPool {
    private func error(for refusal: Refusal) -> ProxyError {
        switch refusal {
        case .queueFull:
            limitReached(
                "max_connections (\(settings.maxConnections)) are busy and max_queue (\(settings.maxQueue)) is full")
        case .waitedTooLong:
            limitReached(
                "no connection became free within queue_timeout (\(settings.queueTimeout.wholeMilliseconds) ms); max_connections is \(settings.maxConnections)"
            )
        case .dialFailing:
            lastDialError ?? ProxyError(.destinationUnavailable, detail: "no connection could be opened")
        case .paused:
            ProxyError(.destinationUnavailable, detail: "the origin is paused (connctl resume \(origin))")
        case .draining:
            ProxyError(.destinationUnavailable, detail: "connd is shutting down")
        case .portsShort: limitReached(portsShortDetail)
        case .connectionLimit:
            limitReached("max_upstream_connections (\(loop.total.limit)) are open")
        case .tunnelLimit:
            limitReached("max_tunnels (\(settings.maxTunnels)) are open")
        }
    }

    private func limitReached(_ detail: String) -> ProxyError { ProxyError(.connectionLimitReached, detail: detail) }
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
        probesEvery = settings.tcpKeepalive?.idle ?? .zero
        reuseOrder = settings.reuseOrder
        maxQueue = settings.maxQueue
        queueTimeout = settings.queueTimeout
        pipelineDepth = settings.pipelining == .idempotent ? settings.pipelineDepth : 1
        maxTunnels = settings.maxTunnels
    }
}
