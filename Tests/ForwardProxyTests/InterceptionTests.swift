import LocalCA
import Metering
import ProxyTypes
import Reactor
import ReactorTestSupport
import TLS
import Testing
import Tuning

@testable import ForwardProxy
@testable import Upstream

/// The step between CONNECT and the tunnel, with TLS that encrypts nothing: behind its ClientHello the client talks plainly.
@Suite("Interception")
struct InterceptionTests {
    private static let connect = "CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n"
    private static let established = "HTTP/1.1 200 Connection established\r\n\r\n"
    private static let get = "GET /x HTTP/1.1\r\nHost: a.example\r\n\r\n"

    private let server: PlainTLSServer
    private let proxy: ScriptedProxy

    init() throws {
        var settings = EffectiveSettings()
        settings.intercept = true
        proxy = ScriptedProxy(ProxyConfiguration(), settings)
        server = try PlainTLSServer(proxy.reactor, for: ["a.example"])
        proxy.loop.tlsServer = server
    }

    private var origins: [ScriptedPeer] { proxy.kernel.outgoing }
    private var pool: UpstreamPool { proxy.upstream.allPools[0] }
    private var counted: InterceptStatistics { pool.statistics.intercept }

    private func hello(_ name: String? = "a.example", _ protocols: [String]? = nil) -> [UInt8] {
        TestHello.bytes(name: name, protocols: protocols)
    }

    private func send(_ client: ScriptedPeer, _ bytes: [UInt8]) {
        client.send(bytes)
        proxy.rest()
    }

    /// A client that has sent CONNECT and been answered.
    private func opened() throws -> ScriptedPeer {
        let client = try proxy.connect()
        proxy.send(client, Self.connect)
        #expect(client.take() == Self.established)
        return client
    }

    /// A client whose TLS connd has ended.
    private func entered() throws -> ScriptedPeer {
        let client = try opened()
        send(client, hello())
        return client
    }

    @Test("requests inside go to the origin's pool, and connections are shared between clients")
    func served() throws {
        for number in 1...3 {
            let client = try entered()
            proxy.send(client, Self.get)
            let origin = try #require(origins.first)
            #expect(origins.count == 1)
            #expect(origin.take().hasPrefix("GET /x HTTP/1.1\r\nHost: a.example\r\n"))
            proxy.send(origin, ScriptedProxy.ok)
            #expect(client.take().hasSuffix("\r\n\r\nok"))
            // Kept for its next request.
            #expect(client.ending == .none)
            proxy.end(client)
            #expect(client.isClosed && counted.full == number && counted.refused == 0)
        }
        #expect(pool.statistics.tunnels.opened == 0)
        proxy.expectNoClients()
    }

    @Test("nothing is dialled before the ClientHello is here, which may come in any pieces, also with CONNECT")
    func pieces() throws {
        let client = try opened()
        for byte in hello() {
            #expect(origins.isEmpty)
            send(client, [byte])
        }
        #expect(origins.count == 1 && server.hellos == [hello()])
        let other = try proxy.connect()
        send(other, Array(Self.connect.utf8) + hello())
        #expect(other.take() == Self.established && server.hellos.count == 2)
    }

    @Test("the request that follows goes out on the connection that proved the origin good")
    func proven() throws {
        proxy.kernel.opensAtOnce = false
        let client = try entered()
        let origin = try #require(origins.first)
        #expect(server.hellos.isEmpty)
        origin.accept()
        proxy.rest()
        #expect(server.hellos.count == 1)
        proxy.send(client, Self.get)
        #expect(origins.count == 1 && origin.received.hasPrefix("GET /x "))
    }

    // MARK: Spliced

    struct Spliced: Sendable, CustomTestStringConvertible {
        let reason: SpliceReason
        let bytes: [UInt8]
        var testDescription: String { reason.name }
    }

    @Test(
        "what cannot be served is tunnelled as it came",
        arguments: [
            Spliced(reason: .notTLS, bytes: Array("SSH-2.0-x\r\n".utf8)),
            Spliced(reason: .malformedHello, bytes: [22, 3, 1, 0, 0]),
            Spliced(reason: .longHello, bytes: [22, 3, 1, 1, 0, 1, 1, 0, 0]),
            Spliced(reason: .noServerName, bytes: TestHello.bytes(name: nil)),
            Spliced(reason: .otherServerName, bytes: TestHello.bytes(name: "b.example")),
            Spliced(reason: .noHTTP1, bytes: TestHello.bytes(name: "a.example", protocols: ["h2"])),
            Spliced(reason: .oldVersion, bytes: TestHello.bytes(name: "a.example", version: 0x0302)),
        ])
    func spliced(_ what: Spliced) throws {
        let client = try opened()
        send(client, what.bytes)
        let origin = try #require(origins.first)
        #expect(origin.takeBytes() == what.bytes && client.received.isEmpty)
        proxy.send(origin, "hello, client")
        proxy.send(client, "hello, origin")
        #expect(client.take() == "hello, client" && origin.take() == "hello, origin")
        #expect(counted.spliced.nonZero.map(\.label) == [what.reason] && pool.statistics.tunnels.opened == 1)
        proxy.end(client)
        proxy.end(origin)
        #expect(client.isClosed && origin.isClosed)
        proxy.expectNoClients()
    }

    @Test("a client that waits for the origin to speak first is tunnelled after 3 s")
    func silent() throws {
        let client = try opened()
        send(client, Array(hello().prefix(20)))
        proxy.pass(.milliseconds(2900))
        #expect(origins.isEmpty)
        proxy.pass(.milliseconds(200))
        #expect(origins.first?.takeBytes() == Array(hello().prefix(20)) && counted.spliced[.silent] == 1)
        proxy.send(try #require(origins.first), "220 hello")
        #expect(client.take() == "220 hello")
    }

    @Test("an origin that does not answer over TLS is met by the client itself")
    func badOrigin() throws {
        proxy.kernel.opensAtOnce = false
        let client = try entered()
        try #require(origins.first).refuse()
        proxy.rest()
        #expect(counted.spliced[.originFailed] == 1 && server.hellos.isEmpty && origins.count == 2)
        let origin = origins[1]
        origin.accept()
        proxy.rest()
        #expect(origin.receivedBytes == hello() && client.received.isEmpty)
    }

    @Test("a tunnel that was promised and cannot be opened ends the client's connection, without an answer in HTTP")
    func brokenPromise() throws {
        proxy.kernel.opensAtOnce = false
        let client = try opened()
        proxy.send(client, "not TLS")
        try #require(origins.first).refuse()
        proxy.rest()
        #expect(client.received.isEmpty && client.ending == .fin)
        proxy.end(client)
        proxy.expectNoClients()
        #expect(proxy.upstream.metrics.errors[.connectionRefused] == 1)
    }

    @Test("a host that no authority may sign for has an ordinary tunnel")
    func notPermitted() throws {
        let client = try proxy.connect()
        proxy.kernel.opensAtOnce = false
        proxy.send(client, Self.connect.replacing("a.example", with: "b.example"))
        #expect(client.received.isEmpty)
        try #require(origins.first).accept()
        proxy.rest()
        #expect(client.take() == Self.established && counted.spliced[.notPermitted] == 1)
    }

    @Test("without a certificate there is a tunnel")
    func noCertificate() throws {
        server.failure = TLSFailure(.configuration, "none")
        let client = try entered()
        #expect(counted.spliced[.noCertificate] == 1 && client.received.isEmpty)
        // The first proved the origin good.
        #expect(origins.count == 2 && origins[1].receivedBytes == hello())
    }

    // MARK: Inside

    @Test(
        "a request inside for anything but the origin is refused, and ends the connection",
        arguments: [
            ("GET / HTTP/1.1\r\nHost: b.example\r\n\r\n", 421), ("GET / HTTP/1.1\r\nHost: a.example:80\r\n\r\n", 421),
            ("GET https://b.example/ HTTP/1.1\r\nHost: b.example\r\n\r\n", 421),
            ("GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n", 421),
            ("CONNECT b.example:443 HTTP/1.1\r\nHost: b.example:443\r\n\r\n", 405),
        ])
    func misdirected(_ request: String, status: Int) throws {
        let client = try entered()
        let origin = try #require(origins.first)
        proxy.send(client, request + Self.get)
        #expect(client.take().hasPrefix("HTTP/1.1 \(status) ") && client.ending == .fin)
        #expect(origin.received.isEmpty && counted.misdirected == 1)
        proxy.end(client)
        proxy.expectNoClients()
    }

    @Test(
        "what means the origin is served",
        arguments: [
            "GET /x HTTP/1.1\r\nHost: A.Example:443\r\n\r\n",
            "GET https://a.example/x HTTP/1.1\r\nHost: a.example\r\n\r\n",
            "GET /x HTTP/1.0\r\n\r\n",
        ])
    func directed(_ request: String) throws {
        let client = try entered()
        proxy.send(client, request)
        #expect(try #require(origins.first).received.hasPrefix("GET /x HTTP/1.1\r\nHost: a.example\r\n"))
    }

    @Test("an upgrade inside becomes a tunnel")
    func upgrade() throws {
        let client = try entered()
        let fields = "Connection: Upgrade\r\nUpgrade: websocket\r\n"
        proxy.send(client, "GET /x HTTP/1.1\r\nHost: a.example\r\n\(fields)\r\n")
        let origin = try #require(origins.first)
        proxy.send(origin, "HTTP/1.1 101 Switching Protocols\r\n\(fields)\r\n")
        _ = (client.take(), origin.take())
        proxy.send(client, "frame")
        proxy.send(origin, "emarf")
        #expect(client.take() == "emarf" && origin.take() == "frame")
    }

    @Test("the destination policy holds for each request of a client that is inside already")
    func policy() throws {
        let client = try entered()
        proxy.send(client, Self.get)
        proxy.send(try #require(origins.first), ScriptedProxy.ok)
        _ = client.take()
        var configuration = ProxyConfiguration()
        configuration.destinations.deny = [try DestinationPattern(parsing: "a.example")]
        proxy.loop.apply(configuration)
        proxy.send(client, Self.get)
        #expect(client.take().hasPrefix("HTTP/1.1 403 "))
    }

    @Test("a client that speaks something else inside is counted, and twice in a row is tunnelled")
    func notHTTP() throws {
        for _ in 0..<2 {
            let client = try entered()
            proxy.send(client, "\u{10}\u{0C}MQTT\r\n\r\n")
            #expect(client.take().hasPrefix("HTTP/1.1 400 "))
        }
        _ = try entered()
        #expect(counted.spliced[.clientRefuses] == 1)
    }

    @Test("a handshake that fails otherwise counts as a refusal, but for one that takes too long")
    func failed() throws {
        server.outcome = .failure(.failed(TLSFailure(.noSharedCipher, "no cipher")))
        for _ in 0..<2 { #expect(try entered().isClosed) }
        #expect(counted.failed == 2 && proxy.closed(.tlsFailed) == 2)
        _ = try entered()
        #expect(counted.spliced[.clientRefuses] == 1)
    }

    @Test("connd vouches for no origin that nobody has verified")
    func unverified() throws {
        var settings = EffectiveSettings()
        settings.intercept = true
        settings.tlsVerify = .none
        let proxy = ScriptedProxy(ProxyConfiguration(), settings)
        proxy.loop.tlsServer = try PlainTLSServer(proxy.reactor, for: ["a.example"])
        let client = try proxy.connect()
        client.send(Array(Self.connect.utf8) + hello())
        proxy.rest()
        #expect(proxy.upstream.allPools[0].statistics.intercept.spliced[.unverifiedOrigin] == 1)
        #expect(proxy.kernel.outgoing.first?.receivedBytes == hello())
    }

    // MARK: Clients that refuse, and that go

    @Test("a client that does not accept the certificate is counted, and twice in a row is tunnelled")
    func refused() throws {
        server.outcome = .failure(.refused(alert: 48, TLSFailure(.alert, "unknown CA")))
        for _ in 0..<2 {
            let client = try entered()
            #expect(client.isClosed)
        }
        #expect(counted.refused == 2 && proxy.closed(.certificateRefused) == 2)
        let client = try entered()
        #expect(counted.spliced[.clientRefuses] == 1 && !client.isClosed)
        // Another kind of client is not affected.
        server.outcome = .success(())
        let other = try opened()
        send(other, TestHello.bytes(name: "a.example", protocols: ["http/1.1"]))
        proxy.send(other, Self.get)
        #expect(origins.last?.receivedBytes == hello() && origins.first?.received.hasPrefix("GET /x ") == true)
    }

    @Test("so is one that closes where its first request is due, but not one that has asked for something")
    func closedUnasked() throws {
        for _ in 0..<2 { proxy.end(try entered()) }
        #expect(counted.refused == 2)
        _ = try entered()
        #expect(counted.spliced[.clientRefuses] == 1)
    }

    @Test("a row of refusals ends with a request")
    func accepted() throws {
        proxy.end(try entered())
        let client = try entered()
        proxy.send(client, Self.get)
        proxy.end(client)
        proxy.end(try entered())
        _ = try entered()
        #expect(counted.spliced.isZero)
    }

    @Test("a client that goes, at whatever point, leaves nothing behind", arguments: 0..<5)
    func goes(_ point: Int) throws {
        proxy.kernel.opensAtOnce = point > 2
        server.isPending = point == 3
        let client = try opened()
        if point == 1 { send(client, Array(hello().prefix(30))) }
        if point > 1 { send(client, hello()) }
        if point == 4 { proxy.send(client, Self.get) }
        proxy.reset(client)
        proxy.expectNoClients()
        #expect(server.underWay == 0)
    }

    @Test("a handshake that the client does not finish ends after tls_timeout")
    func slowHandshake() throws {
        server.isPending = true
        let client = try entered()
        proxy.pass(.seconds(6))
        #expect(client.isClosed && counted.failed == 1 && proxy.closed(.tlsFailed) == 1)
        proxy.expectNoClients()
    }

    @Test("an origin that asks for a client certificate is tunnelled, so that the client may show one")
    func clientCertificate() throws {
        let tls = try #require(proxy.upstream.tls as? PlainTLS)
        tls.wantsCertificate = true
        _ = try entered()
        #expect(counted.spliced[.wantsClientCertificate] == 1 && origins.count == 2)
        _ = try entered()
        #expect(counted.spliced[.wantsClientCertificate] == 2 && origins.count == 3)
    }

    @Test("a stop waits for a handshake, and then for a request that may be on its way")
    func stops() throws {
        server.isPending = true
        let client = try entered()
        proxy.loop.drain()
        proxy.rest()
        #expect(!client.isClosed)
        server.finish()
        proxy.rest()
        proxy.send(client, Self.get)
        // Idle connections, that which proved the origin good among them, are closed at a stop.
        proxy.send(try #require(origins.last), ScriptedProxy.ok)
        #expect(client.take().contains("Connection: close\r\n") && client.ending == .fin)
    }
}

extension PlainTLSServer {
    convenience init(_ reactor: Reactor, for domains: [String]) throws {
        let made = try AuthorityMaker.make(
            for: domains.map { try PermittedDomain(parsing: $0) }, host: "h", serial: "s", now: reactor.wallClock)
        let authority = SigningAuthority(
            serial: "s", domains: try domains.map { try PermittedDomain(parsing: $0) }, root: made.root,
            intermediate: made.intermediate,
            leaves: try LeafMaker(issuer: made.intermediate, key: made.intermediateKey),
            created: 0, signsFrom: 0)
        self.init(reactor, SigningAuthorities([authority]))
    }
}
