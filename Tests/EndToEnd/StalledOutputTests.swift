import Foundation
import Glibc
import TestSupport
import Testing

/// connd where those who should take what it says do not.
@Suite struct StalledOutputTests {
    private let folder: ScratchFolder
    private let state: StateFolder
    private let origin: FakeOrigin
    private let units: [SocketUnit]

    init() throws {
        folder = try ScratchFolder()
        state = try StateFolder()
        origin = try FakeOrigin.answering()
        units = [try SocketUnit("proxy"), try SocketUnit("admin")]
    }

    private var variables: [String: String] {
        ["XDG_STATE_HOME": state.path, "CONNCTL_ADMIN": "http://\(units[1].authority)", "NO_COLOR": "1"]
    }

    /// Its standard error is what stands at `errors`. Its sockets are passed: the kernel lets clients wait for it.
    private func start(_ yaml: String = "", errors: StalledFIFO, _ environment: [String: String] = [:]) throws
        -> ChildProcess
    {
        try folder.write("connd.yaml", yaml)
        let command =
            ["-c", #"exec "$@" 2>"$0""#, errors.path] + SocketUnit.wrapper(units)
            + [try RunningProxy.binary(), "--config", "\(folder.path)/connd.yaml", "--database", state.database]
        var all = SocketUnit.environment(units)
        all.merge(variables) { $1 }
        all.merge(environment) { $1 }
        return try ChildProcess("sh", command, environment: all, passing: units)
    }

    private func connctl(_ arguments: String...) throws -> Subprocess {
        try Subprocess.run(try RunningProxy.binary("connctl"), arguments, environment: variables)
    }

    private func curl(_ path: String) throws -> String {
        let run = try Subprocess.run("curl", ["-sS", "--max-time", "30", "http://\(units[1].authority)\(path)"])
        guard run.exitCode == 0 else { throw TestFailure("\(run)") }
        return run.output
    }

    private func dropped() throws -> Int {
        try JSONDocument(parsing: curl("/v1/status"))["totals"]["log_lines_dropped"].int ?? 0
    }

    /// Has connd log until lines are lost: a file that is refused is one line for each of its problems.
    private func logTooMuch() throws {
        let problems = (0..<20).map { "k\($0)\(String(repeating: "x", count: 900)): 1\n" }.joined()
        try folder.write("connd.yaml", problems)
        let admin = try units[1].connect()
        let request =
            "POST /v1/reload HTTP/1.1\r\nHost: \(units[1].authority)\r\nAuthorization: Bearer \(try state.token())\r\n"
            + "Content-Type: application/json\r\nContent-Length: 0\r\n\r\n"
        for _ in 0..<1000 where try dropped() == 0 {
            for _ in 0..<10 {
                try admin.send(request)
                #expect(try admin.response(to: "POST").status == 409)
            }
        }
        #expect(try dropped() > 0)
    }

    @Test("a standard error that nobody reads stops nothing: requests, admin API, signals, reload, and the end")
    func stopsNothing() throws {
        let errors = try StalledFIFO("\(folder.path)/errors")
        let connd = try start(errors: errors)
        let client = try units[0].connect()
        for _ in 0..<5 {
            #expect(try client.get(origin.url()).status == 200)
            connd.signal(SIGUSR2)
            #expect(try JSONDocument(parsing: curl("/v1/status"))["state"].text == "running")
        }
        try folder.write("connd.yaml", "settings: { max_queue: 3 }")
        let reload = try connctl("reload")
        #expect(reload.exitCode == 0, "\(reload)")
        connd.signal(SIGHUP)
        connd.signal(SIGUSR1)
        #expect(try client.get(origin.url()).status == 200)
        connd.signal(SIGTERM)
        #expect(try connd.waitForEnd().exitCode == 0)
    }

    @Test("lines that nobody takes are dropped, counted, and told in their place when they are taken again")
    func lost() throws {
        let errors = try StalledFIFO("\(folder.path)/errors")
        let connd = try start(errors: errors)
        let client = try units[0].connect()
        #expect(try client.get(origin.url()).status == 200)
        try logTooMuch()
        #expect(try client.get(origin.url()).status == 200)
        let lost = try dropped()
        let metric = #"connd_log_lines_dropped_total{reason="queue_full"} \#(lost)"#
        #expect(try curl("/metrics").contains(metric))
        #expect(try connctl("status").output.contains("\(lost) lines of connd's log"))
        let lines = try errors.read(until: "the news of the loss") { $0.contains("log lines were lost\n") }
        #expect(lines.first?.contains(" info ") == true && lines.contains { $0.contains(" info ready ") })
        #expect(lines.last?.hasSuffix(" warning \(lost) log lines were lost") == true, "\(lines.last ?? "")")
        #expect(lines.count { $0.contains("were lost") } == 1)
        connd.signal(SIGUSR2)
        _ = try errors.read(until: "totals") { $0.contains(" log_lines_dropped.queue_full=\(lost) ") }
        connd.signal(SIGTERM)
        #expect(try connd.waitForEnd().exitCode == 0)
        _ = try errors.read(until: "the last line") { $0.contains(" info stopped\n") }
    }

    @Test("what keeps connd from starting ends it, even where it cannot be told", arguments: [true, false])
    func cannotStart(isFull: Bool) throws {
        let errors = try StalledFIFO("\(folder.path)/errors", isFull: isFull)
        let yamls = ["settings: { max_qeue: 3 }", "access_log: { path: /no/such/folder/log }"]
        for yaml in yamls {
            #expect(try start(yaml, errors: errors).waitForEnd().exitCode == 1)
            if !isFull { _ = try errors.read(until: "the reason") { $0.contains("connd: ") } }
        }
    }

    @Test("with everything full at once, log, access log and service manager, it serves, reloads and ends")
    func everything() throws {
        let errors = try StalledFIFO("\(folder.path)/errors")
        let access = try StalledFIFO("\(folder.path)/access")
        let manager = try StalledInbox("\(folder.path)/notify")
        let connd = try start(
            "access_log: { path: \(access.path) }", errors: errors, ["NOTIFY_SOCKET": manager.address])
        let client = try units[0].connect()
        for _ in 0..<3 { #expect(try client.get(origin.url("/lost")).status == 200) }
        for signal in [SIGUSR1, SIGUSR2, SIGHUP] {
            connd.signal(signal)
            #expect(try client.get(origin.url("/lost")).status == 200)
        }
        let file = "\(folder.path)/access.log"
        try folder.write("connd.yaml", "access_log: { path: \(file), format: text }")
        let reload = try connctl("reload")
        #expect(reload.exitCode == 0, "\(reload)")
        #expect(try client.get(origin.url("/kept")).status == 200)
        // The log that hangs does not hold up the one that took its place.
        let watch = try FolderWatch(folder.path)
        let line = try watch.wait(for: "a line in \(file)") {
            try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n").first
        }
        #expect(line.contains(origin.url("/kept")))
        connd.signal(SIGTERM)
        #expect(try connd.waitForEnd().exitCode == 0)
    }

    @Test("an access log on a standard output that nobody reads holds up neither requests nor the end")
    func standardOutput() throws {
        let (errors, output) = (try StalledFIFO("\(folder.path)/errors"), try StalledFIFO("\(folder.path)/output"))
        try folder.write("connd.yaml", "access_log: { path: stdout }")
        let command =
            ["-c", #"exec "$@" 2>"$0" 1>"$OUTPUT""#, errors.path] + SocketUnit.wrapper(units)
            + [try RunningProxy.binary(), "--config", "\(folder.path)/connd.yaml", "--database", state.database]
        var all = SocketUnit.environment(units)
        all.merge(variables) { $1 }
        all["OUTPUT"] = output.path
        let connd = try ChildProcess("sh", command, environment: all, passing: units)
        let client = try units[0].connect()
        for _ in 0..<50 { #expect(try client.get(origin.url()).status == 200) }
        try folder.write("connd.yaml", "access_log: { path: none }")
        #expect(try connctl("reload").exitCode == 0)
        #expect(try client.get(origin.url()).status == 200)
        connd.signal(SIGTERM)
        #expect(try connd.waitForEnd().exitCode == 0)
    }
}
