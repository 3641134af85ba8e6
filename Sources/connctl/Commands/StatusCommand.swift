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
            StatusText(report: answer.content, now: session.now).write(to: session.output)
        }
    }
}

/// connd's status as a labelled list, and a line for everything that needs attention. Value.
struct StatusText {
    let report: StatusReport
    let now: Int64

    func write(to output: Output) {
        let state = report.state == "running" ? "" : ", \(report.state)"
        output.line("connd \(report.version), up \(report.uptime) (pid \(report.pid))\(state)", .bold)
        output.facts(facts)
        for warning in warnings { output.line(warning, .warning) }
    }

    var facts: LabelledList {
        var facts = LabelledList()
        facts.add("proxy", report.listeners.joined(separator: ", "))
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

    private var database: String {
        let store = report.store
        guard store.state == "ok" else {
            return "\(store.path): \(store.state) (\(store.fault ?? "other"))"
                + " since \(Formatting.ago(store.sinceMs, now: now))"
        }
        let write = store.lastWriteMs.map { ", written \(Formatting.ago($0, now: now))" } ?? ""
        return "\(store.path): ok, \(Formatting.size(store.sizeBytes))\(write)"
    }

    /// Each with what to do.
    var warnings: [String] {
        var lines: [String] = []
        let store = report.store
        if store.state != "ok" {
            lines.append(
                "! The database: \(store.message ?? store.fault ?? "it fails"). Requests are served; measurements are "
                    + "held, then dropped; settings cannot be changed until it writes again.")
        }
        for listener in report.unopenedListeners {
            lines.append(
                "! The proxy does not listen on \(SafeText.line(listener.address)): \(SafeText.line(listener.reason)). "
                    + "Fix this, then: connctl reload, or restart connd")
        }
        if !store.durable { lines.append("! The database is in memory: settings are lost when connd exits.") }
        let dropped = store.droppedFigures + store.droppedConnections + store.droppedExchanges
        if dropped > 0 {
            lines.append("! \(Formatting.plural(dropped, "measurement")) could not be kept and were dropped.")
        }
        switch report.acceptPaused {
        case "full":
            lines.append(
                "! New clients are waiting: all \(Formatting.plural(report.clientLimit, "place")) "
                    + "(proxy.max_client_connections) are busy. Raise it in the file, then: connctl reload")
        case nil: break
        default:
            lines.append("! New clients are waiting: no file descriptor is free. Raise LimitNOFILE of the service.")
        }
        let totals = report.totals
        if totals.logLinesDropped > 0 {
            lines.append(
                "! \(Formatting.plural(totals.logLinesDropped, "line")) of connd's log could not be written and were dropped: "
                    + "check what reads its standard error (the journal, a container runtime, a pipe).")
        }
        if totals.accessLogLinesDropped > 0 {
            lines.append(
                "! \(Formatting.plural(totals.accessLogLinesDropped, "line")) of the access log could not be written and were "
                    + "dropped: check what access_log.path names.")
        }
        if let error = report.configError {
            lines.append("! The last reload was refused: \(error). Correct the file, then: connctl reload")
        }
        for refused in report.refusedSettings {
            lines.append(
                "! \(refused.setting)=\(refused.value) (\(refused.place ?? refused.source)) is not applied as set: "
                    + "\(refused.reason).")
        }
        if report.conflicts > 0 {
            lines.append(
                "! The config file has changed under \(Formatting.plural(report.conflicts, "override")): connctl diff")
        }
        for pause in report.pauses {
            lines.append("! \(SafeText.line(pause.origin)) is \(OriginText.pause(pause, now))")
        }
        if report.pausedOrigins > report.pauses.count {
            lines.append("! \(report.pausedOrigins) origins are paused in all: connctl list shows them.")
        }
        if report.trials > 0 {
            lines.append("  Trials are running: connctl diff shows when they end; connctl confirm keeps them.")
        }
        if report.invariantsBroken > 0 {
            lines.append(
                "! connd detected \(Formatting.plural(report.invariantsBroken, "bug")) in itself: please report what "
                    + "`journalctl -u connd` says.")
        }
        return lines
    }
}

extension ConnectionCounts {
    /// Open connections and dials; tunnels are counted separately.
    var live: Int { dialing + idle + leased + pinned + draining + closing }
}
