import LocalCA
import ProxyTypes
import Reactor
import ReactorTestSupport
import TLSTestSupport
import TestSupport
import Testing

@testable import TLS

/// What libssl as a client makes of connd as a server.
@Suite("TLS: the server's side")
struct ServerHandshakeTests {
    static let versions: [LibraryServer.Version] = [.v1_2, .v1_3]

    private let fixture: TLSFixture
    private let folder: ScratchFolder
    private let host: OriginHost

    init() throws {
        fixture = try TLSFixture()
        folder = try ScratchFolder()
        host = try OriginHost(parsing: "a.example")
        let authority = try Self.authority("s1", at: fixture.reactor.wallClock)
        fixture.tls.authorities = SigningAuthorities([authority])
        _ = try folder.write("root.pem", authority.root.pem())
    }

    private static func authority(_ serial: String, at now: Int64) throws -> SigningAuthority {
        let domains = [try PermittedDomain(parsing: "a.example")]
        let made = try AuthorityMaker.make(for: domains, host: "h", serial: serial, now: now)
        return SigningAuthority(
            serial: serial, domains: domains, root: made.root, intermediate: made.intermediate,
            leaves: try LeafMaker(issuer: made.intermediate, key: made.intermediateKey), created: now, signsFrom: now)
    }

    private func context() throws -> any TLSServerContext {
        var found: Result<any TLSServerContext, TLSFailure>?
        fixture.tls.findCertificate(for: host) { found = $0 }
        try fixture.settle()
        return try #require(found).get()
    }

    private func client(
        _ version: LibraryServer.Version = .v1_3, root: String? = nil, resuming former: LibraryClient? = nil,
        protocols: [String] = ["h2", "http/1.1"]
    ) throws -> LibraryClient {
        try LibraryClient(
            name: "a.example", root: root ?? folder.path + "/root.pem", time: fixture.reactor.wallClock,
            protocols: protocols, version: version, resuming: former)
    }

    private func link(_ client: LibraryClient) throws -> ServerLink {
        try ServerLink(fixture, client, context())
    }

    @Test("a client that trusts the root is served http/1.1, and bytes go both ways", arguments: versions)
    func served(version: LibraryServer.Version) throws {
        let client = try client(version)
        let link = try link(client)
        link.exchange()
        #expect(client.isEncrypted && client.failure == nil && client.chosenProtocol == "http/1.1")
        client.write("a request")
        link.exchange()
        #expect(link.text == "a request" && link.recorder.ends.isEmpty)
        link.write("a response")
        link.exchange()
        #expect(client.text == "a response")
        client.sendCloseNotify()
        link.exchange()
        #expect(link.recorder.ends == [.input] && link.stream?.inputEndIsUnproven == false)
    }

    @Test("without ALPN there is none", arguments: versions)
    func noProtocols(version: LibraryServer.Version) throws {
        let client = try client(version, protocols: [])
        let link = try link(client)
        link.exchange()
        #expect(client.isEncrypted && client.chosenProtocol == nil)
    }

    @Test("the handshake may come byte by byte", arguments: versions)
    func byteByByte(version: LibraryServer.Version) throws {
        let client = try client(version)
        let link = try link(client)
        link.exchange(piece: 1)
        client.write("a request")
        link.exchange(piece: 1)
        #expect(link.text == "a request")
    }

    @Test("what comes in one read with the end of the handshake is handed on, its end too", arguments: [false, true])
    func behindTheHandshake(announced: Bool) throws {
        let client = try client()
        let link = try link(client)
        fixture.turn()
        client.feed(link.socket.takeBytes())
        #expect(client.isEncrypted)
        client.write("a request")
        if announced { client.sendCloseNotify() }
        link.socket.send(client.takeOutput())
        link.socket.end()
        fixture.turn()
        #expect(link.text == "a request" && link.recorder.ends == [.input])
        #expect(link.stream?.inputEndIsUnproven == !announced)
        link.write("a response")
        fixture.turn()
        client.feed(link.socket.takeBytes())
        #expect(client.text == "a response")
    }

    @Test(
        "a large request right behind the handshake is whole, however it comes", arguments: [1000, 16_384, 1_000_000])
    func largeRequest(piece: Int) throws {
        let client = try client()
        let link = try link(client)
        fixture.turn()
        client.feed(link.socket.takeBytes())
        let body = String(repeating: "x", count: 1_000_000)
        client.write(body)
        var up = client.takeOutput()[...]
        while !up.isEmpty {
            link.socket.send(Array(up.prefix(piece)))
            up = up.dropFirst(piece)
            if piece > 1000 { fixture.turn() }
        }
        fixture.turn()
        #expect(link.text.utf8.count == body.utf8.count && link.recorder.ends.isEmpty)
    }

    @Test("any alert is a client's refusal", arguments: [40, 44, 80])
    func anyAlert(number: UInt8) throws {
        let link = try link(try client())
        fixture.turn()
        // In clear, as before the keys: libssl takes it from a client that could not go on.
        link.socket.send([21, 3, 3, 0, 2, 2, number])
        fixture.turn()
        guard case .refused(number, _) = link.failure else {
            Issue.record("not refused: \(link.failure as Any)")
            return
        }
    }

    @Test("a client that comes back resumes its session", arguments: versions)
    func resumed(version: LibraryServer.Version) throws {
        let first = try client(version)
        let link = try link(first)
        link.exchange()
        #expect(link.info?.isResumed == false)
        let second = try client(version, resuming: first)
        let again = try self.link(second)
        again.exchange()
        #expect(again.info?.isResumed == true)
    }

    @Test("a client that does not know the root refuses, and says so", arguments: versions)
    func unknownRoot(version: LibraryServer.Version) throws {
        let client = try client(version, root: fixture.certificates.root)
        let link = try link(client)
        link.exchange()
        #expect(client.failure == "certificate verify failed")
        guard case .refused(let alert, let failure) = link.failure else {
            Issue.record("not refused: \(link.failure as Any)")
            return
        }
        #expect(alert == 48 && failure.detail == "the client sent alert 48 (unknown CA)")
    }

    @Test("a client that only closes refuses as well", arguments: versions)
    func closes(version: LibraryServer.Version) throws {
        let link = try link(try client(version))
        fixture.turn()
        link.socket.end()
        fixture.turn()
        guard case .refused(nil, _) = link.failure else {
            Issue.record("not refused: \(link.failure as Any)")
            return
        }
    }

    @Test("garbage ends the handshake, and is no refusal")
    func garbage() throws {
        let link = try link(try client())
        fixture.turn()
        link.socket.send("garbage and more garbage")
        fixture.turn()
        guard case .failed(let failure) = link.failure else {
            Issue.record("not failed: \(link.failure as Any)")
            return
        }
        #expect(failure.reason == .malformed)
    }

    // MARK: Certificates

    @Test("a certificate is made once for all that wait, and kept")
    func madeOnce() throws {
        var found: [ObjectIdentifier] = []
        for _ in 0..<3 { fixture.tls.findCertificate(for: host) { found.append(ObjectIdentifier(try! $0.get())) } }
        #expect(found.isEmpty)
        try fixture.settle()
        fixture.tls.findCertificate(for: host) { found.append(ObjectIdentifier(try! $0.get())) }
        #expect(found.count == 4 && Set(found).count == 1)
    }

    @Test("a certificate is renewed when half its time has passed, and nobody waits for it")
    func renewed() throws {
        let first = try context()
        fixture.kernel.advance(by: .hours(24 * 3))
        fixture.turn()
        #expect(try context() === first)
        fixture.kernel.advance(by: .hours(24))
        fixture.turn()
        var found: [any TLSServerContext] = []
        fixture.tls.findCertificate(for: host) { found.append(try! $0.get()) }
        #expect(found.first === first)
        try fixture.settle()
        #expect(try context() !== first)
    }

    @Test("a new authority signs anew, and without one there is no certificate")
    func otherAuthority() throws {
        let first = try context()
        let now = fixture.reactor.wallClock
        fixture.tls.authorities = SigningAuthorities(fixture.tls.authorities.all + [try Self.authority("s2", at: now)])
        #expect(try context() !== first)
        fixture.tls.authorities = SigningAuthorities()
        #expect(throws: TLSFailure.self) { try context() }
    }

    @Test("certificates of many hosts are bounded")
    func bounded() throws {
        for number in 0..<1100 {
            fixture.tls.findCertificate(for: try OriginHost(parsing: "h\(number).a.example")) { _ in }
            if number % 100 == 0 { try fixture.settle() }
        }
        try fixture.settle()
        #expect(fixture.tls.readyCertificates <= 1000 && fixture.tls.readyCertificates > 800)
    }
}

/// One connection of a client over a scripted socket: every byte between the two is the test's to carry. Loop-bound.
private final class ServerLink {
    private let fixture: TLSFixture
    private let client: LibraryClient
    let socket: ScriptedPeer
    private(set) var stream: (any ByteStream)?
    private(set) var info: TLSInfo?
    private(set) var failure: ClientTLSFailure?
    let recorder = StreamRecorder()
    private var handshake: (any TLSServerHandshake)?

    init(_ fixture: TLSFixture, _ client: LibraryClient, _ context: any TLSServerContext) throws {
        self.fixture = fixture
        self.client = client
        socket = fixture.kernel.makePeer()
        let below = try TCPStream(socket.descriptor, reactor: fixture.reactor)
        handshake = client.takeOutput().withUnsafeBytes { hello in
            fixture.tls.startHandshake(over: below, as: context, hello: hello) { [unowned self] in ended($0) }
        }
    }

    private func ended(_ result: Result<TLSConnection, ClientTLSFailure>) {
        handshake = nil
        switch result {
        case .success(let connection):
            (stream, info) = (connection.stream, connection.info)
            connection.stream.handler = recorder
        case .failure(let failure): self.failure = failure
        }
    }

    /// Carries bytes both ways until there are none, so many in one read.
    func exchange(piece: Int = .max) {
        fixture.turn()
        while true {
            let down = socket.takeBytes()
            if !down.isEmpty { client.feed(down) }
            var up = client.takeOutput()[...]
            if down.isEmpty, up.isEmpty { return }
            while !up.isEmpty {
                socket.send(Array(up.prefix(piece)))
                up = up.dropFirst(piece)
                fixture.turn()
            }
        }
    }

    func write(_ text: String) { Array(text.utf8).withUnsafeBytes { stream?.write($0) } }

    var text: String { String(decoding: recorder.bytes, as: UTF8.self) }
}
