import Foundation
import TestSupport
import Testing

@Suite struct TrialTests {
    private let state: StateFolder
    private let gate = Gate()
    private let origin: FakeOrigin

    init() throws {
        state = try StateFolder()
        origin = try FakeOrigin.holding(gate)
    }

    private func source(_ proxy: RunningProxy, _ name: String = "max_connections") throws -> String? {
        try proxy.setting(name, of: origin.name)["source"].text
    }

    /// A second passes: a trial of a second that is begun now ends, as its own connd says.
    private func waitForOneSecond() throws {
        let clock = try RunningProxy(state: try StateFolder())
        try clock.connctl("set", "clock.example.com", "max_queue=1", "--try", "1s")
        try clock.waitForLog("action=trial_expired")
    }

    /// How many of `count` requests sent at once the origin gets.
    private func reach(_ proxy: RunningProxy, _ count: Int, expecting expected: Int) throws {
        let before = origin.record.requests.count
        let clients = try (0..<count).map { _ in try ScriptedClient(proxy) }
        for client in clients { try client.send("GET", origin.url()) }
        try proxy.wait(for: "\(count - expected) to wait") {
            try $0.detail(origin)["summary"]["connections"]["waiting"].int
        } until: {
            $0 == count - expected
        }
        try origin.waitToSee("\(expected) requests") { $0.requests.count == before + expected }
        gate.admit(count)
        for client in clients { #expect(try client.response().status == 200) }
    }

    @Test("a trial that nobody confirms ends by itself, and is in the trail")
    func endsByItself() throws {
        let proxy = try RunningProxy(state: state)
        let set = try proxy.json("set", origin.name, "max_connections=1", "--try", "1s", "--reason", "trying")
        let trial = set["settings"].items.first { $0["name"].text == "max_connections" }
        #expect(trial?["source"].text == "trial")
        #expect(trial?["value"].text == "1")
        #expect(trial?["expires_ms"].int == trial?["time_ms"].int.map { $0 + 1000 })
        try proxy.waitForLog("action=trial_expired")
        #expect(try source(proxy) == "default")
        try reach(proxy, 3, expecting: 3)
        let trail = try proxy.json("audit", origin.name)["items"].items
        #expect(trail.map { $0["action"].text } == ["trial_expired", "trial"])
        #expect(trail.map { $0["actor"].text } == ["connd", "token"])
        #expect(trail[0]["before"].text == "1")
        #expect(trail[1]["reason"].text == "trying")
    }

    @Test("a trial over an override gives it back when it ends")
    func overAnOverride() throws {
        let proxy = try RunningProxy(state: state)
        try proxy.connctl("set", origin.name, "max_connections=2")
        let set = try proxy.json("set", origin.name, "max_connections=1", "--try", "1s")
        #expect(set["settings"].items.first { $0["name"].text == "max_connections" }?["source"].text == "trial")
        try proxy.waitForLog("action=trial_expired")
        #expect(try proxy.setting("max_connections", of: origin.name)["value"].text == "2")
        try reach(proxy, 3, expecting: 2)
    }

    @Test("a trial that is confirmed stays past its time, and over a kill -9")
    func confirmed() throws {
        let first = try RunningProxy(state: state)
        try first.connctl("set", origin.name, "max_connections=1", "max_queue=7", "--try", "3s", "--reason", "why not")
        let run = try first.connctl("confirm", origin.name, "max_connections")
        #expect(run.exitCode == 0, "\(run)")
        // The other setting of the same trial was not confirmed: its end tells that the time is over.
        try first.waitForLog("action=trial_expired")
        #expect(try source(first) == "override")
        #expect(try source(first, "max_queue") == "default")
        try first.killAtOnce()
        let proxy = try RunningProxy(state: state)
        let setting = try proxy.setting("max_connections", of: origin.name)
        #expect(setting["source"].text == "override")
        #expect(setting["reason"].text == "why not")
        #expect(setting["base"].text == "32")
        try reach(proxy, 3, expecting: 1)
    }

    @Test("revert ends a trial at once, and nothing else")
    func reverted() throws {
        let proxy = try RunningProxy(state: state)
        try proxy.connctl("set", origin.name, "max_queue=9")
        try proxy.connctl("set", origin.name, "max_connections=1", "--try", "10m")
        try reach(proxy, 3, expecting: 1)
        let run = try proxy.connctl("revert", origin.name)
        #expect(run.exitCode == 0, "\(run)")
        #expect(try source(proxy) == "default")
        #expect(try source(proxy, "max_queue") == "override")
        try reach(proxy, 3, expecting: 3)
        #expect(try proxy.connctl("revert", origin.name).exitCode == 1)
    }

    @Test(
        "a trial whose time ran out while connd was down does not hold from the first request on, and is in the trail")
    func endedMeanwhile() throws {
        let first = try RunningProxy(state: state)
        let run = try first.connctl("set", origin.name, "max_connections=1", "--try", "1s")
        #expect(run.exitCode == 0, "\(run)")
        try first.killAtOnce()
        try waitForOneSecond()
        let proxy = try RunningProxy(state: state)
        try reach(proxy, 3, expecting: 3)
        #expect(try source(proxy) == "default")
        let trail = try proxy.wait(for: "the end of the trial in the trail") {
            try $0.json("audit")["items"].items
        } until: {
            $0.contains { $0["action"].text == "trial_expired" }
        }
        #expect(trail.map { $0["action"].text } == ["trial_expired", "trial"])
        #expect(trail[0]["actor"].text == "connd")
        #expect(trail[0]["subject"].text == origin.name)
    }

    @Test("a trial that still runs outlives a kill -9, with its end")
    func stillRunning() throws {
        let first = try RunningProxy(state: state)
        try first.connctl("set", origin.name, "max_connections=1", "--try", "10m", "--reason", "long")
        let before = try first.setting("max_connections", of: origin.name)
        try first.killAtOnce()
        let proxy = try RunningProxy(state: state)
        #expect(try proxy.setting("max_connections", of: origin.name) == before)
        #expect(before["source"].text == "trial")
        try reach(proxy, 3, expecting: 1)
        #expect(try proxy.connctl("confirm", origin.name).exitCode == 0)
        #expect(try source(proxy) == "override")
    }
}
