import FuzzTargets
import HTTPWire
import ProxyTypes
import TestSupport
import Testing

@Suite("Responses as a gateway sends them on")
struct GatewayRewriteTests {
    private static let base = "http://localhost:9101"

    private func rewritten(
        _ lines: String, origin: String = "https://api.example.com", base: String = base, stripsSecure: Bool = false,
        to client: ResponseShape = ResponseShape()
    ) throws -> String {
        let rewrite = ResponseRewrite(
            origins: [try #require(Origin(origin))], base: Array(base.utf8), stripsSecure: stripsSecure)
        let bytes = Wire.bytes("HTTP/1.1 200 OK\r\nA: 1\r\n\(lines)\r\nB: 2\r\n\r\n")
        var head = ResponseHead()
        var found: Set<String> = []
        for ends in Splits.arrivals(of: bytes.count) {
            guard case .accepted = Feeding.response(bytes, ends: ends, head: &head) else {
                throw Unexpected(what: "\(lines) is no head")
            }
            found.insert(Wire.text(Feeding.rewritten(head, bytes, to: client, by: rewrite)))
        }
        #expect(found.count == 1, "it depends on how the head arrives")
        let text = try #require(found.first)
        let start = try #require(text.firstRange(of: "A: 1\r\n")?.upperBound)
        let end = try #require(text.firstRange(of: "\r\nB: 2\r\n")?.lowerBound)
        return String(text[start..<end])
    }

    @Test(
        "a URL of the origin becomes one of the gateway",
        arguments: [
            ("https://api.example.com/v1/x?y=1#z", "http://localhost:9101/v1/x?y=1#z"),
            ("HTTPS://API.Example.com/v1", "http://localhost:9101/v1"),
            ("https://api.example.com:443/v1", "http://localhost:9101/v1"),
            ("https://api.example.com:/v1", "http://localhost:9101/v1"),
            ("https://api.example.com:00443/", "http://localhost:9101/"),
            ("https://api.example.com", "http://localhost:9101/"),
            ("https://api.example.com?y", "http://localhost:9101/?y"),
            ("https://api.example.com#z", "http://localhost:9101/#z"),
            ("//api.example.com/v1", "http://localhost:9101/v1"),
        ])
    func ofOrigin(url: String, expected: String) throws {
        for name in ["Location", "content-LOCATION"] {
            #expect(try rewritten("\(name):  \(url) ") == "\(name):  \(expected) ")
        }
        #expect(try rewritten("Link: <\(url)>") == "Link: <\(expected)>")
    }

    @Test(
        "any other URL passes as it is",
        arguments: [
            "/v1", "v1", "", "?q", "http://api.example.com/", "https://api.example.com:8443/", "https://example.com/",
            "https://api.example.com.evil.net/", "https://api.example.community/", "https://api.example.com@evil.net/",
            "https://u@api.example.com/", "https:/api.example.com/", "https:api.example.com", "https", "https:",
            "https://", "//", "//api.example.co", "https://api.example.com:443443/", "https://api.example.com:x/",
            "https://api.example.com\\v1", "ftp://api.example.com/", "https://evil.net/?u=https://api.example.com/",
        ])
    func ofOthers(url: String) throws {
        for line in ["Location: \(url)", "Content-Location: \(url)", "Link: <\(url)>; rel=next"] {
            #expect(try rewritten(line) == line)
        }
    }

    @Test(
        "other fields pass as they are",
        arguments: ["X-Location", "Locations", "Referer", "Set-Cookie", "Access-Control-Allow-Origin", "Links", "Ink"])
    func otherFields(name: String) throws {
        let line = "\(name): https://api.example.com/"
        #expect(try rewritten(line) == line)
    }

    @Test("the port and the spelling of the origin count")
    func origins() throws {
        #expect(try rewritten("Location: http://h:8080/a", origin: "http://h:8080") == "Location: \(Self.base)/a")
        #expect(try rewritten("Location: http://h/a", origin: "http://h:8080") == "Location: http://h/a")
        #expect(try rewritten("Location: https://[::1]/a", origin: "https://[::1]") == "Location: \(Self.base)/a")
    }

    @Test("each target of a Link is looked at, and nothing within quotes")
    func links() throws {
        let origin = "https://api.example.com"
        let value =
            "<\(origin)/a,b>; rel=\"next, <\(origin)/c>\\\"\", ,<https://evil.net/>;anchor=\"\(origin)/\" , <\(origin)?d>"
        #expect(
            try rewritten("Link: \(value)")
                == "Link: <\(Self.base)/a,b>; rel=\"next, <\(origin)/c>\\\"\", ,<https://evil.net/>;anchor=\"\(origin)/\" , "
                + "<\(Self.base)/?d>")
        for broken in ["<\(origin)/", "\(origin)/", "<<\(origin)/>>", ";<\(origin)/>"] {
            #expect(try rewritten("Link: \(broken)") == "Link: \(broken)")
        }
    }

    @Test("without a base a URL becomes a path, and never one that would be read as an authority")
    func noBase() throws {
        #expect(try rewritten("Location: https://api.example.com/a", base: "") == "Location: /a")
        #expect(try rewritten("Location: https://api.example.com?a", base: "") == "Location: /?a")
        for path in ["//evil.net/", "/\\evil.net/", "/\t/evil.net/"] {
            let odd = "Location: https://api.example.com\(path)"
            #expect(try rewritten(odd, base: "") == odd)
            #expect(try rewritten(odd) == "Location: \(Self.base)\(path)")
        }
    }

    @Test(
        "Secure is taken from cookies where that is wanted, and nothing else",
        arguments: [
            ("a=b; Secure", "a=b"), ("a=b; Path=/; secure; HttpOnly", "a=b; Path=/; HttpOnly"),
            ("a=b;SECURE;Secure ; SameSite=None", "a=b; SameSite=None"), ("a=b; Secure=1", "a=b"),
            ("secure", "secure"), ("Secure=1; Path=/secure", "Secure=1; Path=/secure"),
            ("a=\"; Secure\"", "a=\"; Secure\""),
            ("a=b; SecureX; X-Secure; ;", "a=b; SecureX; X-Secure; ;"),
        ])
    func cookies(value: String, expected: String) throws {
        #expect(try rewritten("Set-Cookie: \(value)", stripsSecure: true) == "Set-Cookie: \(expected)")
        #expect(try rewritten("Set-Cookie: \(value)") == "Set-Cookie: \(value)")
        #expect(try rewritten("Cookie: \(value)", stripsSecure: true) == "Cookie: \(value)")
    }

    @Test("several lines of one head are rewritten beside those that are dropped")
    func several() throws {
        let lines =
            "Set-Cookie: a; Secure\r\nKeep-Alive: timeout=5\r\nLocation: https://api.example.com/\r\nUpgrade: x\r\n"
            + "Set-Cookie: b; Secure; Path=/"
        #expect(
            try rewritten(lines, stripsSecure: true)
                == "Set-Cookie: a\r\nLocation: \(Self.base)/\r\nSet-Cookie: b; Path=/")
        #expect(
            try rewritten(lines, to: ResponseShape(passUpgrade: true))
                == "Set-Cookie: a; Secure\r\nLocation: \(Self.base)/\r\nUpgrade: x\r\nSet-Cookie: b; Secure; Path=/")
    }

    @Test("for a client that knows no chunks, what tells of them goes here too")
    func dechunk() throws {
        let shape = ResponseShape(clientVersion: .http10, persists: false, dechunk: true)
        let lines = "Transfer-Encoding: chunked\r\nTrailer: X\r\nLocation: https://api.example.com/"
        #expect(try rewritten(lines, to: shape) == "Location: \(Self.base)/")
    }
}
