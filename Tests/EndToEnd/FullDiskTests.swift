import Foundation
import TestSupport
import Testing

/// The programs where what they print cannot be written: an answer that is not there is a failure.
@Suite struct FullDiskTests {
    private static let reason = "cannot write to standard output: No space left on device"

    private static func run(_ program: String, _ arguments: [String], to output: String, _ variables: [String: String])
        throws -> Subprocess
    {
        let path = try RunningProxy.binary(program)
        return try Subprocess.run(
            "sh", ["-c", "exec \"$@\" \(output)", "sh", path] + arguments, environment: variables)
    }

    /// A running connd that knows an origin, a connection, an exchange that failed, and settings of each kind.
    private final class Running {
        let origin: FakeOrigin
        let proxy: RunningProxy
        let folder: ScratchFolder
        let variables: [String: String]

        init() throws {
            origin = try FakeOrigin.answering()
            // However slow the verbs before it are, there is a connection to ask for.
            proxy = try RunningProxy("settings: { idle_timeout: 1h }", state: try StateFolder())
            folder = try ScratchFolder()
            variables = [
                "CONNCTL_ADMIN": proxy.adminURL, "XDG_STATE_HOME": proxy.state?.path ?? "", "HOME": folder.path,
                "SHELL": "/bin/sh",
            ]
            try folder.write("settings.json", proxy.connctl("export").output)
        }

        /// Puts things as a verb needs them.
        func prepare() throws {
            try proxy.connctl("resume", "all")
            #expect(try ScriptedClient(proxy).get(origin.url()).status == 200)
            try proxy.connctl("set", origin.name, "max_queue=5")
            try proxy.connctl("set", origin.name, "max_idle=5", "--try", "10m")
        }

        func connection() throws -> String {
            let items = try JSONDocument(parsing: proxy.connctl("conns", "-o", "json").output)["items"].items
            return try #require(items.compactMap { $0["number"].int }.first.map { "\($0)" })
        }

        /// How each verb is used. One that is new is to be added here.
        func uses() throws -> [String: [String]] {
            let name = origin.name
            return [
                "status": [], "list": [], "show": [name], "conns": [], "top": ["--count", "1"],
                "set": [name, "max_connections=7"], "unset": [name, "max_queue"], "confirm": [name],
                "revert": [name], "diff": [], "settings": [], "export": [],
                "import": ["\(folder.path)/settings.json"], "config": [], "reload": [], "drain": [name],
                "reconnect": [name], "prewarm": [name, "1"], "pause": [name], "resume": [name], "forget": [name],
                "close": [try connection()], "explain": [], "why": [try connection()], "history": ["--all"],
                "events": [], "audit": [], "enable": ["--user", "--dry-run", "shell"],
                "disable": ["--user", "--dry-run", "shell"], "env": [], "completions": ["bash"], "man": [],
                "version": [], "backup": ["\(folder.path)/backup.db", "--force"], "gateway": ["list"], "ca": ["show"],
                "tls": [], "dns": [], "ports": [], "races": [], "advise": [],
                "doctor": [name, "--quick"],
            ]
        }
    }

    /// From the tree of verbs itself.
    private static func verbs() throws -> [String] {
        let dump = try Subprocess.run(try RunningProxy.binary("connctl"), ["--experimental-dump-help"])
        let commands = try JSONDocument(parsing: dump.output)["command"]["subcommands"].items
        // `whatif` has an answer after half a minute of traffic only.
        return commands.compactMap { $0["commandName"].text }.filter { !["help", "whatif"].contains($0) }
    }

    @Test("every verb of connctl says that its answer could not be written, and fails")
    func verbs() throws {
        let running = try Running()
        let verbs = try Self.verbs()
        #expect(verbs.count > 20)
        for verb in verbs {
            try running.prepare()
            guard let arguments = try running.uses()[verb] else {
                Issue.record("`\(verb)` is not tried here: say how it is used")
                continue
            }
            let run = try Self.run("connctl", [verb] + arguments, to: "> /dev/full", running.variables)
            #expect(run.exitCode == 1, "\(run)")
            #expect(run.errors.hasPrefix("connctl: \(Self.reason)\nNext: "), "\(run)")
            let help = try Self.run("connctl", [verb, "--help"], to: "> /dev/full", running.variables)
            #expect(help.exitCode == 1 && help.errors.contains(Self.reason), "\(help)")
        }
    }

    @Test(
        "so does what connctl says of itself, and its JSON",
        arguments: [
            [], ["--help"], ["help"], ["help", "set"], ["--version"], ["--generate-completion-script", "bash"],
            ["--experimental-dump-help"], ["status", "-o", "json"], ["export", "-"], ["events", "--follow"],
        ])
    func others(_ arguments: [String]) throws {
        let running = try Running()
        try running.prepare()
        let run = try Self.run("connctl", arguments, to: "> /dev/full", running.variables)
        #expect(run.exitCode == 1 && run.errors.hasPrefix("connctl: \(Self.reason)\n"), "\(run)")
    }

    @Test("a verb that fails keeps its own status")
    func ownStatus() throws {
        let variables = ["CONNCTL_ADMIN": "http://127.0.0.1:1"]
        #expect(try Self.run("connctl", ["lst"], to: "> /dev/full", variables).exitCode == 2)
        #expect(try Self.run("connctl", ["status"], to: "> /dev/full", variables).exitCode == 4)
    }

    @Test("a standard output that is closed is a failure, and nothing else gets what was meant for it")
    func closed() throws {
        let running = try Running()
        let run = try Self.run("connctl", ["status"], to: ">&-", running.variables)
        #expect(run.exitCode == 1, "\(run)")
        #expect(run.errors.hasPrefix("connctl: cannot write to standard output: Bad file descriptor\n"), "\(run)")
        let connd = try Self.run("connd", ["--print-config"], to: ">&-", [:])
        #expect(connd.exitCode == 1 && connd.errors.contains("Bad file descriptor"), "\(connd)")
    }

    @Test("a reader that has had enough ends connctl quietly", arguments: [["man"], ["help"], ["status"]])
    func enough(_ arguments: [String]) throws {
        let running = try Running()
        try running.prepare()
        let path = try RunningProxy.binary("connctl")
        let program = #"set -o pipefail; "$@" | head -c 1"#
        let run = try Subprocess.run(
            "bash", ["-c", program, "bash", path] + arguments, environment: running.variables)
        #expect(run.exitCode == 0 && run.output.utf8.count == 1 && run.errors.isEmpty, "\(run)")
    }

    @Test("a reader that has had enough ends a verb that would go on, when there is more to say")
    func enoughOfMany() throws {
        let running = try Running()
        try running.prepare()
        let program = #"""
            set -o pipefail
            { "$1" events --follow | head -c 1; echo " $?"; } &
            while kill -0 $! 2>/dev/null; do "$1" set all max_queue=$((RANDOM % 1000 + 1)) >/dev/null; done
            """#
        let run = try Subprocess.run(
            "bash", ["-c", program, "bash", try RunningProxy.binary("connctl")], environment: running.variables)
        #expect(run.exitCode == 0 && run.output == "2 0\n" && run.errors.isEmpty, "\(run)")
    }

    @Test(
        "connd's own answers are no less checked",
        arguments: [["--help"], ["--version"], ["--print-config"], ["--check-config"]])
    func daemon(_ arguments: [String]) throws {
        let full = try Self.run("connd", arguments, to: "> /dev/full", [:])
        #expect(full.exitCode == 1 && full.errors == "connd: \(Self.reason)\n", "\(full)")
        let path = try RunningProxy.binary()
        let quiet = try Subprocess.run("bash", ["-c", #"set -o pipefail; "$@" | true"#, "bash", path] + arguments)
        #expect(quiet.exitCode == 0 && quiet.errors.isEmpty, "\(quiet)")
    }
}
