import Foundation
import TestSupport
import Testing

/// Which programs ask for what, as `connctl top --by program`, the API and the metrics tell it.
@Suite struct ProgramTests {
    private static func program(_ name: String, of proxy: RunningProxy) throws -> JSONDocument {
        try proxy.read("/v1/programs")["programs"].items.first { $0["program"].text == name } ?? .null
    }

    private static func stop(_ proxy: RunningProxy) throws {
        proxy.terminate()
        #expect(try proxy.waitForEnd() == 0)
    }

    /// Answers once all clients are attributed: on a busy machine they would be gone before.
    private static func answering(_ attribution: AttributionGate) throws -> FakeOrigin {
        try FakeOrigin { connection in
            while try connection.readRequest() != nil {
                try attribution.wait()
                connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            }
        }
    }

    private static func curl(_ arguments: [String]) throws {
        let run = try Subprocess.run("curl", ["-sS", "--noproxy", "", "-o", "/dev/null"] + arguments)
        #expect(run.exitCode == 0, "\(run)")
    }

    /// Of a proxy that is known later. Shared.
    private final class AttributionGate: Sendable {
        private let proxy = EventSource<RunningProxy?>(nil)

        func open(_ proxy: RunningProxy) { self.proxy.change { $0 = proxy } }

        func wait() throws {
            guard let proxy = try self.proxy.wait(for: "connd", { $0 != nil }) else { return }
            let deadline = Date(timeIntervalSinceNow: Double(TestTimeout.milliseconds) / 1000)
            while try proxy.read("/v1/programs")["attribution"]["waiting"].int != 0 {
                guard Date() < deadline else { throw TestFailure("clients are still looked up") }
            }
        }
    }

    @Test("requests, connections and errors are those of the program, over TCP and on a Unix socket")
    func counts() throws {
        let folder = try ScratchFolder()
        let socket = folder.path + "/proxy.sock"
        let gate = AttributionGate()
        let origin = try Self.answering(gate)
        let proxy = try RunningProxy(arguments: ["--listen", "unix:\(socket)"], state: try StateFolder())
        gate.open(proxy)
        let url = origin.url()
        // Four requests over one connection, the last of which fails, then one over another.
        let further = ["-o", "/dev/null"]
        try Self.curl(["-x", proxy.url, url] + further + [url] + further + [url] + further + ["http://127.0.0.1:1/"])
        try Self.curl(["--unix-socket", socket, "-H", "Host: x", "--request-target", url, "http://x/"])
        let curl = try Self.program("curl", of: proxy)
        #expect(curl["requests"].int == 5 && curl["connections"].int == 2, "\(curl)")
        #expect(curl["errors"].int == 1 && curl["open"].int == 0 && curl["kind"].text == "executable")
        #expect(curl["uid"].int == Int(geteuid()) && curl["connections_per_minute"].double ?? 0 > 0)
        let origins = curl["origins"].items
        let busiest = try #require(origins.first)
        #expect(busiest["origin"].text == "http://\(origin.authority)" && busiest["requests"].int == 4, "\(curl)")
        #expect(busiest["connections"].int == 2 && origins.count == 2)
        let failed = try proxy.read("/v1/exchanges")["items"].items.first
        #expect(failed?["program"].text == "curl", "\(failed ?? .null)")
        #expect(try proxy.connctl("explain", "\(failed?["id"].int ?? 0)").output.contains("asked by"))
        let table = try proxy.connctl("top", "--by", "program").output
        let row = table.split(separator: "\n").first { $0.hasPrefix("curl ") }?.split(separator: " ").map(String.init)
        let user = try Subprocess.run("id", ["-un"]).output.trimmingCharacters(in: .whitespacesAndNewlines)
        #expect(row?.count == 9 && row?[1] == "\(geteuid())(\(user))" && row?[2...3] == ["5", "2"], "\(table)")
        #expect(row?[5...7] == ["0", "1", "http://\(origin.authority)"], "\(table)")
        let metrics = try proxy.curl("GET", "/metrics").body
        #expect(metrics.contains(#"connd_program_requests_total{program="curl"} 5"#), "\(metrics)")
        #expect(metrics.contains(#"connd_program_lookups_total{result="found"} "#))
        try Self.stop(proxy)
    }

    @Test("a connection that stays open is counted while it does")
    func kept() throws {
        let gate = AttributionGate()
        let origin = try Self.answering(gate)
        let proxy = try RunningProxy(state: try StateFolder())
        gate.open(proxy)
        let client = try ScriptedClient(proxy)
        for _ in 0..<3 { #expect(try client.get(origin.url()).status == 200) }
        // This process holds the connection.
        let found = try proxy.read("/v1/programs")["programs"].items
        let own = try #require(found.first { $0["pid"].int == Int(getpid()) }, "\(found)")
        #expect(own["requests"].int == 3 && own["open"].int == 1 && own["connections"].int == 1)
        client.close()
        try Self.stop(proxy)
    }

    @Test("nothing is attributed where that is turned off, also while connd runs")
    func off() throws {
        let gate = AttributionGate()
        let origin = try Self.answering(gate)
        let proxy = try RunningProxy("proxy: { client_programs: off }", state: try StateFolder())
        gate.open(proxy)
        try Self.curl(["-x", proxy.url, origin.url()])
        let report = try proxy.read("/v1/programs")
        #expect(report["enabled"].flag == false && report["programs"].items.isEmpty)
        #expect(try proxy.connctl("top", "--by", "program").output.contains("proxy.client_programs is off"))
        try Self.stop(proxy)
    }

    @Test(
        "a program of a service counts as the service",
        .enabled(if: ControlGroup.canMake))
    func service() throws {
        let group = try ControlGroup("connd-test-\(getpid()).service")
        defer { group.remove() }
        let gate = AttributionGate()
        let origin = try Self.answering(gate)
        let proxy = try RunningProxy(state: try StateFolder())
        gate.open(proxy)
        let script =
            "echo $$ > \(group.path)/cgroup.procs && exec curl -sS -o /dev/null -x \(proxy.url) \(origin.url())"
        let run = try Subprocess.run("sh", ["-c", script])
        #expect(run.exitCode == 0, "\(run)")
        let program = try Self.program("connd-test-\(getpid()).service", of: proxy)
        #expect(program["kind"].text == "unit" && program["requests"].int == 1, "\(program)")
        try Self.stop(proxy)
    }
}

/// A control group of version 2. Removed by `remove`.
private struct ControlGroup {
    let path: String

    private static let root = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"].first {
        access($0 + "/cgroup.procs", W_OK) == 0 && access($0 + "/cgroup.controllers", R_OK) == 0
    }

    static var canMake: Bool { root != nil }

    init(_ name: String) throws {
        path = (Self.root ?? "") + "/" + name
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    }

    func remove() { rmdir(path) }
}
