import TestSupport
import Testing

@Suite struct KeptPauseTests {
    private static let patient = "settings: { queue_timeout: 5m }\nwarm_start: { origins: 0 }"

    private func waiting(_ proxy: RunningProxy, at origin: FakeOrigin, _ count: Int) throws {
        try proxy.wait(for: "\(count) to wait") {
            try $0.detail(origin)["summary"]["connections"]["waiting"].int
        } until: {
            $0 == count
        }
    }

    @Test("a pause outlives a crash, says who, when and why, and ends when it is resumed")
    func outlives() throws {
        let origin = try FakeOrigin.answering()
        let state = try StateFolder()
        let first = try RunningProxy(state: state)
        #expect(try ScriptedClient(first).get(origin.url()).status == 200)
        #expect(try first.connctl("pause", origin.name, "--reason", "a move").exitCode == 0)
        let pause = try first.detail(origin)["summary"]["pause"]
        try first.killAtOnce()

        let proxy = try RunningProxy(Self.patient, state: state)
        try proxy.waitForLog("the origin is still paused")
        let client = try ScriptedClient(proxy)
        try client.send("GET", origin.url())
        try waiting(proxy, at: origin, 1)
        let summary = try proxy.detail(origin)["summary"]
        #expect(summary["paused"].flag == true && summary["pause"] == pause)
        #expect(pause["actor"].text == "token" && pause["reason"].text == "a move")
        let status = try proxy.read("/v1/status")
        #expect(status["paused_origins"].int == 1 && status["pauses"].items == [pause])
        for verb in [["status"], ["show", origin.name]] {
            let shown = try proxy.connctl(verb)
            #expect(shown.output.contains("by token, a move"), "\(shown)")
        }
        #expect(try proxy.json("audit", origin.name)["items"][0]["action"].text == "pause")
        #expect(origin.record.connections.count == 1)

        #expect(try proxy.connctl("resume", "all").exitCode == 0)
        #expect(try client.response().status == 200)
        #expect(try proxy.read("/v1/status")["paused_origins"].int == 0)
        try proxy.killAtOnce()
        let last = try RunningProxy(Self.patient, state: state)
        #expect(try ScriptedClient(last).get(origin.url()).status == 200)
    }

    @Test("an origin that is forgotten stays paused: what was measured goes, and not what is set")
    func forgotten() throws {
        let origin = try FakeOrigin.answering()
        let proxy = try RunningProxy(Self.patient, state: try StateFolder())
        #expect(try proxy.connctl("pause", origin.name).exitCode == 0)
        #expect(try proxy.connctl("forget", origin.name).exitCode == 0)
        let client = try ScriptedClient(proxy)
        try client.send("GET", origin.url())
        try waiting(proxy, at: origin, 1)
        #expect(origin.record.connections.isEmpty)
        #expect(try proxy.connctl("resume", origin.name).exitCode == 0)
        #expect(try client.response().status == 200)
    }

    @Test("a pause of all keeps the reason of those that were paused before")
    func all() throws {
        let origins = try (0..<2).map { _ in try FakeOrigin.answering() }
        let proxy = try RunningProxy(Self.patient, state: try StateFolder())
        for origin in origins { #expect(try ScriptedClient(proxy).get(origin.url()).status == 200) }
        #expect(try proxy.connctl("pause", origins[0].name, "--reason", "first").exitCode == 0)
        #expect(try proxy.connctl("pause", "all", "--reason", "second").exitCode == 0)
        let reasons = try origins.map { try proxy.detail($0)["summary"]["pause"]["reason"].text }
        #expect(reasons == ["first", "second"])
        let trail = try proxy.json("audit", "all")["items"]
        #expect(trail[0]["subject"].text == "*" && trail[0]["action"].text == "pause")
    }
}
