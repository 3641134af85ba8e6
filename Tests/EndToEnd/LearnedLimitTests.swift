import TestSupport
import Testing

@Suite struct LearnedLimitTests {
    private let state: StateFolder

    init() throws {
        state = try StateFolder()
    }

    /// Ends each connection that nothing was asked on for 400 ms. `/pair` is answered when it has been asked twice.
    private func origin() throws -> FakeOrigin {
        let pairs = EventSource(0)
        return try FakeOrigin { connection in
            while let request = try connection.readRequest() {
                if request.target == "/pair" {
                    let asked = pairs.change {
                        $0 += 1
                        return $0
                    }
                    try pairs.wait(for: "the other request") { $0 >= asked + asked % 2 }
                }
                connection.respond()
                if connection.socket.isSilent(forMilliseconds: 400) { return connection.finishSending() }
            }
        }
    }

    private func learn(_ proxy: RunningProxy, _ origin: FakeOrigin) throws {
        for count in 1...3 {
            #expect(try ScriptedClient(proxy).get(origin.url()).status == 200)
            try proxy.waitForTotals("the origin to end it") { $0["upstream_closed.origin_fin_idle"] == count }
        }
    }

    /// Of two idle connections one is parked, and the other closed, unless the origin was faster: on a busy machine it may be.
    private func retireOne(_ proxy: RunningProxy, _ origin: FakeOrigin) throws {
        for _ in 0..<20 {
            let clients = try (0..<2).map { _ in try ScriptedClient(proxy) }
            for client in clients { try client.send("GET", origin.url("/pair")) }
            for client in clients { #expect(try client.response().status == 200) }
            let totals = try proxy.waitForTotals("both connections to end") { $0["upstream_connections"] == 0 }
            if totals["upstream_closed.learned_idle_bound"] != nil { return }
        }
        Issue.record("no connection was retired")
    }

    @Test("a limit is learned from closes, obeyed, shown, kept over a restart, and forgotten when told to")
    func learned() throws {
        let origin = try origin()
        let first = try RunningProxy(state: state)
        try learn(first, origin)
        let learned = try first.detail(origin)["learned"]
        #expect(learned["state"].text == "learned" && learned["in_force"].flag == true)
        #expect((380...520).contains(learned["limit_ms"].int ?? 0), "\(learned)")
        #expect((learned["once_ms"].int ?? .max) < (learned["repeatable_ms"].int ?? 0))
        let setting = try #require(
            try first.detail(origin)["settings"].items.first { $0["name"].text == "idle_timeout" })
        #expect(setting["source"].text == "learned" && setting["value_ms"].int == learned["retire_ms"].int)
        #expect(setting["reason"].text == learned["text"].text && setting["base"].text == "auto")
        #expect(setting["time_ms"].int == learned["changed_ms"].int && setting["time_ms"].int != nil)
        try first.waitForLog("closed at another age, as learned")
        // From now on the connection is closed before the origin does.
        try retireOne(first, origin)
        #expect(try first.connctl("show", origin.name).output.contains("closes idle connections after"))
        first.terminate()
        #expect(try first.waitForEnd() == 0)

        let proxy = try RunningProxy("warm_start: { origins: 0 }", state: state)
        try retireOne(proxy, origin)
        #expect(try proxy.detail(origin)["learned"]["closes"].int ?? 0 >= 3)
        let forgotten = try proxy.connctl("forget", origin.name, "--learned", "--reason", "it was moved")
        #expect(forgotten.exitCode == 0 && forgotten.output.contains("learned"), "\(forgotten)")
        #expect(try proxy.detail(origin)["learned"]["state"].text == "unknown")
        #expect(try proxy.detail(origin)["lifetime"]["requests"].int ?? 0 >= 7)
        #expect(try proxy.connctl("forget", origin.name, "--learned").exitCode == 1)
    }

    @Test("what is only watched is shown as parked, and serves no request")
    func parked() throws {
        let origin = try FakeOrigin { connection in
            while try connection.readRequest() != nil {
                connection.respond(["Keep-Alive: timeout=2"], body: "hello")
            }
        }
        let proxy = try RunningProxy("settings: { keep_alive_margin: 1s }", state: state)
        let client = try ScriptedClient(proxy)
        #expect(try client.get(origin.url()).status == 200)
        let parked = try proxy.wait(for: "the connection to be parked") {
            try $0.json("conns", origin.name, "--state", "parked")["items"].items
        } until: {
            $0.count == 1
        }
        #expect(parked[0]["explanation"].text?.contains("idle_exploration") == true)
        #expect(try proxy.detail(origin)["summary"]["connections"]["parked"].int == 1)
        #expect(try client.get(origin.url()).status == 200)
        #expect(origin.record.connections.map(\.requestCount) == [1, 1])
    }

    @Test("an operator's own idle_timeout is obeyed instead")
    func fixed() throws {
        let origin = try origin()
        let proxy = try RunningProxy("settings: { idle_timeout: 1m }", state: state)
        try learn(proxy, origin)
        let detail = try proxy.detail(origin)
        #expect(detail["learned"]["state"].text == "learned" && detail["learned"]["in_force"].flag == false)
        #expect(detail["settings"].items.first { $0["name"].text == "idle_timeout" }?["source"].text == "file")
        #expect(try ScriptedClient(proxy).get(origin.url()).status == 200)
        try proxy.waitForTotals("the origin to end it") { $0["upstream_closed.origin_fin_idle"] == 4 }
    }
}
