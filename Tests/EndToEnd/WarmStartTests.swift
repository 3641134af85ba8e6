import Glibc
import TestSupport
import Testing

/// Origins that were busy before a start are dialled ahead of their first request.
@Suite struct WarmStartTests {
    private let state: StateFolder

    init() throws {
        state = try StateFolder()
    }

    /// Has `count` exchanges at once at an origin.
    private func ask(_ count: Int, of origin: (origin: FakeOrigin, gate: Gate), through proxy: RunningProxy) throws {
        let before = origin.origin.record.requests.count
        let clients = try (0..<count).map { _ in try ScriptedClient(proxy) }
        for client in clients { try client.send("GET", origin.origin.url()) }
        try origin.origin.waitToSee("all of them at once") { $0.requests.count == before + count }
        try record(proxy)
        origin.gate.admit(count)
        for client in clients { #expect(try client.response().status == 200) }
    }

    /// All that is now is kept when this is answered.
    private func record(_ proxy: RunningProxy) throws {
        #expect(try proxy.connctl("history", "--all").exitCode == 0)
    }

    private func makeOrigin() throws -> (origin: FakeOrigin, gate: Gate) {
        let gate = Gate()
        return (try FakeOrigin.holding(gate), gate)
    }

    /// A connd that has come and gone, and had so many exchanges at once.
    private func runBefore(_ loads: [(count: Int, origin: (origin: FakeOrigin, gate: Gate))]) throws {
        let proxy = try RunningProxy(state: state)
        for load in loads { try ask(load.count, of: load.origin, through: proxy) }
        try end(proxy)
        for load in loads { try load.origin.origin.waitToSee("the end of its connections") { $0.openCount == 0 } }
    }

    private func end(_ proxy: RunningProxy) throws {
        proxy.terminate()
        #expect(try proxy.waitForEnd() == 0)
    }

    /// How many there are when all that was begun has come to something.
    private func connections(_ origin: FakeOrigin, after proxy: RunningProxy) throws -> Int {
        try end(proxy)
        return try origin.waitToSee("the end of its connections") { $0.openCount == 0 }.connections.count
    }

    @Test(
        "as many as were busy at once, at most warm_start.connections, and the first requests use them",
        arguments: [2, 8])
    func warm(limit: Int) throws {
        let origin = try makeOrigin()
        try runBefore([(5, origin)])
        let wanted = min(5, limit)
        let proxy = try RunningProxy("warm_start: { connections: \(limit) }", state: state)
        let warmed = try origin.origin.waitToSee("connections before any request") { $0.openCount == wanted }
        #expect(warmed.requests.count == 5)
        try proxy.waitForLog(" warm start connections=\(wanted) origins=1")
        try ask(wanted, of: origin, through: proxy)
        #expect(try connections(origin.origin, after: proxy) == 5 + wanted)
    }

    @Test("as many as were open, where exchanges are too short to be seen")
    func idle() throws {
        let origin = try makeOrigin()
        let first = try RunningProxy(state: state)
        let clients = try (0..<5).map { _ in try ScriptedClient(first) }
        for client in clients { try client.send("GET", origin.origin.url()) }
        try origin.origin.waitToSee("all of them at once") { $0.requests.count == 5 }
        origin.gate.admit(5)
        for client in clients { #expect(try client.response().status == 200) }
        #expect(origin.origin.record.openCount == 5)
        try record(first)
        try end(first)
        let proxy = try RunningProxy(state: state)
        try proxy.waitForLog(" warm start connections=5 origins=1")
        #expect(try connections(origin.origin, after: proxy) == 10)
    }

    @Test("the busiest of them, as many as warm_start.origins says")
    func busiest() throws {
        let (busy, rare) = (try makeOrigin(), try makeOrigin())
        try runBefore([(1, rare), (3, busy)])
        let proxy = try RunningProxy("warm_start: { origins: 1 }", state: state)
        try proxy.waitForLog(" warm start connections=3 origins=1")
        try busy.origin.waitToSee("three connections") { $0.openCount == 3 }
        #expect(try connections(busy.origin, after: proxy) == 6)
        #expect(rare.origin.record.connections.count == 1)
    }

    @Test("none where it is turned off")
    func off() throws {
        let origin = try makeOrigin()
        try runBefore([(3, origin)])
        let proxy = try RunningProxy("warm_start: { origins: 0 }", state: state)
        try ask(1, of: origin, through: proxy)
        #expect(!proxy.logLines.contains { $0.contains("warm start") })
        #expect(try connections(origin.origin, after: proxy) == 3 + 1)
    }

    @Test("none where it was longer ago than warm_start.recent")
    func longAgo() throws {
        let (old, fresh) = (try makeOrigin(), try makeOrigin())
        try runBefore([(3, old), (1, fresh)])
        // Buckets of ten seconds.
        try state.query(
            "UPDATE rollup_10s SET bucket = bucket - 90 "
                + "WHERE origin = (SELECT id FROM origins WHERE name = '\(old.origin.name)')")
        let proxy = try RunningProxy("warm_start: { recent: 10m }", state: state)
        try proxy.waitForLog(" warm start connections=1 origins=1")
        try fresh.origin.waitToSee("a connection") { $0.openCount == 1 }
        #expect(try connections(fresh.origin, after: proxy) == 2)
        #expect(old.origin.record.connections.count == 3)
        let longer = try RunningProxy("warm_start: { recent: 20m }", state: state)
        try old.origin.waitToSee("connections again") { $0.openCount == 3 }
        #expect(try connections(old.origin, after: longer) == 6)
    }

    @Test("what was recorded before a crash warms too")
    func crash() throws {
        let origin = try makeOrigin()
        let first = try RunningProxy(state: state)
        try ask(4, of: origin, through: first)
        try record(first)
        try first.killAtOnce()
        let proxy = try RunningProxy(state: state)
        try origin.origin.waitToSee("connections before any request") { $0.openCount == 4 && $0.requests.count == 4 }
        #expect(try connections(origin.origin, after: proxy) == 8)
    }

    @Test("an origin that is gone holds up nothing, and others are warmed")
    func gone() throws {
        let (gone, other) = (try makeOrigin(), try makeOrigin())
        try runBefore([(2, gone), (1, other)])
        let refusing = try RefusingPort()
        try state.query(
            "UPDATE origins SET name = 'http://127.0.0.1:\(refusing.port)' WHERE name = '\(gone.origin.name)'")
        let proxy = try RunningProxy(state: state)
        try other.origin.waitToSee("a connection before any request") { $0.openCount == 1 && $0.requests.count == 1 }
        try ask(1, of: other, through: proxy)
        #expect(try ScriptedClient(proxy).get(refusing.url).status == 502)
        #expect(try connections(other.origin, after: proxy) == 2)
    }

    @Test("what may not be reached by its name is not dialled ahead")
    func denied() throws {
        let origin = try FakeOrigin.answering()
        let first = try RunningProxy(state: state)
        #expect(try ScriptedClient(first).get("http://localhost:\(origin.port)/").status == 200)
        try record(first)
        try end(first)
        let proxy = try RunningProxy("proxy: { deny: [localhost] }", state: state)
        try proxy.waitForLog(" warm start ")
        #expect(try ScriptedClient(proxy).get("http://localhost:\(origin.port)/").status == 403)
        try end(proxy)
        #expect(origin.record.connections.count == 1)
    }
}
