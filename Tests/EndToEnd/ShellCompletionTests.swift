import Foundation
import TestSupport
import Testing

/// Tab, pressed in real shells.
@Suite struct ShellCompletionTests {
    private let origin: FakeOrigin
    private let proxy: RunningProxy
    private let folder: ScratchFolder

    init() throws {
        origin = try FakeOrigin.answering()
        proxy = try RunningProxy(state: try StateFolder())
        folder = try ScratchFolder()
        let client = try ScriptedClient(proxy)
        #expect(try client.get(origin.url()).status == 200)
        // Nobody there, but known from then on.
        #expect(try client.get("http://[::1]:1/").status == 502)
    }

    /// Types each line and Tab, and waits for what the shell makes of it.
    private func complete(
        _ shell: [String], _ setup: String, _ lines: [(typed: String, completed: String)]
    ) throws {
        let connctl = try RunningProxy.binary("connctl")
        let path = URL(filePath: connctl).deletingLastPathComponent().path
        let terminal = try PseudoTerminal(
            shell[0], Array(shell.dropFirst()),
            environment: [
                "TERM": "dumb", "PS1": "ready> ", "CONNCTL_ADMIN": proxy.adminURL, "HOME": folder.path,
                "PATH": path + ":/usr/bin:/bin", "HISTFILE": nil, "XDG_CONFIG_HOME": folder.path,
                "XDG_DATA_HOME": folder.path, "XDG_CACHE_HOME": folder.path,
            ], columns: 200)
        var seen = try terminal.wait(for: "ready> ")
        terminal.type(setup + "; echo 'set' 'up'\r")
        seen = try terminal.wait(for: "set up", "ready> ", after: seen)
        for line in lines {
            // ^U empties the line.
            terminal.type(line.typed + "\t")
            seen = try terminal.wait(for: line.completed, after: seen)
            terminal.type("\u{15}echo 'next' 'line'\r")
            seen = try terminal.wait(for: "next line", "ready> ", after: seen)
        }
    }

    private func script(_ shell: String) throws -> String {
        let script = try proxy.connctl("completions", shell)
        #expect(script.exitCode == 0)
        return script.output
    }

    @Test(
        "bash completes what has colons and equals signs, with and without bash-completion", arguments: [false, true])
    func bash(withPackage: Bool) throws {
        let file = try folder.write("connctl.bash", try script("bash"))
        let port = String(origin.port)
        let package = withPackage ? ". /usr/share/bash-completion/bash_completion && " : ""
        try complete(
            ["bash", "--norc", "--noprofile", "-i"], "\(package). \(file)",
            [
                ("connctl sho", "connctl show "),
                ("connctl show ht", "tp"),
                ("connctl show http:", "//"),
                ("connctl show http://1", "27.0.0.1:\(port) "),
                ("connctl show http://127.0.0.1:\(port.prefix(1))", "\(port.dropFirst()) "),
                ("connctl show http://[", "::1]:1 "), ("connctl show http://[::", "1]:1 "),
                ("connctl show http://[::1]:", "1 "),
                ("connctl show \"http://1", "27.0.0.1:\(port)\" "), ("connctl show 'http://[", "::1]:1' "),
                ("connctl conns http://[", "::1]:1 "),
                ("connctl set http://127.0.0.1:\(port) max_requests_", "per_connection="),
                ("connctl set http://[::1]:1 max_queue=2 pipelining=i", "dempotent "),
                ("connctl show --output=js", "on "), ("connctl show --output js", "on "),
                ("connctl show http://127.0.0.1:\(port) --no-c", "olor "),
                ("connctl list --token-file /etc/hostn", "ame "),
                // Nothing of it is left behind for the shell's own functions.
                ("trap -p RETURN; echo no''trap; ech", "o "),
            ])
    }

    @Test("zsh completes origins with their colons")
    func zsh() throws {
        let functions = folder.path + "/functions"
        try FileManager.default.createDirectory(atPath: functions, withIntermediateDirectories: true)
        try script("zsh").write(toFile: functions + "/_connctl", atomically: true, encoding: .utf8)
        let port = String(origin.port)
        try complete(
            ["zsh", "-f", "-i"],
            "unsetopt prompt_sp; fpath=(\(functions) $fpath); autoload -U compinit; compinit -u -D",
            [
                ("connctl sho", "w "), ("connctl show http:", "//"), ("connctl show http://1", "27.0.0.1:\(port) "),
                ("connctl show http://127.0.0.1:\(port.prefix(1))", "\(port.dropFirst()) "),
                ("connctl show \"http://[", "::1]:1\" "),
                (#"connctl show http://\["#, #"::1\]:1 "#),
                ("connctl set all pipelining=i", "dempotent "),
            ])
    }

    @Test("fish completes origins with their colons")
    func fish() throws {
        let file = try folder.write("connctl.fish", try script("fish"))
        let port = String(origin.port)
        let own = "function fish_prompt; echo -n 'ready> '; end; set -g fish_autosuggestion_enabled 0; source \(file)"
        // It writes the whole line anew.
        try complete(
            ["fish", "--no-config", "-i", "-C", own], "true",
            [
                ("connctl sho", "connctl show "), ("connctl show http:", "connctl show http://"),
                ("connctl show http://1", "connctl show http://127.0.0.1:\(port) "),
                ("connctl show http://127.0.0.1:\(port.prefix(1))", "connctl show http://127.0.0.1:\(port) "),
                ("connctl show http://[", #"connctl show http://\[::1\]:1 "#),
                ("connctl set all pipelining=i", "connctl set all pipelining=idempotent "),
            ])
    }
}
