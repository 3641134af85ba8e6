import AdminAPI
import AdminModels
import Testing

@Suite("Streams of events")
struct EventTests {
    private static func open(
        _ fixture: Fixture, _ query: String = "", _ fields: String = "", room: Int32? = nil
    ) async throws -> PlainClient {
        let client = try PlainClient(fixture.tcp, room: room)
        try await client.send("GET /v1/events\(query) HTTP/1.1\r\nHost: localhost\r\n\(fields)\r\n")
        return client
    }

    @Test("events come with id, type and data of one line, and go on")
    func comes() async throws {
        try await Fixture.run { fixture in
            let client = try await Self.open(fixture)
            let head = try await client.head()
            #expect(head.status == 200)
            #expect(head["content-type"] == "text/event-stream")
            #expect(try await client.chunk() == "retry: 2000\n\n")
            let data = #"{"id":5,"type":"setting","time":"","time_ms":0,"message":"two\nlines"}"#
            #expect(try await client.chunk() == "id: 5\nevent: setting\ndata: \(data)\n\n")
            var event = Samples.event
            event.id = 6
            event.type = "tick"
            fixture.backend.send(event)
            #expect(try await client.chunk()?.hasPrefix("id: 6\nevent: tick\ndata: {") == true)
        }
    }

    @Test("a stream resumes after the last id, the field before the parameter")
    func resumes() async throws {
        try await Fixture.run { fixture in
            let first = try await Self.open(fixture, "?after=3")
            _ = try await first.head()
            let second = try await Self.open(fixture, "?after=3", "Last-Event-ID: 8\r\n")
            _ = try await second.head()
            #expect(fixture.backend.resumedAfter == [3, 8])
        }
    }

    @Test("a heartbeat keeps the stream known to be alive")
    func heartbeat() async throws {
        var timeouts = AdminServer.Timeouts.unhurried
        timeouts.heartbeat = .milliseconds(20)
        try await Fixture.run(timeouts: timeouts) { fixture in
            let client = try await Self.open(fixture)
            _ = try await client.head()
            _ = try await client.chunk()
            _ = try await client.chunk()
            #expect(try await client.chunk() == ": \n\n")
            #expect(try await client.chunk() == ": \n\n")
        }
    }

    @Test("at most 16 streams; the place of a client that goes is free at once")
    func limit() async throws {
        try await Fixture.run { fixture in
            var open: [PlainClient] = []
            for _ in 0..<16 {
                let client = try await Self.open(fixture)
                #expect(try await client.head().status == 200)
                open.append(client)
            }
            #expect(try await Self.open(fixture).head().status == 503)
            open[0].shutOutput()
            try await open[0].drain()
            #expect(try await Self.isPlaceFree(fixture))
        }
    }

    @Test(
        "a client that shuts its output ends its stream, also behind a malformed request",
        arguments: ["", "GARBAGE\r\n\r\n"])
    func halfClose(behind: String) async throws {
        try await Fixture.run { fixture in
            let client = try await Self.open(fixture)
            _ = try await client.head()
            if !behind.isEmpty { try await client.send(behind) }
            client.shutOutput()
            try await client.drain()
        }
    }

    /// A place is given back just after the connection's end is seen: asks until it has been.
    private static func isPlaceFree(_ fixture: Fixture) async throws -> Bool {
        for _ in 0..<2000 where try await Self.open(fixture).head().status == 200 { return true }
        return false
    }

    @Test("a reader that takes nothing is cut")
    func slowReader() async throws {
        var timeouts = AdminServer.Timeouts.unhurried
        timeouts.stall = .milliseconds(100)
        try await Fixture.run(timeouts: timeouts) { fixture in
            var open: [PlainClient] = []
            for _ in 0..<16 {
                let client = try await Self.open(fixture, room: 4096)
                _ = try await client.head()
                open.append(client)
            }
            var event = Samples.event
            event.message = String(repeating: "x", count: 1 << 18)
            for _ in 0..<16 { fixture.backend.send(event) }
            #expect(try await Self.isPlaceFree(fixture))
        }
    }

    @Test("stopping ends the stream as it should be ended, at once")
    func stops() async throws {
        var timeouts = AdminServer.Timeouts.unhurried
        timeouts.grace = .seconds(60)
        try await Fixture.run(timeouts: timeouts) { fixture in
            let client = try await Self.open(fixture)
            _ = try await client.head()
            _ = try await client.chunk()
            _ = try await client.chunk()
            let start = ContinuousClock.now
            await fixture.server.stop()
            #expect(ContinuousClock.now - start < .seconds(30))
            #expect(try await client.chunk() == nil)
            #expect(try await client.isEnded())
        }
    }
}
