import TestSupport
import Testing

/// Windows that the kernel takes away from idle connections, and handshakes, as connd tells of them.
@Suite struct SlowStartTests {
    private static let size = 2_000_000
    private static let attempts = 5

    /// Small segments, as over a network: loopback's would carry all of it in a few.
    private func origin() throws -> FakeOrigin {
        try FakeOrigin(segment: 1000) { connection in
            while try connection.readRequest() != nil { connection.respond() }
        }
    }

    private func upload(_ client: ScriptedClient, _ origin: FakeOrigin) throws {
        let head = "POST \(origin.url()) HTTP/1.1\r\nHost: \(origin.authority)\r\nContent-Length: \(Self.size)\r\n\r\n"
        try client.send(Array(head.utf8) + [UInt8](repeating: 7, count: Self.size))
        #expect(try client.response(to: "POST").status == 200)
    }

    private func connection(_ proxy: RunningProxy) throws -> JSONDocument {
        let number = try #require(try proxy.read("/v1/connections")["items"].items.first?["number"].int)
        return try proxy.read("/v1/connections/\(number)")["tcp"]
    }

    /// For so long that every window has fallen to the initial one.
    private func idle(_ proxy: RunningProxy) throws {
        try proxy.wait(for: "an idle connection") {
            try connection($0)["since_data_sent_ms"].int ?? 0
        } until: {
            $0 > 3000
        }
    }

    @Test("the window of a connection that was idle is the initial one, as connd has said, and what that costs is told")
    func collapsed() throws {
        let origin = try origin()
        // Every kernel has reno, and it heeds the sysctl, which the test expects at its default.
        let proxy = try RunningProxy(
            """
            exchanges: { slow: 1ms }
            settings: { congestion_control: reno, idle_timeout: 10m }
            """, state: try StateFolder())
        let client = try ScriptedClient(proxy)
        for _ in 0..<5 { try upload(client, origin) }
        let wide = try connection(proxy)["congestion_window"].int ?? 0
        #expect(wide > 20)
        #expect(try proxy.detail(origin)["slow_start_after_idle"].flag == true)

        try idle(proxy)
        #expect(try connection(proxy)["congestion_window"].int == wide)
        #expect(try client.get(origin.url()).status == 200)
        #expect(try connection(proxy)["congestion_window"].int == 10)

        // Only an exchange of a millisecond or more is kept.
        var kept: JSONDocument?
        for _ in 0..<Self.attempts where kept == nil {
            for _ in 0..<5 { try upload(client, origin) }
            try idle(proxy)
            try upload(client, origin)
            kept = try proxy.json("explain", origin.name)["items"].items.first { $0["window_restart"] != .null }
        }
        let slowStart = try proxy.detail(origin)["figures"]["slow_start"]
        #expect(slowStart["uploads"].int ?? 0 >= 1 && slowStart["collapsed"].int ?? 0 >= 1, "\(slowStart)")
        #expect(slowStart["round_trips_lost"].int ?? 0 >= 1, "\(slowStart)")
        let shown = try proxy.connctl("show", origin.name).output
        #expect(shown.contains("on reused connections began with a window that had collapsed"), "\(shown)")
        #expect(shown.contains("tcp_slow_start_after_idle=0 avoids it"), "\(shown)")

        let restart = try #require(kept)
        #expect(restart["window_restart"]["window"].int == 10 && restart["window_restart"]["idle_ms"].int ?? 0 > 3000)
        let id = try #require(restart["id"].int)
        let told = try proxy.connctl("explain", "\(id)").output
        #expect(told.contains("had collapsed after") && told.contains("to 10 segments"), "\(told)")
    }

    @Test("a request that waits for a handshake counts it, and one on a kept connection does not")
    func handshakes() throws {
        let origin = try origin()
        let proxy = try RunningProxy(state: try StateFolder())
        let client = try ScriptedClient(proxy)
        #expect(try client.get(origin.url()).status == 200)
        let first = try proxy.detail(origin)["figures"]["handshake_waits"]
        let connect = try #require(first["connect_ms"].double)
        #expect(connect > 0 && first["tls_ms"].double == 0, "\(first)")
        let share = try #require(first["share"].double)
        #expect(share > 0 && share < 1)
        for _ in 0..<50 { #expect(try client.get(origin.url()).status == 200) }
        let last = try proxy.detail(origin)["figures"]["handshake_waits"]
        #expect(last["connect_ms"].double == connect)
        #expect(last["share"].double ?? 1 < share, "\(last)")
        #expect(try proxy.connctl("show", origin.name).output.contains("requests waited for them for"))
    }
}
