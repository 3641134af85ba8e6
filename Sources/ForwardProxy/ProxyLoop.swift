import HTTPWire
import Metering
import Pooling
package import ProxyTypes
package import Reactor
package import TLS
package import Upstream

/// What all clients of one event loop share: configuration, upstream pools, scratch storage, the list of clients. Loop-bound.
package final class ProxyLoop {
    package private(set) var configuration: ProxyConfiguration
    package let upstream: UpstreamLoop
    let timer: LazyTimer
    /// Nil where no lines are wanted.
    package var accessLog: AccessLog?
    /// Ends clients' TLS; nil: CONNECTs are always tunnelled.
    package var tlsServer: (any TLSServer)?
    package var clientIdentifier: (any ClientIdentifier)?
    /// Nil where clients are not attributed to programs.
    package var programs: ClientPrograms?
    package var refusals = ClientRefusals()
    /// Filled by whichever client parses a head, read within the same call.
    var requestHead = RequestHead()
    /// Of the response head that is being written for a client of a gateway, within one call.
    var headEdits: [HeadEdit] = []
    /// Our entry in Via, by the version that the message was received in (RFC 9110 7.6.3).
    private let via10: [UInt8]
    private let via11: [UInt8]
    let viaPseudonym: [UInt8]
    var recentRoutes = RecentRoutes()
    /// By their slots. Visited in this order, so that a run can be replayed.
    private var clients: [ClientHandler?] = []
    var slots = ClientSlots()
    let roomTimer = Deadline()
    private var spareExchanges: [Exchange] = []
    private(set) var clientNumber: UInt64 = 0
    var drainState = DrainState.serving
    /// The proxy's and the gateways'.
    var listeners: [Listener] = []
    /// In the order in which they were made; some may be removed and have clients still.
    var gateways: [Gateway] = []
    private var otherListeners: [(address: IPAddress, port: UInt16)] = []

    private static let maxSpareExchanges = 512

    /// `pseudonym` names this process in Via, so that a request that comes back is known.
    package init(configuration: ProxyConfiguration, upstream: UpstreamLoop, accessLog: AccessLog?, pseudonym: String) {
        self.configuration = configuration
        self.upstream = upstream
        timer = upstream.timer
        self.accessLog = accessLog
        viaPseudonym = Array(pseudonym.utf8)
        via10 = Array("1.0 \(pseudonym)".utf8)
        via11 = Array("1.1 \(pseudonym)".utf8)
        roomTimer.owner = self
    }

    deinit {
        roomTimer.owner = nil
    }

    // MARK: Listeners and configuration

    /// Starts to serve clients of this socket, and to refuse requests that would come back to it.
    package func listen(on socket: ListeningSocket) throws(SystemError) {
        // No client would be accepted from it.
        guard !isDraining else { return socket.close() }
        try listen(on: socket, handler: self)
    }

    @discardableResult
    func listen(on socket: ListeningSocket, handler: any ListenerHandler) throws(SystemError) -> Listener {
        let listener = try Listener(socket, reactor: upstream.reactor, handler: handler)
        listeners.append(listener)
        noteOwnListeners()
        return listener
    }

    /// Accepts no more clients there; existing ones stay. Those in the kernel's queue of a socket that only this process holds
    /// are accepted first: for them the connection is open already, and would be reset.
    package func stopListening(on address: ListenAddress) {
        let found = proxyListeners.first { $0.socket.address == address && !$0.socket.isInherited }
        if let found { stopListening(found) }
    }

    func stopListening(_ listener: Listener) {
        listeners.removeAll { $0 === listener }
        listener.acceptWaiting()
        listener.close()
        noteOwnListeners()
    }

    private var proxyListeners: [Listener] {
        let others = gateways.flatMap(\.listeners)
        return listeners.filter { listener in !others.contains { $0 === listener } }
    }

    /// Of the proxy itself, without the gateways'.
    package var sockets: [ListeningSocket] { proxyListeners.map(\.socket) }

    /// connd's listeners beside the proxy's: requests to them are refused as well.
    package func setOtherListeners(_ others: [(address: IPAddress, port: UInt16)]) {
        otherListeners = others
        noteOwnListeners()
    }

    private func noteOwnListeners() {
        configuration.destinations.ownListeners = listeners.compactMap(\.socket.localAddress) + otherListeners
        configuration.destinations.localAddresses = upstream.reactor.kernel.interfaceAddresses()
        upstream.addressPolicy = configuration.destinations
    }

    /// Applies immediately, to existing and new clients.
    package func apply(_ new: ProxyConfiguration) {
        let maxBuffer = configuration.maxBuffer
        let isSamePolicy = new.destinations.decidesLike(configuration.destinations)
        if !new.attributesPrograms { stopAttributing() }
        configuration = new
        // The reactor's read buffer was made for the old size.
        configuration.maxBuffer = maxBuffer
        upstream.headLimits = new.headLimits
        upstream.setMaxConnections(new.maxUpstreamConnections)
        noteOwnListeners()
        if !isSamePolicy { reapplyDestinationPolicy() }
        for listener in listeners { listener.resume() }
    }

    private func stopAttributing() {
        forEachClient { $0.isAttributed = false }
        programs?.forgetAll()
    }

    func via(_ version: HTTPVersion) -> [UInt8] { version == .http11 ? via11 : via10 }

    package var clientCount: Int { slots.taken }
    var now: Instant { upstream.now }

    /// Milliseconds since 1970, UTC: for Date fields and logs only.
    var wallClock: Int64 { upstream.wallClock }

    /// What was allowed before may not be now: the policy is applied to names at the next request, to addresses at the next
    /// dial.
    private func reapplyDestinationPolicy() {
        forgetRoutes()
        for pool in upstream.allPools { _ = pool.drain(.settingsChanged, now: now) }
    }

    /// Where a request goes may have changed: it is decided again at the next one.
    package func forgetRoutes() {
        recentRoutes.removeAll()
        for gateway in gateways { gateway.forgetTarget() }
        forEachClient { $0.forgetRoute() }
    }

    // MARK: Clients

    func nextClientNumber() -> UInt64 {
        clientNumber += 1
        return clientNumber
    }

    func add(_ client: ClientHandler) {
        client.slot = slots.take(now: now)
        if Int(client.slot) == clients.count { clients.append(client) } else { clients[Int(client.slot)] = client }
        upstream.metrics.clientsAccepted += 1
    }

    /// Taken and free ones.
    var clientSlotCount: Int { clients.count }

    func client(in slot: UInt32) -> ClientHandler? { Int(slot) < clients.count ? clients[Int(slot)] : nil }

    /// In the order of their slots. `body` may end any of them.
    func forEachClient(_ body: (ClientHandler) -> Void) {
        for index in clients.indices { clients[index].map(body) }
    }

    func remove(_ client: ClientHandler) {
        guard self.client(in: client.slot) === client else { return }
        clients[Int(client.slot)] = nil
        slots.free(client.slot)
        for listener in listeners { listener.resume() }
    }

    func noteRefusal(_ key: ClientRefusals.Key, _ manner: ClientRefusals.Manner) {
        refusals.refused(key, manner, now: now, wallClock: wallClock)
    }

    // MARK: Exchanges

    func takeExchange(for client: ClientHandler) -> Exchange {
        if let exchange = spareExchanges.popLast() {
            exchange.client = client
            return exchange
        }
        return Exchange(client: client, loop: self)
    }

    func give(_ exchange: Exchange) {
        exchange.clear()
        if spareExchanges.count < Self.maxSpareExchanges { spareExchanges.append(exchange) }
    }

    /// No more clients come.
    func dropSpareExchanges() { spareExchanges.removeAll() }
}
