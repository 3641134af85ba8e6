import AdminClient
import AdminModels
import Testing

@testable import connctl

@Suite("connctl top --by program")
struct ProgramsTests {
    private static func origin(_ name: String, perMinute: Double) -> ProgramOriginReport {
        var origin = ProgramOriginReport()
        (origin.origin, origin.connectionsPerMinute) = (name, perMinute)
        return origin
    }

    private static var report: ProgramsReport {
        var curl = ProgramReport()
        (curl.program, curl.kind, curl.uid, curl.user) = ("curl", "executable", 1000, "build")
        (curl.pid, curl.executable, curl.unit) = (4711, "curl", "session-3.scope")
        (curl.requests, curl.connections, curl.connectionsPerMinute) = (12_000, 8_000, 400)
        (curl.open, curl.errors) = (3, 7)
        curl.origins = [origin("http://a.example", perMinute: 399), origin("http://b.example", perMinute: 1)]
        var remote = ProgramReport()
        (remote.program, remote.kind, remote.requests) = ("remote:private", "remote", 1)
        var report = ProgramsReport()
        report.programs = [curl, remote]
        return report
    }

    private static func run(_ report: ProgramsReport, _ arguments: String...) async throws -> Outcome {
        var outcome: Outcome?
        let daemon: FakeDaemon.Handler = { request in
            request.path == Paths.programs ? .json(report) : .problem(404, "there is no \(request.path)")
        }
        try await World.withDaemon(daemon) { world, _ in
            outcome = await world.run(["top", "--by", "program"] + arguments)
        }
        return try #require(outcome)
    }

    @Test("shows who asks how often, and for what most")
    func table() async throws {
        let outcome = try await Self.run(Self.report)
        #expect(outcome.status == .ok && outcome.errors.isEmpty)
        let words = outcome.output.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
        #expect(
            words.contains(["curl", "1000(build)", "12,000", "8,000", "400", "3", "7", "http://a.example", "399"]),
            "\(outcome.output)")
        #expect(words.contains(["remote:private", "-", "1", "0", "0", "0", "0", "-", "-"]), "\(outcome.output)")
        let wide = try await Self.run(Self.report, "-o", "wide").output
        #expect(
            wide.contains("4711") && wide.contains("session-3.scope") && wide.contains("http://b.example (1/min)"))
        #expect(try await Self.run(Self.report, "-o", "json").output.contains(#""connections_per_minute":400"#))
    }

    @Test("says why connections have no program, and when none are attributed")
    func notes() async throws {
        var report = Self.report
        (report.attribution.found, report.attribution.gone, report.attribution.userOnly) = (8_000, 12, 1)
        let last = try await Self.run(report).output.split(separator: "\n").last
        #expect(
            last
                == "8,000 connections attributed; not: 1 of users whose processes connd may not look at, 12 closed before connd asked"
        )
        report.programs = []
        #expect(try await Self.run(report).output.hasPrefix("No program has connected since connd was started."))
        report.enabled = false
        #expect(try await Self.run(report).output.contains("proxy.client_programs is off"))
    }

    @Test("orders of origins are none of programs")
    func sort() async throws {
        #expect(try await Self.run(Self.report, "--sort", "latency").status == .usage)
        #expect(try await Self.run(Self.report, "--count", "2").status == .ok)
    }
}
