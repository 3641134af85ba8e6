import TestSupport
import Testing

@Suite struct PoolLimitTests {
    /// Holds every request until the gate lets it pass.
    private func holding(_ gate: Gate) throws -> FakeOrigin {
        try FakeOrigin { connection in
            while let request = try connection.readRequest() {
                try gate.pass()
                connection.respond(body: request.target)
            }
        }
    }

    @Test("100 clients share max_connections: 8, and all are answered")
    func neverANinth() throws {
        let origin = try FakeOrigin.answering()
        let proxy = try RunningProxy("settings: { max_connections: 8 }")
        let answered = try concurrently(100) { number in
            let client = try ScriptedClient(proxy)
            return try (0..<20).count { _ in try client.get(origin.url()).text == "hello" }
        }
        #expect(answered.reduce(0, +) == 2000)
        #expect(origin.record.mostOpenAtOnce <= 8)
        #expect(origin.record.connections.count == 8)
    }

    @Test("the host's own pattern bounds its connections")
    func hostPattern() throws {
        let gate = Gate()
        let origin = try holding(gate)
        let proxy = try RunningProxy("hosts: { \"127.0.0.1\": { max_connections: 2 } }")
        let clients = try (0..<4).map { _ in try ScriptedClient(proxy) }
        for client in clients { try client.send("GET", origin.url()) }
        try origin.waitToSee("two requests") { $0.requests.count == 2 }
        try proxy.settle()
        #expect(origin.record.connections.count == 2)
        gate.open()
        for client in clients { #expect(try client.response().status == 200) }
        #expect(origin.record.connections.count == 2)
    }

    @Test("who waits is served first come, first served")
    func order() throws {
        let gate = Gate()
        let origin = try holding(gate)
        let proxy = try RunningProxy("settings: { max_connections: 1 }")
        var clients: [ScriptedClient] = []
        for number in 0..<6 {
            clients.append(try ScriptedClient(proxy))
            try clients[number].send("GET", origin.url("/\(number)"))
            try proxy.settle()
        }
        gate.open()
        for client in clients { #expect(try client.response().status == 200) }
        #expect(origin.record.requests.map(\.target) == (0..<6).map { "/\($0)" })
    }

    @Test("over max_queue: 503 at once, with when to come back")
    func queueFull() throws {
        let gate = Gate()
        let origin = try holding(gate)
        let proxy = try RunningProxy("settings: { max_connections: 1, max_queue: 1, queue_timeout: 1m }")
        let first = try ScriptedClient(proxy)
        try first.send("GET", origin.url())
        try origin.waitToSee("the first request") { $0.requests.count == 1 }
        let others = try (0..<2).map { _ in try ScriptedClient(proxy) }
        for client in others { try client.send("GET", origin.url()) }
        let refused = try #require(StreamSocket.firstReadable(others.map(\.socket)))
        let response = try others[refused].response()
        response.expectErrorAnswer(503, "connection_limit_reached")
        #expect(response["Retry-After"].first.flatMap { Int($0) } != nil)
        #expect(!response.saysClose)
        gate.open()
        #expect(try first.response().status == 200)
        #expect(try others[1 - refused].response().status == 200)
        #expect(try others[refused].get(origin.url()).status == 200)
    }

    @Test("over queue_timeout: 503, and the waiter is forgotten")
    func queueTimeout() throws {
        let gate = Gate()
        let origin = try holding(gate)
        let proxy = try RunningProxy("settings: { max_connections: 1, queue_timeout: 200ms }")
        let (first, second) = (try ScriptedClient(proxy), try ScriptedClient(proxy))
        try first.send("GET", origin.url("/1"))
        try origin.waitToSee("the first request") { $0.requests.count == 1 }
        let start = ContinuousClock.now
        let response = try second.get(origin.url("/2"))
        #expect(ContinuousClock.now - start >= .milliseconds(180))
        response.expectErrorAnswer(503, "connection_limit_reached")
        #expect(response["Retry-After"].count == 1)
        #expect(response.text.contains("queue_timeout"))
        gate.open()
        #expect(try first.response().text == "/1")
        #expect(try second.get(origin.url("/3")).text == "/3")
        #expect(origin.record.requests.map(\.target) == ["/1", "/3"])
    }

    @Test("one client with many requests does not starve another at the same origin")
    func fairness() throws {
        let gate = Gate()
        let origin = try holding(gate)
        let proxy = try RunningProxy("settings: { max_connections: 1 }")
        let (greedy, modest) = (try ScriptedClient(proxy), try ScriptedClient(proxy))
        for number in 0..<16 { try greedy.send("GET", origin.url("/greedy/\(number)")) }
        try origin.waitToSee("the first request") { $0.requests.count == 1 }
        try proxy.settle()
        try modest.send("GET", origin.url("/modest"))
        try proxy.settle()
        gate.open()
        #expect(try modest.response().text == "/modest")
        for number in 0..<16 { #expect(try greedy.response().text == "/greedy/\(number)") }
        let place = try #require(origin.record.requests.firstIndex { $0.target == "/modest" })
        #expect(place <= 2)
    }
}
