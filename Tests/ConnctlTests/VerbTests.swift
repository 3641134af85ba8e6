import AdminClient
import AdminModels
import ProxyTypes
import Testing

@testable import connctl

@Suite("The verbs")
struct VerbTests {
    /// A daemon that knows two origins and whose settings are at revision 8.
    private static let usual: FakeDaemon.Handler = { request in
        switch (request.method, request.path) {
        case (_, Paths.status): .json(Samples.status)
        case (_, Paths.definitions): .json(Page(items: Samples.definitions))
        case (_, Paths.origins):
            .json(
                Samples.page(
                    ["http://example.com", "http://example.org:8080"].filter {
                        let filter = request.query.split(separator: "&").first { $0.hasPrefix("filter=") }?.dropFirst(7)
                        return filter.flatMap { PercentEncoding.decode($0) }.map($0.contains) ?? true
                    }.map { Samples.summary($0) }))
        case ("PATCH", _):
            .json(
                Samples.settings(
                    "example.com",
                    [
                        Samples.setting("max_connections", "2", "override", base: "32"),
                        Samples.setting("max_lifetime", "5m", "trial", base: "15m", expires: World.now + 600_000),
                        Samples.setting("idle_timeout", "auto", "default"),
                    ]), etag: "\"r8\"")
        case (_, "/v1/exchanges/4711"): .json(Samples.exchange)
        case (_, Paths.exchanges): .json(Samples.page([Samples.exchange]))
        case (_, "/v1/actions/drain"): .json(ActionReport())
        default: .problem(404, "there is no \(request.path)")
        }
    }

    @Test("list shows one line for each origin, in columns")
    func list() async throws {
        try await World.withDaemon(Self.usual) { world, _ in
            let outcome = await world.run("list")
            #expect(outcome.status == .ok && outcome.errors.isEmpty)
            #expect(
                outcome.output == """
                    ORIGIN                   CONNS  IDLE  LEASED  WAIT  REQUESTS  ERRORS  REUSE  TTFB P50     P99  REACHED  SET
                    http://example.com        4/32     3       1     0     1,200       0  98.2%    0.42ms  12.5ms
                    http://example.org:8080   4/32     3       1     0     1,200       0  98.2%    0.42ms  12.5ms

                    """)
        }
    }

    @Test("list marks origins that only tunnels reach or that have gateways, and says how to share connections")
    func reached() throws {
        var (tunnels, gateway) = (Samples.summary("https://api.example.com"), Samples.summary("https://b.example"))
        tunnels.tunnelsOnly = true
        (gateway.tunnelsOnly, gateway.gateways) = (true, ["b", "c"])
        #expect(
            OriginTable.marks(tunnels).isEmpty && OriginTable.marks(gateway) == "gateway b c")
        var originated = Samples.summary("https://c.example")
        (originated.tunnelsOnly, originated.originatedFrom) = (true, ["http://c.example"])
        #expect(OriginTable.marks(originated) == "originated")
        #expect(OriginTable.advice([gateway, originated]).isEmpty)
        #expect(
            OriginTable.advice([gateway, tunnels]) == [
                "Only tunnels reach https://api.example.com, so connections are not shared. Programs that take a base URL "
                    + "can share them: connctl gateway add example https://api.example.com"
            ])
        #expect(OriginTable.reached(tunnels).isEmpty)
        for word in ["pooled", "tunnelled", "intercepted"] {
            tunnels.reached = word
            #expect(OriginTable.reached(tunnels) == word)
        }
        (tunnels.reached, tunnels.splicedBecause) = ("spliced", "client_refuses")
        #expect(OriginTable.reached(tunnels) == "spliced: client_refuses")
        tunnels.connections.tunnels = 3
        #expect(OriginTable.advice([tunnels, tunnels]).first?.hasPrefix("Only tunnels reach 2 origins, ") == true)
    }

    @Test("JSON is the API's own, as it came, and nothing else on standard output")
    func json() async throws {
        let body = #"{"items":[],"total":0,"later_field":1.50}"# + "\n"
        try await World.withDaemon({ _ in .init(body: body) }) { world, _ in
            #expect(await world.run("list", "-o", "json").output == body)
            #expect(await world.run("-o", "json", "list").output == body)
            #expect(await world.run("diff", "--output=json").output == body)
        }
    }

    @Test("set says what is in force, from when, over what, and how to undo it")
    func set() async throws {
        try await World.withDaemon(Self.usual) { world, daemon in
            let outcome = await world.run(
                "set", "example.com", "max_connections=2", "max_lifetime=5m", "--try", "10m", "--reason", "why not",
                "--if-unchanged", "r7")
            #expect(outcome.status == .ok)
            #expect(
                outcome.output == """
                    example.com
                    SETTING          IN FORCE  SOURCE    OVER  TAKES EFFECT
                    max_connections  2         override  32    at once
                    max_lifetime     5m        trial     15m   for new connections
                    On trial, ends in 10m. Keep it: connctl confirm example.com max_lifetime
                    End it now: connctl revert example.com max_lifetime
                    Undo: connctl unset example.com max_connections

                    """)
            let patch = try #require(daemon.requests.last)
            #expect(patch.target == "/v1/settings/example.com" && patch.fields["if-match"] == "\"r7\"")
            #expect(
                patch.body
                    == #"{"reason":"why not","settings":{"max_connections":2,"max_lifetime":"5m"},"try_for":"10m"}"#)
        }
    }

    @Test(
        "values go over as what their setting takes",
        arguments: [
            ("max_connections=4", #"{"max_connections":4}"#), ("max_connections=x", #"{"max_connections":"x"}"#),
            ("tcp_nodelay=off", #"{"tcp_nodelay":false}"#), ("tcp_nodelay=maybe", #"{"tcp_nodelay":"maybe"}"#),
            ("pipelining=off", #"{"pipelining":"off"}"#), ("idle_timeout=a=b", #"{"idle_timeout":"a=b"}"#),
            ("unknown=5", #"{"unknown":"5"}"#), ("idle_timeout=", #"{"idle_timeout":""}"#),
        ])
    func values(assignment: String, settings: String) async throws {
        try await World.withDaemon(Self.usual) { world, daemon in
            #expect(await world.run("set", "all", assignment).status == .ok)
            let patch = try #require(daemon.requests.last)
            #expect(patch.target == "/v1/settings/%2A" && patch.body == #"{"settings":\#(settings)}"#)
        }
    }

    @Test("unset sends null, and says what is in force without it")
    func unset() async throws {
        try await World.withDaemon(Self.usual) { world, daemon in
            let outcome = await world.run("unset", "example.com", "idle_timeout")
            #expect(outcome.output.contains("idle_timeout  auto      default"))
            #expect(daemon.requests.last?.body == #"{"settings":{"idle_timeout":null}}"#)
        }
    }

    @Test("an action finds its origin by a part of the name, and tells those that it may mean")
    func action() async throws {
        try await World.withDaemon(Self.usual) { world, daemon in
            #expect(await world.run("drain", "example.org").status == .ok)
            #expect(daemon.requests.last?.body == #"{"origin":"http://example.org:8080"}"#)
            #expect(await world.run("drain", "all").status == .ok)
            #expect(daemon.requests.last?.body == "{}")
            let ambiguous = await world.run("drain", "example")
            #expect(ambiguous.status == .failed && ambiguous.output.isEmpty)
            #expect(
                ambiguous.errors == """
                    connctl: `example` may mean 2 origins
                      http://example.com
                      http://example.org:8080
                    Next: write the one you mean in full, such as http://example.com

                    """)
            let unknown = await world.run("drain", "nowhere")
            #expect(
                unknown.errors.contains("knows no origin like `nowhere`") && unknown.errors.contains("connctl list"))
        }
    }

    @Test("an origin that is not known is told beside those like it")
    func unknownOrigin() async throws {
        try await World.withDaemon(Self.usual) { world, _ in
            let outcome = await world.run("show", "https://example.com/some/path")
            #expect(outcome.status == .failed)
            #expect(outcome.errors.contains("it knows http://example.com\n"))
        }
    }

    @Test("explain draws one exchange, says why it had its connection, and what to change")
    func explain() async throws {
        try await World.withDaemon(Self.usual) { world, _ in
            let one = await world.run("explain", "4711").output
            #expect(one.contains("GET http://example.com/slow?x=1\n"))
            #expect(one.contains("  connect         ████"))
            #expect(one.contains("None was idle, so that one was dialled."))
            #expect(one.contains("40.0% of the time: the TCP connect"))
            let all = await world.run("explain").output
            #expect(all.contains("4711   3s ago  slow     200     1.00s  connect"))
            #expect(all.contains("connctl explain 4711"))
        }
    }

    @Test("status says what is not well, and what to do about it")
    func status() async throws {
        var bad = Samples.status
        bad.store.state = "failing"
        bad.store.fault = "full"
        bad.store.message = "the disk is full"
        bad.conflicts = 1
        bad.configError = "line 3: unknown key"
        let sent = bad
        try await World.withDaemon({ _ in .json(sent) }) { world, _ in
            let text = await world.run("status").output
            #expect(text.contains("failing (full)") && text.contains("! The database: the disk is full."))
            #expect(text.contains("connctl diff") && text.contains("connctl reload"))
        }
        try await World.withDaemon(Self.usual) { world, _ in
            let text = await world.run("status").output
            #expect(!text.contains("!"))
            #expect(text.contains("12,345 requests, 0 errors, 99.0% reused"))
            #expect(text.contains("/var/lib/connd/connd.db: ok, 1.0 MiB, written 2s ago"))
        }
    }

    @Test("what a daemon says cannot steer the terminal")
    func controlCharacters() async throws {
        let page = Samples.page([Samples.summary("http://a\u{1B}]0;x\u{7}")])
        try await World.withDaemon({ _ in .json(page) }) { world, _ in
            for format in ["table", "wide", "json"] {
                let text = await world.run("list", "-o", format).output
                #expect(!text.unicodeScalars.contains { $0 != "\n" && SafeText.isUnsafe($0) })
            }
        }
        try await World.withDaemon({ _ in .problem(400, "bad \u{1B}[2J") }) { world, _ in
            #expect(!(await world.run("list").errors.contains("\u{1B}")))
        }
    }

    @Test("what a trial hides is told, and what a wider pattern gives is not this one's to undo")
    func hidden() {
        var wider = Samples.setting("idle_timeout", "30s", "override")
        wider.place = "*"
        let answer = SettingsAnswer(
            names: ["max_connections", "idle_timeout"],
            report: Samples.settings(
                "example.com", [Samples.setting("max_connections", "9", "trial", expires: World.now + 60_000), wider]),
            definitions: Samples.definitions, now: World.now)
        #expect(
            answer.advice == [
                "max_connections: a trial is active; this change takes effect when the trial ends.",
                "On trial, ends in 1m. Keep it: connctl confirm example.com max_connections",
                "End it now: connctl revert example.com max_connections",
            ])
    }

    @Test("without a token it says where one was looked for")
    func noToken() async throws {
        try await World.withDaemon({ $0.method == "GET" ? .json(Samples.status) : .problem(401, "no token") }) {
            world, _ in
            let errors = await world.run("drain", "all").errors
            #expect(
                errors.contains("  no token was found: \(world.folder.path)/none.token: No such file or directory; "))
        }
    }

    @Test("a token that was kept from whoever listens is told with the way to send it")
    func withheldToken() async throws {
        try await World.withDaemon({ _ in .problem(401, "no token") }) { world, _ in
            var world = world
            let file = try world.folder.write("admin.token", "secret-secret-secret")
            world.environment.listeners.paths = []
            let errors = await world.run("drain", "all").errors
            #expect(errors.contains("  the token of \(file) was not sent, because no process on this host listens at "))
            #expect(errors.contains("Next: connctl --token-file \(file) …"))
        }
    }

    @Test(
        "each refusal ends with what to do next",
        arguments: [
            (401, "connctl --token-file", CommandStatus.failed), (403, "127.0.0.1:3129", .failed),
            (404, "connctl list", .failed), (409, "connctl audit", .failed),
            (412, "connctl show example.com", .preconditionFailed), (422, "connctl settings", .failed),
            (503, "connctl status", .failed), (500, "journalctl -u connd", .failed),
        ])
    func refusals(code: Int, next: String, status: CommandStatus) async throws {
        let handler: FakeDaemon.Handler = {
            $0.method == "GET" ? .json(Page(items: Samples.definitions)) : .problem(code, "the reason")
        }
        try await World.withDaemon(handler) { world, _ in
            let outcome = await world.run("set", "example.com", "max_connections=2")
            #expect(outcome.status == status && outcome.output.isEmpty)
            #expect(outcome.errors.hasPrefix("connctl: the reason\n"))
            let lines = outcome.errors.split(separator: "\n").filter { $0.hasPrefix("Next: ") }
            #expect(lines.contains { $0.contains(next) })
        }
    }

    @Test("a setting that is not known is answered with those that are near")
    func unknownSetting() async throws {
        let handler: FakeDaemon.Handler = {
            $0.method == "GET"
                ? .json(Page(items: Samples.definitions))
                : .problem(
                    422, "no such setting",
                    [
                        FieldProblem(pointer: "/settings/max_conections", detail: "there is no such setting"),
                        FieldProblem(pointer: "/settings/idle_timeout", detail: "must be auto"),
                    ])
        }
        try await World.withDaemon(handler) { world, _ in
            let text = await world.run("set", "all", "max_conections=2", "idle_timeout=x").errors
            #expect(text.contains("  max_conections: there is no such setting\n  idle_timeout: must be auto\n"))
            #expect(text.contains("Next: did you mean max_connections?\n"))
            let one = await world.run("settings", "idle_timeou")
            #expect(one.status == .failed && one.errors.contains("did you mean idle_timeout?"))
        }
    }

    @Test("a trial that has ended is told as that", arguments: ["confirm", "revert"])
    func endedTrial(verb: String) async throws {
        let handler: FakeDaemon.Handler = { request in
            guard request.method == "GET" else { return .problem(409, "nothing is on trial for example.com") }
            return request.path == Paths.definitions
                ? .json(Page(items: Samples.definitions)) : .json(Samples.settings("example.com", []))
        }
        try await World.withDaemon(handler) { world, daemon in
            let outcome = await world.run(verb, "example.com", "max_connections", "--reason", "x")
            #expect(
                outcome.status == .failed && outcome.errors.contains("connctl audit    shows whether the trial ran out")
            )
            #expect(daemon.requests.last?.target == "/v1/settings/example.com/\(verb)")
            #expect(daemon.requests.last?.body == #"{"reason":"x","settings":["max_connections"]}"#)
        }
    }

    @Test("a daemon that is away is told with every place that was tried")
    func notReachable() async throws {
        let daemon = try FakeDaemon { _ in .empty }
        daemon.stop()
        let world = try World()
        try world.folder.write("admin.url", "\(daemon.address)\n")
        let outcome = await world.run("status")
        #expect(outcome.status == .notReachable && outcome.output.isEmpty)
        #expect(outcome.errors.contains("tried unix:\(world.folder.path)/none.sock: No such file or directory"))
        #expect(outcome.errors.contains("tried \(daemon.address) (from \(world.folder.path)/admin.url): "))
        #expect(outcome.errors.contains("`connd &`, or `systemctl start connd`"))
        #expect(outcome.errors.contains("--admin"))
    }

    @Test("import sends the file as it is; export writes one that import takes")
    func transfer() async throws {
        let document = #"{"format":"connd-settings","format_version":1,"overrides":[]}"#
        let handler: FakeDaemon.Handler = { request in
            request.path == Paths.export ? .init(body: document) : .json(ImportReport())
        }
        try await World.withDaemon(handler) { world, daemon in
            let file = world.folder.path + "/settings.json"
            #expect(await world.run("export", file).output == "0 overrides written to \(file)\n")
            #expect(try SmallFile.read(file) == document)
            #expect(await world.run("import", file, "--dry-run", "--replace", "--reason", "a b").status == .ok)
            let request = try #require(daemon.requests.last)
            #expect(request.body == document)
            #expect(request.target == "/v1/import?dry_run=true&replace=true&reason=a%20b")
            #expect(await world.run("export").output == document + "\n")
            #expect(await world.run("import", "/nowhere.json").status == .failed)
        }
    }

    @Test("events without --follow end when what is kept has come; ticks are left out")
    func events() async throws {
        let handler: FakeDaemon.Handler = { request in
            guard request.path == Paths.events else { return .json(VersionReport()) }
            var text = ""
            for (id, type) in [(1, "reset"), (2, "setting"), (3, "tick")] {
                var event = EventReport()
                event.id = UInt64(id)
                event.type = type
                event.time = "2027-01-15T08:00:00Z"
                event.message = "message \(id)"
                let body = (try? APIJSON.encode(event)) ?? []
                text += "id: \(id)\ndata: \(String(decoding: body, as: UTF8.self))\n\n"
            }
            return .init(type: "text/event-stream", body: text, staysOpen: true)
        }
        try await World.withDaemon(handler) { world, _ in
            let outcome = await world.run("events")
            #expect(outcome.status == .ok)
            #expect(outcome.output == "2027-01-15 08:00:00Z  setting message 2\n")
        }
    }

    @Test("top prints and ends where there is no terminal")
    func top() async throws {
        try await World.withDaemon(Self.usual) { world, _ in
            let outcome = await world.run("top")
            #expect(outcome.status == .ok && outcome.output.contains("http://example.com"))
            #expect(!outcome.output.contains("\u{1B}"))
        }
    }

    @Test("a terminal is shown colours, but for those who do not want them")
    func colors() async throws {
        try await World.withDaemon(Self.usual) { world, _ in
            var world = world
            world.environment.screen = Screen(
                isTerminal: true, movesCursor: true, columns: 60, rows: 24, hasColor: true, hasUnicode: true)
            let text = await world.run("list").output
            #expect(text.contains("\u{1B}[2m"))
            let plain = await world.run("list", "--no-color").output
            #expect(!plain.contains("\u{1B}"))
            #expect(plain.split(separator: "\n").allSatisfy { DisplayWidth.of($0) <= 60 })
        }
    }
}
