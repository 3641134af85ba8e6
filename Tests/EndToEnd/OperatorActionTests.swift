import TestSupport
import Testing

@Suite struct OperatorActionTests {
    private let gate = Gate()
    private let origin: FakeOrigin
    private let proxy: RunningProxy

    init() throws {
        origin = try FakeOrigin { [gate] connection in
            while let request = try connection.readRequest() {
                if request.target == "/held" { try gate.pass() }
                connection.respond()
            }
        }
        proxy = try RunningProxy("settings: { idle_timeout: 1m }", state: try StateFolder())
    }

    private func hold() throws -> ScriptedClient {
        let before = origin.record.requests.count
        let client = try ScriptedClient(proxy)
        try client.send("GET", origin.url("/held"))
        try origin.waitToSee("the held request") { $0.requests.count == before + 1 }
        return client
    }

    private func closed(_ expected: [String: Int]) throws {
        try proxy.wait(for: "\(expected) to be closed") {
            try $0.detail(origin)["figures"]["closed"].counts
        } until: {
            $0 == expected
        }
    }

    private func run(_ arguments: String...) throws -> Subprocess {
        let run = try proxy.connctl(arguments)
        #expect(run.exitCode == 0, "\(run)")
        return run
    }

    /// The last of the trail is this.
    private func expectTrail(_ action: String, _ subject: String, sourceLocation: SourceLocation = #_sourceLocation)
        throws
    {
        let last = try proxy.json("audit")["items"][0]
        #expect(last["action"].text == action, sourceLocation: sourceLocation)
        #expect(last["subject"].text == subject, sourceLocation: sourceLocation)
        #expect(last["actor"].text == "token", sourceLocation: sourceLocation)
        #expect(last["reason"].text == "a test", sourceLocation: sourceLocation)
    }

    @Test("drain closes idle connections now, others with their exchange, and new requests dial")
    func drain() throws {
        let (held, other) = (try hold(), try ScriptedClient(proxy))
        #expect(try other.get(origin.url()).status == 200)
        _ = try run("drain", origin.name, "--reason", "a test")
        try origin.waitToSee("the idle one to be closed") { $0.endings == [nil, .fin] }
        try expectTrail("drain", origin.name)
        #expect(try other.get(origin.url()).status == 200)
        #expect(origin.record.connections.count == 3)
        gate.open()
        #expect(try held.response().status == 200)
        try origin.waitToSee("the held one to be closed") { $0.endings[0] == .fin }
        try closed(["drained": 2])
        #expect(try proxy.detail(origin)["figures"]["requests"]["safe"].counts == ["2xx": 3])
    }

    @Test("reconnect replaces connections without being asked for one")
    func reconnect() throws {
        #expect(try ScriptedClient(proxy).get(origin.url()).status == 200)
        _ = try run("reconnect", origin.name, "--reason", "a test")
        try origin.waitToSee("a new connection in place of the old one") {
            $0.connections.count == 2 && $0.openCount == 1
        }
        try expectTrail("reconnect", origin.name)
        try closed(["drained": 1])
        #expect(try ScriptedClient(proxy).get(origin.url()).status == 200)
        #expect(origin.record.requests.map(\.connection) == [0, 1])
    }

    @Test("prewarm dials before there was any request, and requests find the connections idle")
    func prewarm() throws {
        _ = try run("prewarm", origin.name, "3", "--reason", "a test")
        try origin.waitToSee("three connections") { $0.connections.count == 3 }
        try expectTrail("prewarm", origin.name)
        try proxy.wait(for: "three idle connections") {
            try $0.detail(origin)["summary"]["connections"]["idle"].int
        } until: {
            $0 == 3
        }
        #expect(origin.record.requests.isEmpty)
        let figures = try proxy.detail(origin)["figures"]
        #expect(figures["opened"].counts == ["warm_up": 3])
        let clients = try (0..<3).map { _ in try hold() }
        gate.open()
        for client in clients { #expect(try client.response().status == 200) }
        #expect(origin.record.connections.count == 3)
        #expect(try proxy.detail(origin)["figures"]["reused"].int == 0)
    }

    @Test("pause holds requests until resume, and what runs goes on")
    func pause() throws {
        let held = try hold()
        _ = try run("pause", origin.name, "--reason", "a test")
        try expectTrail("pause", origin.name)
        gate.open()
        #expect(try held.response().status == 200)
        let clients = try (0..<3).map { _ in try ScriptedClient(proxy) }
        for client in clients { try client.send("GET", origin.url()) }
        try proxy.wait(for: "three to wait") {
            try $0.detail(origin)["summary"]["connections"]["waiting"].int
        } until: {
            $0 == 3
        }
        #expect(try proxy.detail(origin)["summary"]["paused"].flag == true)
        #expect(try run("list").output.contains("paused"))
        #expect(origin.record.requests.count == 1)
        _ = try run("resume", origin.name, "--reason", "a test")
        for client in clients { #expect(try client.response().status == 200) }
        try expectTrail("resume", origin.name)
        #expect(try proxy.detail(origin)["summary"]["paused"].flag == false)
    }

    @Test("who waits too long at a paused origin is told how it is resumed")
    func pausedTooLong() throws {
        try proxy.connctl("set", origin.name, "queue_timeout=10ms")
        // An origin that was never seen may be paused too.
        _ = try run("pause", origin.name)
        let response = try ScriptedClient(proxy).get(origin.url())
        #expect([502, 503].contains(response.status), "\(response.head.text)")
        #expect(response.text.contains("connctl resume \(origin.name)"), "\(response.text)")
        #expect(origin.record.connections.isEmpty)
        _ = try run("resume", "all")
        #expect(try ScriptedClient(proxy).get(origin.url()).status == 200)
    }

    @Test("close ends an idle connection now, and one in use with its exchange")
    func close() throws {
        #expect(try ScriptedClient(proxy).get(origin.url()).status == 200)
        let idle = try #require(try proxy.json("conns")["items"][0]["number"].int)
        _ = try run("close", "\(idle)", "--reason", "a test")
        try expectTrail("close_connection", "\(idle)")
        try origin.waitToSee("the idle one to be closed") { $0.endings == [.fin] }
        let held = try hold()
        let leased = try #require(try proxy.json("conns", "--state", "leased")["items"][0]["number"].int)
        #expect(try run("close", "\(leased)").output.contains("--force"))
        try proxy.settle()
        #expect(origin.record.openCount == 1)
        gate.open()
        #expect(try held.response().status == 200)
        try origin.waitToSee("the held one to be closed") { $0.openCount == 0 }
        try closed(["killed": 2])
        let gone = try proxy.connctl("close", "\(leased)")
        #expect(gone.exitCode == 1)
        #expect(gone.errors.contains("connctl conns"), "\(gone)")
        #expect(try run("why", "\(leased)").output.contains("an operator closed it"))
    }

    @Test("close --force ends one in use at once: its client is told, and nothing is sent again")
    func closeByForce() throws {
        let held = try hold()
        let number = try #require(try proxy.json("conns", "--state", "leased")["items"][0]["number"].int)
        _ = try run("close", "\(number)", "--force")
        let response = try held.response()
        #expect(response.status == 502, "\(response.head.text)")
        #expect(response.errorType == "connection_terminated")
        gate.open()
        try origin.waitToSee("it to be closed") { $0.openCount == 0 }
        try closed(["killed": 1])
        #expect(origin.record.requests.count == 1)
    }

    @Test("forget drops what was measured, not what is set; not while the origin is in use")
    func forget() throws {
        try proxy.connctl("set", origin.name, "max_queue=5")
        let held = try hold()
        let refused = try proxy.connctl("forget", origin.name)
        #expect(refused.exitCode == 1, "\(refused)")
        gate.open()
        #expect(try held.response().status == 200)
        _ = try run("forget", origin.name, "--reason", "a test")
        try expectTrail("forget", origin.name)
        #expect(try proxy.json("list")["items"].items.isEmpty)
        let forgotten = try proxy.detail(origin)
        #expect(forgotten["summary"]["requests"].int == 0)
        #expect(forgotten["lifetime"]["requests"].int == nil)
        #expect(try proxy.setting("max_queue", of: origin.name)["value"].text == "5")
        try origin.waitToSee("its connections to end") { $0.openCount == 0 }
        #expect(try ScriptedClient(proxy).get(origin.url()).status == 200)
        let detail = try proxy.detail(origin)
        #expect(detail["summary"]["requests"].int == 1)
        #expect(detail["summary"]["overrides"].int == 1)
        // The totals of all keep what was.
        #expect(try proxy.read("/v1/status")["totals"]["requests"].int == 2)
    }

    @Test("an action on an origin that is not known is refused, with what to do")
    func unknown() throws {
        for verb in ["drain", "reconnect", "resume"] {
            let run = try proxy.connctl(verb, "http://nowhere.example")
            #expect(run.exitCode == 1 && run.errors.contains("connctl list"), "\(run)")
        }
    }
}
