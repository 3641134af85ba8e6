import TestSupport
import Testing

@Suite struct IdleConnectionTests {
    /// One request; then how long until the origin saw the connection end, and how.
    private func lifetime(_ yaml: String, fields: [String] = []) throws -> (
        duration: Duration, ending: Ending?, totals: [String: Int]
    ) {
        let origin = try FakeOrigin.answering(fields: fields)
        let proxy = try RunningProxy(yaml)
        let start = ContinuousClock.now
        #expect(try ScriptedClient(proxy).get(origin.url()).status == 200)
        let record = try origin.waitToSee("the end of the idle connection") {
            $0.openCount == 0 && !$0.connections.isEmpty
        }
        let duration = ContinuousClock.now - start
        let totals = try proxy.waitForTotals("the connection to be gone") { $0["upstream_connections"] == 0 }
        return (duration, record.endings[0], totals)
    }

    @Test("idle for idle_timeout, a connection is closed in order")
    func idleTimeout() throws {
        let seen = try lifetime("settings: { idle_timeout: 300ms }")
        #expect(seen.duration >= .milliseconds(280))
        #expect(seen.ending == .fin)
        #expect(seen.totals["upstream_closed.idle_timeout"] == 1)
    }

    @Test("an origin's Keep-Alive: timeout= is honoured with a margin")
    func hint() throws {
        let seen = try lifetime(
            "settings: { keep_alive_margin: 1s, idle_exploration: off }", fields: ["Keep-Alive: timeout=2"])
        #expect(seen.duration >= .milliseconds(900) && seen.duration < .milliseconds(1900), "\(seen.duration)")
        #expect(seen.ending == .fin)
        #expect(seen.totals["upstream_closed.keep_alive_hint"] == 1)
    }

    @Test("an origin's Keep-Alive: max= is honoured")
    func most() throws {
        let origin = try FakeOrigin { connection in
            var rest = 2
            while try connection.readRequest() != nil {
                rest -= 1
                connection.respond(["Keep-Alive: timeout=60, max=\(rest)"], body: "hello")
            }
        }
        let proxy = try RunningProxy()
        let client = try ScriptedClient(proxy)
        for _ in 0..<5 { #expect(try client.get(origin.url()).status == 200) }
        let record = origin.record
        #expect(record.connections.map(\.requestCount).allSatisfy { $0 <= 2 })
        #expect(try proxy.totals()["retries.outcome.sent"] == nil)
    }

    @Test("max_requests_per_connection retires a connection in order")
    func maxRequests() throws {
        let origin = try FakeOrigin.answering()
        let proxy = try RunningProxy("settings: { max_requests_per_connection: 3 }")
        let client = try ScriptedClient(proxy)
        for _ in 0..<7 { #expect(try client.get(origin.url()).status == 200) }
        let record = try origin.waitToSee("the worn connections end") { $0.openCount == 1 }
        #expect(record.connections.map(\.requestCount) == [3, 3, 1])
        #expect(record.endings.prefix(2) == [.fin, .fin])
        #expect(try proxy.totals()["upstream_closed.max_requests"] == 2)
    }

    @Test("max_lifetime retires a connection")
    func maxLifetime() throws {
        let seen = try lifetime("settings: { max_lifetime: 1s, lifetime_jitter: 0%, idle_timeout: 1m }")
        #expect(seen.duration >= .milliseconds(900))
        #expect(seen.ending == .fin)
        #expect(seen.totals["upstream_closed.max_lifetime"] == 1)
    }

    @Test("bytes on an idle connection reach no one, and end it")
    func unsolicited() throws {
        let gate = Gate()
        let junk = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"
        let origin = try FakeOrigin { connection in
            while try connection.readRequest() != nil {
                connection.respond(body: "hello")
                if connection.number == 0 {
                    try gate.pass()
                    connection.send(junk)
                }
            }
        }
        let proxy = try RunningProxy("settings: { idle_timeout: 1m }")
        let client = try ScriptedClient(proxy)
        #expect(try client.get(origin.url()).text == "hello")
        gate.open()
        try origin.waitToSee("the end of the connection") { $0.connections[0].isOpen == false }
        #expect(try client.get(origin.url()).text == "hello")
        #expect(try client.hasNothingToRead())
        #expect(origin.record.connections.map(\.requestCount) == [1, 1])
        #expect(try proxy.totals()["upstream_closed.unsolicited_bytes"] == 1)
    }

    @Test("bytes right behind a response are not taken for the next one")
    func tooMuch() throws {
        let origin = try FakeOrigin { connection in
            while try connection.readRequest() != nil {
                connection.send(
                    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
                        + "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"
                )
            }
        }
        let proxy = try RunningProxy()
        let client = try ScriptedClient(proxy)
        for _ in 0..<3 { #expect(try client.get(origin.url()).text == "hello") }
        #expect(origin.record.connections.map(\.requestCount) == [1, 1, 1])
        #expect(try proxy.totals()["upstream_closed.unsolicited_bytes"] == 3)
    }

    @Test(
        "an origin's FIN or RST on an idle connection removes it before a request can be lost on it",
        arguments: [Ending.fin, .reset])
    func originEnds(_ ending: Ending) throws {
        let gate = Gate()
        let origin = try FakeOrigin { connection in
            guard try connection.readRequest() != nil else { return }
            connection.respond()
            guard connection.number == 0 else { return _ = try connection.readToEnd() }
            try gate.pass()
            if ending == .reset { return connection.reset() }
            connection.finishSending()
            _ = try connection.readToEnd()
        }
        let proxy = try RunningProxy("settings: { idle_timeout: 1m }")
        let client = try ScriptedClient(proxy)
        #expect(try client.get(origin.url()).status == 200)
        gate.open()
        let name = "upstream_closed.origin_\(ending == .fin ? "fin" : "rst")_idle"
        try proxy.waitForTotals("the connection to be removed") { $0[name] == 1 && $0["upstream_connections"] == 0 }
        #expect(try client.get(origin.url()).status == 200)
        #expect(origin.record.connections.map(\.requestCount) == [1, 1])
        if ending == .fin { _ = try origin.waitToSee("connd's end of the connection") { $0.endings[0] == .fin } }
        #expect(try proxy.totals()["retries.outcome.sent"] == nil)
    }

    @Test("min_idle keeps connections warm, dialled ahead")
    func minIdle() throws {
        let origin = try FakeOrigin.answering()
        let proxy = try RunningProxy("settings: { min_idle: 3, idle_timeout: 1m }")
        #expect(try ScriptedClient(proxy).get(origin.url()).status == 200)
        try origin.waitToSee("three connections beside the one in use") { $0.openCount >= 3 }
        #expect(origin.record.connections.count <= 4)
    }

    @Test("the connection used last is used first")
    func lastUsedFirst() throws {
        let gate = Gate()
        let origin = try FakeOrigin { connection in
            while let request = try connection.readRequest() {
                if request.target == "/held" { try gate.pass() }
                connection.respond(body: "\(connection.number)")
            }
        }
        let proxy = try RunningProxy("settings: { idle_timeout: 1m }")
        let (first, second) = (try ScriptedClient(proxy), try ScriptedClient(proxy))
        try first.send("GET", origin.url("/held"))
        try origin.waitToSee("the held request") { $0.requests.count == 1 }
        #expect(try second.get(origin.url()).text == "1")
        gate.open()
        #expect(try first.response().text == "0")
        for _ in 0..<3 { #expect(try second.get(origin.url()).text == "0") }
        #expect(origin.record.connections.count == 2)
    }
}
