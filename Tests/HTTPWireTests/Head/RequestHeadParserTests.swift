import FuzzTargets
import HTTPWire
import Testing

@Suite("Request heads that are accepted")
struct RequestHeadParserTests {
    private func text(_ message: String, _ range: Range<Int>) -> String { Wire.text(Wire.bytes(message)[range]) }

    @Test("the parts of an absolute-form request are found where they are")
    func parts() throws {
        let message = "GET http://Example.com:8080/a?b=c HTTP/1.1\r\nHost: other\r\nX-A:\t 1 \t\r\nEmpty:\r\n\r\nrest"
        let head = try Heads.accepted(message)
        #expect(head.method == .get)
        #expect(text(message, head.methodRange) == "GET")
        #expect(text(message, head.target) == "http://Example.com:8080/a?b=c")
        #expect(head.form == .absolute && head.scheme == .http)
        #expect(text(message, head.authority) == "Example.com:8080")
        #expect(text(message, head.host) == "Example.com")
        #expect(head.port == 8080)
        #expect(text(message, head.pathAndQuery) == "/a?b=c")
        #expect(head.version == .http11 && head.persistent && head.framing == .none)
        #expect(head.length == Wire.bytes(message).count - 4)
        #expect(head.lines.map { text(message, $0.name) } == ["Host", "X-A", "Empty"])
        #expect(head.lines.map { text(message, $0.value) } == ["other", "1", ""])
        #expect(text(message, head.lines[1].line) == "X-A:\t 1 \t\r\n")
        #expect(head.lines.map(\.dropped) == [true, false, false])
    }

    @Test(
        "a target's form, scheme, host, port and path are told apart",
        arguments: [
            ("GET", "/", TargetForm.origin, TargetScheme.http, "h", 80, "/"),
            ("GET", "/a b".replacing(" ", with: "?"), .origin, .http, "h", 80, "/a?b"),
            ("OPTIONS", "*", .asterisk, .http, "h", 80, ""),
            ("GET", "http://a", .absolute, .http, "a", 80, ""),
            ("GET", "HTTP://a.:/", .absolute, .http, "a.", 80, "/"),
            ("GET", "http://a?q", .absolute, .http, "a", 80, "?q"),
            ("GET", "https://a_b-c.d~/x@y:z", .absolute, .https, "a_b-c.d~", 443, "/x@y:z"),
            ("GET", "https://1.2.3.4:65535/", .absolute, .https, "1.2.3.4", 65535, "/"),
            ("GET", "http://[::1]/", .absolute, .http, "[::1]", 80, "/"),
            ("GET", "http://[::]/", .absolute, .http, "[::]", 80, "/"),
            ("GET", "http://[1::]/", .absolute, .http, "[1::]", 80, "/"),
            ("GET", "http://[1:2:3:4:5:6:7::]/", .absolute, .http, "[1:2:3:4:5:6:7::]", 80, "/"),
            ("GET", "http://[1:2:3:4:5:6:7:8]:81", .absolute, .http, "[1:2:3:4:5:6:7:8]", 81, ""),
            ("GET", "http://[::ffff:1.2.3.4]/?", .absolute, .http, "[::ffff:1.2.3.4]", 80, "/?"),
            ("CONNECT", "a:443", .authority, .other, "a", 443, ""),
            ("CONNECT", "[fe80::1]:22", .authority, .other, "[fe80::1]", 22, ""),
        ])
    func targets(
        method: String, target: String, form: TargetForm, scheme: TargetScheme, host: String, port: UInt16, path: String
    ) throws {
        let message = "\(method) \(target) HTTP/1.1\r\nHost: h\r\n\r\n"
        let head = try Heads.accepted(message)
        #expect(head.form == form && head.scheme == scheme && head.port == port)
        #expect(text(message, head.host) == host)
        #expect(text(message, head.pathAndQuery) == path)
    }

    @Test(
        "methods are case-sensitive, and any token is one",
        arguments: [
            ("GET", Method.get), ("HEAD", .head), ("POST", .post), ("PUT", .put), ("DELETE", .delete),
            ("TRACE", .trace),
            ("OPTIONS", .options), ("PATCH", .patch), ("get", .other), ("GETS", .other), ("M-SEARCH", .other),
            ("!#$%&'*+-.^_`|~09", .other), ("PROPFIND", .other), ("G", .other),
        ])
    func methods(name: String, method: Method) throws {
        #expect(try Heads.accepted("\(name) http://h/ HTTP/1.1\r\nHost: h\r\n\r\n").method == method)
    }

    @Test("safe and idempotent methods are those of RFC 9110")
    func methodProperties() {
        #expect(Method.allCases.filter(\.isSafe) == [.get, .head, .options, .trace])
        #expect(Method.allCases.filter(\.isIdempotent) == [.get, .head, .put, .delete, .options, .trace])
    }

    @Test("up to four empty lines before the request line are skipped and count to its length")
    func emptyLines() throws {
        let message = "\r\n\r\n\r\n\r\nGET http://h/ HTTP/1.1\r\nHost: h\r\n\r\n"
        let head = try Heads.accepted(message)
        #expect(head.length == message.utf8.count && text(message, head.methodRange) == "GET")
        #expect(Heads.request("\r\n" + message) == .refused(.badRequestLine))
    }

    @Test("higher minor versions are read as 1.1", arguments: ["HTTP/1.2", "HTTP/1.9"])
    func minorVersions(version: String) throws {
        #expect(try Heads.accepted("GET http://h/ \(version)\r\nHost: h\r\n\r\n").version == .http11)
    }

    @Test("HTTP/1.0 needs no Host")
    func oldWithoutHost() throws {
        let head = try Heads.accepted("GET http://h/ HTTP/1.0\r\n\r\n")
        #expect(head.version == .http10 && !head.persistent)
    }

    @Test("values may hold tabs and bytes above 127")
    func obsText() throws {
        let message = "GET http://h/ HTTP/1.1\r\nHost: h\r\nX: a\tb\u{80}\u{FF} c\r\nY: \t\t\t\t\t\t\t\t\t\r\n\r\n"
        let head = try Heads.accepted(message)
        #expect(text(message, head.lines[1].value) == "a\tb\u{80}\u{FF} c")
        #expect(head.lines[2].value.isEmpty)
    }

    @Test(
        "persistence follows version, Connection and Proxy-Connection; close wins",
        arguments: [
            ("1.1", "", true), ("1.1", "Connection: close", false), ("1.1", "Proxy-Connection: Close", false),
            ("1.1", "Connection: x, CLOSE ,y", false), ("1.1", "Connection: closed", true),
            ("1.0", "", false), ("1.0", "Connection: keep-alive", true), ("1.0", "Proxy-Connection: Keep-Alive", true),
            ("1.0", "Connection: keep-alive, close", false),
            ("1.0", "Connection: close\r\nProxy-Connection: keep-alive", false),
        ])
    func persistence(version: String, line: String, persists: Bool) throws {
        let lines = line.isEmpty ? "" : line + "\r\n"
        #expect(
            try Heads.accepted("GET http://h/ HTTP/\(version)\r\nHost: h\r\n\(lines)\r\n").persistent == persists
        )
    }

    @Test(
        "100-continue is expected on 1.1 with a body only",
        arguments: [
            ("1.1", "Content-Length: 1", true), ("1.1", "Transfer-Encoding: chunked", true),
            ("1.1", "Content-Length: 0", false),
            ("1.1", "X: y", false), ("1.0", "Content-Length: 1", false),
        ])
    func expectation(version: String, line: String, expected: Bool) throws {
        let message = "PUT http://h/ HTTP/\(version)\r\nHost: h\r\nExpect: 100-Continue\r\n\(line)\r\n\r\n"
        #expect(try Heads.accepted(message).expectsContinue == expected)
        #expect(try Heads.accepted(message.replacing("100-Continue", with: "100-continued")).expectsContinue == false)
    }

    @Test(
        "an upgrade passes on 1.1, named in Connection, with content or without, and not to HTTP itself",
        arguments: [
            ("GET", "1.1", "Connection: upgrade\r\nUpgrade: websocket", true),
            ("GET", "1.1", "Connection: keep-alive, Upgrade\r\nUpgrade: a/1, b", true),
            ("GET", "1.1", "Upgrade: websocket", false),
            ("GET", "1.1", "Connection: upgrade", false),
            ("GET", "1.0", "Connection: upgrade\r\nUpgrade: websocket", false),
            ("POST", "1.1", "Connection: upgrade\r\nUpgrade: tcp\r\nContent-Length: 3", true),
            ("POST", "1.1", "Connection: upgrade\r\nUpgrade: tcp\r\nTransfer-Encoding: chunked", true),
            ("POST", "1.1", "Connection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 3", false),
            ("POST", "1.1", "Connection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 0", true),
            ("GET", "1.1", "Connection: upgrade\r\nUpgrade: H2C", false),
            ("GET", "1.1", "Connection: upgrade\r\nUpgrade: websocket, h2c", false),
            ("GET", "1.1", "Connection: upgrade\r\nUpgrade: h2", false),
            ("GET", "1.1", "Connection: upgrade\r\nUpgrade: websocket\r\nUpgrade: HTTP/2.0", false),
        ])
    func upgrades(method: String, version: String, lines: String, passes: Bool) throws {
        let message = "\(method) http://h/ HTTP/\(version)\r\nHost: h\r\n\(lines)\r\n\r\n"
        #expect(try Heads.accepted(message).upgrade == passes)
    }

    @Test(
        "Max-Forwards is read of OPTIONS and TRACE, and saturates",
        arguments: [
            ("TRACE", "0", 0), ("OPTIONS", "17", 17), ("TRACE", "99999999999999999999999", Int.max), ("GET", "3", nil),
            ("GET", "x", nil),
        ])
    func maxForwards(method: String, value: String, expected: Int?) throws {
        let message = "\(method) http://h/ HTTP/1.1\r\nHost: h\r\nMax-Forwards: \(value)\r\n\r\n"
        #expect(try Heads.accepted(message).maxForwards == expected)
    }

    @Test("two parsers that share one head do not mix their fields")
    func sharedHead() throws {
        let one = Wire.bytes("GET http://a/ HTTP/1.1\r\nHost: a\r\nA: 1\r\nB: 2\r\n\r\n")
        let two = Wire.bytes("GET http://b/ HTTP/1.1\r\nHost: b\r\nContent-Length: 5\r\n\r\n")
        var head = RequestHead()
        var first = RequestHeadParser()
        var second = RequestHeadParser()
        let limits = HeadLimits()
        #expect(try !first.parse(one.span.bytes.extracting(first: 38), limits: limits, into: &head))
        #expect(try second.parse(two.span.bytes, limits: limits, into: &head))
        #expect(head.framing == .length(5) && head.fields.count == 2)
        #expect(try first.parse(one.span.bytes, limits: limits, into: &head))
        #expect(head.framing == .none && head.fields.count == 3)
    }

    @Test("after a head and after a fault the parser starts anew")
    func reuse() throws {
        var head = RequestHead()
        var parser = RequestHeadParser()
        let good = Wire.bytes("GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n")
        let bad = Wire.bytes("GET http://a/ HTTP/1.1\r\nHost : a\r\n\r\n")
        #expect(try parser.parse(good.span.bytes, limits: HeadLimits(), into: &head))
        #expect(throws: WireError.whitespaceBeforeColon) {
            try parser.parse(bad.span.bytes, limits: HeadLimits(), into: &head)
        }
        #expect(try parser.parse(good.span.bytes, limits: HeadLimits(), into: &head))
    }
}
