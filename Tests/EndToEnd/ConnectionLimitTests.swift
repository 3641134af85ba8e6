import TestSupport
import Testing

@Suite struct ConnectionLimitTests {
    @Test("max_upstream_connections bounds the connections to all origins together")
    func upstream() throws {
        let gate = Gate()
        let holding = try FakeOrigin { connection in
            while try connection.readRequest() != nil {
                try gate.pass()
                connection.respond()
            }
        }
        let other = try FakeOrigin.answering("other")
        let proxy = try RunningProxy("{ proxy: { max_upstream_connections: 1 }, settings: { queue_timeout: 200ms } }")
        let (first, second) = (try ScriptedClient(proxy), try ScriptedClient(proxy))
        try first.send("GET", holding.url())
        try holding.waitToSee("the request") { $0.requests.count == 1 }
        try second.get(other.url()).expectErrorAnswer(503, "connection_limit_reached")
        #expect(other.record.connections.isEmpty)
        gate.open()
        #expect(try first.response().status == 200)
    }

    @Test("at max_upstream_connections an idle connection gives way to another origin's request")
    func idleGivesWay() throws {
        let origins = try (0..<3).map { try FakeOrigin.answering("origin \($0)") }
        let proxy = try RunningProxy(
            "{ proxy: { max_upstream_connections: 1 }, settings: { idle_timeout: 1m, queue_timeout: 30s } }")
        let client = try ScriptedClient(proxy)
        for number in [0, 1, 2, 0] { #expect(try client.get(origins[number].url()).text == "origin \(number)") }
        for origin in origins.dropFirst() {
            try origin.waitToSee("its connection end in order") { $0.endings == [.fin] }
        }
    }

    @Test("a client beyond allow_from is not served")
    func allowFrom() throws {
        let proxy = try RunningProxy("proxy: { allow_from: [\"127.0.0.2/32\"] }")
        let client = try ScriptedClient(proxy)
        try client.send("OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n")
        let response = try client.response()
        response.expectErrorAnswer(403, "http_request_denied")
        #expect(response.text.contains("allow_from"))
    }
}
