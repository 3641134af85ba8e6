import Foundation
import TestSupport
import Testing

@Suite struct ReloadTests {
    @Test("a file that changed under an override is told by name, by reload, by diff and by status")
    func conflict() throws {
        let proxy = try RunningProxy("settings: { max_connections: 5, max_queue: 50 }", state: try StateFolder())
        try proxy.connctl("set", "all", "max_connections=3", "--reason", "three will do")
        #expect(try proxy.json("diff")["items"][0]["conflict"].flag == false)
        try proxy.rewriteConfig("settings: { max_connections: 7, max_queue: 60 }")
        let report = try proxy.json("reload")
        let conflicts = report["conflicts"].items
        #expect(conflicts.count == 1)
        let conflict = try #require(conflicts.first)
        #expect(conflict["setting"].text == "max_connections")
        #expect(conflict["pattern"].text == "*")
        #expect(conflict["value"].text == "3")
        #expect(conflict["base"].text == "5")
        #expect(conflict["inherited"].text == "7")
        let changes = report["changes"].items.sorted { $0["setting"].text ?? "" < $1["setting"].text ?? "" }
        #expect(changes.map { $0["setting"].text } == ["max_connections", "max_queue"])
        #expect(changes.map { $0["before"].text } == ["5", "50"])
        #expect(changes.map { $0["after"].text } == ["7", "60"])
        #expect(changes.map { $0["hidden_by"].text } == ["override", nil])
        // The override holds, what it does not hide is the file's.
        #expect(try proxy.setting("max_connections", of: "*")["value"].text == "3")
        #expect(try proxy.setting("max_queue", of: "*")["value"].text == "60")
        #expect(try proxy.read("/v1/status")["conflicts"].int == 1)
        let diff = try proxy.connctl("diff")
        #expect(diff.exitCode == 0)
        for word in ["max_connections", "3", "5", "7", "connctl unset all max_connections", "three will do"] {
            #expect(diff.output.contains(word), "\(diff)")
        }
        try proxy.connctl("unset", "all", "max_connections")
        #expect(try proxy.setting("max_connections", of: "*")["value"].text == "7")
        #expect(try proxy.json("diff")["items"].items.isEmpty)
    }

    @Test("SIGHUP does the same, and loses no request")
    func hangup() throws {
        let gate = Gate()
        let origin = try FakeOrigin.holding(gate)
        let proxy = try RunningProxy("settings: { max_connections: 5 }", state: try StateFolder())
        try proxy.connctl("set", "all", "max_connections=3")
        let client = try ScriptedClient(proxy)
        try client.send("GET", origin.url())
        try origin.waitToSee("the request") { $0.requests.count == 1 }
        try proxy.rewriteConfig("settings: { max_connections: 7 }")
        proxy.process.signal(SIGHUP)
        try proxy.waitForLog("config reloaded")
        let line = try #require(proxy.logLines.first { $0.contains("the file changed under an override") })
        for word in ["max_connections", "over 5", "now 7"] { #expect(line.contains(word), "\(line)") }
        gate.open()
        #expect(try client.response().status == 200)
        #expect(try proxy.json("audit")["items"][0]["actor"].text == "SIGHUP")
    }

    @Test("a bad file changes nothing: it is refused with each wrong line")
    func badFile() throws {
        let proxy = try RunningProxy("settings: { max_connections: 5 }", state: try StateFolder())
        try proxy.rewriteConfig("settings:\n  max_connections: 0\n  max_qeue: 5\n")
        let run = try proxy.connctl("reload")
        #expect(run.exitCode == 1)
        for word in ["connd.yaml:2:", "max_connections", "connd.yaml:3:", "max_qeue", "max_queue"] {
            #expect(run.errors.contains(word), "\(run)")
        }
        #expect(try proxy.setting("max_connections", of: "*")["value"].text == "5")
        #expect(try proxy.read("/v1/status")["config_error"].text?.contains("connd.yaml:2:") == true)
        #expect(try proxy.connctl("status").output.contains("connd.yaml:2:"))
        proxy.process.signal(SIGHUP)
        try proxy.waitForLog("not reloaded")
        // Right again: the error is gone.
        try proxy.rewriteConfig("settings: { max_connections: 6 }")
        #expect(try proxy.connctl("reload").exitCode == 0)
        #expect(try proxy.setting("max_connections", of: "*")["value"].text == "6")
        #expect(try proxy.read("/v1/status")["config_error"] == .null)
    }

    @Test("keys that take a restart are named, each time until there is one")
    func needsRestart() throws {
        let proxy = try RunningProxy("settings: { max_connections: 5 }", state: try StateFolder())
        try proxy.rewriteConfig("proxy: { max_buffer: 128KiB, threads: 1 }\nsettings: { max_connections: 6 }")
        let report = try proxy.json("reload")
        #expect(report["need_restart"].items == [.text("proxy.max_buffer")])
        // It does not hold, so it is no change.
        #expect(report["configuration"].items.isEmpty)
        let again = try proxy.connctl("reload")
        for word in ["nothing changed", "restart", "proxy.max_buffer"] {
            #expect(again.output.contains(word), "\(again)")
        }
        #expect(try proxy.setting("max_connections", of: "*")["value"].text == "6")
        #expect(try proxy.connctl("config").output.contains("max_buffer: 256KiB"))
    }

    @Test("log.level, metrics and exchanges hold at once")
    func atOnce() throws {
        let origin = try FakeOrigin.answering()
        let gate = Gate()
        let slow = try FakeOrigin.holding(gate)
        let proxy = try RunningProxy("exchanges: { slow: 1h }", state: try StateFolder())
        #expect(try ScriptedClient(proxy).get(origin.url()).status == 200)
        try proxy.rewriteConfig("\u{FEFF}exchanges: { slow: 1ms }\nmetrics: { max_origins: 1 }\nlog: { level: error }")
        #expect(try proxy.json("reload")["need_restart"].items == [])
        let client = try ScriptedClient(proxy)
        try client.send("GET", slow.url())
        try slow.waitToSee("the request") { $0.requests.count == 1 }
        // Several requests of its own take longer than the threshold.
        _ = try proxy.connctl("status")
        gate.open()
        #expect(try client.response().status == 200)
        #expect(try proxy.json("explain")["items"].items.count { $0["outcome"].text == "slow" } == 1)
        #expect(try proxy.curl("GET", "/metrics").body.contains("_other"))
    }
}
