import CLinux
import HTTPWire
import Metrics
package import NIOCore
import ProxyTypes
package import Upstream

#if canImport(Glibc)
import Glibc
#endif

/// What all clients of one event loop share: configuration, upstream pools, scratch storage, the list of clients. Loop-bound.
package final class ProxyLoop {
    package private(set) var configuration: ProxyConfiguration
    package let upstream: UpstreamLoop
    let accessLog: AccessLog?
    /// Filled by whichever client parses a head, read within the same call.
    var requestHead = RequestHead()
    let via: [UInt8]
    let viaPseudonym: [UInt8]
    private var clients: [ObjectIdentifier: ClientHandler] = [:]
    private var spareExchanges: [Exchange] = []
    private var clientNumber: UInt64 = 0
    package private(set) var isDraining = false
    private var whenEmpty: (() -> Void)?
    private var gates: [AcceptGate] = []

    private static let maxSpareExchanges = 512

    /// `pseudonym` names this process in Via, so that a request that comes back is known.
    package init(configuration: ProxyConfiguration, upstream: UpstreamLoop, accessLog: AccessLog?, pseudonym: String) {
        self.configuration = configuration
        self.upstream = upstream
        self.accessLog = accessLog
        viaPseudonym = Array(pseudonym.utf8)
        via = Array("1.1 \(pseudonym)".utf8)
    }

    /// Told once the listeners are open, so that a request that would come back to them is refused.
    package func listening(on addresses: [SocketAddress]) {
        configuration.destinations.ownListeners = addresses.compactMap { address in
            guard let ip = IPAddress(socketAddress: address), let port = address.port else { return nil }
            return (ip, UInt16(clamping: port))
        }
        configuration.destinations.localAddresses = ((try? System.enumerateDevices()) ?? []).compactMap { device in
            device.address.flatMap(IPAddress.init(socketAddress:))
        }
        upstream.addressPolicy = configuration.destinations
    }

    package var clientCount: Int { clients.count }
    var timer: LazyTimer { upstream.timer }

    /// Seconds since 1970, for Date fields and logs only.
    func wallClockMilliseconds() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }

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
        for gate in gates { gate.resume() }
        if clients.isEmpty, let whenEmpty {
            self.whenEmpty = nil
            whenEmpty()
        }
    }

    func add(_ gate: AcceptGate) {
        gates.append(gate)
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

    /// Clients that ask for nothing are closed, the others after what they are being answered. `done` when all are gone.
    package func drain(_ done: @escaping () -> Void) {
        isDraining = true
        for client in Array(clients.values) { client.drain() }
        upstream.shutdown()
        if clients.isEmpty {
            done()
        } else {
            whenEmpty = done
        }
    }

    package func kill() {
        for client in Array(clients.values) { client.kill() }
        upstream.kill()
    }
}
