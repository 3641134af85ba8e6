import Glibc
import TestSupport
import Testing

/// `connctl doctor` against origins that exist.
@Suite struct DoctorTests {
    private let proxy: RunningProxy

    init() throws {
        proxy = try RunningProxy(state: try StateFolder())
    }

    /// A web server of Python's library, and where it is.
    private static func python(_ version: String) throws -> (process: ChildProcess, origin: String) {
        let process = try ChildProcess(
            "python3", ["-u", "-m", "http.server", "--protocol", version, "--bind", "127.0.0.1", "0"])
        let started = try process.wait(for: "Python to listen") { $0.outText.contains(" port ") || $0.hasEnded }
        let words = started.outText.split(separator: " ")
        guard let place = words.firstIndex(of: "port"), words.indices.contains(place + 1) else {
            throw TestFailure("Python does not serve: \(started)")
        }
        return (process, "http://127.0.0.1:\(words[place + 1])")
    }

    private func examine(_ origin: String, _ arguments: String...) throws -> JSONDocument {
        let run = try proxy.connctl(["doctor", origin, "-o", "json"] + arguments)
        guard run.exitCode == 0 else { throw TestFailure("\(run)") }
        return try JSONDocument(parsing: run.output)
    }

    private func finding(_ report: JSONDocument, _ name: String) -> JSONDocument {
        report["findings"].items.first { $0["name"].text == name } ?? .null
    }

    private func verdict(_ report: JSONDocument, _ name: String) -> String? { finding(report, name)["verdict"].text }

    @Test("nginx that keeps idle connections two seconds, and each for ten requests")
    func nginx() throws {
        let server = try NginxServer("keepalive_timeout 2s 2s; keepalive_requests 10;")
        let report = try examine(server.origin, "--for", "30s", "--reason", "a new balancer")
        #expect(report["state"].text == "done")
        #expect(verdict(report, "persistence_http11") == "keeps" && verdict(report, "persistence_http10") == "keeps")
        // On a busy machine the three ages may differ.
        #expect(["closes", "closes_between"].contains(verdict(report, "idle_limit")), "\(report)")
        #expect(
            finding(report, "idle_limit")["count"].int == 3 && finding(report, "idle_limit")["measured"].flag == true)
        #expect(verdict(report, "max_requests") == "closes" && finding(report, "max_requests")["count"].int == 10)
        #expect(finding(report, "keep_alive_hints")["value_ms"].int == 2000)
        #expect(verdict(report, "pipelining") == "in_order", "\(report)")
        #expect(finding(report, "contact")["text"].text?.contains("nginx") ?? false, "\(report)")
        // What the idle connections have shown is learned, and none of it counts as the origin's requests.
        let detail = try proxy.read("/v1/origins/\(RunningProxy.segment(server.origin))")
        #expect(detail["learned"]["closes"].int == 3, "\(detail)")
        #expect(detail["summary"]["requests"].int == 0, "\(detail["summary"])")
        let trail = try proxy.read("/v1/audit")["items"].items
        #expect(trail.contains { $0["action"].text == "doctor" && $0["reason"].text == "a new balancer" }, "\(trail)")
        // The same again, as a person sees it.
        let shown = try proxy.connctl("doctor", server.origin, "--last")
        #expect(shown.exitCode == 0 && shown.output.contains("closes a connection after 10 requests"), "\(shown)")
    }

    @Test("Python's HTTP/1.0 server, which keeps no connection")
    func http10() throws {
        let (process, origin) = try Self.python("HTTP/1.0")
        let report = try examine(origin)
        #expect(verdict(report, "persistence_http11") == "closes", "\(report)")
        #expect(verdict(report, "idle_limit") == "not_kept" && verdict(report, "max_requests") == "closes")
        #expect(report["remarks"][0]["text"].text?.contains("have it speak HTTP/1.1") ?? false, "\(report)")
        process.signal(SIGTERM)
    }

    @Test("what cannot be examined is refused, with the reason")
    func refused() throws {
        let port = try RefusingPort()
        let dead = "http://127.0.0.1:\(port.port)"
        let unreachable = try proxy.connctl("doctor", dead, "--quick")
        #expect(unreachable.exitCode == 1 && unreachable.errors.contains("refused the connection"), "\(unreachable)")
        try proxy.connctl("pause", dead)
        let paused = try proxy.connctl("doctor", dead, "--quick")
        #expect(paused.exitCode == 1 && paused.errors.contains("is paused"), "\(paused)")
        let path = try proxy.connctl("doctor", dead, "--path", "health")
        #expect(path.exitCode == 1 && path.errors.contains("must begin with /"), "\(path)")
        let wait = try proxy.connctl("doctor", dead, "--for", "2h")
        #expect(wait.exitCode == 1 && wait.errors.contains("1s to 15m"), "\(wait)")
        #expect(try proxy.connctl("doctor", dead, "--quick", "--for", "5s").exitCode == 2)
        #expect(try proxy.connctl("doctor", dead, "--stop").errors.contains("not being examined"))
    }

    @Test("an examination ends with the connctl that is interrupted, and with its connections")
    func interrupted() throws {
        let origin = try FakeOrigin.answering()
        let connctl = try ChildProcess(
            try RunningProxy.binary("connctl"), ["doctor", origin.name, "--for", "15m"],
            environment: [
                "CONNCTL_ADMIN": proxy.adminURL, "XDG_STATE_HOME": proxy.state?.path ?? "", "NO_COLOR": "1",
            ])
        try connctl.wait(for: "the idle connections") { $0.outText.contains("watching 3 idle") || $0.hasEnded }
        connctl.signal(SIGINT)
        let ended = try connctl.waitForEnd()
        #expect(ended.exitCode == -SIGINT && ended.outText.contains("stopped"), "\(ended)")
        let report = try proxy.read("/v1/origins/\(RunningProxy.segment(origin.name))/doctor")
        #expect(report["state"].text == "stopped" && report["idle_connections"].int == 0, "\(report)")
    }
}
