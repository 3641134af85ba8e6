import Metering
import ProxyTypes
import Reactor
import ReactorTestSupport
import Testing
import Tuning

@testable import ForwardProxy
@testable import Upstream

@Suite("Gateways")
struct GatewayTests {
    private let proxy: ScriptedProxy

    init() {
        proxy = ScriptedProxy()
    }

    private static let origin = "http://192.0.2.1:8080"

    private func route(_ origin: String = origin) throws -> GatewayRoute {
        GatewayRoute(name: "g", origin: try #require(Origin(origin)))
    }

    /// `from`: nil on a Unix socket.
    private func connect(_ route: GatewayRoute, _ proxy: ScriptedProxy, from: IPAddress? = nil) throws -> ScriptedPeer {
        proxy.loop.setGateways([route])
        let gateway = try #require(proxy.loop.gateway("g"))
        let peer = proxy.kernel.makePeer()
        gateway.accepted(try TCPStream(peer.descriptor, reactor: proxy.reactor), peer: from)
        return peer
    }

    /// What the origin receives for this request to the gateway.
    private func forwarded(_ request: String, _ route: GatewayRoute) throws -> String {
        proxy.send(try connect(route, proxy), request)
        return try #require(proxy.kernel.outgoing.first).received
    }

    private func answer(to request: String, _ response: String, _ route: GatewayRoute) throws -> String {
        let client = try connect(route, proxy)
        proxy.send(client, request)
        proxy.send(try #require(proxy.kernel.outgoing.first), response)
        return client.received
    }

    @Test("an origin-form request goes to the origin, which is told its own Host")
    func forwards() throws {
        let request = "POST /v1/x?y HTTP/1.1\r\nHost: localhost:9101\r\nContent-Length: 2\r\n\r\nhi"
        #expect(
            try forwarded(request, route())
                == "POST /v1/x?y HTTP/1.1\r\nHost: 192.0.2.1:8080\r\nContent-Length: 2\r\nVia: 1.1 connd-test\r\n\r\nhi"
        )
        #expect(proxy.loop.gatewayReports.map(\.requests) == [1])
        #expect(proxy.upstream.metrics.requests == 1)
    }

    @Test("with preserve_host it is told the client's, where the client said one", arguments: ["a.example:1", ""])
    func preservesHost(_ host: String) throws {
        var route = try route()
        route.preservesHost = true
        let request = host.isEmpty ? "GET / HTTP/1.0\r\n\r\n" : "GET / HTTP/1.1\r\nHost: \(host)\r\n\r\n"
        let expected = host.isEmpty ? "192.0.2.1:8080" : host
        #expect(try forwarded(request, route).contains("\r\nHost: \(expected)\r\n"))
    }

    @Test("OPTIONS * is asked of the origin")
    func asterisk() throws {
        let sent = try forwarded("OPTIONS * HTTP/1.1\r\nHost: g\r\n\r\n", route())
        #expect(sent.hasPrefix("OPTIONS * HTTP/1.1\r\nHost: 192.0.2.1:8080\r\n"))
    }

    @Test(
        "an absolute target is taken where it is the origin",
        arguments: ["http://192.0.2.1:8080/a", "HTTP://192.0.2.1:08080/a"])
    func absolute(target: String) throws {
        let sent = try forwarded("GET \(target) HTTP/1.1\r\nHost: x\r\n\r\n", route())
        #expect(sent.hasPrefix("GET /a HTTP/1.1\r\nHost: 192.0.2.1:8080\r\n"))
    }

    @Test(
        "what is not for its origin is refused, and the client stays",
        arguments: [
            ("CONNECT 192.0.2.1:443 HTTP/1.1\r\nHost: 192.0.2.1:443\r\n\r\n", 405, "opens no tunnels"),
            ("GET http://192.0.2.1/ HTTP/1.1\r\nHost: 192.0.2.1\r\n\r\n", 421, "serves http://192.0.2.1:8080"),
            ("GET https://192.0.2.1:8080/ HTTP/1.1\r\nHost: x\r\n\r\n", 421, "for another"),
            ("GET http://1.2.3.4.5/ HTTP/1.1\r\nHost: x\r\n\r\n", 421, "for another"),
            ("GET / HTTP/1.1\r\nHost: g\r\nVia: 1.1 connd-test\r\n\r\n", 508, "been through this connd already"),
            ("OPTIONS / HTTP/1.1\r\nHost: g\r\nMax-Forwards: 0\r\n\r\n", 200, "Allow: GET"),
        ])
    func refused(_ request: String, _ status: Int, _ detail: String) throws {
        let client = try connect(route(), proxy)
        proxy.send(client, request)
        let answer = client.take()
        #expect(answer.hasPrefix("HTTP/1.1 \(status) ") && answer.contains(detail), "\(answer)")
        #expect(answer.contains("Allow: GET, HEAD, POST, PUT, DELETE, OPTIONS, TRACE, PATCH\r\n") == (status == 405))
        #expect(proxy.kernel.outgoing.isEmpty)
        proxy.send(client, "GET / HTTP/1.1\r\nHost: g\r\n\r\n")
        #expect(proxy.kernel.outgoing.count == 1)
    }

    private static let local = IPAddress(ipv4: 0x7F00_0001)

    private func isRefused(_ fields: String, _ client: ScriptedPeer, text: String = "") throws -> Bool {
        let known = proxy.kernel.outgoing.first
        proxy.send(client, "GET / HTTP/1.1\r\n\(fields)\r\n")
        let answer = client.take()
        guard answer.isEmpty else {
            #expect(answer.hasPrefix("HTTP/1.1 403 ") && answer.contains("error=http_request_denied"), "\(answer)")
            #expect(answer.contains(text), "\(answer)")
            return true
        }
        proxy.send(try #require(known ?? proxy.kernel.outgoing.first), ScriptedProxy.ok)
        #expect(client.take().hasPrefix("HTTP/1.1 200 "))
        return false
    }

    @Test("over TCP a client may name this host, the origin, or a host that is allowed, and no page's own name")
    func hosts() throws {
        var route = try route()
        route.allowedHosts = try ["gw.internal", "*.corp.example", "10.0.0.9"].map { try GatewayHost(parsing: $0) }
        let client = try connect(route, proxy, from: Self.local)
        for host in [
            "localhost:9101", "LocalHost", "127.0.0.1:9101", "127.9.9.9", "[::1]:9101", "localhost.", "192.0.2.1",
            "192.0.2.1:8080", "[::ffff:192.0.2.1]:80", "gw.internal:1", "a.corp.example", "10.0.0.9", "localhost:9101",
        ] {
            #expect(try !isRefused("Host: \(host)\r\n", client), "\(host)")
        }
        let foreign = [
            "evil.example", "evil.example:9101", "localhost.evil.example", "127.0.0.1.evil.example", "corp.example",
            "192.0.2.2", "[::2]", "xlocalhost", "127.1", "evil.example",
        ]
        for host in foreign {
            #expect(try isRefused("Host: \(host)\r\n", client, text: "allow_hosts"), "\(host)")
        }
        // What was said before is not what is said now.
        #expect(try !isRefused("Host: localhost:9101\r\n", client))
        #expect(try isRefused("Host: evil.example\r\n", client))
        let figures = try #require(proxy.loop.gatewayReports.first)
        #expect(figures.refused.nonZero.map(\.label) == [.foreignHost])
        #expect(figures.refused.total == foreign.count + 1 && figures.requests == 14)
        route.allowedHosts = []
        proxy.loop.setGateways([route])
        #expect(try isRefused("Host: gw.internal\r\n", client))
        route.allowedHosts = [try GatewayHost(parsing: "*")]
        proxy.loop.setGateways([route])
        #expect(try !isRefused("Host: gw.internal\r\n", client) && !isRefused("Host: evil.example\r\n", client))
    }

    @Test("a client that was served by a name is refused once the gateway no longer allows it")
    func hostNoLongerAllowed() throws {
        var route = try route()
        route.allowedHosts = [try GatewayHost(parsing: "gw.internal")]
        let client = try connect(route, proxy, from: Self.local)
        #expect(try !isRefused("Host: gw.internal\r\n", client))
        route.allowedHosts = []
        proxy.loop.setGateways([route])
        #expect(try isRefused("Host: gw.internal\r\n", client))
    }

    @Test("HTTP/1.0 without Host is a program's, and on a Unix socket any name is")
    func hostsOfPrograms() throws {
        let client = try connect(route(), proxy, from: Self.local)
        proxy.send(client, "GET / HTTP/1.0\r\n\r\n")
        #expect(client.take().isEmpty && proxy.kernel.outgoing.count == 1)
        let other = try connect(route(), proxy)
        let page = "Host: evil.example\r\nOrigin: http://evil.example\r\nSec-Fetch-Site: cross-site\r\n"
        proxy.send(other, "GET / HTTP/1.1\r\n\(page)\r\n")
        #expect(other.take().isEmpty && proxy.kernel.outgoing.count == 2)
    }

    @Test("what pages of other sites ask for is refused, also after the same client was served")
    func pages() throws {
        let client = try connect(route(), proxy, from: Self.local)
        let host = "Host: localhost:9101\r\n"
        let own = [
            "", "Origin: http://localhost:9101\r\n", "Origin: HTTP://LOCALHOST:9101\r\n", "Sec-Fetch-Site: none\r\n",
            "Sec-Fetch-Site: same-origin\r\nOrigin: http://localhost:9101\r\n", "Sec-Fetch-Mode: cors\r\n",
        ]
        for fields in own { #expect(try !isRefused(host + fields, client), "\(fields)") }
        let foreign = [
            "Origin: https://evil.example\r\n", "Origin: null\r\n", "Origin: http://localhost:8000\r\n",
            "Origin: https://localhost:9101\r\n", "Origin:\r\n", "Sec-Fetch-Site: cross-site\r\n",
            "sec-fetch-site: Same-Site\r\n", "Sec-Fetch-Site: none\r\nOrigin: null\r\n",
            "Sec-Fetch-Site: none\r\nSec-Fetch-Site: cross-site\r\n",
        ]
        for fields in foreign { #expect(try isRefused(host + fields, client, text: "web page"), "\(fields)") }
        #expect(try !isRefused(host, client))
        #expect(proxy.loop.gatewayReports.first?.refused.nonZero.map(\.count) == [foreign.count])
    }

    @Test("refusals are counted by their reason")
    func counted() throws {
        let client = try connect(route(), proxy, from: Self.local)
        for request in [
            "GET http://x/ HTTP/1.1\r\nHost: x\r\n\r\n", "CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n",
            "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
            "GET \(Self.origin)/ HTTP/1.1\r\nHost: x\r\nOrigin: http://x\r\n\r\n",
        ] {
            proxy.send(client, request)
            #expect(client.take().hasPrefix("HTTP/1.1 4"), "\(request)")
        }
        let refused = try #require(proxy.loop.gatewayReports.first).refused
        #expect(refused.nonZero.map(\.label) == [.foreignHost, .foreignPage, .otherOrigin, .tunnel])
        #expect(refused.total == 4 && proxy.kernel.outgoing.isEmpty)
    }

    @Test("URLs of the origin in an answer become the gateway's, by the Host that the client said")
    func rewritten() throws {
        let client = try connect(route(), proxy)
        for host in ["localhost:9101", "127.0.0.1:9101", "127.0.0.1:9101"] {
            proxy.send(client, "GET /a HTTP/1.1\r\nHost: \(host)\r\n\r\n")
            let response =
                "HTTP/1.1 302 Found\r\nLocation: \(Self.origin)/b\r\nSet-Cookie: a=b; Secure\r\nContent-Length: 2\r\n\r\nok"
            proxy.send(try #require(proxy.kernel.outgoing.first), response)
            #expect(
                client.take()
                    == "HTTP/1.1 302 Found\r\nLocation: http://\(host)/b\r\nSet-Cookie: a=b; Secure\r\nContent-Length: 2\r\n"
                    + "Via: 1.1 connd-test\r\n\r\nok")
        }
    }

    @Test(
        "interim answers and those to HTTP/1.0 clients are rewritten too; those are given a path, as they said no Host")
    func rewrittenElsewhere() throws {
        let link = "Link: <\(Self.origin)/s.css>; rel=preload\r\n"
        let early = "HTTP/1.1 103 Early Hints\r\n\(link)\r\n" + ScriptedProxy.ok
        let answer = try answer(to: "GET / HTTP/1.1\r\nHost: g\r\n\r\n", early, route())
        #expect(answer.hasPrefix("HTTP/1.1 103 Early Hints\r\nLink: <http://g/s.css>; rel=preload\r\n"), "\(answer)")
        let old = try connect(route(), proxy)
        proxy.send(old, "GET / HTTP/1.0\r\n\r\n")
        proxy.send(
            try #require(proxy.kernel.outgoing.first),
            "HTTP/1.1 301 Moved\r\nLocation: \(Self.origin)?x\r\nContent-Length: 0\r\n\r\n")
        #expect(old.take().contains("\r\nLocation: /?x\r\n"))
    }

    @Test("with cookie_secure: strip cookies lose Secure")
    func cookies() throws {
        var route = try route()
        route.stripsSecure = true
        let response = "HTTP/1.1 200 OK\r\nSet-Cookie: a=b; Secure; Path=/\r\nContent-Length: 0\r\n\r\n"
        let answer = try answer(to: "GET / HTTP/1.1\r\nHost: g\r\n\r\n", response, route)
        #expect(answer.contains("\r\nSet-Cookie: a=b; Path=/\r\n"))
    }

    @Test("a changed route applies to the next request of a client that is there")
    func changed() throws {
        let client = try connect(route(), proxy)
        proxy.send(client, "GET / HTTP/1.1\r\nHost: g\r\n\r\n")
        proxy.send(try #require(proxy.kernel.outgoing.first), ScriptedProxy.ok)
        #expect(client.take().hasPrefix("HTTP/1.1 200 "))
        proxy.loop.setGateways([try route("http://192.0.2.9")])
        proxy.send(client, "GET / HTTP/1.1\r\nHost: g\r\n\r\n")
        #expect(proxy.kernel.outgoing.count == 2)
        #expect(try #require(proxy.kernel.outgoing.last).received.contains("Host: 192.0.2.9\r\n"))
        #expect(proxy.loop.gatewayReports.map(\.requests) == [2])
    }

    @Test("when a gateway is removed its client is answered what it has asked for, and nothing more")
    func removed() throws {
        let client = try connect(route(), proxy)
        proxy.send(client, "GET / HTTP/1.1\r\nHost: g\r\n\r\n")
        proxy.loop.setGateways([])
        proxy.send(try #require(proxy.kernel.outgoing.first), ScriptedProxy.ok)
        #expect(client.received.hasPrefix("HTTP/1.1 200 ") && client.received.contains("Connection: close\r\n"))
        #expect(client.ending == .fin)
    }

    @Test("an idle client of a removed gateway is closed; a request that crossed with the removal is refused")
    func removedWhileIdle() throws {
        let client = try connect(route(), proxy)
        let other = try connect(route(), proxy)
        proxy.loop.setGateways([])
        proxy.send(other, "GET / HTTP/1.1\r\nHost: g\r\n\r\n")
        #expect(other.received.hasPrefix("HTTP/1.1 421 ") && other.received.contains("has been removed"))
        proxy.pass(.seconds(1))
        #expect(client.ending == .fin && client.received.isEmpty)
    }

    @Test("the destination policy holds, also when it changes under a client")
    func policy() throws {
        let client = try connect(route(), proxy)
        proxy.send(client, "GET / HTTP/1.1\r\nHost: g\r\n\r\n")
        proxy.send(try #require(proxy.kernel.outgoing.first), ScriptedProxy.ok)
        #expect(client.take().hasPrefix("HTTP/1.1 200 "))
        var configuration = proxy.loop.configuration
        configuration.destinations.deny = [try DestinationPattern(parsing: "192.0.2.0/24")]
        proxy.loop.apply(configuration)
        proxy.send(client, "GET / HTTP/1.1\r\nHost: g\r\n\r\n")
        #expect(client.take().hasPrefix("HTTP/1.1 403 "))
    }

    @Test("an http origin with tls: originate is served by the pool of the https one")
    func originated() throws {
        var settings = EffectiveSettings()
        settings.tls = .originate
        let proxy = ScriptedProxy(ProxyConfiguration(), settings)
        proxy.send(try connect(try route("http://192.0.2.1"), proxy), "GET / HTTP/1.1\r\nHost: g\r\n\r\n")
        #expect(proxy.upstream.origins.map(\.description) == ["https://192.0.2.1"])
    }
}
