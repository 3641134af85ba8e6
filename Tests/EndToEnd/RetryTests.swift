import TestSupport
import Testing

@Suite struct RetryTests {
    enum Failure: Sendable { case fin, reset }

    /// Answers the first request on each connection, and ends the connection when a second one has come: the keep-alive
    /// race, as the proxy sees it.
    private func racing(_ failure: Failure) throws -> FakeOrigin {
        try FakeOrigin { connection in
            guard try connection.readRequest() != nil else { return }
            connection.respond()
            guard try connection.readRequest() != nil else { return }
            if failure == .reset { connection.reset() }
        }
    }

    private func warmedUp(_ proxy: RunningProxy, _ origin: FakeOrigin) throws -> ScriptedClient {
        let client = try ScriptedClient(proxy)
        #expect(try client.get(origin.url("/first")).status == 200)
        return client
    }

    @Test(
        "an idempotent request that a reused connection loses is sent again on a fresh one",
        arguments: ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"], [Failure.fin, .reset])
    func idempotent(method: String, failure: Failure) throws {
        let origin = try racing(failure)
        let proxy = try RunningProxy()
        let client = try warmedUp(proxy, origin)
        try client.send(method, origin.url("/second"), body: method == "PUT" ? "data" : nil)
        #expect(try client.response(to: method).status == 200)
        let record = origin.record
        #expect(record.requests.map(\.target) == ["/first", "/second", "/second"])
        #expect(record.requests.map(\.connection) == [0, 0, 1])
        if method == "PUT" { #expect(record.requests.dropFirst().map { text($0.body) } == ["data", "data"]) }
        let totals = try proxy.totals()
        let cause = failure == .fin ? "closed_before_response" : "reset_before_response"
        #expect(totals["retries.cause.\(cause)"] == 1)
        #expect(totals["retries.outcome.sent"] == 1)
        #expect(totals["retries.outcome.succeeded"] == 1)
    }

    @Test("POST and PATCH are never sent twice", arguments: ["POST", "PATCH"], [Failure.fin, .reset])
    func notIdempotent(method: String, failure: Failure) throws {
        let origin = try racing(failure)
        let proxy = try RunningProxy()
        let client = try warmedUp(proxy, origin)
        try client.send(method, origin.url("/second"), body: "data")
        let response = try client.response()
        response.expectErrorAnswer(502, "connection_terminated")
        #expect(origin.record.requests.map(\.target) == ["/first", "/second"])
        #expect(try proxy.totals()["retries.outcome.refused_method"] == 1)
        // The client's connection lives on.
        #expect(!response.saysClose)
        #expect(try client.get(origin.url("/third")).status == 200)
    }

    @Test("a body that is no longer wholly held is not sent again")
    func largeBody() throws {
        let origin = try racing(.fin)
        let proxy = try RunningProxy("settings: { replay_buffer: 4KiB }")
        let client = try warmedUp(proxy, origin)
        try client.send("PUT", origin.url("/second"), body: String(repeating: "x", count: 5000))
        try client.response().expectErrorAnswer(502, "connection_terminated")
        #expect(origin.record.requests.map(\.target) == ["/first", "/second"])
        #expect(try proxy.totals()["retries.outcome.refused_body"] == 1)
    }

    @Test("a request that a fresh connection loses is not sent again")
    func fresh() throws {
        let origin = try FakeOrigin { connection in _ = try connection.readRequest() }
        let proxy = try RunningProxy()
        try ScriptedClient(proxy).get(origin.url()).expectErrorAnswer(502, "connection_terminated")
        #expect(origin.record.requests.count == 1)
    }

    @Test("max_retries: 0 sends nothing again")
    func none() throws {
        let origin = try racing(.fin)
        let proxy = try RunningProxy("settings: { max_retries: 0 }")
        try warmedUp(proxy, origin).get(origin.url("/second")).expectErrorAnswer(502, "connection_terminated")
        #expect(origin.record.requests.count == 2)
    }

    @Test("what began to be answered is not asked for again")
    func answered() throws {
        let origin = try FakeOrigin { connection in
            guard try connection.readRequest() != nil else { return }
            connection.respond()
            guard try connection.readRequest() != nil else { return }
            connection.send("HTTP/1.1 200")
        }
        let proxy = try RunningProxy()
        let client = try warmedUp(proxy, origin)
        #expect(try client.get(origin.url("/second")).status == 502)
        #expect(origin.record.requests.count == 2)
    }

    @Test("against an origin that ends idle connections at random, no GET fails and no POST arrives twice")
    func atRandom() throws {
        let origin = try FakeOrigin { connection in
            var random = SeededBytes(UInt64(connection.number))
            while try connection.readRequest() != nil {
                connection.respond()
                switch random.bytes(1)[0] % 8 {
                case 0: return
                case 1: return connection.reset()
                default: break
                }
            }
        }
        let proxy = try RunningProxy("settings: { max_connections: 8 }")
        let (clients, each) = (8, 100)
        let statuses = try concurrently(clients) { number in
            let client = try ScriptedClient(proxy)
            return try (0..<each).map { round -> (isPost: Bool, status: Int) in
                let isPost = round % 2 == 1
                try client.send(isPost ? "POST" : "GET", origin.url("/\(number)/\(round)"), body: isPost ? "data" : nil)
                return (isPost, try client.response().status)
            }
        }.joined()
        #expect(statuses.count == clients * each)
        #expect(statuses.allSatisfy { $0.isPost || $0.status == 200 })
        #expect(statuses.allSatisfy { $0.status == 200 || $0.status == 502 })
        let posts = origin.record.requests.filter { $0.method == "POST" }.map(\.target)
        #expect(Set(posts).count == posts.count)
    }
}
