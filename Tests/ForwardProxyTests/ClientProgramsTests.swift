import Metering
import ProxyTypes
import Reactor
import ReactorTestSupport
import Testing

@testable import ForwardProxy

#if canImport(Glibc)
    import Glibc
#endif

/// What the data path tells of its clients, and what becomes of it.
@Suite("The programs of clients")
struct ClientProgramsTests {
    private static func origin(_ number: Int) -> String { "http://192.0.2.\(number)" }

    private static func proxy() -> (ScriptedProxy, ClientPrograms) {
        let proxy = ScriptedProxy()
        let programs = ClientPrograms(search: ProgramSearch(procfs: "/nowhere")) { Instant.zero + .hours(1) }
        proxy.loop.programs = programs
        return (proxy, programs)
    }

    private static func ask(_ proxy: ScriptedProxy, _ client: ScriptedPeer, _ origin: String) throws {
        let before = proxy.kernel.outgoing.count
        proxy.send(client, "GET \(origin)/ HTTP/1.1\r\nHost: x\r\n\r\n")
        let peer = try #require(proxy.kernel.outgoing.dropFirst(before).first ?? proxy.kernel.outgoing.last)
        proxy.send(peer, ScriptedProxy.ok)
    }

    private static func only(_ programs: ClientPrograms) async throws -> ProgramTable.Program {
        await programs.look()
        let all = programs.read { $0.programs(now: Instant.zero + .hours(1)) }
        #expect(all.count == 1)
        return try #require(all.first)
    }

    @Test("each request counts once, to its origin, while the connection is open and when it ends")
    func requests() async throws {
        let (proxy, programs) = Self.proxy()
        let client = try proxy.connect()
        for number in [1, 1, 2] { try Self.ask(proxy, client, Self.origin(number)) }
        #expect(proxy.loop.tellUses(from: 0, count: 10) == nil)
        var found = try await Self.only(programs)
        // A scripted connection has no owner.
        #expect(found.key == .unknown && found.counts.connections == 1 && found.open == 1)
        #expect(
            found.origins.mapValues(\.requests).map { "\($0.host) \($1)" }.sorted() == ["192.0.2.1 2", "192.0.2.2 1"])
        try Self.ask(proxy, client, Self.origin(2))
        proxy.send(client, "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n")
        proxy.send(client, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        proxy.end(client)
        proxy.pass(.minutes(10))
        found = try await Self.only(programs)
        #expect(found.counts.requests == 6 && found.counts.errors == 1 && found.open == 0)
        #expect(found.origins.values.map(\.connections) == [1, 1])
        proxy.expectNoClients()
    }

    @Test("origins beyond the bound of a connection count for the program alone")
    func manyOrigins() async throws {
        let (proxy, programs) = Self.proxy()
        let client = try proxy.connect()
        for number in (1...20) + [1, 20, 20] { try Self.ask(proxy, client, Self.origin(number)) }
        _ = proxy.loop.tellUses(from: 0, count: 10)
        let found = try await Self.only(programs)
        #expect(found.counts.requests == 23 && found.origins.count == 16)
        #expect(found.origins.values.reduce(0) { $0 + $1.requests } == 17)
    }

    @Test("nothing is told where that is off, and what was counted is forgotten")
    func off() async throws {
        let (proxy, programs) = Self.proxy()
        let client = try proxy.connect()
        try Self.ask(proxy, client, Self.origin(1))
        _ = try await Self.only(programs)
        var configuration = ProxyConfiguration()
        configuration.attributesPrograms = false
        proxy.loop.apply(configuration)
        _ = try proxy.connect()
        proxy.end(client)
        await programs.look()
        #expect(programs.read { $0.programs(now: .zero).isEmpty && $0.waiting == 0 })
    }

    /// Both ends of a connection of this process to itself.
    private static func connection() throws -> (client: CInt, ends: SocketOwners.Ends, close: () -> Void) {
        let loopback = IPAddress(ipv4: 0x7F00_0001)
        let socket = try ListeningSocket.open(.tcp(loopback, port: 0))
        let server = Endpoint(address: loopback, port: try #require(socket.localAddress).port)
        let reactor = try Reactor(readSize: 4096)
        let client = reactor.kernel.makeSocket(.ipv4)
        #expect([0, -EINPROGRESS].contains(reactor.kernel.connect(client, to: server)))
        let own = try #require(reactor.kernel.localEndpoint(client))
        return (client, SocketOwners.Ends(client: own, server: server), { socket.close() })
    }

    @Test("the kernel is asked for many sockets at once: open, closed and absent")
    func owners() throws {
        let connections = try (0..<40).map { _ in try Self.connection() }
        let nowhere = SocketOwners.Ends(
            client: Endpoint(address: IPAddress(ipv4: 0x7F00_0001), port: 1),
            server: Endpoint(address: IPAddress(ipv4: 0x7F00_0001), port: 2))
        let owners = SocketOwners()
        let answers = owners.ask(connections.map(\.ends) + [nowhere])
        #expect(answers.last == .absent)
        for (connection, answer) in zip(connections, answers) {
            var status = stat()
            fstat(connection.client, &status)
            guard case .open(UInt32(status.st_ino), geteuid(), _) = answer else {
                Issue.record("\(answer)")
                continue
            }
        }
        for connection in connections { close(connection.client) }
        #expect(owners.ask(connections.map(\.ends)).allSatisfy { $0 == .closed || $0 == .absent })
        for connection in connections { connection.close() }
    }

    @Test("a client over TCP is found by its socket; one that has gone is told as gone, another host's as remote")
    func lookUp() throws {
        let (client, ends, end) = try Self.connection()
        defer { end() }
        let search = ProgramSearch(longest: .seconds(60))
        var (lookUp, hunt) = (ProgramLookUp(search: search), ProcessHunt(search: search))
        let far = Endpoint(address: IPAddress(ipv4: 0x0A01_0203), port: 99)
        let newcomers = [
            ClientPrograms.Newcomer(client: 1, source: .tcp(ends)),
            ClientPrograms.Newcomer(client: 2, source: .tcp(.init(client: far, server: ends.server))),
            ClientPrograms.Newcomer(client: 3, source: .closed),
            ClientPrograms.Newcomer(
                client: 4, source: .unix(SocketOwner(user: geteuid(), process: .number(getpid())))),
            ClientPrograms.Newcomer(client: 5, source: .unix(SocketOwner(user: 77, process: .unknown))),
        ]
        func identify(_ newcomers: [ClientPrograms.Newcomer], _ now: Instant) -> [UInt64: ProgramLookUp.Found] {
            let (known, sought) = lookUp.identify(newcomers, now: now)
            let found = known + hunt.find(sought, now: now) + hunt.searchAll(now: now)
            return Dictionary(found.map { ($0.client, $0) }, uniquingKeysWith: { first, _ in first })
        }
        let found = identify(newcomers, .zero + .hours(1))
        #expect(found[1]?.facts.process == getpid() && found[1]?.key == found[4]?.key)
        #expect(found[1]?.attribution == .found && found[1]?.key.user == geteuid())
        #expect(found[2]?.key == .remote(.privateUse) && found[3]?.attribution == .gone)
        #expect(found[5]?.key == .user(77) && found[5]?.attribution == .processNotFound)
        close(client)
        #expect(identify([newcomers[0]], .zero + .hours(1))[1]?.attribution == .gone)
    }

    @Test("all processes are searched at most once a second, for all sockets that were deferred")
    func putBy() throws {
        let (client, ends, end) = try Self.connection()
        defer {
            close(client)
            end()
        }
        let search = ProgramSearch(procfs: "/nowhere")
        var (lookUp, hunt) = (ProgramLookUp(search: search), ProcessHunt(search: search))
        let newcomer = ClientPrograms.Newcomer(client: 1, source: .tcp(ends))
        let now = Instant.zero + .hours(1)
        let (found, sought) = lookUp.identify([newcomer], now: now)
        #expect(found.isEmpty && sought.map(\.client) == [1])
        #expect(hunt.find(sought, now: now).isEmpty)
        #expect(hunt.searchAll(now: now).map(\.attribution) == [.processNotFound])
        #expect(hunt.find(sought, now: now).isEmpty)
        #expect(hunt.searchAll(now: now + .milliseconds(900)).isEmpty)
        #expect(hunt.searchAll(now: now + .seconds(1)).map(\.key) == [.user(geteuid())])
    }
}
