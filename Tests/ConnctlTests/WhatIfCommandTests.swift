import AdminClient
import AdminModels
import Testing

@testable import connctl

@Suite("connctl whatif")
struct WhatIfCommandTests {
    private static func figures(_ change: (inout WhatIfFiguresReport) -> Void) -> WhatIfFiguresReport {
        var figures = WhatIfFiguresReport()
        (figures.busy, figures.idleError) = (0.2, 0.3)
        change(&figures)
        return figures
    }

    private static func setting(_ name: String, _ inForce: String, _ asked: String) -> WhatIfSettingReport {
        var setting = WhatIfSettingReport()
        (setting.name, setting.inForce, setting.asked) = (name, inForce, asked)
        return setting
    }

    private static var report: WhatIfReport {
        var report = WhatIfReport()
        (report.origin, report.observed, report.requests, report.replayed) = ("http://a.example", "6h12m", 41_200, 2048)
        report.settings = [setting("idle_timeout", "auto", "1m"), setting("max_idle", "auto", "auto")]
        report.inForce = figures { ($0.reuseRatio, $0.dialsPerHour, $0.idle) = (0.8944, 88.2, 1.33) }
        report.asked = figures {
            ($0.reuseRatio, $0.dialsPerHour, $0.idle) = (0.9928, 57, 3.73)
            ($0.reuseRatioError, $0.dialsPerHourError) = (0.004, 6)
            ($0.waitingRatio, $0.waitMs, $0.wait) = (0.019, 87, "87ms")
            $0.raceRatio = 0.00012
        }
        (report.check.predictedReuseRatio, report.check.reuseRatio) = (0.892, 0.8944)
        (report.check.predictedDials, report.check.dials) = (902, 888)
        report.summary = "31 new connections an hour fewer, 2.4 more idle sockets."
        report.notes = ["the origin closes idle connections after 5s"]
        return report
    }

    private static func daemon(_ report: WhatIfReport) -> FakeDaemon.Handler {
        { request in
            request.path == "/v1/origins/http%3A%2F%2Fa.example/whatif"
                ? .json(report) : .problem(409, "too little was recorded")
        }
    }

    @Test("shows what is in force beside what was asked, the change, the error, and what to do next")
    func table() async throws {
        try await World.withDaemon(Self.daemon(Self.report)) { world, daemon in
            let outcome = await world.run("whatif", "http://a.example", "idle_timeout=60s", "max_connections=8")
            #expect(outcome.status == .ok && outcome.errors.isEmpty, "\(outcome)")
            #expect(daemon.requests.last?.query == "idle_timeout=60s&max_connections=8")
            let lines = outcome.output.split(separator: "\n").map(String.init)
            #expect(
                lines.first == "http://a.example: 41,200 requests in 6h12m, the latest 2,048 replayed for the waits")
            let words = lines.map { $0.split(separator: " ").map(String.init) }
            for row in [
                ["IN", "FORCE", "ASKED", "CHANGE", "ERROR"], ["idle_timeout", "auto", "1m"],
                ["reuse", "89.4%", "99.3%", "+9.90%", "±0.40"],
                ["new", "connections", "88.2/h", "57/h", "-31.2/h", "±6"],
                ["idle", "sockets", "1.33", "3.73", "+2.40", "±0.30"], ["busy", "sockets", "0.20", "0.20"],
                ["requests", "that", "wait", "0%", "1.90%", "+1.90%", "±0"], ["for", "how", "long", "-", "87.0ms"],
                ["races", "in", "100,000", "0", "12", "+12"],
            ] {
                #expect(words.contains(row), "\(row) in\n\(outcome.output)")
            }
            let check = "Checked on what is in force: reuse 89.2% predicted, 89.4% counted; new connections 902 "
            #expect(lines.contains { $0.hasPrefix(check) })
            #expect(lines.contains("31 new connections an hour fewer, 2.4 more idle sockets."))
            #expect(lines.contains("! the origin closes idle connections after 5s"))
            #expect(lines.last == "Try it: connctl set http://a.example idle_timeout=1m --try 10m")
            #expect(!outcome.output.contains("max_idle"))
            let json = await world.run("whatif", "http://a.example", "idle_timeout=60s", "-o", "json")
            #expect(json.output.contains(#""dials_per_hour":57"#))
        }
    }

    @Test("asked about nothing it shows what is in force alone")
    func inForce() async throws {
        var report = Self.report
        report.settings = []
        try await World.withDaemon(Self.daemon(report)) { world, daemon in
            let outcome = await world.run("whatif", "http://a.example")
            #expect(daemon.requests.last?.query == "" && outcome.status == .ok)
            #expect(!outcome.output.contains("ASKED") && !outcome.output.contains("Try it"))
            #expect(outcome.output.contains("Checked on "))
        }
    }

    @Test("what cannot be served is said to be too much")
    func overloaded() async throws {
        var report = Self.report
        report.asked.overloaded = true
        try await World.withDaemon(Self.daemon(report)) { world, _ in
            let outcome = await world.run("whatif", "http://a.example", "max_connections=1")
            #expect(outcome.output.contains("more and more") && !outcome.output.contains("87.0ms"))
        }
    }

    @Test("a setting that cannot be asked about is refused with those that can, as is what has no value")
    func usage() async throws {
        try await World.withDaemon(Self.daemon(Self.report)) { world, daemon in
            for wrong in ["max_queue=3", "idle_timeout", "idle_timeout=1s idle_timeout=2s"] {
                let outcome = await world.run(["whatif", "a.example"] + wrong.split(separator: " ").map(String.init))
                #expect(outcome.status == .usage, "\(wrong)")
            }
            #expect(await world.run("whatif", "a.example", "max_queue=3").errors.contains("max_connections"))
            #expect(daemon.requests.isEmpty)
            let early = await world.run("whatif", "http://b.example", "max_idle=3")
            #expect(early.status == .failed && early.errors.contains("too little was recorded"))
        }
    }
}
