import ProxyTypes
import Reactor
import Testing

#if canImport(Glibc)
    import Glibc
#endif

/// Real sockets of this process.
@Suite("The TCP sockets of the host")
struct SocketDumpTests {
    private final class Listener {
        let socket: ListeningSocket
        let endpoint: Endpoint
        private(set) var ends: [CInt] = []
        private let kernel: LinuxKernel

        init(_ text: String) throws {
            let address = try #require(IPAddress(text))
            kernel = try LinuxKernel()
            socket = try ListeningSocket.open(.tcp(address, port: 0))
            let local = try #require(socket.localAddress)
            endpoint = Endpoint(address: local.address, port: local.port)
        }

        deinit {
            for end in ends { close(end) }
            socket.close()
        }

        /// Of the client.
        func connect(to endpoint: Endpoint? = nil) throws -> Endpoint {
            let endpoint = endpoint ?? self.endpoint
            let client = kernel.makeSocket(endpoint.address.family)
            let code = kernel.connect(client, to: endpoint)
            try #require(code == 0 || code == -EINPROGRESS)
            return try accept(client)
        }

        /// From an IPv6 socket to the mapped address.
        func connectMapped() throws -> Endpoint {
            let client = kernel.makeSocket(.ipv6)
            var target = sockaddr_in6()
            target.sin6_family = sa_family_t(AF_INET6)
            target.sin6_port = endpoint.port.bigEndian
            withUnsafeMutableBytes(of: &target.sin6_addr) { room in
                room.copyBytes(from: [UInt8](repeating: 0, count: 10) + [255, 255] + endpoint.address.bytes)
            }
            let code = withUnsafePointer(to: &target) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    Glibc.connect(client, $0, socklen_t(MemoryLayout<sockaddr_in6>.size))
                }
            }
            try #require(code == 0 || errno == EINPROGRESS)
            return try accept(client)
        }

        private func accept(_ client: CInt) throws -> Endpoint {
            var ready = pollfd(fd: socket.descriptor, events: Int16(POLLIN), revents: 0)
            poll(&ready, 1, 5000)
            var peer: IPAddress?
            let server = kernel.accept(socket.descriptor, peer: &peer)
            try #require(server >= 0)
            ends += [client, server]
            return try #require(kernel.localEndpoint(client))
        }

        /// The client ends first, so it is in TIME_WAIT when the server has ended too.
        func endLast() {
            let (client, server) = (ends[ends.count - 2], ends[ends.count - 1])
            ends.removeLast(2)
            shutdown(client, CInt(SHUT_WR))
            var ready = pollfd(fd: server, events: Int16(POLLIN), revents: 0)
            poll(&ready, 1, 5000)
            close(server)
            ready = pollfd(fd: client, events: Int16(POLLIN), revents: 0)
            poll(&ready, 1, 5000)
            close(client)
        }
    }

    private func dump(_ destinations: Set<Endpoint>) throws -> [Endpoint: [(remote: Endpoint, state: SocketDump.State)]]
    {
        var found: [Endpoint: [(remote: Endpoint, state: SocketDump.State)]] = [:]
        try SocketDump.connections(to: destinations) { found[$0, default: []].append(($1, $2)) }
        return found
    }

    @Test("open connections to a destination, and to no other", arguments: ["127.0.0.1", "::1"])
    func open(text: String) throws {
        let (listener, other) = (try Listener(text), try Listener(text))
        let clients = [try listener.connect(), try listener.connect()]
        _ = try other.connect()
        let found = try dump([listener.endpoint])
        #expect(Set(found.keys) == Set(clients))
        #expect(found.values.allSatisfy { $0.count == 1 && $0[0].remote == listener.endpoint && $0[0].state == .open })
    }

    @Test("an IPv6 socket that is connected to an IPv4 address counts for that")
    func mapped() throws {
        let listener = try Listener("127.0.0.1")
        let client = try listener.connectMapped()
        #expect(Array(try dump([listener.endpoint]).keys) == [client])
    }

    @Test("a connection in TIME_WAIT, and for how long it stays there")
    func timeWait() throws {
        let listener = try Listener("127.0.0.1")
        let client = try listener.connect()
        listener.endLast()
        let found = try #require(try dump([listener.endpoint])[client]?.first)
        guard case .timeWait(let left) = found.state else {
            Issue.record("\(found)")
            return
        }
        #expect(left > .seconds(30) && left <= .seconds(60))
    }

    @Test("more destinations than one program for the kernel can hold")
    func many() throws {
        let listener = try Listener("127.0.0.1")
        let client = try listener.connect()
        for count in [1, 2, 63, 64, 65, 300] {
            var wanted: Set<Endpoint> = [listener.endpoint]
            for number in 1..<count {
                let six = number % 2 == 0
                let address = six ? IPAddress(high: 1, low: UInt64(number)) : IPAddress(ipv4: UInt32(number))
                wanted.insert(Endpoint(address: address, port: listener.endpoint.port))
            }
            #expect(Array(try dump(wanted).keys) == [client], "\(count)")
        }
        #expect(try dump([]).isEmpty)
    }

    @Test("ports on which something listens")
    func listening() throws {
        let (four, six) = (try Listener("127.0.0.1"), try Listener("::1"))
        let ports = try SocketDump.listeningPorts()
        #expect(ports.contains(four.endpoint.port) && ports.contains(six.endpoint.port))
    }

    @Test("a socket that is bound to an address leaves its port to other destinations")
    func boundWithoutPort() throws {
        let kernel = try LinuxKernel()
        let socket = kernel.makeSocket(.ipv4)
        defer { close(socket) }
        var options = SocketOptions()
        options.lateBinding = true
        #expect(kernel.apply(options, to: socket).isEmpty)
        #expect(kernel.bind(socket, to: IPAddress(ipv4: 0x7F00_0001)) == 0)
        #expect(kernel.localEndpoint(socket)?.port == 0)
    }

    @Test("from which address a host reaches another, and whether what was sent has been acknowledged")
    func sources() throws {
        let listener = try Listener("127.0.0.1")
        _ = try listener.connect()
        let kernel = try LinuxKernel()
        let loopback = IPAddress(ipv4: 0x7F00_0001)
        #expect(kernel.source(for: loopback) == loopback)
        #expect(kernel.source(for: IPAddress(high: 0, low: 1)) == IPAddress(high: 0, low: 1))
        // 255.255.255.255: no connection leads there.
        #expect(kernel.source(for: IPAddress(ipv4: .max)) == nil)
        #expect(!kernel.hasUnacknowledged(listener.ends[0]))
    }
}
