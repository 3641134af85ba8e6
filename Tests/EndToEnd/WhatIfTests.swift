import TestSupport
import Testing

/// `connctl whatif` beside a daemon that had traffic. Its clock is moved between requests, so that hours of it take a moment.
@Suite struct WhatIfTests {
    private let state: StateFolder
    private let clock: MovedClock
    private let origin: FakeOrigin
    private let proxy: RunningProxy

    init() throws {
        state = try StateFolder()
        clock = try MovedClock()
        origin = try FakeOrigin.answering()
        proxy = try RunningProxy("settings: { idle_timeout: 8s }", state: state, environment: clock.environment)
    }

    private func get(_ client: ScriptedClient) throws { #expect(try client.get(origin.url()).status == 200) }

    @Test("little traffic is no answer, then the gain of a longer idle_timeout is told, and nothing is changed")
    func whatIf() throws {
        let client = try ScriptedClient(proxy)
        for _ in 0..<32 { try get(client) }
        _ = try proxy.read("/v1/status")
        let early = try proxy.connctl("whatif", origin.name, "idle_timeout=60s")
        #expect(early.exitCode == 1 && early.errors.contains("too little was recorded"), "\(early)")
        // Of each two gaps, one is longer than the connection is kept.
        var seconds = 0
        for round in 0..<120 {
            seconds += round.isMultiple(of: 2) ? 2 : 30
            clock.set(wallAhead: seconds, bootAhead: seconds)
            try get(client)
        }
        let report = try proxy.json("whatif", origin.name, "idle_timeout=60s", "max_connections=4")
        #expect(report["requests"].int == 120 && report["observed_ms"].int ?? 0 >= 1_900_000)
        let check = report["check"]
        let (dials, predicted) = (check["dials"].int ?? 0, check["predicted_dials"].int ?? 0)
        #expect((58...62).contains(dials) && abs(dials - predicted) <= 2, "\(report)")
        #expect((report["in_force"]["reuse_ratio"].double ?? 1) < 0.55)
        #expect((report["asked"]["reuse_ratio"].double ?? 0) > 0.97)
        #expect(report["asked"]["waiting_ratio"].double == 0)

        let text = try proxy.connctl("whatif", origin.name, "idle_timeout=60s").output
        #expect(text.contains("new connections an hour fewer") && text.contains("more idle sockets"), "\(text)")
        #expect(text.contains("Try it: connctl set \(origin.name) idle_timeout=1m --try 10m"), "\(text)")
        #expect(try proxy.setting("idle_timeout", of: origin.name)["value"].text == "8s")
        #expect(try proxy.connctl("whatif", origin.name, "idle_timeout=2d").exitCode == 1)
        #expect(try proxy.connctl("whatif", origin.name, "max_queue=3").exitCode == 2)
        #expect(try proxy.connctl("whatif", "http://nobody.example", "max_idle=3").exitCode == 1)
    }
}
