import ForwardProxy
import ProxyTypes
import Reactor
import Testing

#if canImport(Glibc)
    import Glibc
#endif

/// Real connections of this process to itself.
@Suite("Who is behind a client's connection")
struct LocalClientsTests {
    /// Asks who the first client is, and stops the reactor with the answer. Loop-bound.
    private final class Asker: ListenerHandler {
        let reactor: Reactor
        let clients: LocalClients
        var stream: (any ByteStream)?
        var answers: [ClientIdentity] = []

        init(_ reactor: Reactor, _ search: ProgramSearch) {
            self.reactor = reactor
            clients = LocalClients(reactor: reactor, workers: WorkerPool(limit: 1), programs: search)
        }

        let hasRoom = true
        let mayMakeRoom = false
        func makeRoom() -> Bool { true }
        func outOfDescriptors() {}
        func acceptingPaused() {}

        func accepted(_ stream: any ByteStream, peer: IPAddress?) {
            self.stream = stream
            clients.identify(stream, peer: peer) { identity in
                self.answers.append(identity)
                self.reactor.stop()
            }
        }
    }

    private func identify(_ address: ListenAddress, by search: ProgramSearch, connect: (UInt16) -> CInt) throws
        -> [ClientIdentity]
    {
        let reactor = try Reactor(readSize: 4096)
        let socket = try ListeningSocket.open(address)
        let asker = Asker(reactor, search)
        let listener = try Listener(socket, reactor: reactor, handler: asker)
        let client = connect(socket.localAddress?.port ?? 0)
        defer { close(client) }
        reactor.run()
        asker.stream?.close()
        listener.close()
        return asker.answers
    }

    private func connect(tcp port: UInt16) -> CInt {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var target = sockaddr_in()
        target.sin_family = sa_family_t(AF_INET)
        target.sin_port = port.bigEndian
        target.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        withUnsafePointer(to: &target) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        return descriptor
    }

    private func connect(unix path: String) -> CInt {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var target = sockaddr_un()
        target.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &target.sun_path) { $0.copyBytes(from: path.utf8) }
        withUnsafePointer(to: &target) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        return descriptor
    }

    private func ownProgram() throws -> String {
        let owner = SocketOwner(user: geteuid(), process: .number(getpid()))
        return try #require(ProgramSearch(longest: .seconds(60)).program(of: owner))
    }

    private let loopback = ListenAddress.tcp(IPAddress(ipv4: 0x7F00_0001), port: 0)

    @Test("a client over TCP on this host is told by program and user")
    func tcp() throws {
        let found = try identify(loopback, by: ProgramSearch(longest: .seconds(60))) { connect(tcp: $0) }
        #expect(found == [.program(try ownProgram(), user: geteuid())])
    }

    @Test("so is one on a Unix socket")
    func unix() throws {
        let path = "/tmp/connd-client-\(getpid())-\(UInt32.random(in: .min ... .max))"
        defer { unlink(path) }
        let found = try identify(.unix(path: path), by: ProgramSearch(longest: .seconds(60))) { _ in connect(unix: path)
        }
        #expect(found == [.program(try ownProgram(), user: geteuid())])
    }

    @Test("by user alone, where connd may not look or finds no program")
    func userOnly() throws {
        let other = geteuid() == 1 ? UInt32(2) : 1
        for search in [ProgramSearch(ownUser: other), ProgramSearch(procfs: "/nowhere")] {
            let found = try identify(loopback, by: search) { connect(tcp: $0) }
            #expect(found == [.user(geteuid())])
        }
    }
}
