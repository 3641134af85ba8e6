import AdminClient
import AdminModels
import ArgumentParser

struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Shows connd's health: listeners, traffic, database, settings.",
        discussion: """
            connctl status
            connctl status -o json | jq .store.state
            """)

    @OptionGroup var global: GlobalOptions

    mutating func run() async throws {
        try await Session.run(global) { session in
            let answer = try await session.client.status()
            if session.output.isJSON { return session.output.json(answer.body) }
            var text = StatusText(report: answer.content, now: session.now)
            // Only the database knows: while it does not answer, the rest is what matters.
            text.week = (try? await session.client.history(.lastWeek(session.now)))?.content.points
            text.write(to: session.output)
        }
    }
}

/// connd's status as a labelled list, with warnings below it. Value.
struct StatusText {
    let report: StatusReport
    let now: Int64
    /// What was recorded in the last seven days.
    var week: [HistoryPoint]?

    func write(to output: Output) {
        let state = report.state == "running" ? "" : ", \(report.state)"
        output.line("connd \(report.version), up \(report.uptime) (pid \(report.pid))\(state)", .bold)
        output.facts(facts)
        for warning in StatusWarnings(report: report, now: now).lines { output.line(warning, .warning) }
    }

    var facts: LabelledList {
        var facts = LabelledList()
        facts.add("proxy", report.listeners.joined(separator: ", "))
        if !report.gateways.isEmpty { facts.add("gateways", gateways) }
        facts.add("admin", report.adminListeners.joined(separator: ", "))
        facts.add(
            "config", (report.configFile ?? "built-in defaults") + ", loaded " + Formatting.time(report.configLoadedAt))
        facts.add("database", database, report.store.state == "ok" ? .good : .bad)
        let totals = report.totals
        facts.add(
            "traffic",
            "\(Formatting.plural(totals.requests, "request")), \(Formatting.plural(totals.errors, "error")), "
                + "\(Formatting.share(totals.reuseRatio)) reused, \(Formatting.size(totals.bytesSent)) sent, "
                + "\(Formatting.size(totals.bytesReceived)) received",
            totals.errors == 0 ? .plain : .warning)
        facts.add(
            "handshakes",
            "\(Formatting.duration(ms: Double(totals.handshakePaidMs))) paid, "
                + "\(Formatting.duration(ms: Double(totals.handshakeSavedMs))) saved by reuse")
        if let week, !week.isEmpty { facts.add("this week", Self.savings(week)) }
        let counts = report.connections
        facts.add(
            "now",
            "\(Formatting.plural(report.clients, "client")), \(Formatting.plural(report.origins, "origin")), "
                + "\(Formatting.plural(counts.live, "connection")) (\(counts.leased) leased, \(counts.idle) idle), "
                + "\(Formatting.plural(counts.tunnels, "tunnel")), \(counts.waiting) waiting",
            counts.waiting == 0 ? .plain : .warning)
        facts.add(
            "settings",
            "\(Formatting.plural(report.overrides, "override")), \(Formatting.plural(report.trials, "trial")), "
                + Formatting.plural(report.conflicts, "conflict"))
        facts.add(
            "process",
            "\(Formatting.size(report.memoryBytes)), \(report.descriptors) of \(report.descriptorLimit) descriptors")
        if let end = report.previousEnd {
            let isGood = end == "stopped"
            facts.add(
                "run", "\(report.run); the previous one \(SafeText.line(Self.past(end)))", isGood ? .plain : .warning)
        }
        return facts
    }

    /// What keeping connections has saved, and what it has cost.
    static func savings(_ points: [HistoryPoint]) -> String {
        func sum(_ part: (HistoryPoint) -> Int64) -> Int64 { points.reduce(0) { $0 + part($1) } }
        func time(_ milliseconds: Int64) -> String { Formatting.duration(ms: Double(milliseconds)) }
        let (prevented, lost) = (sum { Int64($0.racesPrevented) }, sum(\.raceLostMs))
        var text =
            "saved \(time(sum(\.handshakeSavedMs))) of handshakes; requests waited "
            + "\(time(sum(\.handshakeWaitedMs))) for others"
        if prevented > 0 { text += "; \(Formatting.plural(Int(prevented), "lost race")) prevented" }
        if lost > 0 { text += "; \(time(lost)) lost to dead connections" }
        return text
    }

    private static func past(_ end: String) -> String {
        switch end {
        case "stopped": "was stopped"
        case "watchdog": "hung, and the watchdog ended it"
        case "timeout": "did not stop in time"
        case "out_of_memory": "ran out of memory"
        case "unknown": "ended unexpectedly"
        default: end
        }
    }

    private var gateways: String {
        report.gateways.map { gateway in
            "\(gateway.name) to \(gateway.origin) on "
                + (gateway.listening.isEmpty ? "nothing" : gateway.listening.joined(separator: ", "))
        }.joined(separator: "; ")
    }

    private var database: String {
        let store = report.store
        guard store.state == "ok" else {
            return "\(store.path): \(store.state) (\(store.fault ?? "other"))"
                + " since \(Formatting.ago(store.sinceMs, now: now))"
        }
        let write = store.lastWriteMs.map { ", written \(Formatting.ago($0, now: now))" } ?? ""
        return "\(store.path): ok, \(Formatting.size(store.sizeBytes))\(write)"
    }
}

extension ConnectionCounts {
    /// Open connections and dials; tunnels are counted separately.
    var live: Int { dialing + idle + parked + leased + pinned + draining + closing }
}

extension HistoryQuery {
    fileprivate static func lastWeek(_ now: Int64) -> HistoryQuery {
        var query = HistoryQuery()
        query.from = now - 7 * 86_400_000
        return query
    }
}
