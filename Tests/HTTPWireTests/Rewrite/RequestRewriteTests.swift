import FuzzTargets
import HTTPWire
import ProxyTypes
import Testing

@Suite("Requests as they are sent on")
struct RequestRewriteTests {
    @Test("kept lines pass byte for byte, in order, with their case and repeats")
    func kept() throws {
        let rewritten = try Heads.rewritten(
            "GET http://h/p?q HTTP/1.1\r\nuser-AGENT:  x \r\nHost: other\r\nA: 1\r\na: 2\r\nVia: 1.0 z\r\n"
                + "Proxy-Connection: keep-alive\r\nEmpty:\r\nCookie:\ta=\u{E9}\r\n\r\n")
        #expect(
            rewritten == "GET /p?q HTTP/1.1\r\nHost: h\r\nuser-AGENT:  x \r\nA: 1\r\na: 2\r\nVia: 1.0 z\r\nEmpty:\r\n"
                + "Cookie:\ta=\u{E9}\r\nVia: 1.1 connd\r\n\r\n")
    }

    @Test(
        "the target is in origin form, and Host is the target's, without the scheme's own port",
        arguments: [
            ("GET http://h HTTP/1.1", "GET / HTTP/1.1\r\nHost: h"),
            ("GET http://h?q HTTP/1.1", "GET /?q HTTP/1.1\r\nHost: h"),
            ("GET http://H:80/ HTTP/1.1", "GET / HTTP/1.1\r\nHost: h"),
            ("GET http://h:/ HTTP/1.1", "GET / HTTP/1.1\r\nHost: h"),
            ("GET http://h:443/ HTTP/1.1", "GET / HTTP/1.1\r\nHost: h:443"),
            ("GET https://h:443/ HTTP/1.1", "GET / HTTP/1.1\r\nHost: h"),
            ("GET https://h:80/ HTTP/1.1", "GET / HTTP/1.1\r\nHost: h:80"),
            ("GET http://h:08080/ HTTP/1.1", "GET / HTTP/1.1\r\nHost: h:8080"),
            ("GET http://Example.COM./ HTTP/1.1", "GET / HTTP/1.1\r\nHost: example.com"),
            ("GET http://XN--Bcher-Kva.example/ HTTP/1.1", "GET / HTTP/1.1\r\nHost: xn--bcher-kva.example"),
            ("GET http://[0:0:0:0:0:0:0:1]/ HTTP/1.1", "GET / HTTP/1.1\r\nHost: [::1]"),
            ("GET http://[2001:DB8::0:1]:8080/ HTTP/1.1", "GET / HTTP/1.1\r\nHost: [2001:db8::1]:8080"),
            ("GET http://[::FFFF:127.0.0.1]/ HTTP/1.1", "GET / HTTP/1.1\r\nHost: 127.0.0.1"),
            ("CONNECT EXAMPLE.com.:0443 HTTP/1.1", "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443"),
            ("CONNECT [0::1]:443 HTTP/1.1", "CONNECT [::1]:443 HTTP/1.1\r\nHost: [::1]:443"),
            ("GET http://[::1]:81/a/../b HTTP/1.1", "GET /a/../b HTTP/1.1\r\nHost: [::1]:81"),
            ("OPTIONS http://h HTTP/1.1", "OPTIONS * HTTP/1.1\r\nHost: h"),
            ("OPTIONS http://h/ HTTP/1.1", "OPTIONS / HTTP/1.1\r\nHost: h"),
            ("OPTIONS http://h?q HTTP/1.1", "OPTIONS /?q HTTP/1.1\r\nHost: h"),
            ("CONNECT h:443 HTTP/1.1", "CONNECT h:443 HTTP/1.1\r\nHost: h:443"),
            ("M-SEARCH http://h/ HTTP/1.0", "M-SEARCH / HTTP/1.1\r\nHost: h"),
            ("GET http://h/ HTTP/1.9", "GET / HTTP/1.1\r\nHost: h"),
            ("\r\n\r\nGET http://h/ HTTP/1.1", "GET / HTTP/1.1\r\nHost: h"),
        ])
    func targets(line: String, expected: String) throws {
        #expect(try Heads.rewritten(line + "\r\nHost: x\r\n\r\n") == expected + "\r\nVia: 1.1 connd\r\n\r\n")
    }

    @Test("every address that a head may have in its target has a canonical form", arguments: UInt64(1)...4)
    func addresses(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let parts = ["0", "00", "1", "0001", "a", "FFFF", "fffff", ":", "::", "1.2.3.4", "01.2.3.4", "127.0.0.1", "."]
        var accepted = 0
        for _ in 0..<20_000 {
            var host = (0...random.below(9)).map { _ in
                parts[random.below(parts.count)] + (random.below(3) > 0 ? ":" : "")
            }
            .joined()
            if host.hasSuffix(":"), random.below(4) > 0 { host.removeLast() }
            var head = RequestHead()
            let bytes = Wire.bytes("GET http://[\(host)]/ HTTP/1.0\r\n\r\n")
            guard case .accepted = Feeding.request(bytes, head: &head) else {
                #expect(throws: OriginHost.Problem.self, "\(host)") { try OriginHost(parsing: "[\(host)]") }
                continue
            }
            accepted += 1
            #expect(throws: Never.self, "\(host)") { try OriginHost(parsing: "[\(host)]") }
        }
        #expect(accepted > 100)
    }

    @Test("a request without Host gets one")
    func hostAdded() throws {
        #expect(
            try Heads.rewritten("GET http://h/ HTTP/1.0\r\n\r\n")
                == "GET / HTTP/1.1\r\nHost: h\r\nVia: 1.1 connd\r\n\r\n")
    }

    @Test(
        "hop-by-hop fields, and what Connection and Proxy-Connection name, are removed",
        arguments: [
            ("Connection: close", ""), ("Connection: x-a\r\nX-A: 1\r\nX-B: 2\r\nx-a: 3", "X-B: 2\r\n"),
            ("X-A: 1\r\nProxy-Connection: keep-alive, X-A", ""), ("Keep-Alive: 300", ""),
            ("Proxy-Authorization: Basic x", ""),
            ("Proxy-Authenticate: Basic", ""), ("TE: gzip", ""), ("Upgrade: websocket", ""),
            ("Connection: ,,a,,\r\nA: 1", ""),
            ("Connection: x-a\r\nX-Ab: 1\r\nX: 2", "X-Ab: 1\r\nX: 2\r\n"), ("Connection: date\r\nDate: x", ""),
            ("Authorization: Basic x", "Authorization: Basic x\r\n"), ("Trailer: X", "Trailer: X\r\n"),
            ("Connection: close\r\nA: 1\r\nConnection: b\r\nB: 2\r\nC: 3", "A: 1\r\nC: 3\r\n"),
        ])
    func hopByHop(lines: String, kept: String) throws {
        let message = "GET http://h/ HTTP/1.1\r\nHost: h\r\n\(lines)\r\n\r\n"
        #expect(try Heads.rewritten(message) == "GET / HTTP/1.1\r\nHost: h\r\n\(kept)Via: 1.1 connd\r\n\r\n")
    }

    @Test(
        "TE: trailers and a passed upgrade are said anew",
        arguments: [
            ("TE: trailers", "", "Connection: TE\r\nTE: trailers\r\n"),
            ("TE: gzip;q=0.5, Trailers", "", "Connection: TE\r\nTE: trailers\r\n"),
            ("TE: trailers;q=1", "", ""),
            (
                "Connection: upgrade\r\nUpgrade: websocket\r\nA: b", "Upgrade: websocket\r\nA: b\r\n",
                "Connection: upgrade\r\n"
            ),
            (
                "Connection: upgrade, te\r\nTE: trailers\r\nUpgrade: a", "Upgrade: a\r\n",
                "Connection: upgrade, TE\r\nTE: trailers\r\n"
            ),
            ("Connection: upgrade, http2-settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x", "", ""),
        ])
    func saidAnew(lines: String, before: String, after: String) throws {
        let message = "GET http://h/ HTTP/1.1\r\nHost: h\r\n\(lines)\r\n\r\n"
        #expect(try Heads.rewritten(message) == "GET / HTTP/1.1\r\nHost: h\r\n\(before)Via: 1.1 connd\r\n\(after)\r\n")
    }

    @Test(
        "framing is sent on as one canonical line",
        arguments: [
            ("Content-Length: 5", "Content-Length: 5\r\n", ""), ("content-length:5", "content-length:5\r\n", ""),
            ("Content-Length: 5\r\nA: b\r\nContent-Length: 5", "Content-Length: 5\r\nA: b\r\n", ""),
            ("Content-Length: 5, 5\r\nA: b", "A: b\r\n", "Content-Length: 5\r\n"),
            ("Content-Length: 5, 5\r\nContent-Length: 5", "", "Content-Length: 5\r\n"),
            ("Content-Length: 05", "", "Content-Length: 5\r\n"), ("Content-Length: 0", "Content-Length: 0\r\n", ""),
            ("Content-Length:\t5", "", "Content-Length: 5\r\n"), ("Content-Length: 5 ", "", "Content-Length: 5\r\n"),
            ("Transfer-Encoding: Chunked", "Transfer-Encoding: Chunked\r\n", ""),
            ("Transfer-Encoding:\tchunked", "", "Transfer-Encoding: chunked\r\n"),
            ("Transfer-Encoding: chunked \r\nA: b", "A: b\r\n", "Transfer-Encoding: chunked\r\n"),
            ("Content-Length: 9223372036854775807 ", "", "Content-Length: 9223372036854775807\r\n"),
        ])
    func framing(lines: String, before: String, after: String) throws {
        let message = "POST http://h/ HTTP/1.1\r\nHost: h\r\n\(lines)\r\n\r\n"
        #expect(try Heads.rewritten(message) == "POST / HTTP/1.1\r\nHost: h\r\n\(before)\(after)Via: 1.1 connd\r\n\r\n")
    }

    @Test(
        "Max-Forwards counts down for TRACE and OPTIONS, and passes for others",
        arguments: [
            ("TRACE", "3", "Max-Forwards: 2\r\n"), ("OPTIONS", "1", "Max-Forwards: 0\r\n"),
            ("GET", "3", "Max-Forwards: 3\r\n"),
            ("TRACE", "99999999999999999999", "Max-Forwards: 9223372036854775806\r\n"),
        ])
    func maxForwards(method: String, value: String, line: String) throws {
        let message = "\(method) http://h/ HTTP/1.1\r\nHost: h\r\nMax-Forwards: \(value)\r\n\r\n"
        #expect(try Heads.rewritten(message) == "\(method) / HTTP/1.1\r\nHost: h\r\n\(line)Via: 1.1 connd\r\n\r\n")
    }

    @Test(
        "an expectation passes, but for 100-continue of HTTP/1.0",
        arguments: [
            ("1.1", "100-continue", true), ("1.0", "100-continue", false), ("1.0", "other", true),
        ])
    func expectation(version: String, value: String, passes: Bool) throws {
        let rewritten = try Heads.rewritten(
            "PUT http://h/ HTTP/\(version)\r\nHost: h\r\nExpect: \(value)\r\nContent-Length: 1\r\n\r\n")
        #expect(rewritten.contains("Expect: \(value)\r\n") == passes)
    }

    @Test("the size asked for is enough where most is added")
    func size() throws {
        let host = String(repeating: "a", count: 255)
        for message in [
            "CONNECT \(host):65535 HTTP/1.0\r\n\r\n",
            "OPTIONS http://\(host):1 HTTP/1.1\r\nHost:h\r\nContent-Length:  1\r\nMax-Forwards:99999999999999999999\r\nTE:trailers\r\n\r\n",
        ] {
            let bytes = Wire.bytes(message)
            var head = RequestHead()
            guard case .accepted = Feeding.request(bytes, head: &head) else {
                throw Unexpected(what: message)
            }
            let length = Feeding.authority(head, bytes).count
            let size = HeadWriter.requestSize(head, authorityLength: length, viaLength: 9)
            #expect(Feeding.rewritten(head, bytes).count <= size)
        }
    }

    @Test(
        "a proxy finds its own name among the hops of Via",
        arguments: [
            ("Via: 1.1 connd-a1", true), ("Via: 1.1 CONND-A1", true), ("Via: 1.0 x, 1.1 connd-a1 (c)", true),
            ("Via: HTTP/1.1 connd-a1", true), ("Via: 1.1 x\r\nVia: 1.1 connd-a1", true), ("Via: 1.1\t connd-a1", true),
            ("Via: 1.1 connd-a12", false), ("Via: 1.1 connd-a", false), ("Via: connd-a1", false),
            ("Via: 1.1 x (1.1 connd-a1, 1.1 connd-a1)", false), ("Via: 1.1 x (a, \\), b), 1.1 connd-a1", true),
            ("Via: 1.1 x (", false), ("Via: 1.1 x (a \\), 1.1 connd-a1 b)", false), ("Via: ,, ,", false),
            ("Via:", false), ("X: 1.1 connd-a1", false),
            ("Via: 1.1 connd-a1(c)", true), ("Via: 1.1 x (\\", false),
        ])
    func via(line: String, found: Bool) throws {
        let bytes = Wire.bytes("GET http://h/ HTTP/1.1\r\nHost: h\r\n\(line)\r\n\r\n")
        let name = Wire.bytes("connd-a1")
        var head = RequestHead()
        guard case .accepted = Feeding.request(bytes, head: &head) else { throw Unexpected(what: line) }
        #expect(head.viaContains(name.span.bytes, in: bytes.span.bytes) == found)
    }
}
