import Foundation
import Glibc
import TestSupport
import Testing

@Suite struct StoreFaultTests {
    private let state: StateFolder
    private let origin: FakeOrigin

    init() throws {
        state = try StateFolder()
        origin = try FakeOrigin.answering()
    }

    /// Clients that ask without a pause until they are told to stop. Shared.
    private final class Load: Sendable {
        private let isStopped = EventSource(false)
        private let clients: [Background<(sent: Int, failed: Int)>]

        init(_ proxy: RunningProxy, _ origin: FakeOrigin) {
            let isStopped = isStopped
            clients = (0..<4).map { _ in
                Background {
                    let client = try ScriptedClient(proxy)
                    var (sent, failed) = (0, 0)
                    while !isStopped.current {
                        sent += 1
                        if try client.get(origin.url()).status != 200 { failed += 1 }
                    }
                    return (sent, failed)
                }
            }
        }

        func stop() throws -> (sent: Int, failed: Int) {
            isStopped.change { $0 = true }
            return try clients.reduce((0, 0)) {
                let one = try $1.wait()
                return ($0.0 + one.sent, $0.1 + one.failed)
            }
        }
    }

    private func readiness(_ proxy: RunningProxy) throws -> Int { try proxy.curl("GET", "/readyz").status }

    private func store(_ proxy: RunningProxy) throws -> JSONDocument { try proxy.read("/v1/status")["store"] }

    /// Every request that was sent is among the origin's totals, or what was measured was dropped and counted.
    private func expectNothingLost(_ proxy: RunningProxy, _ sent: Int) throws {
        let dropped = try store(proxy)["dropped_figures"].int ?? -1
        _ = try proxy.json("history", "--all")
        let kept = try proxy.detail(origin)["lifetime"]["requests"].int ?? 0
        #expect(kept == sent || dropped > 0 && kept < sent)
    }

    private func expectKept(_ value: String) throws {
        let proxy = try RunningProxy(state: state)
        let setting = try proxy.setting("max_queue", of: origin.name)
        #expect(setting["value"].text == value)
        #expect(setting["source"].text == "override")
        #expect(try readiness(proxy) == 200)
    }

    @Test("another process that holds the lock stops no request; readiness and status tell, and it heals by itself")
    func locked() throws {
        let proxy = try RunningProxy(state: state)
        #expect(try proxy.connctl("set", origin.name, "max_queue=11").exitCode == 0)
        let load = Load(proxy, origin)
        #expect(try readiness(proxy) == 200)
        let program = """
            import signal, sqlite3, sys
            connection = sqlite3.connect(sys.argv[1], isolation_level=None)
            connection.execute("BEGIN IMMEDIATE")
            print("held", flush=True)
            signal.pause()
            """
        let holder = try ChildProcess("python3", ["-c", program, state.database])
        try holder.wait(for: "the lock") { $0.outText == "held\n" || $0.hasEnded }
        try proxy.wait(for: "connd to be not ready", readiness) { $0 == 503 }
        let failing = try store(proxy)
        #expect(failing["state"].text == "failing")
        #expect(failing["fault"].text == "locked")
        // What cannot be made durable is refused, and does not hold.
        let refused = try proxy.connctl("set", origin.name, "max_queue=12")
        #expect(refused.exitCode == 1, "\(refused)")
        #expect(refused.errors.contains("durable") && refused.errors.contains("connctl status"), "\(refused)")
        #expect(try proxy.setting("max_queue", of: origin.name)["value"].text == "11")
        holder.signal(SIGKILL)
        try holder.waitForEnd()
        try proxy.wait(for: "connd to be ready", readiness) { $0 == 200 }
        #expect(try store(proxy)["recoveries"].int == 1)
        #expect(try proxy.connctl("set", origin.name, "max_queue=13").exitCode == 0)
        let (sent, failed) = try load.stop()
        #expect(failed == 0 && sent > 0)
        try expectNothingLost(proxy, sent)
        try proxy.killAtOnce()
        try expectKept("13")
    }

    /// A disk of its own for connd, in a mount namespace that ends with it.
    @Test(
        "a full disk stops no request, and what was measured is written when there is room", .enabled(if: getuid() == 0)
    )
    func full() throws {
        let mount = #"mount -t tmpfs -o size=2m tmpfs "$0" && exec "$@""#
        let proxy = try RunningProxy(wrapper: ["unshare", "-m", "sh", "-c", mount, state.path], state: state)
        let inside = "/proc/\(proxy.pid)/root\(state.path)"
        let load = Load(proxy, origin)
        #expect(try readiness(proxy) == 200)
        let filled = try Subprocess.run("dd", ["if=/dev/zero", "of=\(inside)/filler", "bs=4096"])
        #expect(filled.errors.contains("No space left"), "\(filled)")
        try proxy.wait(for: "connd to be not ready", readiness) { $0 == 503 }
        #expect(try store(proxy)["fault"].text == "full")
        try FileManager.default.removeItem(atPath: "\(inside)/filler")
        try proxy.wait(for: "connd to be ready", readiness) { $0 == 200 }
        let (sent, failed) = try load.stop()
        #expect(failed == 0 && sent > 0)
        try expectNothingLost(proxy, sent)
    }

    @Test("a database that is deleted is created again, with the settings and totals in it")
    func deleted() throws {
        let proxy = try RunningProxy(state: state)
        #expect(try proxy.connctl("set", origin.name, "max_queue=21").exitCode == 0)
        let load = Load(proxy, origin)
        for suffix in ["", "-wal", "-shm"] { try FileManager.default.removeItem(atPath: state.database + suffix) }
        try proxy.waitForLog("the database was missing and has been created again")
        try proxy.wait(for: "connd to be ready", readiness) { $0 == 200 }
        let (sent, failed) = try load.stop()
        #expect(failed == 0 && sent > 0)
        try expectNothingLost(proxy, sent)
        try proxy.killAtOnce()
        try expectKept("21")
    }

    @Test("a database that is overwritten with garbage is moved aside and created again, with the settings in it")
    func garbage() throws {
        let proxy = try RunningProxy(state: state)
        #expect(try proxy.connctl("set", origin.name, "max_queue=31").exitCode == 0)
        let load = Load(proxy, origin)
        let file = try FileHandle(forWritingTo: URL(fileURLWithPath: state.database))
        var random = SeededBytes(3)
        try file.write(contentsOf: Data(random.bytes(65536)))
        try file.close()
        try proxy.waitForLog("the damaged database was moved aside")
        try proxy.wait(for: "connd to be ready", readiness) { $0 == 200 }
        let (sent, failed) = try load.stop()
        #expect(failed == 0 && sent > 0)
        try expectNothingLost(proxy, sent)
        let kept = try FileManager.default.contentsOfDirectory(atPath: "\(state.path)/connd")
        #expect(kept.contains { $0.hasPrefix("connd.db.damaged-") })
        try proxy.killAtOnce()
        try expectKept("31")
    }

    @Test("garbage where the database should be does not keep connd from starting")
    func garbageAtStart() throws {
        try FileManager.default.createDirectory(atPath: "\(state.path)/connd", withIntermediateDirectories: true)
        try "this is no database".write(toFile: state.database, atomically: true, encoding: .utf8)
        let proxy = try RunningProxy(state: state)
        #expect(try ScriptedClient(proxy).get(origin.url()).status == 200)
        #expect(try readiness(proxy) == 200)
        #expect(proxy.logLines.contains { $0.contains("moved aside") })
    }

    @Test("a database of a newer connd is refused in clear words, and left byte for byte")
    func newer() throws {
        let first = try RunningProxy(state: state)
        #expect(try first.connctl("set", "all", "max_queue=41").exitCode == 0)
        first.terminate()
        #expect(try first.waitForEnd() == 0)
        try state.query("PRAGMA user_version = 999")
        let before = try contents()
        let connd = try Subprocess.run(
            try RunningProxy.binary(),
            ["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--database", state.database],
            environment: ["XDG_STATE_HOME": state.path])
        #expect(connd.exitCode == 1, "\(connd)")
        for word in ["newer", "999", state.database] { #expect(connd.errors.contains(word), "\(connd)") }
        #expect(!connd.errors.contains(" listening "))
        #expect(try contents() == before)
    }

    /// All files beside the database, by name.
    private func contents() throws -> [String: Data] {
        let folder = "\(state.path)/connd"
        let names = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasPrefix("connd.db") }
        return try Dictionary(
            uniqueKeysWithValues: names.map { ($0, try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\($0)"))) })
    }

    @Test("with :memory: it runs, and says that nothing is kept")
    func memory() throws {
        let proxy = try RunningProxy(arguments: ["--database", ":memory:"], state: state)
        #expect(try proxy.connctl("set", origin.name, "max_queue=51").exitCode == 0)
        #expect(try ScriptedClient(proxy).get(origin.url()).status == 200)
        let store = try store(proxy)
        #expect(store["durable"].flag == false)
        #expect(store["state"].text == "ok")
        #expect(!FileManager.default.fileExists(atPath: state.database))
    }
}
