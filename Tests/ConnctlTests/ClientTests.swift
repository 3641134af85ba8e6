import AdminClient
import AdminModels
import Testing

@testable import connctl

@Suite("The client of the admin API")
struct ClientTests {
    private func withClient<Result: Sendable>(
        token: String? = nil, _ handler: @escaping FakeDaemon.Handler,
        _ body: (AdminClient, FakeDaemon) async throws -> Result
    ) async throws -> Result {
        let daemon = try FakeDaemon(handler)
        // Far longer than an answer takes on a busy machine: what a test sees is what the daemon did.
        let client = AdminClient(
            daemon.address, token: token, timeouts: .init(connect: .seconds(300), request: .seconds(300)))
        defer { daemon.stop() }
        return try await body(client, daemon)
    }

    @Test("an origin stands in the path as one encoded segment")
    func encoding() async throws {
        try await withClient({ _ in .json(OriginDetail()) }) { client, daemon in
            _ = try await client.origin("http://[::1]:8080")
            #expect(daemon.requests.first?.target == "/v1/origins/http%3A%2F%2F%5B%3A%3A1%5D%3A8080")
        }
    }

    @Test("the token goes with what changes something, and with nothing else")
    func token() async throws {
        try await withClient(
            token: "secret", { $0.method == "GET" ? .json(Samples.status) : .json(SettingsReport()) }
        ) { client, daemon in
            _ = try await client.status()
            _ = try await client.patch("*", SettingsPatch())
            #expect(daemon.requests.map { $0.fields["authorization"] } == [nil, "Bearer secret"])
        }
    }

    @Test("a patch says null for what returns to its inherited value, and leaves out what was not given")
    func patch() async throws {
        try await withClient({ _ in .json(SettingsReport(), etag: "\"r8\"") }) { client, daemon in
            var patch = SettingsPatch()
            patch.settings = [
                "max_connections": .integer(2), "idle_timeout": .text("30s"), "max_queue": .null,
                "tcp_nodelay": .flag(false), "source_address": .list(["10.0.0.1"]),
            ]
            patch.tryFor = "10m"
            let answer = try await client.patch("*", patch, ifMatch: "\"r7\"")
            let request = try #require(daemon.requests.first)
            #expect(request.method == "PATCH" && request.target == "/v1/settings/%2A")
            #expect(request.fields["if-match"] == "\"r7\"" && request.fields["content-type"] == "application/json")
            #expect(
                request.body == #"{"settings":{"idle_timeout":"30s","max_connections":2,"max_queue":null,"#
                    + #""source_address":["10.0.0.1"],"tcp_nodelay":false},"try_for":"10m"}"#)
            #expect(answer.etag == "\"r8\"")
        }
    }

    @Test("words that are keys stay as they are, names become snake_case and come back")
    func keys() async throws {
        var detail = OriginDetail()
        detail.figures.requests = ["safe": ["proxy_error": 3, "2xx": 5]]
        detail.figures.closed = ["idle_timeout": 2]
        detail.summary.firstByteP50Ms = 1.5
        let sent = detail
        try await withClient({ _ in .json(sent) }) { client, _ in
            let answer = try await client.origin("x")
            #expect(answer.content.figures.requests == sent.figures.requests)
            #expect(answer.content.figures.closed == sent.figures.closed)
            #expect(answer.content.summary.firstByteP50Ms == 1.5)
            let text = String(decoding: answer.body, as: UTF8.self)
            #expect(text.contains("\"proxy_error\":3") && text.contains("\"first_byte_p50_ms\":1.5"))
        }
    }

    @Test("a problem keeps its status, its words and every field that was wrong")
    func problems() async throws {
        let fields = [FieldProblem(pointer: "/settings/a", detail: "x"), FieldProblem(pointer: "?limit", detail: "y")]
        try await withClient({ _ in .problem(422, "no good", fields) }) { client, _ in
            let error = await #expect(throws: AdminFailure.self) { try await client.status() }
            guard case .refused(let problem) = error else {
                return #expect(Bool(false), "\(String(describing: error))")
            }
            #expect(problem.status == 422 && problem.detail == "no good" && problem.errors == fields)
        }
    }

    @Test(
        "what does not speak this API is told apart from what refuses",
        arguments: [
            FakeDaemon.Answer(type: "text/html", body: "<html>"), .init(body: "{}"), .init(body: "[1,2"),
            .init(status: 502, type: "text/html", body: "x"), .init(status: 302, fields: [("Location", "/x")]),
        ])
    func unexpected(answer: FakeDaemon.Answer) async throws {
        try await withClient({ _ in answer }) { client, _ in
            let error = await #expect(throws: AdminFailure.self) { try await client.status() }
            guard case .unexpected = error else { return #expect(Bool(false), "\(String(describing: error))") }
        }
    }

    @Test(
        "nobody there is told at once with the kernel's words, not when the time to connect is over",
        .timeLimit(.minutes(5)))
    func refusedConnection() async throws {
        let daemon = try FakeDaemon { _ in .empty }
        daemon.stop()
        // Longer than this test may take: it passes only where that is not waited for.
        let client = AdminClient(daemon.address, timeouts: .init(connect: .seconds(86_400), request: .seconds(86_400)))
        let error = await #expect(throws: AdminFailure.self) { try await client.status() }
        guard case .notReachable(_, let reason) = error else {
            return #expect(Bool(false), "\(String(describing: error))")
        }
        #expect(reason == "Connection refused" || reason.contains("closed the connection"))
    }

    @Test("who accepts and says nothing is given up on in time")
    func silent() async throws {
        let daemon = try FakeDaemon { _ in
            var answer = FakeDaemon.Answer()
            answer.staysOpen = true
            answer.body = "{"
            return answer
        }
        defer { daemon.stop() }
        let client = AdminClient(daemon.address, timeouts: .interactive)
        let error = await #expect(throws: AdminFailure.self) { try await client.status() }
        guard case .notReachable = error else { return #expect(Bool(false), "\(String(describing: error))") }
    }

    @Test(
        "a daemon that goes away before the end of its answer is told with what is known of it",
        arguments: [
            ("", "it closed the connection without an answer"),
            ("HTTP/1.1 200 OK\r\nContent-Le", "it closed the connection without an answer"),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{",
                "it closed the connection before the end of its answer"
            ),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
                "it closed the connection before the end of its answer"
            ),
        ])
    func cut(raw: String, reason: String) async throws {
        try await withClient({ _ in .init(raw: raw) }) { client, daemon in
            let error = await #expect(throws: AdminFailure.self) { try await client.patch("*", SettingsPatch()) }
            guard case .notReachable(_, let told) = error else {
                return #expect(Bool(false), "\(String(describing: error))")
            }
            #expect(told == reason)
            // It may have been applied: it is for the user to look, not for the client to repeat it.
            #expect(daemon.requests.count == 1)
        }
    }

    @Test("what does not speak HTTP is told as such", arguments: ["SSH-2.0-OpenSSH_9.2\r\n", "HTTP/9 hello\r\n\r\n"])
    func otherProtocol(raw: String) async throws {
        try await withClient({ _ in .init(raw: raw) }) { client, _ in
            let error = await #expect(throws: AdminFailure.self) { try await client.status() }
            guard case .unexpected(_, let told) = error else {
                return #expect(Bool(false), "\(String(describing: error))")
            }
            #expect(told == "what answers there does not speak HTTP")
        }
    }

    @Test("an interim response is passed over")
    func interim() async throws {
        let body = String(decoding: try APIJSON.encode(Samples.status), as: UTF8.self)
        let raw =
            "HTTP/1.1 103 Early Hints\r\nETag: \"x\"\r\n\r\n"
            + "HTTP/1.1 200 OK\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
        try await withClient({ _ in .init(raw: raw) }) { client, _ in
            let answer = try await client.status()
            #expect(answer.content.pid == 42 && answer.etag == nil)
        }
    }

    @Test("a request without a body says so, and one with a large body goes out at once")
    func bodies() async throws {
        try await withClient({ $0.path == Paths.reload ? .json(ReloadReportModel()) : .json(ImportReport()) }) {
            client, daemon in
            _ = try await client.reload()
            let reload = try #require(daemon.requests.last)
            #expect(reload.method == "POST" && reload.fields["content-length"] == "0" && reload.body.isEmpty)
            #expect(reload.fields["content-type"] == nil)
            let document = #"{"x":"\#(String(repeating: "é", count: 1 << 20))"}"#
            _ = try await client.importSettings(Array(document.utf8))
            let imported = try #require(daemon.requests.last)
            #expect(imported.body == document && imported.fields["expect"] == nil)
        }
    }

    @Test("a request that is cancelled ends, however long its time-outs are", .timeLimit(.minutes(5)))
    func cancelled() async throws {
        let (asked, ask) = AsyncStream.makeStream(of: Void.self)
        let daemon = try FakeDaemon { _ in
            ask.yield()
            return .init(body: "{", staysOpen: true)
        }
        defer { daemon.stop() }
        let client = AdminClient(daemon.address, timeouts: .init(connect: .seconds(86_400), request: .seconds(86_400)))
        let task = Task { try await client.status() }
        for await _ in asked { break }
        task.cancel()
        let error = await #expect(throws: AdminFailure.self) { try await task.value }
        guard case .notReachable = error else { return #expect(Bool(false), "\(String(describing: error))") }
    }

    @Test("a Unix socket is spoken to as localhost")
    func unixSocket() async throws {
        let folder = try Folder()
        let daemon = try FakeDaemon(unix: folder.path + "/a b.sock") { _ in .json(Samples.status) }
        defer { daemon.stop() }
        let client = AdminClient(daemon.address)
        let answer = try await client.status()
        #expect(answer.content.pid == 42)
        #expect(daemon.requests.first?.fields["host"] == "localhost" && daemon.requests.first?.target == "/v1/status")
    }

    @Test("pages are followed to the end or to the limit")
    func pages() async throws {
        let handler: FakeDaemon.Handler = { request in
            let isSecond = request.query.contains("cursor=c%2F1")
            let entries = (isSecond ? [3] : [1, 2]).map { (id: Int64) in
                var entry = AuditReport()
                entry.id = id
                return entry
            }
            return .json(Page(items: entries, nextCursor: isSecond ? nil : "c/1", total: 3))
        }
        try await withClient(handler) { client, daemon in
            let fetch = { (page: PageRequest) async throws(AdminFailure) -> AdminAnswer<Page<AuditReport>> in
                var query = AuditQuery()
                query.page = page
                return try await client.audit(query)
            }
            let all = try await AdminClient.all(limit: 5000, fetch)
            #expect(all.items.map(\.id) == [1, 2, 3] && !all.isCut && all.total == 3)
            let joined = try APIJSON.decode(Page<AuditReport>.self, from: all.body)
            #expect(joined.items.map(\.id) == [1, 2, 3] && joined.nextCursor == nil && joined.total == 3)
            #expect(daemon.requests.map(\.query) == ["limit=1000", "limit=1000&cursor=c%2F1"])
            let some = try await AdminClient.all(limit: 2, fetch)
            #expect(some.items.count == 2 && some.isCut)
            #expect(daemon.requests.last?.query == "limit=2")
        }
    }

    @Test("pages are joined as they came, whatever is in their strings")
    func joining() {
        let pages = [
            #"{"total": 3, "items":[{"a":"]}\"\\"} , {"b":[1,{}]} ],"next_cursor":"x"}"#, #"{"items":[]}"#,
            #"{"items": [ 1.50 ], "total": 3}"#,
        ]
        #expect(
            String(decoding: JSONMembers.joined(pages.map { Array($0.utf8) }), as: UTF8.self)
                == #"{"items":[{"a":"]}\"\\"} , {"b":[1,{}]},1.50],"total":3}"# + "\n")
        #expect(JSONMembers.joined([Array(pages[0].utf8)]) == Array(pages[0].utf8))
        #expect(JSONMembers.value(of: "items", in: Array("[1]".utf8)) == nil)
        #expect(JSONMembers.value(of: "x", in: Array(#"{"a":1"#.utf8)) == nil)
        #expect(
            JSONMembers.elements(of: Array("[ {\"a\":1} , 2]".utf8)).map { String(decoding: $0, as: UTF8.self) } == [
                "{\"a\":1}", "2",
            ])
    }

    @Test("events are cut out of any split of their stream; comments are passed over")
    func eventParser() {
        let text = ": hello\r\nid: 7\r\nevent: setting\r\ndata: {\"a\":\ndata: 1}\n\n\n:\ndata: x\n\nid: 9\n\n"
        let expected = [
            ServerSentEvent(id: "7", name: "setting", data: "{\"a\":\n1}"),
            ServerSentEvent(id: "7", name: nil, data: "x"),
        ]
        for split in 0...text.utf8.count {
            var parser = EventParser()
            let bytes = Array(text.utf8)
            #expect(parser.feed(bytes[..<split]) + parser.feed(bytes[split...]) == expected)
        }
    }

    @Test("a stream of events that breaks is taken up after the last that came")
    func resume() async throws {
        let handler: FakeDaemon.Handler = { request in
            var event = EventReport()
            event.id = request.fields["last-event-id"].flatMap { UInt64($0) }.map { $0 + 1 } ?? 100
            let body = (try? APIJSON.encode(event)).map { String(decoding: $0, as: UTF8.self) } ?? ""
            return .init(type: "text/event-stream", body: "id: \(event.id)\ndata: \(body)\n\n")
        }
        try await withClient(handler) { client, _ in
            var seen: [UInt64] = []
            for try await event in client.events(after: 5) {
                seen.append(event.report.id)
                if seen.count == 3 { break }
            }
            #expect(seen == [6, 7, 8])
        }
    }

    @Test("a stream of events that is refused ends with what was said")
    func refusedStream() async throws {
        try await withClient({ _ in .problem(503, "too many") }) { client, _ in
            let error = await #expect(throws: AdminFailure.self) { for try await _ in client.events(after: nil) {} }
            guard case .refused(let problem) = error else {
                return #expect(Bool(false), "\(String(describing: error))")
            }
            #expect(problem.status == 503)
        }
    }
}
