import ProxyTypes
import Reactor
import ReactorTestSupport
import TLSTestSupport
import TestSupport
import Testing

@testable import TLS

@Suite("TLS: resumption")
struct ResumptionTests {
    static let versions: [LibraryServer.Version] = [.v1_2, .v1_3]

    private func server(
        _ fixture: TLSFixture, _ version: LibraryServer.Version, tickets: Int = 2
    ) throws -> LibraryServer {
        var options = LibraryServer.Options(version)
        options.tickets = tickets
        return try LibraryServer(fixture.certificates.origin(), options)
    }

    @Test("of 200 connections one after the other all but the first are resumed", arguments: versions)
    func sequence(version: LibraryServer.Version) throws {
        let fixture = try TLSFixture()
        let server = try server(fixture, version)
        var resumed = 0
        for number in 0..<200 {
            let link = try fixture.connect(server)
            link.write("request \(number)")
            link.exchange()
            link.send("response")
            link.exchange()
            #expect(link.text == "response" && link.serverText == "request \(number)")
            #expect(link.info?.isResumed == link.server?.isResumed)
            if link.server?.isResumed == true { resumed += 1 }
            _ = link.stream?.closeAfterOutput()
        }
        #expect(resumed == 199)
    }

    @Test("a ticket of TLS 1.3 is used once, a session of TLS 1.2 as often as it is good")
    func usedOnce() throws {
        let fixture = try TLSFixture()
        let server = try server(fixture, .v1_3)
        _ = try fixture.connect(server)
        #expect(fixture.tls.sessions.count == 2)
        // None of these has had an answer yet, and so none has brought another ticket.
        let links = try (0..<2).map { _ in try fixture.begin(server) }
        #expect(fixture.tls.sessions.count == 0)
        let hellos = links.map(\.socket.receivedBytes)
        #expect(try hellos.map { try ClientHello($0).ticket }.allSatisfy { $0 != nil })
        #expect(try ClientHello(hellos[0]).ticket != ClientHello(hellos[1]).ticket)
        for link in links { link.exchange() }
        #expect(links.allSatisfy { $0.server?.isResumed == true })

        let older = try self.server(fixture, .v1_2)
        let host = "a.wild.test"
        _ = try fixture.connect(older, host: host)
        let both = try (0..<2).map { _ in try fixture.begin(older, host: host) }
        for link in both { link.exchange() }
        #expect(both.allSatisfy { $0.server?.isResumed == true })
    }

    @Test("a session is offered to none but the peer that gave it", arguments: versions)
    func strangers(version: LibraryServer.Version) throws {
        let fixture = try TLSFixture()
        let server = try server(fixture, version)
        var pinned = fixture.profile
        pinned.pins = [try #require(PublicKeyPin(parsing: fixture.certificates.pin()))]
        var named = fixture.profile
        named.serverName = "b.wild.test"
        var modern = fixture.profile
        modern.minVersion = .v1_3
        let identity = fixture.certificates.client
        let withCertificate = TLSProfile(
            files: .init(
                authorities: fixture.certificates.root, certificate: identity.certificate, key: identity.key))
        let port = Endpoint(address: TLSFixture.address.address, port: 8443)
        let address = Endpoint(address: IPAddress(ipv4: 0xC000_0202), port: 443)
        let ways: [(host: String, endpoint: Endpoint, profile: TLSProfile)] = [
            ("origin.test", TLSFixture.address, fixture.profile),
            ("a.wild.test", TLSFixture.address, fixture.profile),
            ("192.0.2.1", TLSFixture.address, fixture.profile),
            ("origin.test", port, fixture.profile),
            ("origin.test", address, fixture.profile),
            ("origin.test", TLSFixture.address, TLSProfile(verification: .none)),
            ("origin.test", TLSFixture.address, pinned),
            ("origin.test", TLSFixture.address, named),
            ("origin.test", TLSFixture.address, withCertificate),
        ]
        for round in 0..<2 {
            for way in ways {
                let link = try fixture.connect(server, host: way.host, at: way.endpoint, profile: way.profile)
                #expect(link.server?.isResumed == (round > 0), "\(way)")
            }
        }
        if version == .v1_3 {
            let link = try fixture.connect(server, profile: modern)
            #expect(link.server?.isResumed == false)
        }
    }

    @Test("a session is not offered once it has expired", arguments: versions)
    func expired(version: LibraryServer.Version) throws {
        let fixture = try TLSFixture()
        let server = try server(fixture, version)
        _ = try fixture.connect(server)
        #expect(fixture.tls.sessions.count > 0)
        // libssl's own clock is the machine's.
        fixture.kernel.wallClockAtZero = 4_000_000_000_000
        let link = try fixture.connect(server)
        #expect(link.server?.isResumed == false)
    }

    @Test("a session that the origin does not take is not offered again", arguments: versions)
    func refused(version: LibraryServer.Version) throws {
        let fixture = try TLSFixture()
        _ = try fixture.connect(server(fixture, version))
        // It has restarted, with new keys for its tickets, and gives none.
        let other = try server(fixture, version, tickets: 0)
        let offered = try fixture.begin(other)
        let hello = offered.socket.receivedBytes
        offered.exchange()
        #expect(offered.info?.isResumed == false && offered.stream != nil)
        let left = fixture.tls.sessions.count
        #expect(left == (version == .v1_2 ? 0 : 1))
        #expect(try ClientHello(hello).offersSession)
    }

    @Test("no early data is sent, whatever the origin offers")
    func noEarlyData() throws {
        let fixture = try TLSFixture()
        var options = LibraryServer.Options(.v1_3)
        options.earlyData = 16_384
        let server = try LibraryServer(fixture.certificates.origin(), options)
        _ = try fixture.connect(server)
        let link = try fixture.begin(server)
        let hello = try ClientHello(link.socket.receivedBytes)
        #expect(hello.offersSession && hello.extensions[ClientHello.earlyData] == nil)
        #expect(hello.isAll)
    }

    // MARK: Crowds

    /// Lets all handshakes go on, with less time than any would wait for a session.
    private func settle(_ fixture: TLSFixture, _ links: [TLSLink]) {
        for _ in 0..<60 {
            fixture.kernel.advance(by: Interval(nanoseconds: 300_000))
            for link in links { link.exchange() }
        }
    }

    @Test("of a crowd only the first handshake is full, as long as tickets come", arguments: versions)
    func crowd(version: LibraryServer.Version) throws {
        let fixture = try TLSFixture()
        let server = try server(fixture, version)
        let links = try (0..<20).map { _ in try fixture.begin(server) }
        #expect(links.map { !$0.socket.receivedBytes.isEmpty } == [true] + Array(repeating: false, count: 19))
        settle(fixture, links)
        #expect(links.count { $0.stream != nil } == 20)
        #expect(links.map { $0.server?.isResumed } == [false] + Array(repeating: true, count: 19))
    }

    @Test("the wait for a session that never comes is bounded, and later ones do not wait", arguments: versions)
    func noTickets(version: LibraryServer.Version) throws {
        let fixture = try TLSFixture()
        let server = try server(fixture, version, tickets: 0)
        let links = try (0..<5).map { _ in try fixture.begin(server) }
        #expect(links.count { !$0.socket.receivedBytes.isEmpty } == 1)
        fixture.kernel.advance(by: .milliseconds(19))
        fixture.turn()
        #expect(links.count { !$0.socket.receivedBytes.isEmpty } == 1)
        fixture.kernel.advance(by: .milliseconds(2))
        fixture.turn()
        settle(fixture, links)
        #expect(links.count { $0.stream != nil && $0.server?.isResumed == false } == 5)
        let later = try (0..<3).map { _ in try fixture.begin(server) }
        #expect(later.count { !$0.socket.receivedBytes.isEmpty } == 3)
    }

    @Test("in a crowd the wait is longer by what those ahead would compute")
    func queue() throws {
        let fixture = try TLSFixture()
        let server = try server(fixture, .v1_3, tickets: 0)
        let links = try (0..<11).map { _ in try fixture.begin(server) }
        func begun() -> Int { links.count { !$0.socket.receivedBytes.isEmpty } }
        fixture.kernel.advance(by: .milliseconds(19))
        fixture.turn()
        #expect(begun() == 1)
        for _ in 0..<11 {
            fixture.kernel.advance(by: .milliseconds(1))
            fixture.turn()
        }
        #expect((6...7).contains(begun()))
        for _ in 0..<9 {
            fixture.kernel.advance(by: .milliseconds(1))
            fixture.turn()
        }
        #expect(begun() == 11)
    }

    @Test("one that has to wait once more waits its full time again")
    func waitsAgain() throws {
        let fixture = try TLSFixture()
        let server = try server(fixture, .v1_3, tickets: 0)
        let links = try (0..<3).map { _ in try fixture.begin(server) }
        func begun() -> [Bool] { links.map { !$0.socket.receivedBytes.isEmpty } }
        fixture.kernel.advance(by: .milliseconds(15))
        fixture.turn()
        // As when files have changed: the next goes ahead, and the last waits for its sessions.
        fixture.tls.sessions.removeAll(generation: 1)
        fixture.turn()
        #expect(begun() == [true, true, false])
        fixture.kernel.advance(by: .milliseconds(10))
        fixture.turn()
        #expect(begun() == [true, true, false])
        fixture.kernel.advance(by: .milliseconds(11))
        fixture.turn()
        #expect(begun() == [true, true, true])
    }

    @Test("the first response says that no session will come, which ends the wait", arguments: versions)
    func noTicketsButData(version: LibraryServer.Version) throws {
        let fixture = try TLSFixture()
        let server = try server(fixture, version, tickets: 0)
        let links = try (0..<2).map { _ in try fixture.begin(server) }
        links[0].exchange()
        #expect(links[0].stream != nil && links[1].socket.receivedBytes.isEmpty)
        links[0].send("a response")
        links[0].exchange()
        fixture.turn()
        #expect(!links[1].socket.receivedBytes.isEmpty)
    }

    @Test(
        "one that waits goes on when the one ahead has failed, and not before",
        arguments: ["FIN", "reset", "bad certificate", "cancelled", "closed"])
    func leaderFails(how: String) throws {
        let fixture = try TLSFixture()
        let server = try server(fixture, .v1_3)
        let bad = try LibraryServer(fixture.certificates.origin(.expired))
        let leader = try fixture.begin(how == "bad certificate" ? bad : server)
        let next = try (0..<2).map { _ in try fixture.begin(server) }
        switch how {
        case "FIN": leader.socket.end()
        case "reset": leader.socket.reset()
        case "bad certificate": leader.exchange()
        case "cancelled": leader.handshake?.cancel()
        default:
            // Before a ticket has come.
            leader.carryOut()
            leader.deliver()
            #expect(leader.stream != nil)
            leader.stream?.close()
        }
        fixture.turn()
        #expect(!next[0].socket.receivedBytes.isEmpty && next[1].socket.receivedBytes.isEmpty)
        settle(fixture, next)
        #expect(next.map { $0.server?.isResumed } == [false, true])
    }

    @Test("one that gives up waiting leaves the others to go on")
    func waiterCancelled() throws {
        let fixture = try TLSFixture()
        let server = try server(fixture, .v1_2)
        let links = try (0..<3).map { _ in try fixture.begin(server) }
        links[1].handshake?.cancel()
        #expect(links[1].socket.isClosed)
        settle(fixture, [links[0], links[2]])
        #expect(links[2].server?.isResumed == true && links[1].socket.receivedBytes.isEmpty)
    }

    @Test("an origin that closes while a handshake waits for a session has failed it")
    func closedWhileWaiting() throws {
        let fixture = try TLSFixture()
        let server = try server(fixture, .v1_3)
        let links = try (0..<2).map { _ in try fixture.begin(server) }
        links[1].socket.end()
        fixture.turn()
        #expect(links[1].failure?.reason == .closed && links[1].socket.isClosed)
        links[0].exchange()
        #expect(links[0].stream != nil)
    }
}
