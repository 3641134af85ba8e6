import CLinux
import HTTPWire
import Metering
package import ProxyTypes
package import Reactor
package import Upstream

#if canImport(Glibc)
    import Glibc
#endif

/// What all clients of one event loop share: configuration, upstream pools, scratch storage, the list of clients. Loop-bound.
package final class ProxyLoop {
    package private(set) var configuration: ProxyConfiguration
    package let upstream: UpstreamLoop
    let timer: LazyTimer
    let accessLog: AccessLog?
    /// Filled by whichever client parses a head, read within the same call.
    var requestHead = RequestHead()
    /// With the version that a message was received in (RFC 9110 7.6.3).
    private let via10: [UInt8]
    private let via11: [UInt8]
    let viaPseudonym: [UInt8]
    private var clients: [ObjectIdentifier: ClientHandler] = [:]
    private var spareExchanges: [Exchange] = []
    private var clientNumber: UInt64 = 0
    package private(set) var isDraining = false
    private var listeners: [Listener] = []

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
    }

    /// From here on a request that would come back to this listener is refused. Nil for a Unix socket.
    package func listen(on address: ListenerAddress) throws(SystemError) -> (address: IPAddress, port: UInt16)? {
        let listener = try Listener(address, reactor: upstream.reactor, handler: self)
        listeners.append(listener)
        let local = listener.localAddress
        if let local { configuration.destinations.ownListeners.append(local) }
        configuration.destinations.localAddresses = Interfaces.addresses()
        upstream.addressPolicy = configuration.destinations
        return local
    }

    package func setSlowExchange(_ interval: Interval) {
        configuration.slowExchange = interval
    }

    /// A listener of connd's that is not the proxy's: requests to it are refused all the same.
    package func noteOwnListener(_ address: IPAddress, port: UInt16) {
        configuration.destinations.ownListeners.append((address, port))
        upstream.addressPolicy = configuration.destinations
    }

    func via(_ version: HTTPVersion) -> [UInt8] { version == .http11 ? via11 : via10 }

    package var clientCount: Int { clients.count }
    var now: Instant { upstream.now }

    /// Seconds since 1970, for Date fields and logs only.
    func wallClockMilliseconds() -> Int64 { upstream.wallClock }

    // MARK: Clients

    func nextClientNumber() -> UInt64 {
        clientNumber += 1
        return clientNumber
    }

    var isFull: Bool { clients.count >= configuration.maxClientConnections }

    func add(_ client: ClientHandler) {
        clients[ObjectIdentifier(client)] = client
        upstream.metrics.clientsAccepted += 1
    }

    func remove(_ client: ClientHandler) {
        guard clients.removeValue(forKey: ObjectIdentifier(client)) != nil else { return }
        for listener in listeners { listener.resume() }
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

    // MARK: The end

    /// Clients that ask for nothing are closed, the others after what they are being answered.
    package func drain() {
        isDraining = true
        for listener in listeners { listener.close() }
        listeners.removeAll()
        for client in Array(clients.values) { client.drain() }
        upstream.closeIdle()
    }

    package func kill() {
        for client in Array(clients.values) { client.kill() }
        upstream.kill()
    }
}

extension ProxyLoop: ListenerHandler {
    package var acceptsClients: Bool { !isFull && !isDraining }

    package func accepted(_ descriptor: CInt, peer: IPAddress?) {
        let client = ClientHandler(loop: self)
        guard let stream = TCPStream(descriptor, reactor: upstream.reactor, handler: client) else { return }
        if peer != nil { _ = clinux_set_int(descriptor, CInt(IPPROTO_TCP), TCP_NODELAY, 1) }
        add(client)
        client.start(on: stream, peer: peer)
    }

    package func outOfDescriptors() {
        _ = upstream.relieveDescriptorPressure()
    }

    package func acceptingPaused() {
        upstream.metrics.acceptPauses += 1
    }
}
