import AdminClient
import Testing

@testable import connctl

@Suite("The command line")
struct CommandLineTests {
    @Test(
        "wrong usage ends with 2, says what is wrong, and where to read on",
        arguments: [
            ["lst"], ["set", "max_connections=2"], ["set", "all"], ["set", "all", "max_connections"],
            ["set", "all", "a=1", "a=2"], ["unset", "all"], ["unset", "all", "a=1"], ["list", "--limit", "0"],
            ["list", "--sort", "nonsense"], ["conns", "--state", "nonsense"], ["show"], ["close", "x"],
            ["prewarm", "all", "3"], ["prewarm", "x", "0"], ["history"], ["history", "x", "--all"],
            ["history", "x", "--since", "yesterday"], ["explain", "--outcome", "x"], ["status", "--nonsense"],
            ["--admin", "http://x"], ["--admin", "nonsense://", "status"], ["completions", "ksh"],
            ["top", "--interval", "0"], ["set", "all", "a=1", "--if-unchanged", "a b"],
            ["unset", "all", "a", "--if-unchanged="],
        ])
    func usage(arguments: [String]) async throws {
        let outcome = try await World().run(arguments)
        #expect(outcome.status == .usage)
        #expect(outcome.output.isEmpty)
        #expect(outcome.errors.contains("connctl") && outcome.errors.contains("\n"))
    }

    @Test("a verb that is not known is answered with the nearest one")
    func nearestVerb() async throws {
        let outcome = try await World().run("stauts")
        #expect(
            outcome.errors
                == "connctl: there is no command `stauts`; did you mean `status`?\nNext: connctl help status\n")
    }

    @Test("without a verb it prints an overview")
    func overview() async throws {
        let outcome = try await World().run()
        #expect(outcome.status == .ok && outcome.errors.isEmpty)
        for verb in Connctl.verbs { #expect(outcome.output.contains("  \(verb) ")) }
    }

    @Test("each verb has help with examples", arguments: Connctl.verbs)
    func help(verb: String) async throws {
        let outcome = try await World().run(verb, "--help")
        #expect(outcome.status == .ok && outcome.errors.isEmpty)
        #expect(outcome.output.contains("connctl \(verb)"))
        #expect(outcome.output.contains("OVERVIEW: ") && outcome.output.contains("--admin <url>"))
        #expect(try await World().run("help", verb).output == outcome.output)
    }

    @Test(
        "the options of every verb may stand before it",
        arguments: [
            (["-o", "json", "list"], ["list", "-o", "json"]),
            (["--admin=x", "list", "-h"], ["list", "--admin=x", "-h"]),
            (["--no-color", "--admin", "x", "set", "a", "b=1"], ["set", "--no-color", "--admin", "x", "a", "b=1"]),
            (["list", "-o", "json"], ["list", "-o", "json"]), (["--version"], ["--version"]), ([], []),
        ])
    func order(arguments: [String], ordered: [String]) throws {
        #expect(try ArgumentOrder.verbFirst(arguments, verbs: Connctl.verbs) == ordered)
    }

    @Test(
        "the nearest words are found, and none where none is near",
        arguments: [
            ("max_conections", ["max_connections"]), ("idle", ["idle_timeout", "max_idle"]), ("zzz", []),
            ("MAX_IDLE", ["max_idle"]), ("ab", []),
        ])
    func nearMisses(word: String, near: [String]) {
        #expect(SpellingSuggestion.all(word, among: ["max_connections", "idle_timeout", "max_idle", "tls"]) == near)
    }

    @Test(
        "env writes in the words of the shell",
        arguments: [
            ("bash", "export http_proxy='http://127.0.0.1:3128'\n"),
            ("fish", "set -gx https_proxy 'http://127.0.0.1:3128';\n"),
            ("csh", "setenv no_proxy localhost,127.0.0.1,::1,\\[::1\\];\n"),
        ])
    func env(shell: String, line: String) async throws {
        try await World.withDaemon({ _ in .json(Samples.status) }) { world, _ in
            let text = await world.run("env", "--shell", shell).output
            #expect(text.contains(line) && !text.contains("HTTP_PROXY"))
            // Behind all else, for those who give it to eval as one line.
            let last = text.split(separator: "\n").last ?? ""
            #expect(last.hasPrefix("# ") == (shell != "csh") && text.contains("# ") == last.hasPrefix("# "))
        }
    }

    @Test("env --unset needs no daemon; a daemon on Unix sockets alone cannot be named by variables")
    func envWithoutAddress() async throws {
        var world = try World()
        world.environment.variables["SHELL"] = "/usr/bin/fish"
        world.environment.variables["CONND_SAVED_http"] = ""
        let outcome = await world.run("env", "--unset")
        #expect(outcome.status == .ok && outcome.output.contains("set -eg http_proxy;\n"))
        #expect(EnvironmentText.proxy(["unix:/run/connd/proxy.sock"]) == nil)
        #expect(EnvironmentText.proxy(["10.0.0.1:3128", "[::1]:3128"]) == "http://[::1]:3128")
    }

    @Test("the manual page has every verb and option, and no line that roff would take for its own")
    func manual() async throws {
        let page = try await World().run("man").output
        for verb in Connctl.verbs { #expect(page.contains(".SS connctl \(verb)")) }
        #expect(page.contains("\\-\\-if\\-unchanged") && page.contains(".SH EXIT STATUS"))
        let requests = [".TH", ".SH", ".SS", ".TP", ".PP", ".B", ".I", ".BR", ".RI", ".nf", ".fi"]
        for line in page.split(separator: "\n") where line.hasPrefix(".") || line.hasPrefix("'") {
            #expect(requests.contains(String(line.prefix { $0 != " " })), "\(line)")
        }
        #expect(ManualPage.escaped(".x-y\\") == "\\&.x\\-y\\e")
    }

    @Test("completion scripts are made for each shell", arguments: ["bash", "zsh", "fish"])
    func completions(shell: String) async throws {
        let outcome = try await World().run("completions", shell)
        #expect(outcome.status == .ok && outcome.output.contains("connctl") && outcome.output.contains("explain"))
    }

    @Test("origins and settings complete, and quickly to nothing where connd is away")
    func completion() async throws {
        let handler: FakeDaemon.Handler = { request in
            request.path.hasSuffix("definitions")
                ? .json(Samples.page(Samples.definitions)) : .json(Samples.page([Samples.summary("http://a")]))
        }
        try await World.withDaemon(handler) { world, _ in
            await CommandEnvironment.$current.withValue(world.environment) {
                #expect(await Completion.originsOrAll([], 0, "") == ["http://a", "all"])
                #expect(await Completion.assignments([], 0, "max").contains("max_connections="))
                #expect(await Completion.assignments([], 0, "pipelining=").contains("pipelining=idempotent"))
            }
        }
        let away = try FakeDaemon { _ in .empty }
        away.stop()
        var world = try World()
        world.environment.variables["CONNCTL_ADMIN"] = away.address.description
        await CommandEnvironment.$current.withValue(world.environment) {
            #expect(await Completion.origins([], 0, "").isEmpty)
        }
    }

    @Test(
        "a terminal's character set is that of the first variable that says one",
        arguments: [
            (["LANG": "en_US.UTF-8"], true), (["LANG": "C.utf8"], true), (["LANG": "C"], false), ([:], false),
            (["LC_ALL": "C", "LANG": "en_US.UTF-8"], false),
        ] as [([String: String], Bool)])
    func unicode(variables: [String: String], isUnicode: Bool) {
        #expect(Screen.isUnicode(variables) == isUnicode)
    }

    @Test(
        "how far back is a number and a unit",
        arguments: [
            ("90s", 90_000), ("2d", 172_800_000), ("0h", nil), ("h", nil), ("401d", nil), ("1w", nil), ("-1h", nil),
        ]
            as [(String, Int64?)])
    func since(text: String, milliseconds: Int64?) {
        #expect(SinceText.milliseconds(text) == milliseconds)
    }
}
