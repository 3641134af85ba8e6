import Metering
import ProxyTypes
import ReactorTestSupport
import Testing
import Tuning

@testable import ForwardProxy
@testable import Upstream

@Suite("Requests that connd answers itself")
struct RequestRoutingTests {
    private func answer(_ request: String, _ configuration: ProxyConfiguration = ProxyConfiguration()) throws -> String
    {
        let proxy = ScriptedProxy(configuration)
        let client = try proxy.connect()
        client.send(request)
        proxy.rest()
        #expect(proxy.kernel.outgoing.isEmpty && proxy.upstream.metrics.requests == 0)
        return client.received
    }

    @Test(
        "what connd cannot or may not forward is refused, with the reason in words",
        arguments: [
            (ScriptedProxy.get("/", "Via: 1.0 other, 1.1 connd-test (connd)\r\n"), 508, "through this connd already"),
            ("GET / HTTP/1.1\r\nHost: 192.0.2.1\r\n\r\n", 400, "not a web server"),
            ("CONNECT 192.0.2.1:25 HTTP/1.1\r\nHost: 192.0.2.1:25\r\n\r\n", 403, "proxy.connect_ports"),
            ("GET http://1.2.3.4.5/ HTTP/1.1\r\nHost: 1.2.3.4.5\r\n\r\n", 400, "the target's host `1.2.3.4.5`"),
        ])
    func refused(_ request: String, _ status: Int, _ detail: String) throws {
        let answer = try answer(request)
        #expect(answer.hasPrefix("HTTP/1.1 \(status) ") && answer.contains(detail), "\(answer)")
    }

    @Test("a denied name is refused before it is looked up")
    func denied() throws {
        var configuration = ProxyConfiguration()
        configuration.destinations.deny = [try DestinationPattern(parsing: "*.example")]
        let answer = try answer("GET http://www.example/ HTTP/1.1\r\nHost: www.example\r\n\r\n", configuration)
        #expect(answer.hasPrefix("HTTP/1.1 403 ") && answer.contains("proxy.deny"))
    }

    @Test("OPTIONS for connd itself is answered here, and the client stays", arguments: [true, false])
    func options(asterisk: Bool) throws {
        let proxy = ScriptedProxy()
        let client = try proxy.connect()
        client.send(
            asterisk
                ? "OPTIONS * HTTP/1.1\r\nHost: proxy\r\n\r\n"
                : "OPTIONS http://192.0.2.1/ HTTP/1.1\r\nHost: 192.0.2.1\r\nMax-Forwards: 0\r\n\r\n")
        proxy.rest()
        let answer = client.take()
        #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\nAllow: GET, ") && answer.hasSuffix("Content-Length: 0\r\n\r\n"))
        client.send(ScriptedProxy.get())
        proxy.rest()
        #expect(proxy.kernel.outgoing.count == 1)
    }

    @Test("TRACE with Max-Forwards 0 echoes the head as it was received, without what identifies the user")
    func trace() throws {
        let line = "TRACE http://192.0.2.1/path HTTP/1.1\r\nHost: 192.0.2.1\r\nMax-Forwards: 0\r\n"
        let answer = try answer(
            line + "Cookie: secret\r\nAuthorization: secret\r\nProxy-Authorization: secret\r\nX-Kept: yes\r\n\r\n")
        let echo = line + "X-Kept: yes\r\n\r\n"
        #expect(answer.contains("Content-Type: message/http\r\nContent-Length: \(echo.utf8.count)\r\n"))
        #expect(answer.hasSuffix("\r\n\r\n" + echo) && !answer.contains("secret"))
    }

    @Test("an answer of connd's own tells an HTTP/1.0 client whether the connection stays")
    func oldClient() throws {
        for (field, told) in [
            ("", "Connection: close\r\n"), ("Connection: keep-alive\r\n", "Connection: keep-alive\r\n"),
        ] {
            let answer = try answer("OPTIONS http://192.0.2.1/ HTTP/1.0\r\nMax-Forwards: 0\r\n\(field)\r\n")
            #expect(answer.contains(told), "\(answer)")
        }
    }

    @Test("a client that proxy.allow_from does not list is told so at once", arguments: ["192.0.2.9", "198.51.100.1"])
    func allowFrom(_ address: String) throws {
        var configuration = ProxyConfiguration()
        configuration.allowFrom = [try AddressRange(parsing: "192.0.2.0/24")]
        let proxy = ScriptedProxy(configuration)
        let client = try proxy.connect(from: IPAddress(address))
        client.send(ScriptedProxy.get())
        proxy.rest()
        let isAllowed = address == "192.0.2.9"
        #expect(proxy.kernel.outgoing.count == (isAllowed ? 1 : 0))
        #expect(proxy.closed(.refusedAddress) == (isAllowed ? 0 : 1))
        if !isAllowed { #expect(client.received.hasPrefix("HTTP/1.1 403 ") && client.ending == .fin) }
    }
}
