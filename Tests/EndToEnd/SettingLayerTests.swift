import TestSupport
import Testing

@Suite struct SettingLayerTests {
    private let gate = Gate()
    private let origin: FakeOrigin

    init() throws {
        origin = try FakeOrigin.holding(gate)
    }

    /// How many of six requests sent at once the origin gets at once: its max_connections.
    private func reach(_ proxy: RunningProxy, host: String = "127.0.0.1", expecting expected: Int) throws {
        let before = origin.record.requests.count
        let clients = try (0..<6).map { _ in try ScriptedClient(proxy) }
        for client in clients { try client.send("GET", "http://\(host):\(origin.port)/") }
        let name = RunningProxy.segment("http://\(host):\(origin.port)")
        try proxy.wait(for: "\(6 - expected) to wait") {
            try $0.read("/v1/origins/\(name)")["summary"]["connections"]["waiting"].int
        } until: {
            $0 == 6 - expected
        }
        try origin.waitToSee("\(expected) requests") { $0.requests.count == before + expected }
        gate.admit(6)
        for client in clients { #expect(try client.response().status == 200) }
    }

    @Test("file < file pattern < override < trial, each as soon as it is set, and back")
    func order() throws {
        let proxy = try RunningProxy(
            """
            settings: { max_connections: 5, ip_family: ipv4, idle_timeout: 1m }
            hosts: { "127.0.0.1": { max_connections: 4 } }
            """, state: try StateFolder())
        let name = origin.name
        func source() throws -> String? { try proxy.setting("max_connections", of: name)["source"].text }
        try reach(proxy, host: "localhost", expecting: 5)
        try reach(proxy, expecting: 4)
        #expect(try source() == "file")
        try proxy.connctl("set", "all", "max_connections=6")
        try reach(proxy, host: "localhost", expecting: 6)
        // An override wins over the file, also over a closer pattern of the file.
        try reach(proxy, expecting: 6)
        try proxy.connctl("set", name, "max_connections=3")
        try reach(proxy, expecting: 3)
        #expect(try source() == "override")
        try proxy.connctl("set", name, "max_connections=2", "--try", "10m")
        try reach(proxy, expecting: 2)
        #expect(try source() == "trial")
        try proxy.connctl("revert", name)
        try reach(proxy, expecting: 3)
        try proxy.connctl("unset", name, "max_connections")
        try reach(proxy, expecting: 6)
        try proxy.connctl("unset", "all", "max_connections")
        try reach(proxy, expecting: 4)
        try reach(proxy, host: "localhost", expecting: 5)
        #expect(try source() == "file")
        #expect(try proxy.setting("max_connections", of: name)["place"].text?.contains("connd.yaml:2") == true)
    }

    @Test("a pool that runs shrinks at once, and no exchange is dropped")
    func shrinks() throws {
        let proxy = try RunningProxy("settings: { idle_timeout: 1m }", state: try StateFolder())
        let clients = try (0..<4).map { _ in try ScriptedClient(proxy) }
        for client in clients { try client.send("GET", origin.url()) }
        try origin.waitToSee("four requests") { $0.requests.count == 4 }
        gate.admit(4)
        for client in clients { #expect(try client.response().status == 200) }
        for client in clients.prefix(2) { try client.send("GET", origin.url("/held")) }
        try origin.waitToSee("two more requests") { $0.requests.count == 6 }
        try proxy.connctl("set", origin.name, "max_connections=1")
        try origin.waitToSee("the idle ones to be closed") { $0.openCount == 2 }
        #expect(origin.record.endings.count { $0 == .fin } == 2)
        // One of the two that are held is too many: it goes with its exchange.
        gate.admit(2)
        for client in clients.prefix(2) { #expect(try client.response().status == 200) }
        try origin.waitToSee("one connection") { $0.openCount == 1 }
        try proxy.wait(for: "the closes to be counted") {
            try $0.detail(origin)["figures"]["closed"].counts
        } until: {
            $0 == ["pool_shrink": 3]
        }
        #expect(try proxy.detail(origin)["figures"]["requests"]["safe"].counts == ["2xx": 6])
    }

    @Test("a setting for new connections holds for those alone")
    func newConnections() throws {
        let proxy = try RunningProxy("settings: { idle_timeout: 1m }", state: try StateFolder())
        gate.open()
        let client = try ScriptedClient(proxy)
        #expect(try client.get(origin.url()).status == 200)
        try proxy.connctl("set", origin.name, "source_address=127.0.0.77")
        #expect(try client.get(origin.url()).status == 200)
        #expect(origin.record.connections.count == 1)
        try proxy.connctl("drain", origin.name)
        #expect(try client.get(origin.url()).status == 200)
        let connection = try proxy.json("conns", "--state", "idle")["items"][0]
        #expect(connection["local"].text?.hasPrefix("127.0.0.77:") == true)
    }
}
