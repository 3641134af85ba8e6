import AdminClient
import AdminModels
import Testing

@testable import connctl

@Suite("connctl ports")
struct PortsCommandTests {
    private static func path(_ destination: String, free: Int, _ state: String, exhaustion: String?) -> PortPathReport {
        var path = PortPathReport()
        (path.source, path.destination, path.origins) = ("10.0.0.5", destination, ["https://a.example"])
        (path.open, path.timeWait, path.used, path.free) = (12, 170, 182, free)
        (path.newPerSecond, path.exhaustion, path.state) = (2.5, exhaustion, state)
        return path
    }

    private static func report(_ paths: [PortPathReport]) -> PortsReport {
        var report = PortsReport()
        (report.rangeFirst, report.rangeLast, report.reserved) = (32768, 60999, 3)
        (report.usable, report.few, report.timeWaitReuse) = (28229, 1000, "on_loopback")
        report.paths = paths
        return report
    }

    private static func daemon(_ report: PortsReport) -> FakeDaemon.Handler {
        { request in
            request.path == Paths.ports ? .json(report) : .problem(404, "there is no \(request.path)")
        }
    }

    @Test("shows what is used and left on each path, and when none is")
    func table() async throws {
        var report = Self.report([
            Self.path("192.0.2.7:443", free: 18, "short", exhaustion: "40s"),
            Self.path("192.0.2.8:443", free: 20_000, "ample", exhaustion: nil),
        ])
        (report.dialsWithoutPort, report.omitted) = (2, 7)
        try await World.withDaemon(Self.daemon(report)) { world, _ in
            let outcome = await world.run("ports")
            #expect(outcome.status == .ok && outcome.errors.isEmpty)
            let lines = outcome.output.split(separator: "\n").map(String.init)
            #expect(
                lines[0] == "28,229 local ports (32768-60999, 3 reserved) for each path; fewer than 1,000 free are few")
            #expect(lines[1] == "TIME_WAIT keeps a port for 60s, on loopback for 1s (net.ipv4.tcp_tw_reuse)")
            #expect(lines[2] == "! 2 dials found no port since connd was started")
            let words = lines.map { $0.split(separator: " ").map(String.init) }
            #expect(
                words.contains(["10.0.0.5", "192.0.2.7:443", "12", "170", "182", "18", "2.50", "40s", "short"]),
                "\(outcome.output)")
            #expect(lines.last == "… and 7 more with more ports left")
            #expect(await world.run("ports", "-o", "wide").output.contains("https://a.example"))
            #expect(await world.run("ports", "-o", "json").output.contains(#""usable":28229"#))
        }
    }

    @Test("without connections it says so")
    func none() async throws {
        try await World.withDaemon(Self.daemon(Self.report([]))) { world, _ in
            let outcome = await world.run("ports")
            #expect(outcome.output.hasSuffix("No connection to an origin now, and none within two minutes.\n"))
        }
    }

    @Test("--watch prints once where there is no terminal, or as often as it is told")
    func watch() async throws {
        try await World.withDaemon(Self.daemon(Self.report([]))) { world, daemon in
            #expect(await world.run("ports", "--watch").status == .ok)
            #expect(daemon.requests.count == 1)
            #expect(await world.run("ports", "--watch", "--count", "2").status == .ok)
            #expect(daemon.requests.count == 3)
            for wrong in [["--count", "2"], ["--watch", "--interval", "0"], ["--watch", "--count", "0"]] {
                #expect(await world.run(["ports"] + wrong).status == .usage, "\(wrong)")
            }
            #expect(await world.run("ports", "--watch", "-o", "json").status == .usage)
        }
    }
}
