import Foundation
import Glibc
import TestSupport
import Testing

/// connd with a journal of its own, in a mount namespace that ends with it.
@Suite(.enabled(if: getuid() == 0)) struct JournalTests {
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

    private var path: String { "\(folder.path)/journal" }

    /// `asService`: its standard error is what JOURNAL_STREAM names. The kernel lets clients wait until it is ready.
    private func start(_ yaml: String = "", asService: Bool = true) throws -> ChildProcess {
        let config = try folder.write("connd.yaml", yaml)
        let mount =
            #"mount -t tmpfs tmpfs /run/systemd && mkdir /run/systemd/journal && ln -s "$0" /run/systemd/journal/socket && "#
            + (asService ? "export JOURNAL_STREAM=$(stat -L -c %d:%i /proc/self/fd/2) && " : "") + #"exec "$@""#
        let command =
            ["-m", "sh", "-c", mount, path] + SocketUnit.wrapper(units)
            + [try RunningProxy.binary(), "--config", config, "--database", state.database]
        var environment = SocketUnit.environment(units)
        environment["XDG_STATE_HOME"] = state.path
        return try ChildProcess("unshare", command, environment: environment, passing: units)
    }

    private func get(_ url: String) throws -> Int { try units[0].connect().get(url).status }

    private func status(_ name: String) throws -> JSONDocument {
        let run = try Subprocess.run("curl", ["-sS", "http://\(units[1].authority)/v1/status"])
        return try JSONDocument(parsing: run.output)[name]
    }

    @Test("where standard error is the journal each message is an entry, its parts fields")
    func entries() throws {
        let journal = try DatagramInbox(path)
        let connd = try start()
        let ready = try journal.wait(forLine: "MESSAGE") { $0.hasPrefix("ready") }
        #expect(ready["PRIORITY"] == "6")
        #expect(ready["SYSLOG_IDENTIFIER"] == "connd")
        #expect(ready["CONND_PID"] == "\(connd.pid)")
        let listening = try journal.wait(forLine: "MESSAGE") { $0.hasPrefix("listening") }
        #expect(listening["CONND_ADDRESS"] == units[0].authority)
        // What happens at an origin can be asked for by its name.
        let refusing = try RefusingPort()
        for _ in 0..<4 { #expect(try get(refusing.url) == 502) }
        let lost = try journal.wait(forLine: "MESSAGE") { $0.hasPrefix("the origin cannot be reached") }
        #expect(lost["CONND_ORIGIN"] == "http://127.0.0.1:\(refusing.port)")
        #expect(lost["PRIORITY"] == "4")
        // No line is told twice.
        #expect(connd.current.errText.isEmpty, "\(connd.current)")
        connd.signal(SIGTERM)
        #expect(try connd.waitForEnd().exitCode == 0)
        #expect(journal.messages.contains { $0["MESSAGE"]?.hasPrefix("stopped") == true })
        #expect(connd.current.errText.isEmpty, "\(connd.current)")
    }

    @Test("elsewhere it is text, and the journal hears nothing")
    func text() throws {
        let journal = try DatagramInbox(path)
        let connd = try start(asService: false)
        try connd.wait(for: "connd to be ready") { $0.errText.contains(" info ready ") || $0.hasEnded }
        #expect(try get(origin.url()) == 200)
        #expect(journal.messages.isEmpty)
    }

    @Test("each exchange is an entry where access_log.path is journald")
    func accessLog() throws {
        let journal = try DatagramInbox(path)
        let refusing = try RefusingPort()
        let connd = try start("access_log: { path: journald, format: text }")
        let client = try units[0].connect()
        #expect(try client.get(origin.url("/a")).status == 200)
        try client.send("POST", origin.url("/b"), body: "data")
        #expect(try client.response().status == 200)
        #expect(try client.get(refusing.url).status == 502)
        let all = try journal.wait(for: "three exchanges") { $0.count { $0["CONND_METHOD"] != nil } >= 3 }
        let rows = all.filter { $0["CONND_METHOD"] != nil }
        #expect(rows.count == 3)
        #expect(rows.map { $0["SYSLOG_IDENTIFIER"] } == ["connd-access", "connd-access", "connd-access"])
        #expect(rows.map { $0["CONND_METHOD"] } == ["GET", "POST", "GET"])
        #expect(rows.map { $0["CONND_STATUS"] } == ["200", "200", "502"])
        #expect(rows.map { $0["CONND_ORIGIN"] } == [origin.name, origin.name, "http://127.0.0.1:\(refusing.port)"])
        #expect(rows.map { $0["CONND_TARGET"] } == [origin.url("/a"), origin.url("/b"), refusing.url])
        #expect(rows.map { $0["CONND_REUSED"] }.prefix(2) == ["0", "1"])
        #expect(rows.map { $0["CONND_ERROR"] } == [nil, nil, "connection_refused"])
        #expect(rows.map { $0["PRIORITY"] } == ["6", "6", "5"])
        #expect(rows.allSatisfy { Double($0["CONND_TOTAL_MS"] ?? "") != nil })
        #expect(rows[0]["MESSAGE"]?.contains("\"GET \(origin.url("/a"))\" 200") == true, "\(rows[0])")
        connd.signal(SIGTERM)
        #expect(try connd.waitForEnd().exitCode == 0)
    }

    @Test("what a client sends forges no field and no entry")
    func forgery() throws {
        let journal = try DatagramInbox(path)
        let connd = try start("access_log: { path: journald }")
        let client = try units[0].connect()
        #expect(try client.get(origin.url("/a%0ACONND_STATUS=500\"\\")).status == 200)
        let entry = try journal.wait(forLine: "CONND_METHOD")
        #expect(entry["CONND_STATUS"] == "200")
        #expect(entry["CONND_TARGET"] == origin.url("/a%0ACONND_STATUS=500\"\\"))
        _ = connd
    }

    @Test(
        "a journal that goes away stops nothing: lines go to standard error, exchanges are dropped and counted; it may come back"
    )
    func gone() throws {
        let first = try DatagramInbox(path)
        let connd = try start("access_log: { path: journald }")
        #expect(try get(origin.url()) == 200)
        try first.wait(forLine: "CONND_METHOD")
        first.end()
        #expect(try get(origin.url()) == 200)
        connd.signal(SIGUSR2)
        let output = try connd.wait(for: "the totals on standard error") {
            $0.errText.contains("totals") || $0.hasEnded
        }
        // With the priority that systemd reads off a line's head.
        #expect(output.errText.hasPrefix("<6>totals "), "\(output)")
        let deadline = ContinuousClock.now + .milliseconds(TestTimeout.milliseconds)
        var dropped = 0
        while dropped == 0, ContinuousClock.now < deadline {
            dropped = try status("totals")["access_log_lines_dropped"].int ?? 0
        }
        #expect(dropped == 1)
        let second = try DatagramInbox(path)
        #expect(try get(origin.url("/again")) == 200)
        let entry = try second.wait(forLine: "CONND_METHOD")
        #expect(entry["CONND_TARGET"] == origin.url("/again"))
        connd.signal(SIGTERM)
        #expect(try connd.waitForEnd().exitCode == 0)
        #expect(second.messages.contains { $0["MESSAGE"]?.hasPrefix("stopped") == true })
    }

    @Test(
        "a journal that takes nothing more holds up nothing: what cannot go there is counted, or goes to standard error"
    )
    func stalled() throws {
        let journal = try StalledInbox(path)
        let connd = try start("access_log: { path: journald }")
        let client = try units[0].connect()
        for _ in 0..<3 { #expect(try client.get(origin.url()).status == 200) }
        connd.signal(SIGUSR2)
        try connd.wait(for: "the totals on standard error") { $0.errText.contains("<6>totals ") || $0.hasEnded }
        let deadline = ContinuousClock.now + .milliseconds(TestTimeout.milliseconds)
        var dropped = 0
        while dropped < 3, ContinuousClock.now < deadline {
            dropped = try status("totals")["access_log_lines_dropped"].int ?? 0
        }
        #expect(dropped == 3)
        #expect(try status("totals")["log_lines_dropped"].int == 0)
        connd.signal(SIGTERM)
        #expect(try connd.waitForEnd().exitCode == 0)
        _ = journal
    }

    @Test("without a journal: lines have their priorities, and an access log there is refused")
    func none() throws {
        let connd = try start()
        try connd.wait(for: "connd to be ready") { $0.errText.contains("<6>ready ") || $0.hasEnded }
        #expect(try get(origin.url()) == 200)
        connd.signal(SIGTERM)
        #expect(try connd.waitForEnd().exitCode == 0)
        let refused = try start("access_log: { path: journald }").waitForEnd()
        #expect(refused.exitCode == 1)
        #expect(refused.errText.contains("access_log.path") && refused.errText.contains("/run/systemd/journal/socket"))
    }
}
