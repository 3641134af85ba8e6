import Foundation
import Glibc
import TestSupport
import Testing

/// `connctl top` on a real terminal: what it takes, it gives back.
@Suite struct TopTerminalTests {
    private static let enters = "\u{1B}[?1049h\u{1B}[?25l"
    private static let leaves = "\u{1B}[?25h\u{1B}[?1049l"

    private let origin: FakeOrigin
    private let proxy: RunningProxy

    init() throws {
        origin = try FakeOrigin.answering()
        proxy = try RunningProxy(state: try StateFolder())
        #expect(try ScriptedClient(proxy).get(origin.url()).status == 200)
    }

    /// `connctl top` alone, or what a shell makes of it.
    private func terminal(_ shell: [String]? = nil, _ environment: [String: String?] = [:], _ arguments: String...)
        throws -> PseudoTerminal
    {
        let connctl = try RunningProxy.binary("connctl")
        let all = ["TERM": "xterm", "CONNCTL_ADMIN": proxy.adminURL, "PS1": "ready> ", "CONNCTL": connctl, "ENV": nil]
        let words = shell ?? [connctl, "top"] + arguments
        return try PseudoTerminal(words[0], Array(words.dropFirst()), environment: all.merging(environment) { $1 })
    }

    @Test("^Z gives the terminal back and stops; fg takes it again and shows all, and q needs no Enter")
    func suspended() throws {
        // dash: it leaves the terminal's modes as a stopped program has left them.
        let terminal = try terminal(["dash", "-i"])
        try terminal.wait(for: "ready> ")
        terminal.type("\"$CONNCTL\" top --interval 3600\n")
        var seen = try terminal.wait(for: Self.enters, "ORIGIN", "127.0.0.1")
        #expect(!terminal.isCooked)
        for _ in 0..<2 {
            terminal.type("\u{1A}")
            seen = try terminal.wait(for: Self.leaves, "Stopped", "ready> ", after: seen)
            #expect(terminal.isCooked)
            terminal.type("fg\n")
            seen = try terminal.wait(for: Self.enters, "ORIGIN", "127.0.0.1", after: seen)
            #expect(!terminal.isCooked)
        }
        terminal.type("q")
        seen = try terminal.wait(for: Self.leaves, "ready> ", after: seen)
        #expect(terminal.isCooked)
        terminal.type("echo status=$?\n")
        try terminal.wait(for: "status=0", after: seen)
    }

    @Test("stopped by SIGSTOP, and set on again, it draws all anew")
    func stopped() throws {
        let terminal = try terminal(nil, [:], "--interval", "3600")
        let seen = try terminal.wait(for: Self.enters, "ORIGIN", "127.0.0.1")
        terminal.signal(SIGSTOP)
        terminal.signal(SIGCONT)
        try terminal.wait(for: Self.enters, "ORIGIN", "127.0.0.1", after: seen)
        #expect(!terminal.isCooked)
    }

    @Test(
        "a signal ends it with the terminal given back, and as that signal",
        arguments: [SIGINT, SIGTERM, SIGHUP, SIGQUIT])
    func ended(by number: Int32) throws {
        let terminal = try terminal()
        let seen = try terminal.wait(for: Self.enters, "ORIGIN")
        terminal.signal(number)
        try terminal.wait(for: Self.leaves, after: seen)
        #expect(try #require(terminal.waitForEnd().waitStatus) & 0x7F == number)
    }

    @Test("a failure is told on the screen that was there before")
    func failed() throws {
        let terminal = try terminal()
        let seen = try terminal.wait(for: Self.enters, "ORIGIN")
        proxy.process.signal(SIGKILL)
        try terminal.wait(for: Self.leaves, "connctl: ", after: seen)
        #expect(try terminal.waitForEnd().waitStatus == 4 << 8)
    }

    @Test("it is drawn anew when the terminal changes its size, and when a key asks for it")
    func redrawn() throws {
        let terminal = try terminal(nil, ["NO_COLOR": "1"], "--interval", "3600")
        var seen = try terminal.wait(for: Self.enters, "LEASED", "127.0.0.1")
        terminal.resize(columns: 100, rows: 20)
        // Narrower than what all columns take.
        seen = try terminal.wait(for: "\u{1B}[H", "ORIGIN", "P99\u{1B}[K", "127.0.0.1", after: seen)
        terminal.type("s")
        try terminal.wait(for: "sorted by connections", after: seen)
        #expect(!terminal.current.text.contains("\u{1B}[1m"))
        terminal.type("q")
        #expect(try terminal.waitForEnd().waitStatus == 0)
    }

    @Test("a terminal that cannot move its cursor gets one table below the other", arguments: ["dumb", "", nil])
    func dumb(term: String?) throws {
        let terminal = try terminal(nil, ["TERM": term], "--count", "2")
        let ended = try terminal.waitForEnd()
        #expect(ended.waitStatus == 0 && !ended.text.contains("\u{1B}"), "\(ended)")
        #expect(ended.text.split(separator: "ORIGIN").count == 3, "\(ended)")
    }

    @Test("in the background it stops before it touches the terminal, until fg")
    func background() throws {
        let terminal = try terminal(["dash", "-i"])
        var seen = try terminal.wait(for: "ready> ")
        terminal.type("\"$CONNCTL\" top &\n")
        seen = try terminal.wait(for: "ready> ", after: seen)
        var told = ""
        while !told.contains("Stopped") {
            terminal.type("jobs; echo 'as' 'is'\n")
            let before = seen
            seen = try terminal.wait(for: "as is", "ready> ", after: seen)
            told = text(Array(terminal.current.bytes[before..<seen]))
        }
        #expect(!terminal.current.text.contains("\u{1B}") && terminal.isCooked)
        terminal.type("fg\n")
        seen = try terminal.wait(for: Self.enters, "ORIGIN", after: seen)
        terminal.type("q")
        try terminal.wait(for: Self.leaves, "ready> ", after: seen)
    }
}
