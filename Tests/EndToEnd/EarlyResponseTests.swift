import TestSupport
import Testing

@Suite struct EarlyResponseTests {
    @Test("a response that comes before the request is complete is passed on, and both connections end")
    func early() throws {
        let origin = try FakeOrigin { connection in
            guard try connection.readHead() != nil else { return }
            connection.respond("413 Content Too Large", body: "too much")
            _ = try connection.readToEnd()
        }
        let proxy = try RunningProxy()
        let client = try ScriptedClient(proxy)
        try client.send("PUT", origin.url(), ["Content-Length: 1000000"])
        try client.send([UInt8](repeating: 1, count: 1000))
        let response = try client.response()
        #expect(response.status == 413)
        #expect(response.text == "too much")
        #expect(response.saysClose)
        #expect(try client.end() == .fin)
        try origin.waitToSee("its connection end") { $0.openCount == 0 }
        #expect(try proxy.totals()["upstream_closed.early_response"] == 1)
        #expect(try ScriptedClient(proxy).get(origin.url()).status == 413)
        #expect(origin.record.connections.count == 2)
    }

    @Test("the answer survives that the client goes on sending")
    func goesOnSending() throws {
        let origin = try FakeOrigin { connection in
            guard try connection.readHead() != nil else { return }
            connection.respond("403 Forbidden", body: "no")
            connection.finishSending()
            _ = try connection.readToEnd()
        }
        let proxy = try RunningProxy()
        let client = try ScriptedClient(proxy)
        try client.send("PUT", origin.url(), ["Content-Length: 50000"])
        try client.send([UInt8](repeating: 1, count: 20_000))
        try origin.waitToSee("the head") { $0.requests.count == 1 }
        try proxy.settle()
        _ = try client.socket.send([UInt8](repeating: 1, count: 20_000))
        let response = try client.response()
        #expect(response.status == 403)
        #expect(response.text == "no")
    }

    @Test("an origin that answers and resets before it has read all: its answer arrives, or 502, never half of it")
    func answersAndResets() throws {
        let origin = try FakeOrigin { connection in
            guard try connection.readHead() != nil else { return }
            connection.respond("413 Content Too Large", body: "too much")
            connection.reset()
        }
        let proxy = try RunningProxy()
        let client = try ScriptedClient(proxy)
        try client.send("PUT", origin.url(), ["Content-Length: 1000000"])
        try client.send([UInt8](repeating: 1, count: 1000))
        let response = try client.response()
        #expect([413, 502].contains(response.status))
        #expect(try client.end() == .fin)
    }
}
