import Foundation
import Glibc
import TestSupport
import Testing

/// Two daemons on one database, a database that is backed up while connd runs, and one that is put back.
@Suite struct SharedDatabaseTests {
    private let state: StateFolder
    private let origin: FakeOrigin

    init() throws {
        state = try StateFolder()
        origin = try FakeOrigin.answering()
    }

    private func value(_ proxy: RunningProxy) throws -> String? {
        try proxy.setting("max_queue", of: origin.name)["value"].text
    }

    @Test("the second connd on a database says so, keeps nothing, and takes over when the first one ends")
    func twoDaemons() throws {
        let first = try RunningProxy(state: state)
        #expect(try first.connctl("set", origin.name, "max_queue=5").exitCode == 0)
        let second = try RunningProxy(state: state)
        let line = second.logLines.first { $0.contains("in use by another connd") }
        #expect(line?.contains("process \(first.pid)") ?? false, "\(second.logLines)")
        #expect(try value(second) == "5")
        let readiness = try second.curl("GET", "/readyz")
        #expect(readiness.status == 503 && readiness.body.contains("in use by another connd"))
        #expect(try second.read("/v1/status")["store"]["fault"].text == "in_use")
        let refused = try second.connctl("set", origin.name, "max_queue=6")
        #expect(refused.exitCode == 1 && refused.errors.contains("in use by another connd"), "\(refused)")
        #expect(try first.curl("GET", "/readyz").status == 200)
        #expect(try first.connctl("set", origin.name, "max_queue=7").exitCode == 0)
        #expect(try ScriptedClient(second).get(origin.url()).status == 200)
        try first.killAtOnce()
        try second.waitForLog("the database can be written again")
        try second.wait(for: "the settings of the first", { try value($0) }) { $0 == "7" }
        #expect(try second.curl("GET", "/readyz").status == 200)
        #expect(try second.connctl("set", origin.name, "max_queue=8").exitCode == 0)
        _ = try second.json("history", "--all")
        #expect(try second.detail(origin)["lifetime"]["requests"].int == 1)
        try second.killAtOnce()
        #expect(try value(try RunningProxy(state: state)) == "8")
    }

    @Test("a backup is taken while connd runs, for those alone who may change something, and not over a file")
    func backup() throws {
        let proxy = try RunningProxy(state: state)
        #expect(try proxy.connctl("set", origin.name, "max_queue=5").exitCode == 0)
        #expect(try ScriptedClient(proxy).get(origin.url()).status == 200)
        let file = "\(state.path)/backup.db"
        let run = try proxy.connctl("backup", file)
        #expect(run.exitCode == 0, "\(run)")
        var facts = stat()
        #expect(stat(file, &facts) == 0 && facts.st_mode & 0o777 == 0o600)
        let again = try proxy.connctl("backup", file)
        #expect(again.exitCode == 1 && again.errors.contains("--force"), "\(again)")
        #expect(try proxy.connctl("backup", file, "--force").exitCode == 0)
        #expect(try proxy.curl("POST", "/v1/backup").status == 401)
        let check = try Subprocess.run("python3", ["-c", Self.check, file])
        #expect(check.output == "ok wal 5 1\n", "\(check)")
        let names = try FileManager.default.contentsOfDirectory(atPath: "\(state.path)/connd")
        #expect(names.allSatisfy { !$0.contains("backup") })
    }

    private static let check = """
        import sqlite3, sys
        db = sqlite3.connect(sys.argv[1])
        one = lambda sql: db.execute(sql).fetchone()[0]
        print(one("PRAGMA integrity_check"), one("PRAGMA journal_mode"),
            one("SELECT value FROM settings WHERE setting = 'max_queue'"), one("SELECT sum(success) FROM rollup_10s WHERE origin = 0"))
        """

    @Test("what was backed up is in force again after stop, copy, start", arguments: [true, false])
    func restore(whileStopped: Bool) throws {
        var proxy = try RunningProxy(state: state)
        #expect(try proxy.connctl("set", origin.name, "max_queue=5").exitCode == 0)
        let file = "\(state.path)/backup.db"
        #expect(try proxy.connctl("backup", file).exitCode == 0)
        #expect(try proxy.connctl("set", origin.name, "max_queue=6", "max_idle=3").exitCode == 0)
        if whileStopped {
            proxy.terminate()
            #expect(try proxy.waitForEnd() == 0)
        }
        #expect(try Subprocess.run("cp", [file, state.database]).exitCode == 0)
        if whileStopped { proxy = try RunningProxy(state: state) }
        if !whileStopped { try proxy.waitForLog("the database was replaced by another") }
        try proxy.wait(for: "the settings of the backup", { try value($0) }) { $0 == "5" }
        #expect(try proxy.setting("max_idle", of: origin.name)["source"].text == "default")
        #expect(try proxy.connctl("set", origin.name, "max_queue=7").exitCode == 0)
        #expect(try proxy.curl("GET", "/readyz").status == 200)
        try proxy.killAtOnce()
        let next = try RunningProxy(state: state)
        #expect(try value(next) == "7")
        #expect(try next.setting("max_idle", of: origin.name)["source"].text == "default")
        #expect(try state.query("PRAGMA integrity_check") == "ok")
    }
}
