import AdminClient
import AdminModels
import Testing

@testable import connctl

@Suite("connctl gateway")
struct GatewayCommandTests {
    private static func gateway(_ name: String, _ origin: String, listening: [String] = ["127.0.0.1:9101"])
        -> GatewayReport
    {
        var report = GatewayReport()
        report.name = name
        report.origin = origin
        report.listening = listening
        report.cookieSecure = "keep"
        report.socketMode = "0660"
        report.source = "override"
        report.actor = "uid:0"
        report.reason = "why"
        report.timeMs = World.now - 60_000
        report.requests = 1200
        return report
    }

    private static let usual: FakeDaemon.Handler = { request in
        var file = gateway("billing-api", "http://h:8080", listening: [])
        file.source = "file"
        file.place = "/etc/connd/connd.yaml:12"
        file.reason = nil
        var failed = UnopenedListenerReport()
        failed.address = "127.0.0.1:9102"
        failed.reason = "Address already in use"
        file.unopened = [failed]
        let openai = gateway("openai", "https://api.openai.com")
        switch (request.method, request.path) {
        case ("GET", Paths.gateways): return .json(Page(items: [file, openai]))
        case ("PUT", "/v1/gateways/openai"), ("GET", "/v1/gateways/openai"): return .json(openai)
        case ("GET", "/v1/gateways/s"): return .json(gateway("s", "https://a", listening: ["unix:/run/s.sock"]))
        case ("DELETE", "/v1/gateways/openai"): return .json(Page(items: [file]))
        case ("DELETE", "/v1/gateways/billing-api"): return .json(Page(items: [file, openai]))
        default: return .problem(404, "there is no gateway")
        }
    }

    @Test("list shows each with what it does not listen on; nothing asked for is a list")
    func list() async throws {
        try await World.withDaemon(Self.usual) { world, _ in
            let outcome = await world.run("gateway", "list")
            #expect(
                outcome.output
                    == """
                    NAME         ORIGIN                  LISTENS ON      REQUESTS  SOURCE                    REASON
                    billing-api  http://h:8080           nothing            1200  /etc/connd/connd.yaml:12
                    openai       https://api.openai.com  127.0.0.1:9101      1200  override                  why
                    ! billing-api does not listen on 127.0.0.1:9102: Address already in use. Fix this, then: connctl reload

                    """.replacing("nothing            1200", with: "nothing             1200"))
            #expect(await world.run("gateway").output == outcome.output)
            #expect(await world.run("gateway", "-o", "wide").output.contains("origin's"))
        }
    }

    @Test("add sends what was given, and says where it listens and how to go on")
    func add() async throws {
        try await World.withDaemon(Self.usual) { world, daemon in
            let outcome = await world.run(
                "gateway", "add", "openai", "https://api.openai.com", "--listen", "127.0.0.1:9101", "--listen",
                "unix:/run/o.sock", "--preserve-host", "--strip-secure", "--socket-mode", "0600", "--allow-host", "h",
                "--allow-host", "*.i",
                "--reason", "why")
            #expect(
                outcome.output == """
                    openai: https://api.openai.com on 127.0.0.1:9101
                    Variables for its programs: connctl gateway env openai
                    Undo: connctl gateway remove openai

                    """)
            let request = try #require(daemon.requests.last)
            #expect(
                request.body
                    == #"{"allow_hosts":["h","*.i"],"cookie_secure":"strip","listen":["127.0.0.1:9101","unix:/run/o.sock"],"origin":"https://api.openai.com","preserve_host":true,"reason":"why","socket_mode":"0600"}"#,
                "\(request.body)")
        }
    }

    @Test("remove says what is left of the name")
    func remove() async throws {
        try await World.withDaemon(Self.usual) { world, daemon in
            #expect(await world.run("gateway", "remove", "openai", "--reason", "old").output == "openai: removed\n")
            #expect(daemon.requests.last?.query == "reason=old")
            #expect(
                await world.run("gateway", "remove", "billing-api").output
                    == "billing-api: removed; the config file's applies again (/etc/connd/connd.yaml:12)\n")
        }
    }

    @Test("env prints the variables of the SDKs in the shell's words")
    func env() async throws {
        try await World.withDaemon(Self.usual) { world, _ in
            #expect(
                await world.run("gateway", "env", "openai", "--shell", "bash").output
                    == "export OPENAI_BASE_URL='http://127.0.0.1:9101/v1'\nexport OPENAI_API_BASE='http://127.0.0.1:9101/v1'\n"
            )
            #expect(
                await world.run("gateway", "env", "openai", "--shell", "fish").output
                    .hasPrefix("set -gx OPENAI_BASE_URL 'http://127.0.0.1:9101/v1';\n"))
            let outcome = await world.run("gateway", "env", "s")
            #expect(outcome.status == .failed && outcome.errors.contains("listens on no TCP port"))
        }
        let many = Self.gateway("a", "https://api.groq.com", listening: ["unix:/s", "10.0.0.5:1", "127.0.0.1:2"])
        #expect(GatewayEnvironment.text(many, .sh) == "export GROQ_BASE_URL='http://127.0.0.1:2'\n")
    }

    @Test("what is refused is answered with a command of gateways, and a problem is told once")
    func refused() async throws {
        let text = "10.0.0.1:1 is beyond loopback"
        let refusing: FakeDaemon.Handler = { request in
            switch request.path {
            case "/v1/gateways/taken": .problem(409, "127.0.0.1:1 is where the proxy listens")
            case "/v1/gateways/wrong": .problem(422, text, [FieldProblem(pointer: "/listen/0", detail: text)])
            default: .problem(404, "there is no gateway")
            }
        }
        try await World.withDaemon(refusing) { world, _ in
            let none = await world.run("gateway", "remove", "none").errors
            #expect(none.contains("Next: connctl gateway list"), "\(none)")
            let taken = await world.run("gateway", "add", "taken", "https://a").errors
            #expect(taken.contains("Next: connctl gateway list"), "\(taken)")
            let wrong = await world.run("gateway", "add", "wrong", "https://a").errors
            #expect(wrong == "connctl: \(text)\nNext: connctl help gateway    says what a gateway takes\n", "\(wrong)")
        }
    }

    @Test(
        "what each origin's SDKs read",
        arguments: [
            ("api.anthropic.com", ["ANTHROPIC_BASE_URL"], ""),
            ("s3.eu-central-1.amazonaws.com", ["AWS_ENDPOINT_URL"], ""),
            ("pypi.org", ["PIP_INDEX_URL", "UV_DEFAULT_INDEX"], "/simple/"),
            ("api.replicate.com", ["REPLICATE_BASE_URL"], ""), ("api.groq.com", ["GROQ_BASE_URL"], ""),
            ("api.together.xyz", ["TOGETHER_BASE_URL"], "/v1"), ("api.cohere.com", ["CO_API_URL"], ""),
            ("cloud.langfuse.com", ["LANGFUSE_HOST", "LANGFUSE_BASE_URL"], ""),
            ("internal.example", ["MY_BILLING_BASE_URL"], ""),
        ])
    func table(host: String, names: [String], path: String) {
        let entry = GatewayEnvironment.entry(host: host, gateway: "my-billing")
        #expect(entry.variables.map(\.name) == names && entry.variables.allSatisfy { $0.path == path })
    }

    @Test("a note is a comment, and none where it would hide the line")
    func note() {
        let gateway = Self.gateway("9pay", "https://pay.example")
        #expect(
            GatewayEnvironment.text(gateway, .sh) == """
                export _9PAY_BASE_URL='http://127.0.0.1:9101'
                # connd knows no SDK for pay.example: set this URL as the base URL of your program in its own way

                """)
        #expect(GatewayEnvironment.text(gateway, .csh) == "setenv _9PAY_BASE_URL http://127.0.0.1:9101;\n")
    }

    @Test(
        "wrong usage",
        arguments: [
            ["gateway", "lst"], ["gateway", "add"], ["gateway", "add", "x"], ["gateway", "remove"], ["gateway", "env"],
            ["gateway", "list", "x"], ["gateway", "remove", "x", "https://y"],
        ])
    func usage(arguments: [String]) async throws {
        let outcome = try await World().run(arguments)
        #expect(outcome.status == .usage && outcome.output.isEmpty && !outcome.errors.isEmpty)
    }
}
