import AdminClient
import AdminModels
import Synchronization
import Testing

@testable import connctl

@Suite("connctl doctor")
struct DoctorCommandTests {
    private static let origin = "http://a.example"
    private static let path = "/v1/origins/http%3A%2F%2Fa.example/doctor"

    private static func finding(_ name: String, _ verdict: String, _ text: String, measured: Bool = true)
        -> FindingReport
    {
        var finding = FindingReport()
        (finding.name, finding.verdict, finding.text, finding.measured) = (name, verdict, text, measured)
        return finding
    }

    private static func report(_ state: String, _ change: (inout DoctorReport) -> Void = { _ in }) -> DoctorReport {
        var report = DoctorReport()
        (report.origin, report.path, report.state, report.wait) = (origin, "/", state, "1m15s")
        (report.requests, report.connections) = (120, 12)
        change(&report)
        return report
    }

    private static let done = report("done") {
        $0.findings = [
            finding("persistence_http11", "keeps", "keeps the connection for another request"),
            finding("idle_limit", "closes", "closes idle connections after 5.00 s, ± 10 ms (3 of 3)"),
            finding("expect_continue", "not_asked", "not measured: it was not asked for", measured: false),
        ]
        var remark = RemarkReport()
        (remark.finding, remark.kind, remark.text) = ("idle_limit", "warns", "idle_timeout is 60 s; the origin closes")
        remark.setting = "idle_timeout=auto"
        $0.remarks = [remark]
    }

    /// What GET answers, one after another, the last one for good.
    private static func daemon(_ reports: DoctorReport...) -> FakeDaemon.Handler {
        let left = Mutex(reports)
        return { request in
            switch (request.method, request.path) {
            case ("POST", path):
                var answer = FakeDaemon.Answer.json(report("running"))
                answer.status = 202
                return answer
            case ("GET", path):
                return .json(left.withLock { $0.count > 1 ? $0.removeFirst() : $0[0] })
            case ("DELETE", path): return .json(report("stopped") { $0.stoppedBecause = "the examination was stopped" })
            default: return .problem(404, "there is no \(request.path)")
            }
        }
    }

    @Test("begins an examination, tells how far it is, and shows what was found and what helps")
    func whole() async throws {
        let idle = Self.report("running") { ($0.idleConnections, $0.idleFor, $0.idleForMs) = (3, "4.2s", 4200) }
        let measuring = Self.report("running") { $0.doing = "max_requests" }
        try await World.withDaemon(Self.daemon(measuring, idle, Self.done)) { world, daemon in
            let outcome = await world.run("doctor", Self.origin, "--for", "75s", "--path", "/health")
            #expect(outcome.status == .ok && outcome.errors.isEmpty, "\(outcome)")
            let lines = outcome.output.split(separator: "\n").map(String.init)
            #expect(lines[0] == "measuring requests each (120 requests)")
            #expect(lines[1] == "watching 3 idle connections for 4.2s of 1m15s (120 requests)")
            #expect(lines[2] == "http://a.example: 120 requests on 12 connections")
            #expect(lines.contains { $0.hasPrefix("idle limit") && $0.contains("5.00 s, ± 10 ms (3 of 3)") })
            #expect(lines.contains { $0.hasPrefix("100-continue") && $0.contains("not asked") })
            #expect(
                lines.suffix(2) == [
                    "! idle_timeout is 60 s; the origin closes", "    connctl set http://a.example idle_timeout=auto",
                ])
            let begun = daemon.requests.first { $0.method == "POST" }
            #expect(begun?.body.contains(#""wait":"75s""#) ?? false && begun?.body.contains("health") ?? false)
        }
    }

    @Test("a finding takes as many lines as the terminal is narrow, and loses nothing")
    func narrow() {
        let lines = DoctorText.findings(Self.done, width: 50, color: false)
        #expect(lines.count > Self.done.findings.count && lines.allSatisfy { $0.count <= 50 }, "\(lines)")
        let words = lines.joined(separator: " ").split(separator: " ").joined(separator: " ")
        #expect(words.contains("closes idle connections after 5.00 s, ± 10 ms (3 of 3)"))
        #expect(DoctorText.findings(Self.done, width: nil, color: false).count == Self.done.findings.count)
    }

    @Test("without a terminal a line comes with what is new, and every 15 s")
    func pace() {
        var pace = DoctorText.LinePace()
        func isDue(_ doing: String?, idle: Int, _ milliseconds: Int64) -> Bool {
            pace.isDue(
                Self.report("running") { ($0.doing, $0.idleConnections, $0.idleForMs) = (doing, idle, milliseconds) })
        }
        #expect(isDue("contact", idle: 0, 0) && !isDue("contact", idle: 0, 0))
        #expect(isDue("pipelining", idle: 0, 0) && isDue("pipelining", idle: 1, 100))
        #expect(!isDue(nil, idle: 1, 400) && isDue(nil, idle: 3, 900) && !isDue(nil, idle: 2, 2000))
        #expect(!isDue(nil, idle: 3, 15_899) && isDue(nil, idle: 3, 15_900) && !isDue(nil, idle: 3, 16_000))
    }

    @Test("with JSON prints the last report alone")
    func json() async throws {
        try await World.withDaemon(Self.daemon(Self.report("running"), Self.done)) { world, daemon in
            let outcome = await world.run("doctor", Self.origin, "--quick", "-o", "json")
            #expect(
                outcome.status == .ok && outcome.output.hasPrefix("{") && outcome.output.contains(#""state":"done""#))
            #expect(outcome.output.split(separator: "\n").count == 1)
            #expect(daemon.requests.contains { $0.method == "POST" && $0.body.contains(#""wait":"0s""#) })
        }
    }

    @Test("--last shows one, and --stop ends one, and neither begins any")
    func lastAndStop() async throws {
        try await World.withDaemon(Self.daemon(Self.done)) { world, daemon in
            #expect(await world.run("doctor", Self.origin, "--last").output.contains("idle limit"))
            let stopped = await world.run("doctor", Self.origin, "--stop", "--reason", "enough")
            #expect(stopped.status == .ok && stopped.output.contains("stopped (the examination was stopped)"))
            #expect(daemon.requests.map(\.method) == ["GET", "DELETE"])
            #expect(daemon.requests.last?.query == "reason=enough")
        }
    }

    @Test("an examination that ends in the moment in which it is stopped shows what it found; other refusals are told")
    func endedMeanwhile() async throws {
        for (status, isShown) in [(404, true), (403, false)] {
            try await World.withDaemon({ request in
                request.method == "DELETE" ? .problem(status, "it is over") : .json(Self.done)
            }) { world, daemon in
                let output = Output(format: .table, hasColor: false, environment: world.environment)
                let visit = DoctorVisit(origin: Self.origin, client: AdminClient(daemon.address), output: output)
                let answer = try? await visit.stop("interrupted")
                #expect((answer?.content.state == "done") == isShown)
                #expect(daemon.requests.map(\.method) == (isShown ? ["DELETE", "GET"] : ["DELETE"]))
            }
        }
    }

    @Test("an origin that cannot be reached, or an examination that gave way, is a failure")
    func failures() async throws {
        let unreachable = Self.report("unreachable") {
            $0.findings = [Self.finding("contact", "failed", "10.0.0.1:80 refused the connection", measured: false)]
        }
        let gaveWay = Self.report("stopped") { $0.stoppedBecause = "requests waited for connections" }
        for (report, text) in [(unreachable, "refused the connection"), (gaveWay, "requests waited")] {
            try await World.withDaemon(Self.daemon(report)) { world, _ in
                let outcome = await world.run("doctor", Self.origin)
                #expect(outcome.status == .failed && outcome.errors.contains(text), "\(outcome)")
                #expect(outcome.errors.contains("\nNext: "))
            }
        }
    }

    @Test(
        "options that exclude each other are wrong usage",
        arguments: [
            ["--quick", "--for", "5s"], ["--last", "--stop"], ["--last", "--quick"], ["--stop", "--path", "/"],
            ["--last", "--reason", "x"],
        ])
    func usage(_ options: [String]) async throws {
        try await World.withDaemon(Self.daemon(Self.done)) { world, daemon in
            #expect(await world.run(["doctor", Self.origin] + options).status == .usage)
            #expect(daemon.requests.isEmpty)
        }
    }
}
