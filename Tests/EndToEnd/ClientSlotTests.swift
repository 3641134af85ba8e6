import TestSupport
import Testing

/// max_client_connections: who comes in, and for whom.
@Suite struct ClientSlotTests {
    private let gate: Gate
    private let origin: FakeOrigin

    init() throws {
        let gate = Gate()
        self.gate = gate
        origin = try FakeOrigin { connection in
            while let request = try connection.readRequest() {
                if request.target == "/held" { try gate.pass() }
                connection.respond(body: request.target)
            }
        }
    }

    private func expectAnswered(_ client: ScriptedClient, _ path: String = "/") throws {
        #expect(try client.get(origin.url(path)).text == path)
    }

    @Test("with all places idle a newcomer gets that of the client that has been idle longest")
    func longestIdle() throws {
        let proxy = try RunningProxy("proxy: { max_client_connections: 20 }")
        let clients = try (0..<20).map { _ in try ScriptedClient(proxy) }
        for client in clients { try expectAnswered(client) }
        try expectAnswered(clients[0])
        let newcomer = try ScriptedClient(proxy)
        try expectAnswered(newcomer)
        #expect(try clients[1].end() == .fin)
        for client in [clients[0]] + clients[2...] { try expectAnswered(client) }
        try expectAnswered(newcomer)
        #expect(try proxy.totals()["clients_closed.displaced"] == 1)
    }

    @Test("with none idle a newcomer waits, which readiness, status, metrics, connctl and the log tell, until one is")
    func noneIdle() throws {
        let proxy = try RunningProxy("proxy: { max_client_connections: 2 }", state: try StateFolder())
        let (busy, halfway) = (try ScriptedClient(proxy), try ScriptedClient(proxy))
        try busy.send("GET", origin.url("/held"))
        try halfway.send("GET \(origin.url("/half")) HTTP/1.1\r\nHo")
        try origin.waitToSee("the held request") { $0.requests.count == 1 }
        #expect(try proxy.curl("GET", "/readyz").status == 200)
        #expect(try proxy.read("/v1/status")["accept_paused"].text == nil)

        let newcomer = try ScriptedClient(proxy)
        try newcomer.send("GET", origin.url("/new"))
        try proxy.waitForTotals("the newcomer to wait") { ($0["accept_pauses"] ?? 0) > 0 }
        let answer = try proxy.curl("GET", "/readyz")
        #expect(answer.status == 503)
        #expect(answer.body.contains("max_client_connections (2)"), "\(answer)")
        let status = try proxy.read("/v1/status")
        #expect(status["accept_paused"].text == "full")
        #expect(status["client_limit"].int == 2)
        #expect(try proxy.curl("GET", "/metrics").body.contains("\nconnd_accept_paused 1\n"))
        #expect(try proxy.connctl("status").output.contains("proxy.max_client_connections"))
        try proxy.waitForLog(" clients had to wait to be accepted")
        #expect(try newcomer.hasNothingToRead())

        gate.open()
        #expect(try busy.response().text == "/held")
        #expect(try newcomer.response().text == "/new")
        #expect(try busy.end() == .fin)
        #expect(try proxy.curl("GET", "/readyz").status == 200)
        try halfway.send("st: x\r\n\r\n")
        #expect(try halfway.response().text == "/half")
        #expect(try proxy.totals()["clients_closed.displaced"] == 1)
    }

    @Test("a burst of newcomers takes the places of those that idle, not those of one another")
    func burst() throws {
        let proxy = try RunningProxy("proxy: { max_client_connections: 4 }")
        let old = try (0..<4).map { _ in try ScriptedClient(proxy) }
        for client in old { try expectAnswered(client) }
        let newcomers = try (0..<4).map { _ in try ScriptedClient(proxy) }
        for client in old { #expect(try client.end() == .fin) }
        for client in newcomers { try expectAnswered(client) }
        #expect(try proxy.totals()["clients_closed.displaced"] == 4)
    }

    @Test("who does not say a word gives way where nobody else does")
    func unspoken() throws {
        let proxy = try RunningProxy("proxy: { max_client_connections: 1, client_head_timeout: 5m }")
        let silent = try ScriptedClient(proxy)
        let newcomer = try ScriptedClient(proxy)
        try expectAnswered(newcomer)
        #expect(try silent.end() == .fin)
    }

    @Test("clients that do not heed the end of their connection keep nobody out, and are bounded")
    func heedless() throws {
        let proxy = try RunningProxy("{ proxy: { max_client_connections: 20 }, settings: { close_linger: 30s } }")
        var clients: [ScriptedClient] = []
        for _ in 0..<150 {
            let client = try ScriptedClient(proxy)
            try expectAnswered(client)
            clients.append(client)
        }
        let totals = try proxy.totals()
        #expect(totals["clients_closed.displaced"] == 130)
        #expect(try #require(totals["clients"]) <= 20 + 64)
        for client in clients.suffix(20) { try expectAnswered(client) }
    }
}
