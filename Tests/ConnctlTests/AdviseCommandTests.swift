import AdminClient
import AdminModels
import Testing

@testable import connctl

@Suite("connctl advise")
struct AdviseCommandTests {
    private static let name = "max_requests_low@http://example.com"

    private static func advice(_ state: String, action: String? = nil) -> AdviceReport {
        var report = AdviceReport()
        (report.id, report.origin, report.rule) = (name, "http://example.com", "max_requests_low")
        (report.state, report.text, report.confidence) = (state, "Connections are retired early.", "high")
        report.action = action
        if action == nil { (report.setting, report.value) = ("max_requests_per_connection", "1000") }
        var evidence = EvidenceReport()
        (evidence.label, evidence.text) = ("requests on new connections", "50 %")
        report.evidence = [evidence]
        report.prediction.text = "50 % now, 0 % to 2 % then"
        report.prediction.verification = "must fall to 26 %"
        report.safe = true
        report.givenMs = World.now - 60_000
        return report
    }

    private static func daemon(_ items: [AdviceReport]) -> FakeDaemon.Handler {
        { request in
            switch (request.method, request.path) {
            case ("GET", Paths.advice): return .json(Page(items: items, total: items.count))
            case ("GET", Paths.origins):
                var origin = OriginSummary()
                origin.origin = "http://example.com"
                return .json(Page(items: [origin]))
            case ("POST", Paths.advice):
                var report = AdviceLookReport()
                (report.origins, report.new, report.waiting) = (2, 1, 1)
                return .json(report)
            case ("POST", _) where request.path.hasSuffix("/accept"): return .json(advice("trial"))
            case ("POST", _) where request.path.hasSuffix("/dismiss"): return .json(advice("dismissed"))
            case ("GET", _) where request.path.hasPrefix(Paths.advice): return .json(advice("waiting"))
            default: return .problem(404, "there is no \(request.path)")
            }
        }
    }

    @Test("lists what waits and what is on trial; --all also the rest")
    func list() async throws {
        try await World.withDaemon(Self.daemon([Self.advice("waiting"), Self.advice("reverted")])) { world, _ in
            let outcome = await world.run("advise")
            #expect(outcome.status == .ok && outcome.errors.isEmpty)
            let words = outcome.output.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
            #expect(words.contains(["waiting", Self.name, "max_requests_per_connection=1000", "high"]), "\(outcome)")
            #expect(outcome.output.hasSuffix("Next: connctl advise \(Self.name)\n"))
            #expect(!outcome.output.contains("reverted"))
            #expect(await world.run("advise", "--all").output.contains("reverted"))
            #expect(await world.run("advise", "-o", "json").output.contains(#""rule":"max_requests_low""#))
            #expect(await world.run("advise", "-o", "wide").output.contains("Connections are retired early."))
        }
        try await World.withDaemon(Self.daemon([Self.advice("dismissed")])) { world, _ in
            let outcome = await world.run("advise")
            #expect(outcome.output.contains("No advice waits") && outcome.output.contains("connctl advise --all"))
        }
    }

    @Test("shows one with its evidence, or all of an origin, and what to do next", arguments: [name, "example.com"])
    func detail(_ subject: String) async throws {
        try await World.withDaemon(Self.daemon([Self.advice("waiting")])) { world, _ in
            let lines = await world.run("advise", subject).output.split(separator: "\n").map(String.init)
            #expect(lines.first == "\(Self.name): Connections are retired early.")
            for text in [
                "requests on new connections: 50 %", "50 % now, 0 % to 2 % then", "must fall to 26 %",
                "high, safe to try", "Next: connctl advise \(Self.name) --accept   or --dismiss",
            ] {
                #expect(lines.contains { $0.contains(text) }, "\(text)")
            }
        }
    }

    @Test("accepts, dismisses and looks")
    func changes() async throws {
        try await World.withDaemon(Self.daemon([])) { world, daemon in
            let accepted = await world.run("advise", Self.name, "--accept", "--reason", "why")
            #expect(accepted.output.hasPrefix("max_requests_per_connection=1000 is on trial for http://example.com.\n"))
            #expect(daemon.requests.last?.body.contains(#""reason":"why""#) == true)
            #expect(
                daemon.requests.last?.path == "/v1/advice/max_requests_low%40http%3A%2F%2Fexample.com/accept",
                "\(daemon.requests)")
            #expect(await world.run("advise", Self.name, "--dismiss").output.contains("is dismissed"))
            #expect(
                await world.run("advise", "--look").output
                    == "Looked at 2 origins: 1 new, 0 trials ended, 1 waiting.\nNext: connctl advise\n")
        }
    }

    @Test("what does not fit together is refused")
    func refused() async throws {
        try await World.withDaemon(Self.daemon([])) { world, daemon in
            for wrong in [
                ["--accept"], ["example.com", "--accept"], [Self.name, "--accept", "--dismiss"], ["--reason", "why"],
                ["example.com", "--look"], ["--look", "--all"], ["--limit", "0"],
            ] {
                #expect(await world.run(["advise"] + wrong).status == .usage, "\(wrong)")
            }
            #expect(daemon.requests.isEmpty)
        }
    }
}
