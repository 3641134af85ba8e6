import TestSupport
import Testing

/// CONNECT under the limits of an origin and of all origins together.
@Suite struct TunnelLimitTests {
    private static let oneConnection = """
        { proxy: { connect_ports: any, max_upstream_connections: 1 },
          settings: { idle_timeout: 1m, queue_timeout: 1m } }
        """

    /// Origins that say nothing.
    private let first: FakeOrigin
    private let second: FakeOrigin

    init() throws {
        func silentOrigin() throws -> FakeOrigin { try FakeOrigin { connection in _ = try connection.readToEnd() } }
        (first, second) = (try silentOrigin(), try silentOrigin())
    }

    /// A new client that has sent its CONNECT.
    private func ask(_ proxy: RunningProxy, _ origin: FakeOrigin) throws -> ScriptedClient {
        let client = try ScriptedClient(proxy)
        try client.send("CONNECT \(origin.authority) HTTP/1.1\r\nHost: x\r\n\r\n")
        return client
    }

    private func expectTunnel(_ client: ScriptedClient) throws {
        #expect(try client.response(to: "CONNECT").status == 200)
    }

    private func waitUntilOneWaits(_ proxy: RunningProxy, _ origin: FakeOrigin) throws {
        let path = "/v1/origins/\(RunningProxy.segment("https://\(origin.authority)"))"
        try proxy.wait(for: "a CONNECT to wait") {
            try $0.read(path)["summary"]["connections"]["waiting"].int
        } until: {
            $0 == 1
        }
    }

    /// A tunnel to the first origin has the only connection, and a CONNECT to the second waits.
    private func oneOpenOneWaiting(_ proxy: RunningProxy) throws -> (open: ScriptedClient, waiting: ScriptedClient) {
        let open = try ask(proxy, first)
        try expectTunnel(open)
        let waiting = try ask(proxy, second)
        try waitUntilOneWaits(proxy, second)
        return (open, waiting)
    }

    @Test("max_tunnels bounds the tunnels of an origin")
    func perOrigin() throws {
        let proxy = try RunningProxy("{ proxy: { connect_ports: any }, settings: { max_tunnels: 1 } }")
        let open = try ask(proxy, first)
        try expectTunnel(open)
        let refused = try ask(proxy, first).response(to: "CONNECT")
        refused.expectErrorAnswer(503, "connection_limit_reached")
        #expect(refused.text.contains("max_tunnels"))
        open.close()
        try first.waitToSee("the first tunnel's end") { $0.openCount == 0 }
        _ = try proxy.waitForTotals("the first tunnel to be gone") { $0["upstream_connections"] == 0 }
        try expectTunnel(try ask(proxy, first))
    }

    @Test("at max_upstream_connections a CONNECT waits until a connection ends")
    func waits() throws {
        let proxy = try RunningProxy(Self.oneConnection, state: try StateFolder())
        let (open, waiting) = try oneOpenOneWaiting(proxy)
        #expect(second.record.connections.isEmpty)
        open.close()
        try expectTunnel(waiting)
    }

    @Test("at max_upstream_connections a CONNECT that waits too long is told which limit it met")
    func waitsTooLong() throws {
        let proxy = try RunningProxy(
            "{ proxy: { connect_ports: any, max_upstream_connections: 1 }, settings: { queue_timeout: 50ms } }")
        let open = try ask(proxy, first)
        try expectTunnel(open)
        let refused = try ask(proxy, first).response(to: "CONNECT")
        refused.expectErrorAnswer(503, "connection_limit_reached")
        #expect(refused.text.contains("max_upstream_connections"))
    }

    @Test("at max_upstream_connections an idle connection gives way to a CONNECT")
    func idleGivesWay() throws {
        let idle = try FakeOrigin.answering()
        let proxy = try RunningProxy(Self.oneConnection)
        #expect(try ScriptedClient(proxy).get(idle.url()).status == 200)
        try expectTunnel(try ask(proxy, first))
        try idle.waitToSee("its connection end in order") { $0.endings == [.fin] }
    }

    @Test("at max_upstream_connections a connection that becomes idle later gives way to a CONNECT that waits")
    func laterIdleGivesWay() throws {
        let gate = Gate()
        let busy = try FakeOrigin.holding(gate)
        let proxy = try RunningProxy(Self.oneConnection, state: try StateFolder())
        let client = try ScriptedClient(proxy)
        try client.send("GET", busy.url())
        try busy.waitToSee("the request") { $0.requests.count == 1 }
        let waiting = try ask(proxy, first)
        try waitUntilOneWaits(proxy, first)
        gate.open()
        #expect(try client.response().status == 200)
        try expectTunnel(waiting)
    }

    @Test("a client that leaves while its CONNECT waits is no longer waited for")
    func leaves() throws {
        let proxy = try RunningProxy(Self.oneConnection, state: try StateFolder())
        let (open, waiting) = try oneOpenOneWaiting(proxy)
        waiting.socket.reset()
        let next = try ask(proxy, first)
        try waitUntilOneWaits(proxy, first)
        open.close()
        try expectTunnel(next)
        #expect(second.record.connections.isEmpty)
    }

    @Test("a paused origin's CONNECTs wait until it is resumed")
    func paused() throws {
        let proxy = try RunningProxy(
            "{ proxy: { connect_ports: any }, settings: { queue_timeout: 1m } }", state: try StateFolder())
        let name = "https://\(first.authority)"
        #expect(try proxy.connctl("pause", name).exitCode == 0)
        let waiting = try ask(proxy, first)
        try waitUntilOneWaits(proxy, first)
        #expect(first.record.connections.isEmpty)
        #expect(try proxy.connctl("resume", name).exitCode == 0)
        try expectTunnel(waiting)
    }
}
