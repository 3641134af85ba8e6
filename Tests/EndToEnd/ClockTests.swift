import Foundation
import TestSupport
import Testing

/// The whole daemon under a wall clock that is set while it runs, and through a suspend of the machine, which CLOCK_BOOTTIME
/// counts and CLOCK_MONOTONIC does not. Its clocks are moved by a library that is loaded before the C library's.
@Suite struct ClockTests {
    private let state: StateFolder
    private let clock: MovedClock
    private let origin: FakeOrigin

    init() throws {
        state = try StateFolder()
        clock = try MovedClock()
        origin = try FakeOrigin.answering()
    }

    private func start(_ yaml: String = "") throws -> RunningProxy {
        try RunningProxy(yaml, state: state, environment: clock.environment)
    }

    private func source(_ proxy: RunningProxy, _ name: String = "max_queue") throws -> String? {
        try proxy.setting(name, of: origin.name)["source"].text
    }

    @Test("a trial lasts as long as it was meant to when the clock is set back or ahead by a day", arguments: [-1, 1])
    func trial(days: Int) throws {
        let proxy = try start()
        try proxy.connctl("set", origin.name, "max_queue=7", "--try", "10m")
        try proxy.connctl("set", origin.name, "max_connections=3", "--try", "2s")
        clock.set(wallAhead: days * 86_400)
        try proxy.waitForLog("action=trial_expired")
        #expect(try source(proxy, "max_connections") == "default")
        #expect(try source(proxy) == "trial")
        // What people see of it follows the clock.
        let expires = try proxy.setting("max_queue", of: origin.name)["expires_ms"].int ?? 0
        let real = Int(Date().timeIntervalSince1970 * 1000) + days * 86_400_000
        #expect(expires > real && expires <= real + 600_000)
        try proxy.killAtOnce()
        let next = try start()
        #expect(try source(next) == "trial")
        let run = try next.connctl("confirm", origin.name)
        #expect(run.exitCode == 0, "\(run)")
    }

    @Test(
        "a trial of ten minutes is over after an hour's suspend, and connections that lay idle through it are not used")
    func suspend() throws {
        let proxy = try start("settings: { idle_timeout: 5m }")
        try proxy.connctl("set", origin.name, "max_queue=7", "--try", "10m")
        let client = try ScriptedClient(proxy)
        for _ in 0..<3 { #expect(try client.get(origin.url()).status == 200) }
        #expect(origin.record.connections.count == 1)
        clock.set(wallAhead: 3600, bootAhead: 3600)
        #expect(try ScriptedClient(proxy).get(origin.url()).status == 200)
        #expect(origin.record.connections.count == 2)
        try proxy.waitForLog("action=trial_expired")
        #expect(try proxy.read("/v1/status")["uptime_ms"].int ?? 0 >= 3_600_000)
    }

    @Test("what is counted while the clock stands elsewhere is counted once, and nothing of the status is negative")
    func figures() throws {
        let proxy = try start()
        let client = try ScriptedClient(proxy)
        for ahead in [0, -86_400, 86_400, -3600, 0] {
            clock.set(wallAhead: ahead)
            for _ in 0..<4 { #expect(try client.get(origin.url()).status == 200) }
            _ = try proxy.json("history", "--all")
            let status = try proxy.read("/v1/status")
            #expect((0..<600_000).contains(status["uptime_ms"].int ?? -1))
            #expect(try proxy.detail(origin)["lifetime"]["requests"].int == status["totals"]["requests"].int)
        }
        let connections = try proxy.read("/v1/connections")["items"].items
        #expect(connections.map { $0["age_ms"].int ?? -1 }.allSatisfy { (0..<600_000).contains($0) })
        // Rows of ten seconds are kept for two hours: those of the day before are gone, as they should be.
        for table in ["rollup_1m", "rollup_1h"] {
            #expect(try state.query("SELECT sum(success) FROM \(table) WHERE origin <> 0") == "20", "\(table)")
        }
        #expect(try proxy.curl("GET", "/readyz").status == 200)
    }
}
