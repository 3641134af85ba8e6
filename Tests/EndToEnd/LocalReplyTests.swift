import TestSupport
import Testing

/// What connd answers itself.
@Suite struct LocalReplyTests {
    @Test("OPTIONS * is connd's to answer; OPTIONS of an origin is the origin's, as *")
    func options() throws {
        let origin = try FakeOrigin.answering()
        let proxy = try RunningProxy()
        let client = try ScriptedClient(proxy)
        try client.send("OPTIONS * HTTP/1.1\r\nHost: \(proxy.authority)\r\n\r\n")
        let own = try client.response()
        #expect(own.status == 200)
        #expect(own["Allow"].first?.contains("CONNECT") == true)
        try client.send("OPTIONS", "http://\(origin.authority)")
        #expect(try client.response().text == "hello")
        #expect(origin.record.requests.map(\.head.startLine) == ["OPTIONS * HTTP/1.1"])
    }

    @Test("TRACE with Max-Forwards: 0 comes back as connd received it, without what is secret")
    func trace() throws {
        let origin = try FakeOrigin.answering()
        let proxy = try RunningProxy()
        let client = try ScriptedClient(proxy)
        try client.send(
            "TRACE", origin.url("/x"), ["Max-Forwards: 0", "X-A: 1", "Authorization: Basic eDp5", "Cookie: a=b"])
        let response = try client.response()
        #expect(response.status == 200)
        #expect(response["Content-Type"] == ["message/http"])
        #expect(response.text.hasPrefix("TRACE \(origin.url("/x")) HTTP/1.1\r\n"))
        #expect(response.text.contains("X-A: 1\r\n"))
        #expect(!response.text.contains("Authorization") && !response.text.contains("Cookie"))
        #expect(origin.record.connections.isEmpty)
    }

    @Test("Max-Forwards counts down", arguments: ["TRACE", "OPTIONS"])
    func maxForwards(method: String) throws {
        let origin = try FakeOrigin.answering()
        let proxy = try RunningProxy()
        let client = try ScriptedClient(proxy)
        try client.send(method, origin.url("/x"), ["Max-Forwards: 5"])
        #expect(try client.response().status == 200)
        #expect(origin.record.requests.first?.head["Max-Forwards"] == ["4"])
    }

    @Test("Max-Forwards means nothing to other methods")
    func otherMethods() throws {
        let origin = try FakeOrigin.answering()
        let proxy = try RunningProxy()
        #expect(try ScriptedClient(proxy).get(origin.url(), ["Max-Forwards: 0"]).text == "hello")
        #expect(origin.record.requests.first?.head["Max-Forwards"] == ["0"])
    }
}
