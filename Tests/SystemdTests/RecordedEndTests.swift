import Glibc
import ProxyTypes
import Systemd
import Testing

@Suite("How a run ended is handed on")
struct RecordedEndTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    private func record(_ environment: [String: String]) throws(RecordedEnd.Problem) {
        try RecordedEnd.record(environment: environment.merging(["STATE_DIRECTORY": folder.path]) { own, _ in own })
    }

    @Test(
        "systemd's words become ours",
        arguments: [
            ("success", "exited", "0", "stopped"), ("exit-code", "exited", "1", "failed"),
            ("signal", "killed", "KILL", "killed"), ("signal", "killed", "TERM", "killed"),
            ("core-dump", "dumped", "SEGV", "crashed"), ("signal", "killed", "SEGV", "crashed"),
            ("signal", "killed", "TRAP", "crashed"), ("signal", "killed", "SYS", "crashed"),
            ("watchdog", "killed", "ABRT", "watchdog"), ("timeout", "killed", "KILL", "timeout"),
            ("oom-kill", "killed", "KILL", "out_of_memory"), ("start-limit-hit", "exited", "1", "unknown"),
            ("protocol", "exited", "0", "unknown"), ("", "", "", "unknown"),
        ])
    func words(result: String, code: String, status: String, end: String) throws {
        try record(["SERVICE_RESULT": result, "EXIT_CODE": code, "EXIT_STATUS": status])
        let taken = try #require(RecordedEnd.take(directory: folder.path))
        #expect(taken.end.rawValue == end)
        #expect(taken.detail == (code.isEmpty ? "- -" : "\(code) \(status)"))
    }

    @Test("the label values are these eight")
    func labels() {
        #expect(
            RunEnd.allCases.map(\.rawValue) == [
                "stopped", "failed", "killed", "crashed", "watchdog", "timeout", "out_of_memory", "unknown",
            ])
    }

    @Test("the record is one line that its owner alone may read, and nothing else is left")
    func file() throws {
        try record(["SERVICE_RESULT": "signal", "EXIT_CODE": "killed", "EXIT_STATUS": "KILL"])
        #expect(folder.names == ["last-end"])
        #expect(folder.read("last-end") == "killed killed KILL\n")
        #expect(folder.permissions(of: "last-end") == 0o600)
    }

    @Test("the last end replaces an earlier one, whatever a record cut short has left")
    func replaced() throws {
        folder.write("half", to: "last-end.new")
        try record(["SERVICE_RESULT": "signal"])
        try record(["SERVICE_RESULT": "success"])
        #expect(folder.names == ["last-end"])
        #expect(RecordedEnd.take(directory: folder.path)?.end == .stopped)
    }

    @Test("an end is taken once")
    func once() throws {
        try record(["SERVICE_RESULT": "success"])
        #expect(RecordedEnd.take(directory: folder.path) != nil)
        #expect(folder.names.isEmpty)
        #expect(RecordedEnd.take(directory: folder.path) == nil)
    }

    @Test("what is not told or not plain is a dash", arguments: [nil, "", "a b", "a\nstopped", "é", "\u{1B}[1m"])
    func dashes(text: String?) throws {
        var environment = ["SERVICE_RESULT": "signal", "EXIT_CODE": "killed"]
        environment["EXIT_STATUS"] = text
        try record(environment)
        #expect(folder.read("last-end") == "killed killed -\n")
    }

    @Test("of several state directories the first is ours")
    func severalDirectories() throws {
        try record(["SERVICE_RESULT": "success", "STATE_DIRECTORY": folder.path + ":/nonexistent/other"])
        #expect(folder.names == ["last-end"])
    }

    @Test("without a state directory there is nowhere to record", arguments: [nil, "", ":"])
    func nowhere(directory: String?) {
        var environment = ["SERVICE_RESULT": "success"]
        environment["STATE_DIRECTORY"] = directory
        #expect(throws: RecordedEnd.Problem.noStateDirectory) { try RecordedEnd.record(environment: environment) }
    }

    @Test("a record that cannot be written says where and why")
    func unwritable() {
        let path = folder.path + "/missing"
        let expected = RecordedEnd.Problem.notWritten(path: path + "/last-end.new", errorNumber: ENOENT)
        #expect(throws: expected) { try record(["SERVICE_RESULT": "success", "STATE_DIRECTORY": path]) }
        #expect(expected.description == "cannot write \(path)/last-end.new: No such file or directory")
    }

    @Test(
        "a file that is not a record is removed and not believed",
        arguments: [
            "", "\n", "stopped", "stopped exited 10", "stopped exited\n", "stopped exited 0 0\n", "exploded exited 0\n",
            "stopped  0\n", "stopped exited 0\n\n", "stopped ex\u{1B}ited 0\n", "stopped exited 0\nfailed exited 1\n",
            "stopped exited " + String(repeating: "0", count: 300) + "\n",
        ])
    func malformed(text: String) {
        folder.write(text, to: "last-end")
        #expect(RecordedEnd.take(directory: folder.path) == nil)
        #expect(folder.names.isEmpty)
    }

    @Test("a FIFO or a link in the record's place holds up nothing and is not followed")
    func notAFile() throws {
        try #require(mkfifo(folder.path + "/last-end", 0o600) == 0)
        #expect(RecordedEnd.take(directory: folder.path) == nil)
        folder.write("stopped exited 0\n", to: "elsewhere")
        try #require(symlink(folder.path + "/elsewhere", folder.path + "/last-end") == 0)
        #expect(RecordedEnd.take(directory: folder.path) == nil)
        #expect(folder.names == ["elsewhere"])
    }

    @Test("a record that cannot be removed is not told of, lest it be told of at every start")
    func notRemovable() throws {
        // A folder in the record's place: unlink(2) refuses it for root as well.
        try #require(mkdir(folder.path + "/last-end", 0o700) == 0)
        defer { rmdir(folder.path + "/last-end") }
        #expect(RecordedEnd.take(directory: folder.path) == nil)
    }
}
