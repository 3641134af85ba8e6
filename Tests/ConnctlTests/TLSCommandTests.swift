import AdminClient
import AdminModels
import Testing

@testable import connctl

@Suite("connctl tls")
struct TLSCommandTests {
    private static func origin() -> OriginTLSReport {
        var report = OriginTLSReport()
        report.origin = "https://api.example.com"
        report.intercept = true
        (report.clients.full, report.clients.resumed, report.clients.refused) = (12, 3, 2)
        report.clients.spliced = ["no_http1": 4, "client_refuses": 5]
        report.clients.handshakeTime.count = 15
        (report.clients.handshakeTime.meanMs, report.clients.handshakeTime.p99Ms) = (1.25, 4)
        (report.upstream.full, report.upstream.resumed) = (1, 9)
        report.upstream.fullTime.count = 1
        (report.upstream.fullTime.meanMs, report.upstream.fullTime.p99Ms) = (30, 31)
        return report
    }

    private static func refusal(program: String?, user: Int?, count: Int) -> ClientRefusalReport {
        var report = ClientRefusalReport()
        report.host = "api.example.com"
        report.program = program
        report.user = user
        report.userName = user == 1000 ? "build" : nil
        report.address = user == nil ? "10.0.0.5" : nil
        report.hello = "00c0ffee"
        report.manner = "unknown_ca"
        report.count = count
        (report.firstMs, report.lastMs) = (World.now - 7_200_000, World.now - 60_000)
        if count > 1 { report.splicedUntilMs = World.now + 82_800_000 }
        return report
    }

    private static let usual: FakeDaemon.Handler = { request in
        var forgotten = ForgottenRefusalsReport()
        forgotten.forgotten = request.target.contains("host=") ? 2 : 0
        switch (request.method, request.path) {
        case ("GET", Paths.tlsOrigins): return .json(Page(items: [origin()]))
        case ("GET", Paths.refusals):
            let refusals = [
                refusal(program: "java", user: 1000, count: 2), refusal(program: nil, user: 7, count: 1),
                refusal(program: nil, user: nil, count: 3),
            ]
            return .json(Page(items: refusals))
        case ("DELETE", Paths.refusals): return .json(forgotten)
        default: return .problem(404, "there is no \(request.path)")
        }
    }

    @Test("shows the handshakes of both sides, why tunnels were spliced, and who refuses")
    func show() async throws {
        try await World.withDaemon(Self.usual) { world, _ in
            let outcome = await world.run("tls")
            #expect(outcome.status == .ok && outcome.errors.isEmpty)
            let lines = outcome.output.split(separator: "\n").map(String.init)
            #expect(lines.contains("! https://api.example.com was tunnelled: 5 client_refuses, 4 no_http1"))
            #expect(lines.contains("Intercept one again: connctl tls --forget api.example.com"))
            let words = lines.map { $0.split(separator: " ").map(String.init) }
            #expect(
                words.contains([
                    "https://api.example.com", "on", "12", "3", "1.25ms", "4.00ms", "9", "2", "1", "9", "30.0ms",
                    "31.0ms",
                ]), "\(outcome.output)")
            #expect(lines.contains { $0.contains("java (user build)  unknown_ca") && $0.contains("ends in 23h") })
            #expect(lines.contains { $0.contains("user 7 ") && $0.hasSuffix("not yet") })
            #expect(lines.contains { $0.contains("10.0.0.5 ") })
            #expect(await world.run("tls", "-o", "wide").output.contains("00c0ffee"))
            let json = await world.run("tls", "-o", "json").output
            #expect(json.hasPrefix(#"{"origins":{"items":[{"#) && json.contains(#","refusals":{"items":[{"#), "\(json)")
        }
    }

    @Test("--forget names the host or all, and says what was forgotten")
    func forget() async throws {
        try await World.withDaemon(Self.usual) { world, daemon in
            let one = await world.run("tls", "--forget", "api.example.com", "--reason", "installed")
            #expect(one.output.hasPrefix("2 refusals forgotten: "), "\(one)")
            let all = await world.run("tls", "--forget", "--all")
            #expect(all.output.hasPrefix("There was nothing to forget"), "\(all)")
            let targets = daemon.requests.filter { $0.method == "DELETE" }.map(\.target)
            #expect(targets == ["\(Paths.refusals)?host=api.example.com&reason=installed", Paths.refusals])
            for wrong in [["--forget"], ["--forget", "a", "--all"], ["a"], ["--all"]] {
                #expect(await world.run(["tls"] + wrong).status == .usage, "\(wrong)")
            }
        }
    }
}
