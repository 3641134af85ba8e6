import AdminModels

/// A line for everything in a status that needs attention, each with what to do. Value.
struct StatusWarnings {
    let report: StatusReport
    let now: Int64

    var lines: [String] {
        databaseFault + unopenedListeners + losses + waitingClients + droppedLogLines + unverified + authorities
            + settings
            + pauses + trials + bugs
    }

    private var databaseFault: [String] {
        let store = report.store
        guard store.state != "ok" else { return [] }
        return [
            "! The database: \(store.message ?? store.fault ?? "it fails"). Requests are served; measurements are "
                + "held, then dropped; settings cannot be changed until it writes again."
        ]
    }

    private var unopenedListeners: [String] {
        report.unopenedListeners.map {
            "! The proxy does not listen on \(SafeText.line($0.address)): \(SafeText.line($0.reason)). "
                + "Fix this, then: connctl reload, or restart connd"
        }
            + report.gateways.flatMap { gateway in
                gateway.unopened.map {
                    "! The gateway \(SafeText.line(gateway.name)) does not listen on \(SafeText.line($0.address)): "
                        + "\(SafeText.line($0.reason)). Fix this, then: connctl reload"
                }
            }
    }

    private var losses: [String] {
        let store = report.store
        var lines: [String] = []
        if !store.durable { lines.append("! The database is in memory: settings are lost when connd exits.") }
        let dropped = store.droppedFigures + store.droppedConnections + store.droppedExchanges
        if dropped > 0 {
            lines.append("! \(Formatting.plural(dropped, "measurement")) could not be kept and were dropped.")
        }
        return lines
    }

    private var waitingClients: [String] {
        switch report.acceptPaused {
        case nil: []
        case "full":
            [
                "! New clients are waiting: all \(Formatting.plural(report.clientLimit, "place")) "
                    + "(proxy.max_client_connections) are busy. Raise it in the file, then: connctl reload"
            ]
        default: ["! New clients are waiting: no file descriptor is free. Raise LimitNOFILE of the service."]
        }
    }

    private var droppedLogLines: [String] {
        let totals = report.totals
        var lines: [String] = []
        if totals.logLinesDropped > 0 {
            lines.append(
                "! \(Formatting.plural(totals.logLinesDropped, "line")) of connd's log could not be written and were "
                    + "dropped: check what reads its standard error (the journal, a container runtime, a pipe).")
        }
        if totals.accessLogLinesDropped > 0 {
            lines.append(
                "! \(Formatting.plural(totals.accessLogLinesDropped, "line")) of the access log could not be written and "
                    + "were dropped: check what access_log.path names.")
        }
        return lines
    }

    private var unverified: [String] {
        var lines = report.unverified.prefix(Self.shownUnverified).map { unverified in
            let argument = SafeText.line(OriginName.argument(unverified.pattern))
            let undo =
                switch unverified.source {
                case "file": "correct the file, then: connctl reload"
                case "trial": "connctl revert \(argument) tls_verify"
                default: "connctl unset \(argument) tls_verify"
                }
            let subject = unverified.pattern == "*" ? "every origin" : SafeText.line(unverified.pattern)
            return "! The certificate of \(subject) is not verified: "
                + UnverifiedText.cause(unverified, now: now) + ". Undo: \(undo)"
        }
        let more = report.unverified.count - lines.count
        if more > 0 {
            lines.append(
                "! \(Formatting.plural(more, "more pattern has", "more patterns have")) tls_verify=none: connctl diff")
        }
        return lines
    }

    private static let shownUnverified = 20

    private var authorities: [String] {
        report.ca.warnings.map { "! \(SafeText.line($0)). See: connctl ca show" }
    }

    private var settings: [String] {
        var lines: [String] = []
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
        return lines
    }

    private var pauses: [String] {
        var lines = report.pauses.map { "! \(SafeText.line($0.origin)) is \(OriginText.pause($0, now))" }
        if report.pausedOrigins > report.pauses.count {
            lines.append("! \(report.pausedOrigins) origins are paused in all: connctl list shows them.")
        }
        return lines
    }

    private var trials: [String] {
        report.trials > 0
            ? ["  Trials are running: connctl diff shows when they end; connctl confirm keeps them."] : []
    }

    private var bugs: [String] {
        guard report.invariantsBroken > 0 else { return [] }
        return [
            "! connd detected \(Formatting.plural(report.invariantsBroken, "bug")) in itself: please report what "
                + "`journalctl -u connd` says."
        ]
    }
}
