import TestSupport
import Testing

@Suite struct LearnedLimitTests {
    private let state: StateFolder

    init() throws {
        state = try StateFolder()
    }

    /// Ends each connection that nothing was asked on for 400 ms.
    private func origin() throws -> FakeOrigin {
        try FakeOrigin { connection in
            while try connection.readRequest() != nil {
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

    @Test("a limit is learned from closes, obeyed, shown, kept over a restart, and forgotten when told to")
    func learned() throws {
        let origin = try origin()
        let first = try RunningProxy(state: state)
        try learn(first, origin)
        let learned = try first.detail(origin)["learned"]
        #expect(learned["state"].text == "learned" && learned["in_force"].flag == true)
        #expect((380...520).contains(learned["limit_ms"].int ?? 0), "\(learned)")
        #expect((learned["once_ms"].int ?? .max) < (learned["repeatable_ms"].int ?? 0))
        // From now on the connection is closed before the origin does.
        #expect(try ScriptedClient(first).get(origin.url()).status == 200)
        try first.waitForTotals("the connection to be retired") { $0["upstream_closed.learned_idle_bound"] == 1 }
        #expect(try first.connctl("show", origin.name).output.contains("closes idle connections after"))
        first.terminate()
        #expect(try first.waitForEnd() == 0)

        let proxy = try RunningProxy("warm_start: { origins: 0 }", state: state)
        #expect(try ScriptedClient(proxy).get(origin.url()).status == 200)
        try proxy.waitForTotals("the connection to be retired") { $0["upstream_closed.learned_idle_bound"] == 1 }
        #expect(try proxy.detail(origin)["learned"]["closes"].int == 3)
        let forgotten = try proxy.connctl("forget", origin.name, "--learned", "--reason", "it was moved")
        #expect(forgotten.exitCode == 0 && forgotten.output.contains("learned"), "\(forgotten)")
        #expect(try proxy.detail(origin)["learned"]["state"].text == "unknown")
        #expect(try proxy.detail(origin)["lifetime"]["requests"].int == 5)
        #expect(try proxy.connctl("forget", origin.name, "--learned").exitCode == 1)
    }

    @Test("an operator's own idle_timeout is obeyed instead")
    func fixed() throws {
        let origin = try origin()
        let proxy = try RunningProxy("settings: { idle_timeout: 1m }", state: state)
        try learn(proxy, origin)
        let learned = try proxy.detail(origin)["learned"]
        #expect(learned["state"].text == "learned" && learned["in_force"].flag == false)
        #expect(try ScriptedClient(proxy).get(origin.url()).status == 200)
        try proxy.waitForTotals("the origin to end it") { $0["upstream_closed.origin_fin_idle"] == 4 }
    }
}
