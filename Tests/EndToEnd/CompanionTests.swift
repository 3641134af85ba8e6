import Foundation
import TestSupport
import Testing

/// connctl as its user meets it.
@Suite struct CompanionTests {
    private let origin: FakeOrigin
    private let proxy: RunningProxy

    init() throws {
        origin = try FakeOrigin.answering()
        proxy = try RunningProxy(state: try StateFolder())
    }

    private func ask(_ count: Int = 1) throws {
        let client = try ScriptedClient(proxy)
        for _ in 0..<count { #expect(try client.get(origin.url()).status == 200) }
    }

    private static func connctl(_ arguments: [String], _ environment: [String: String] = [:]) throws -> Subprocess {
        try Subprocess.run(try RunningProxy.binary("connctl"), arguments, environment: environment)
    }

    private func shell(_ program: String, _ environment: [String: String] = [:]) throws -> Subprocess {
        let state = try #require(proxy.state)
        var all = [
            "CONNCTL": try RunningProxy.binary("connctl"), "CONNCTL_ADMIN": proxy.adminURL,
            "XDG_STATE_HOME": state.path,
            "URL": origin.url(), "SHELL": "/bin/sh",
        ]
        all.merge(environment) { $1 }
        return try Subprocess.run("sh", ["-c", program], environment: all)
    }

    @Test("0: it was done")
    func done() throws {
        try ask()
        try proxy.connctl("set", "all", "max_queue=8")
        for arguments in [
            ["status"], ["list"], ["show", origin.authority], ["conns"], ["settings"], ["diff"], ["events"], ["audit"],
            ["explain"], ["history", "--all"], ["config"], ["version"], ["help"], ["--version"], ["set", "--help"],
        ] {
            let run = try proxy.connctl(arguments)
            #expect(run.exitCode == 0 && !run.output.isEmpty && run.errors.isEmpty, "\(run)")
        }
    }

    @Test("1: connd refused, with the reason and what to do next")
    func refused() throws {
        try ask()
        let cases: [([String], String)] = [
            (["set", origin.authority, "max_connections=0"], "1 to 10000"),
            (["set", origin.authority, "max_conections=2"], "max_connections"),
            (["set", "no such thing", "max_queue=1"], "pattern"),
            (["show", "http://nowhere.example"], "connctl list"),
            (["confirm", origin.authority], "connctl diff"),
            (["why", "999999"], "connctl conns"),
            (["explain", "999999"], "connctl explain"),
        ]
        for (arguments, word) in cases {
            let run = try proxy.connctl(arguments)
            #expect(run.exitCode == 1 && run.output.isEmpty, "\(run)")
            #expect(run.errors.hasPrefix("connctl: ") && run.errors.contains("\nNext: "), "\(run)")
            #expect(run.errors.contains(word), "\(run)")
        }
    }

    @Test(
        "2: wrong usage, before connd is asked",
        arguments: [
            ["lsit"], ["show"], ["set", "example.com"], ["set", "max_queue=1"], ["set", "example.com", "max_queue"],
            ["list", "--sort", "beauty"], ["list", "-o", "xml"], ["prewarm", "http://example.com", "0"],
            ["history"], ["conns", "--state", "asleep"], ["--admin", "ftp://127.0.0.1", "status"],
        ])
    func usage(_ arguments: [String]) throws {
        let run = try Self.connctl(arguments, ["CONNCTL_ADMIN": "http://127.0.0.1:1"])
        #expect(run.exitCode == 2, "\(run)")
        #expect(run.output.isEmpty && run.errors.count > 20, "\(run)")
    }

    @Test("4: nobody there, with where it looked and what to do next")
    func notReachable() throws {
        let refusing = try RefusingPort()
        let folder = try ScratchFolder()
        let run = try Self.connctl(["status"], ["CONNCTL_ADMIN": refusing.url, "XDG_STATE_HOME": folder.path])
        #expect(run.exitCode == 4, "\(run)")
        #expect(run.errors.contains("127.0.0.1:\(refusing.port)") && run.errors.contains("Next: "), "\(run)")
    }

    @Test("it finds the connd of the same user by itself, and its token")
    func found() throws {
        let state = try #require(proxy.state)
        // A system's connd would go first.
        try #require(!FileManager.default.fileExists(atPath: "/run/connd/admin.sock"))
        let run = try Self.connctl(
            ["set", "all", "max_queue=9", "-o", "json"], ["CONNCTL_ADMIN": "", "XDG_STATE_HOME": state.path])
        #expect(run.exitCode == 0, "\(run)")
        #expect(try proxy.setting("max_queue", of: "*")["value"].text == "9")
    }

    @Test("-o json prints JSON and nothing else, whatever there is to show")
    func json() throws {
        let verbs = [
            ["status"], ["list"], ["conns"], ["conns", "--state", "closed"], ["settings"], ["diff"], ["audit"],
            ["explain"], ["history", "--all"], ["config"], ["export"], ["version"], ["show", "all"],
            ["set", "all", "max_queue=8"], ["unset", "all", "max_queue"], ["drain", "all"],
        ]
        for arguments in verbs { _ = try JSONDocument(parsing: try proxy.connctl(arguments + ["-o", "json"]).output) }
        try ask(3)
        for arguments in verbs + [["show", origin.name]] {
            let run = try proxy.connctl(arguments + ["-o", "json"])
            #expect(run.exitCode == 0 && run.errors.isEmpty, "\(run)")
            _ = try JSONDocument(parsing: run.output)
        }
    }

    @Test("colours are for terminals alone, and never with NO_COLOR")
    func colours() throws {
        try ask()
        try proxy.connctl("set", origin.name, "max_queue=3", "--try", "10m")
        let escape = "\u{1B}["
        #expect(try !shell(#""$CONNCTL" list; "$CONNCTL" diff"#, ["NO_COLOR": ""]).output.contains(escape))
        // `script` gives it a terminal.
        let diff = #"script -qec '"$CONNCTL" diff' /dev/null"#
        let coloured = try shell(diff, ["TERM": "xterm", "NO_COLOR": ""])
        #expect(coloured.exitCode == 0 && coloured.output.contains(escape), "\(coloured)")
        let plain = try shell(diff, ["TERM": "xterm", "NO_COLOR": "1"])
        #expect(plain.exitCode == 0 && plain.output.contains("max_queue") && !plain.output.contains(escape), "\(plain)")
    }

    @Test("what env prints makes a shell's programs use connd, and --unset takes it back")
    func env() throws {
        let run = try shell(
            """
            set -eu
            eval "$("$CONNCTL" env)"
            curl -sS --max-time 30 --noproxy '' -w ' %{http_code}\\n' "$URL"
            eval "$("$CONNCTL" env --unset)"
            curl -sS --max-time 30 -w ' %{http_code}\\n' "$URL"
            """)
        #expect(run.exitCode == 0, "\(run)")
        #expect(run.output == "hello 200\nhello 200\n")
        #expect(origin.record.requests.map { $0.head["Via"].isEmpty } == [false, true])
    }

    @Test("after eval of env, what is local to the host is still asked directly")
    func envForLocalOrigins() throws {
        let run = try shell(#"eval "$("$CONNCTL" env)"; curl -sS --max-time 30 "$URL""#)
        #expect(run.output == "hello", "\(run)")
        #expect(origin.record.requests.map { $0.head["Via"].isEmpty } == [true])
    }

    @Test("top without a terminal prints, and ends")
    func top() throws {
        try ask(3)
        let run = try proxy.connctl("top", "--count", "1")
        #expect(run.exitCode == 0 && run.errors.isEmpty, "\(run)")
        #expect(run.output.contains(origin.authority) && !run.output.contains("\u{1B}"), "\(run)")
    }

    @Test("top on a terminal gives it back when q is pressed")
    func liveTop() throws {
        try ask(3)
        let run = try shell(
            #"printf q | script -qec '"$CONNCTL" top' /dev/null"#, ["TERM": "xterm", "NO_COLOR": "1"])
        #expect(run.exitCode == 0, "\(run)")
        #expect(run.output.contains("ORIGIN") && run.output.contains("http://127."))
        // The other screen, and back; the cursor hidden, and shown.
        for pair in [("\u{1B}[?1049h", "\u{1B}[?1049l"), ("\u{1B}[?25l", "\u{1B}[?25h")] {
            #expect(run.output.contains(pair.0) == run.output.contains(pair.1), "\(run)")
        }
    }

    @Test("the completions are bash that bash takes, and it completes verbs")
    func completions() throws {
        try ask()
        let folder = try ScratchFolder()
        let script = try proxy.connctl("completions", "bash")
        #expect(script.exitCode == 0)
        let file = try folder.write("connctl.bash", script.output)
        #expect(try Subprocess.run("bash", ["-n", file]).exitCode == 0)
        let program = #"""
            . "$1"
            PATH="$(dirname "$CONNCTL"):$PATH"
            connctl() { "$CONNCTL" "$@"; }
            COMP_WORDS=(connctl dra) COMP_CWORD=1 COMP_LINE="connctl dra" COMP_POINT=11
            $(complete -p connctl | sed 's/.*-F \([^ ]*\).*/\1/') connctl dra connctl
            echo "${COMPREPLY[@]}"
            """#
        let run = try Subprocess.run(
            "bash", ["-c", program, "bash", file],
            environment: ["CONNCTL": try RunningProxy.binary("connctl"), "CONNCTL_ADMIN": proxy.adminURL])
        #expect(run.output.split(whereSeparator: \.isWhitespace) == ["drain"], "\(run)")
    }

    @Test("the manual page renders without a warning, with every verb")
    func manual() throws {
        let page = try proxy.connctl("man")
        #expect(page.exitCode == 0)
        let rendered = try Subprocess.run(
            "groff", ["-man", "-Tascii", "-ww", "-P-c", "-P-b", "-P-u"], input: page.output)
        #expect(rendered.exitCode == 0 && rendered.errors.isEmpty, "\(rendered.errors)")
        for word in ["CONNCTL(1)", "drain", "prewarm", "explain", "--if-unchanged", "CONNCTL_ADMIN"] {
            #expect(rendered.output.contains(word), "\(word)")
        }
    }

    @Test("export and import carry the settings to another connd; a second import changes nothing")
    func transfer() throws {
        try proxy.connctl("set", "*.example.com", "max_queue=7", "idle_timeout=30s", "--reason", "carried")
        let exported = try proxy.connctl("export")
        #expect(exported.exitCode == 0)
        let folder = try ScratchFolder()
        let file = try folder.write("settings.json", exported.output)
        let other = try RunningProxy(state: try StateFolder())
        let rehearsed = try other.json("import", file, "--dry-run")
        #expect(rehearsed["dry_run"].flag == true && rehearsed["added"].int == 2)
        #expect(try other.json("diff")["items"].items.isEmpty)
        let done = try other.json("import", file)
        #expect(done["added"].int == 2 && done["changed"].int == 0)
        let setting = try other.setting("max_queue", of: "*.example.com")
        #expect(setting["value"].text == "7" && setting["reason"].text == "carried")
        let again = try other.json("import", file)
        #expect(again["added"].int == 0 && again["unchanged"].int == 2)
    }
}
