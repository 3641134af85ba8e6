import TestSupport
import Testing

/// The origin's host loses its connections without a word: each answers the next packet with RST.
@Suite struct SilentRestartTests {
    private static let kept = 8

    /// An origin whose first connections are gone after `restart`, and those that connd keeps to it.
    private final class Origin: Sendable {
        let answers = Gate()
        let later = Gate()
        let vanished = EventSource(0)
        private let refused = EventSource<String?>(nil)
        private let goesDown = Gate()
        let server: FakeOrigin

        init() throws {
            let (answers, later, goesDown, vanished, refused) = (answers, later, goesDown, vanished, refused)
            server = try FakeOrigin { connection in
                guard connection.number < SilentRestartTests.kept else {
                    while try connection.readRequest() != nil {
                        try later.pass()
                        connection.respond()
                    }
                    return
                }
                guard try connection.readRequest() != nil else { return }
                try answers.pass()
                connection.respond()
                try goesDown.pass()
                do {
                    try connection.socket.vanish()
                } catch {
                    refused.change { $0 = "\(error)" }
                }
                vanished.change { $0 += 1 }
            }
        }

        func restart() throws {
            goesDown.open()
            try vanished.wait(for: "the connections to vanish") { $0 == SilentRestartTests.kept }
            if let reason = refused.current { throw TestFailure(reason) }
        }
    }

    /// connd keeps eight connections, and the origin has restarted.
    private func restarted(_ settings: String, state: StateFolder? = nil) throws -> (RunningProxy, Origin) {
        let origin = try Origin()
        let proxy = try RunningProxy("settings: { idle_timeout: 1m, \(settings) }", state: state)
        let clients = try (0..<Self.kept).map { _ in try ScriptedClient(proxy) }
        for client in clients { try client.send("GET", origin.server.url("/warm")) }
        try origin.server.waitToSee("all of the first requests") { $0.requests.count == Self.kept }
        origin.answers.open()
        for client in clients { #expect(try client.response().status == 200) }
        try origin.restart()
        #expect(try proxy.totals()["upstream_closed.origin_fin_idle"] == nil)
        #expect(try proxy.totals()["upstream_closed.origin_rst_idle"] == nil)
        return (proxy, origin)
    }

    private func post(_ client: ScriptedClient, _ url: String) throws -> Int {
        try client.send("POST", url, body: "data")
        return try client.response().status
    }

    @Test("of ten POSTs one fails, and none arrives twice", arguments: ["lifo", "fifo", "widest"])
    func posts(order: String) throws {
        let (proxy, origin) = try restarted("reuse_order: \(order)")
        origin.later.open()
        let client = try ScriptedClient(proxy)
        let statuses = try (0..<10).map { try post(client, origin.server.url("/\($0)")) }
        #expect(statuses == [502] + Array(repeating: 200, count: 9))
        let posts = origin.server.record.requests.filter { $0.method == "POST" }.map(\.target)
        #expect(posts == (1..<10).map { "/\($0)" })
        #expect(try proxy.totals()["upstream_distrusted"] == Self.kept - 1)
    }

    @Test("GETs see nothing of it, and cost the retry budget one")
    func gets() throws {
        let (proxy, origin) = try restarted("reuse_order: lifo")
        origin.later.open()
        let client = try ScriptedClient(proxy)
        for number in 0..<10 { #expect(try client.get(origin.server.url("/\(number)")).status == 200) }
        let totals = try proxy.totals()
        #expect(totals["retries.outcome.sent"] == 1)
        #expect(totals["upstream_distrusted"] == Self.kept - 1)
    }

    @Test("connections that were dialled ahead and have not served are no different", arguments: ["GET", "POST"])
    func dialledAhead(method: String) throws {
        let kept = 4
        let (answers, goesDown) = (Gate(), Gate())
        let vanished = EventSource(0)
        let origin = try FakeOrigin { connection in
            guard connection.number < kept else {
                while try connection.readRequest() != nil { connection.respond() }
                return
            }
            if connection.number == 0 {
                _ = try connection.readRequest()
                try answers.pass()
                connection.respond()
            }
            try goesDown.pass()
            try connection.socket.vanish()
            vanished.change { $0 += 1 }
        }
        let proxy = try RunningProxy("settings: { idle_timeout: 1m, min_idle: \(kept - 1), reuse_order: fifo }")
        let client = try ScriptedClient(proxy)
        try client.send("GET", origin.url("/warm"))
        try origin.waitToSee("those dialled ahead") { $0.connections.count == kept && $0.requests.count == 1 }
        try proxy.settle()
        answers.open()
        #expect(try client.response().status == 200)
        goesDown.open()
        try vanished.wait(for: "the connections to vanish") { $0 == kept }
        let statuses = try (0..<10).map { number in
            try client.send(method, origin.url("/\(number)"), body: method == "POST" ? "data" : nil)
            return try client.response().status
        }
        #expect(statuses == [method == "POST" ? 502 : 200] + Array(repeating: 200, count: 9))
        // The longest idle comes first, and that has not served.
        #expect(origin.record.requests.count { $0.connection == 0 } == 1)
        if method == "GET" { #expect(try proxy.totals()["retries.outcome.succeeded"] == 1) }
    }

    @Test("what is distrusted gives way to POSTs that need its place, and says why it ended")
    func givesWay() throws {
        let state = try StateFolder()
        let (proxy, origin) = try restarted("max_connections: \(Self.kept)", state: state)
        #expect(try post(ScriptedClient(proxy), origin.server.url("/lost")) == 502)
        let clients = try (0..<Self.kept).map { _ in try ScriptedClient(proxy) }
        for client in clients { try client.send("POST", origin.server.url("/post"), body: "data") }
        try origin.server.waitToSee("all of the POSTs at once") { $0.requests.count == 2 * Self.kept }
        origin.later.open()
        for client in clients { #expect(try client.response().status == 200) }
        #expect(try proxy.totals()["upstream_closed.distrusted"] == Self.kept - 1)
        let figures = try proxy.detail(origin.server)["figures"]
        #expect(figures["distrusted"].int == Self.kept - 1)
        #expect(figures["closed"]["distrusted"].int == Self.kept - 1)
        let closed = try proxy.wait(for: "the closed connections to be kept") {
            try $0.json("conns", "--state", "closed")["items"].items.filter { $0["reason"].text == "distrusted" }
        } until: {
            $0.count == Self.kept - 1
        }
        #expect(closed.allSatisfy { $0["closed_by"].text == "connd" })
    }
}
