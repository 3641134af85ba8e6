import TestSupport
import Testing

@Suite struct RefusalTests {
    /// URL and AUTHORITY stand for the origin's.
    struct Refused: Sendable, CustomTestStringConvertible {
        let name: String
        let bytes: String
        let status: Int

        init(_ name: String, _ bytes: String, _ status: Int = 400) {
            (self.name, self.bytes, self.status) = (name, bytes, status)
        }

        var testDescription: String { name }
    }

    static let heads: [Refused] = [
        .init(
            "Content-Length with Transfer-Encoding",
            "POST URL HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        .init(
            "Transfer-Encoding with Content-Length",
            "POST URL HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"),
        .init(
            "differing lengths",
            "POST URL HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!"),
        .init("differing lengths in one line", "POST URL HTTP/1.1\r\nHost: x\r\nContent-Length: 5, 6\r\n\r\nhello!"),
        .init("a length with a sign", "POST URL HTTP/1.1\r\nHost: x\r\nContent-Length: +5\r\n\r\nhello"),
        .init("a length in hex", "POST URL HTTP/1.1\r\nHost: x\r\nContent-Length: 0x5\r\n\r\nhello"),
        .init(
            "a length that overflows",
            "POST URL HTTP/1.1\r\nHost: x\r\nContent-Length: 18446744073709551621\r\n\r\nhello"),
        .init(
            "chunked that is not last",
            "POST URL HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"),
        .init(
            "chunked twice",
            "POST URL HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
                + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        .init(
            "an unknown coding", "POST URL HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
            501),
        .init("a coding in HTTP/1.0", "POST URL HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        .init("two Hosts", "GET URL HTTP/1.1\r\nHost: AUTHORITY\r\nHost: AUTHORITY\r\n\r\n"),
        .init("no Host", "GET URL HTTP/1.1\r\nAccept: */*\r\n\r\n"),
        .init("a Host that is none", "GET URL HTTP/1.1\r\nHost: a b\r\n\r\n"),
        .init("a bare LF after the request line", "GET URL HTTP/1.1\nHost: x\r\n\r\n"),
        .init("a bare LF after a field", "GET URL HTTP/1.1\r\nHost: x\nAccept: */*\r\n\r\n"),
        .init("a bare LF at the end", "GET URL HTTP/1.1\r\nHost: x\r\n\n"),
        .init("a bare CR in a value", "GET URL HTTP/1.1\r\nHost: x\r\nX-A: a\rb\r\n\r\n"),
        .init("a folded line", "GET URL HTTP/1.1\r\nHost: x\r\nX-A: a\r\n b\r\n\r\n"),
        .init("a line that begins with a blank", "GET URL HTTP/1.1\r\n Host: x\r\n\r\n"),
        .init("a blank before the colon", "GET URL HTTP/1.1\r\nHost : x\r\n\r\n"),
        .init(
            "a blank before the colon of a length", "POST URL HTTP/1.1\r\nHost: x\r\nContent-Length : 5\r\n\r\nhello"),
        .init("a field without a name", "GET URL HTTP/1.1\r\nHost: x\r\n: a\r\n\r\n"),
        .init("a field without a colon", "GET URL HTTP/1.1\r\nHost: x\r\nwhat\r\n\r\n"),
        .init("a control character in a value", "GET URL HTTP/1.1\r\nHost: x\r\nX-A: a\u{1}b\r\n\r\n"),
        .init("a NUL in a value", "GET URL HTTP/1.1\r\nHost: x\r\nX-A: a\u{0}b\r\n\r\n"),
        .init("a control character in the target", "GET URL\u{1} HTTP/1.1\r\nHost: x\r\n\r\n"),
        .init("two blanks in the request line", "GET  URL HTTP/1.1\r\nHost: x\r\n\r\n"),
        .init("a blank in the target", "GET URL/a b HTTP/1.1\r\nHost: x\r\n\r\n"),
        .init("a method that is no token", "GE(T URL HTTP/1.1\r\nHost: x\r\n\r\n"),
        .init("HTTP/2.0", "GET URL HTTP/2.0\r\nHost: x\r\n\r\n", 505),
        .init("HTTP/0.9 in words", "GET URL HTTP/0.9\r\nHost: x\r\n\r\n", 505),
        .init("the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        .init("userinfo", "GET http://user:secret@AUTHORITY/ HTTP/1.1\r\nHost: x\r\n\r\n"),
        .init("another scheme", "GET ftp://AUTHORITY/ HTTP/1.1\r\nHost: x\r\n\r\n"),
        .init("a fragment", "GET URL#f HTTP/1.1\r\nHost: x\r\n\r\n"),
        .init(
            "a target over 16 KiB",
            "GET URL" + String(repeating: "a", count: 16 * 1024) + " HTTP/1.1\r\nHost: x\r\n\r\n", 414),
        .init(
            "a head over max_head_bytes",
            "GET URL HTTP/1.1\r\nHost: x\r\nX-A: " + String(repeating: "a", count: 66_000) + "\r\n\r\n", 431),
        .init(
            "a Connection field that names Content-Length",
            "POST URL HTTP/1.1\r\nHost: x\r\nConnection: content-length\r\nContent-Length: 5\r\n\r\nhello"),
        .init("CONNECT with a body", "CONNECT AUTHORITY HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"),
        .init("CONNECT without a port", "CONNECT 127.0.0.1 HTTP/1.1\r\nHost: x\r\n\r\n"),
        .init("CONNECT to a URL", "CONNECT URL HTTP/1.1\r\nHost: x\r\n\r\n"),
    ]

    @Test("what is ambiguous is refused, the connection closed, and nothing reaches the origin", arguments: heads)
    func refused(_ refused: Refused) throws {
        let origin = try FakeOrigin.answering()
        let proxy = try RunningProxy("proxy: { connect_ports: any }")
        let client = try ScriptedClient(proxy)
        let bytes = refused.bytes.replacing("URL", with: origin.url()).replacing("AUTHORITY", with: origin.authority)
        // What follows would be a request of its own if the first were taken for something else.
        try client.send(bytes + "GET \(origin.url("/smuggled")) HTTP/1.1\r\nHost: x\r\n\r\n")
        let response = try client.response()
        response.expectErrorAnswer(refused.status, "http_request_error")
        #expect(response.saysClose)
        #expect(try client.end() == .fin)
        #expect(origin.record.connections.isEmpty)
    }

    static let chunks: [Refused] = [
        .init("no size", "\r\nhello\r\n0\r\n\r\n"),
        .init("a size that is no number", "x\r\nhello\r\n0\r\n\r\n"),
        .init("a size with a sign", "+5\r\nhello\r\n0\r\n\r\n"),
        .init("a size with 0x", "0x5\r\nhello\r\n0\r\n\r\n"),
        .init("a size that overflows", "fffffffffffffffff\r\nhello\r\n0\r\n\r\n"),
        .init("a blank before the size", " 5\r\nhello\r\n0\r\n\r\n"),
        .init("a bare LF after the size", "5\nhello\r\n0\r\n\r\n"),
        .init("a bare LF after the data", "5\r\nhello\n0\r\n\r\n"),
        .init("more data than the size says", "5\r\nhello!\r\n0\r\n\r\n"),
        .init("a bare CR in an extension", "5;a\rb\r\nhello\r\n0\r\n\r\n"),
        .init("a trailer with a blank before the colon", "0\r\nX-A : 1\r\n\r\n"),
        .init("a trailer that frames", "0\r\nContent-Length: 5\r\n\r\n"),
        .init("a bare LF at the end", "0\r\n\n"),
    ]

    @Test("a body with bad chunks never becomes a whole request", arguments: chunks)
    func badChunks(_ refused: Refused) throws {
        let origin = try FakeOrigin.answering()
        let proxy = try RunningProxy()
        let client = try ScriptedClient(proxy)
        try client.send("POST", origin.url(), ["Transfer-Encoding: chunked"])
        try client.send(refused.bytes + "GET \(origin.url("/smuggled")) HTTP/1.1\r\nHost: x\r\n\r\n")
        let response = try client.response()
        response.expectErrorAnswer(400, "http_request_error")
        #expect(response.saysClose)
        #expect(try client.end() == .fin)
        let record = try origin.waitToSee("its connection end") { $0.openCount == 0 }
        #expect(record.requests.allSatisfy { !$0.isComplete && $0.target == "/" })
    }

    @Test("a request in origin form is told how to use a proxy")
    func originForm() throws {
        let proxy = try RunningProxy()
        let client = try ScriptedClient(proxy)
        try client.send("GET / HTTP/1.1\r\nHost: \(proxy.authority)\r\n\r\n")
        let response = try client.response()
        response.expectErrorAnswer(400, "http_request_error")
        #expect(response.text.contains("http_proxy"))
    }

    @Test("an answer to a refused request survives what the client still sends")
    func lingers() throws {
        let proxy = try RunningProxy()
        let client = try ScriptedClient(proxy)
        try client.send("POST http://127.0.0.1/ HTTP/1.1\r\nHost : x\r\nContent-Length: 50000\r\n\r\n")
        #expect(StreamSocket.firstReadable([client.socket]) != nil)
        // A connection that no longer takes bytes answers the first of these with a reset, which the next one meets.
        for _ in 0..<5 {
            try client.send([UInt8](repeating: 0, count: 10_000))
            try proxy.settle()
        }
        client.finishSending()
        try client.response().expectErrorAnswer(400, "http_request_error")
        #expect(try client.end() == .fin)
    }

    @Test("requests before the refused one are answered first")
    func pipelinedBefore() throws {
        let origin = try FakeOrigin.answering()
        let proxy = try RunningProxy()
        let client = try ScriptedClient(proxy)
        try client.send(
            "GET \(origin.url()) HTTP/1.1\r\nHost: x\r\n\r\nGET \(origin.url()) HTTP/1.1\r\nHost : x\r\n\r\n")
        #expect(try client.response().text == "hello")
        #expect(try client.response().status == 400)
        #expect(try client.end() == .fin)
        #expect(origin.record.requests.count == 1)
    }
}
