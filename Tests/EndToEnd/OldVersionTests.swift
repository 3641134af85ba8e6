import TestSupport
import Testing

/// HTTP/1.0 clients and origins, and bodies that end by close.
@Suite struct OldVersionTests {
    @Test(
        "an HTTP/1.0 client gets a chunked response decoded and ended by close",
        arguments: [[], ["Connection: keep-alive"]])
    func decoded(fields: [String]) throws {
        let origin = try FakeOrigin.sending(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\nX-A: 1\r\n\r\n"
                + "5;x=y\r\nhello\r\n1\r\n \r\n5\r\nworld\r\n0\r\nX-Sum: 1\r\n\r\n")
        let proxy = try RunningProxy()
        let client = try ScriptedClient(proxy)
        try client.send("GET", origin.url(), fields, version: "1.0")
        let response = try client.response()
        #expect(response.framing == .untilClose)
        #expect(response.text == "hello world")
        #expect(response["Transfer-Encoding"].isEmpty)
        #expect(response["X-A"] == ["1"])
        // The origin's connection serves on.
        #expect(try ScriptedClient(proxy).get(origin.url()).text == "hello world")
        #expect(origin.record.connections.count == 1)
    }

    @Test("the request of an HTTP/1.0 client goes out as HTTP/1.1")
    func upgraded() throws {
        let origin = try FakeOrigin.answering()
        let proxy = try RunningProxy()
        let client = try ScriptedClient(proxy)
        try client.send("GET \(origin.url("/x")) HTTP/1.0\r\n\r\n")
        #expect(try client.response().text == "hello")
        let head = try #require(origin.record.requests.first).head
        #expect(head.startLine == "GET /x HTTP/1.1")
        #expect(head["Host"] == [origin.authority])
        #expect(head["Via"].first?.hasPrefix("1.0 connd") == true)
    }

    @Test("a response that ends by close ends by close for the client too", arguments: ["1.0", "1.1"])
    func untilClose(version: String) throws {
        let body = String(repeating: "until the end ", count: 10_000)
        let origin = try FakeOrigin.sending("HTTP/1.1 200 OK\r\nX-A: 1\r\n\r\n" + body, closing: true)
        let proxy = try RunningProxy()
        let client = try ScriptedClient(proxy)
        try client.send("GET", origin.url(), version: version)
        let response = try client.response()
        #expect(response.framing == .untilClose)
        #expect(response.saysClose)
        #expect(response.text == body)
        #expect(try proxy.totals()["upstream_closed.response_until_close"] == 1)
    }

    @Test("an HTTP/1.0 origin's connection is kept only when it says so and gives a length")
    func oldOrigin() throws {
        let kept = try FakeOrigin.sending("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello")
        let notKept = try FakeOrigin.sending("HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", closing: true)
        let proxy = try RunningProxy()
        let client = try ScriptedClient(proxy)
        for origin in [kept, notKept] {
            for _ in 0..<3 {
                let response = try client.get(origin.url())
                #expect(response.text == "hello")
                #expect(response.isHTTP11)
            }
        }
        #expect(kept.record.connections.count == 1)
        #expect(notKept.record.connections.count == 3)
    }
}
