import Foundation
import Glibc
import TestSupport
import Testing

/// What systemd is told (sd_notify).
@Suite struct ServiceNotifyTests {
    private let folder: ScratchFolder
    private let origin: FakeOrigin

    init() throws {
        folder = try ScratchFolder()
        origin = try FakeOrigin.answering()
    }

    private func inbox() throws -> DatagramInbox { try DatagramInbox("\(folder.path)/notify") }

    private func start(_ yaml: String = "", _ inbox: DatagramInbox) throws -> RunningProxy {
        try RunningProxy(yaml, state: try StateFolder(), environment: ["NOTIFY_SOCKET": inbox.address])
    }

    /// The lines that tell of its state, in order.
    private func states(_ messages: [DatagramInbox.Message]) -> [String] {
        messages.flatMap { $0.text.split(separator: "\n").map(String.init) }
            .filter { ["READY=1", "RELOADING=1", "STOPPING=1"].contains($0) }
    }

    @Test(
        "READY comes when the proxy and the admin API can be connected to, and says how it fares",
        arguments: [false, true])
    func ready(isAbstract: Bool) throws {
        let paths = ["\(folder.path)/proxy.sock", "\(folder.path)/admin.sock"]
        let address = isAbstract ? "@connd-test-\(UUID().uuidString)" : "\(folder.path)/notify"
        let answers = EventSource<[Int]?>(nil)
        let url = origin.url()
        let inbox = try DatagramInbox(address) { message in
            guard message["READY"] == "1" else { return }
            let requests = [
                "GET \(url) HTTP/1.1\r\nHost: x\r\n\r\n", "GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n",
            ]
            let made = zip(paths, requests).map { path, request in
                do {
                    let client = try ScriptedClient(unix: path)
                    try client.send(request)
                    return try client.response().status
                } catch {
                    return -1
                }
            }
            answers.change { $0 = made }
        }
        let proxy = try RunningProxy(
            "proxy: { listen: [\"unix:\(paths[0])\"] }\nadmin: { listen: [\"unix:\(paths[1])\"] }",
            state: try StateFolder(), environment: ["NOTIFY_SOCKET": address], listening: .byFile)
        let met = try answers.wait(for: "READY") { $0 != nil }
        #expect(met == [200, 200])
        let ready = try inbox.wait(forLine: "READY")
        #expect(ready["STATUS"]?.isEmpty == false)
        #expect(states(inbox.messages) == ["READY=1"])
        #expect(proxy.logLines.contains { $0.contains(" info ready ") })
    }

    @Test("what cannot start does not say READY")
    func notReady() throws {
        let (inbox, occupied) = (try inbox(), try OccupiedPort("127.0.0.1"))
        let run = try Subprocess.run(
            try RunningProxy.binary(),
            ["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:\(occupied.port)", "--database", ":memory:"],
            environment: ["NOTIFY_SOCKET": inbox.address, "XDG_STATE_HOME": folder.path])
        #expect(run.exitCode == 1, "\(run)")
        #expect(inbox.messages.allSatisfy { $0["READY"] == nil }, "\(inbox.messages)")
    }

    private func monotonicMicroseconds() -> Int {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        return now.tv_sec * 1_000_000 + now.tv_nsec / 1000
    }

    @Test("RELOADING with its time, then READY, around each reload", arguments: ReloadWay.allCases)
    func reloading(way: ReloadWay) throws {
        let inbox = try inbox()
        let proxy = try start("settings: { max_connections: 5 }", inbox)
        try inbox.wait(forLine: "READY")
        for round in 1...2 {
            let before = monotonicMicroseconds()
            try proxy.reload("settings: { max_connections: \(5 + round) }", by: way)
            let all = try inbox.wait(for: "READY again") { states($0).count == 1 + 2 * round }
            #expect(states(all).suffix(2) == ["RELOADING=1", "READY=1"])
            let told = try #require(all.last { $0["RELOADING"] != nil }?["MONOTONIC_USEC"].flatMap { Int($0) })
            #expect(told >= before && told <= monotonicMicroseconds())
            #expect(all.last { $0["READY"] != nil }?["STATUS"]?.contains("refused") == false)
        }
    }

    @Test(
        "a file that is refused ends in READY too, and STATUS says why until one is taken",
        arguments: ReloadWay.allCases)
    func refused(way: ReloadWay) throws {
        let inbox = try inbox()
        let proxy = try start("", inbox)
        try inbox.wait(forLine: "READY")
        #expect(throws: TestFailure.self) { try proxy.reload("settings:\n  max_qeue: 5\n", by: way) }
        let all = try inbox.wait(for: "READY again") { states($0).count == 3 }
        #expect(states(all) == ["READY=1", "RELOADING=1", "READY=1"])
        let status = try #require(all.last { $0["READY"] != nil }?["STATUS"])
        for word in ["refused", "connd.yaml:2", "max_qeue"] { #expect(status.contains(word), "\(status)") }
        try proxy.reload("settings:\n  max_queue: 5\n", by: way)
        let after = try inbox.wait(for: "READY once more") { states($0).count == 5 }
        #expect(after.last { $0["READY"] != nil }?["STATUS"]?.contains("refused") == false)
    }

    @Test("STOPPING at SIGTERM, with as long as the shutdown_grace that holds now, and nothing contrary after it")
    func stopping() throws {
        let inbox = try inbox()
        let gate = Gate()
        let slow = try FakeOrigin.holding(gate)
        let proxy = try start("proxy: { shutdown_grace: 5s }", inbox)
        try proxy.reload("proxy: { shutdown_grace: 90s }")
        let client = try ScriptedClient(proxy)
        try client.send("GET", slow.url())
        try slow.waitToSee("the request") { $0.requests.count == 1 }
        proxy.terminate()
        let stopping = try inbox.wait(forLine: "STOPPING")
        #expect(stopping["STATUS"]?.contains("90s") == true, "\(stopping)")
        let time = try #require(
            try inbox.wait(forLine: "EXTEND_TIMEOUT_USEC")["EXTEND_TIMEOUT_USEC"].flatMap { Int($0) })
        #expect(time > 90_000_000)
        // A reload while it stops is refused, and does not make it look started.
        proxy.process.signal(SIGHUP)
        try proxy.process.wait(for: "the second reload") { $0.errText.contains(" not reloaded ") || $0.hasEnded }
        #expect(proxy.logLines.contains { $0.contains(" not reloaded ") && $0.contains("connd is stopping") })
        gate.open()
        #expect(try client.response().saysClose)
        #expect(try proxy.waitForEnd() == 0)
        #expect(states(inbox.messages).last == "STOPPING=1")
        #expect(states(inbox.messages).count { $0 == "STOPPING=1" } == 1)
    }

    @Test("STATUS has origins, connections, those that are busy, the share of reuse and the rate")
    func status() throws {
        let inbox = try inbox()
        let gate = Gate()
        let origin = try FakeOrigin { connection in
            while let request = try connection.readRequest() {
                if request.target == "/held" { try gate.pass() }
                connection.respond()
            }
        }
        let proxy = try start("", inbox)
        try inbox.wait(forLine: "STATUS") { $0.hasPrefix("0 origins, 0 connections (0 busy)") }
        let client = try ScriptedClient(proxy)
        for _ in 0..<3 { #expect(try client.get(origin.url()).status == 200) }
        try client.send("GET", origin.url("/held"))
        try origin.waitToSee("the held request") { $0.requests.count == 4 }
        try inbox.wait(forLine: "STATUS") {
            $0.wholeMatch(of: /1 origin, 1 connection \(1 busy\), 75\.0% reuse, [0-9.]+ requests\/s/) != nil
        }
        gate.open()
        #expect(try client.response().status == 200)
        try inbox.wait(forLine: "STATUS") { $0.hasPrefix("1 origin, 1 connection (0 busy), 75.0% reuse, ") }
    }

    @Test(
        "a NOTIFY_SOCKET where nobody is stops nothing",
        arguments: ["/no/such/socket", "@connd-nobody", "vsock:2:1", ""])
    func nobody(address: String) throws {
        let proxy = try RunningProxy(state: try StateFolder(), environment: ["NOTIFY_SOCKET": address])
        #expect(try ScriptedClient(proxy).get(origin.url()).status == 200)
        #expect(try proxy.connctl("reload").exitCode == 0)
        proxy.terminate()
        #expect(try proxy.waitForEnd() == 0)
    }
}

extension String {
    fileprivate func count(of part: String) -> Int { components(separatedBy: part).count - 1 }
}
