import AdminClient
import AdminModels
import ArgumentParser

struct ExplainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Shows recent slow or failed exchanges; for one of them, where its time went and what to change.",
        discussion: """
            connctl explain                     the latest of all origins
            connctl explain example.com         those of one origin, the latest as a diagram
            connctl explain 4711                one exchange, by its id
            """)

    @Argument(help: "An origin, or the id of an exchange.", completion: .custom(Completion.origins))
    var subject: String?

    @Option(
        help: ArgumentHelp(
            "Only exchanges with this outcome: \(ExchangeQuery.outcomes.joined(separator: ", ")).", valueName: "outcome"
        ),
        completion: .list(ExchangeQuery.outcomes))
    var outcome: String?

    @Option(help: ArgumentHelp("At most this many, 1 to 1000.", valueName: "count"))
    var limit = 20

    @OptionGroup var global: GlobalOptions

    func validate() throws {
        guard PageRequest.limits.contains(limit) else {
            throw ValidationError("--limit must be 1 to \(PageRequest.limits.upperBound), not \(limit).")
        }
        guard let outcome, !ExchangeQuery.outcomes.contains(outcome) else { return }
        throw ValidationError(
            "--outcome must be one of \(ExchangeQuery.outcomes.joined(separator: ", ")), not '\(outcome)'.")
    }

    mutating func run() async throws {
        let (subject, outcome, limit) = (subject, outcome, limit)
        try await Session.run(global) { session in
            if let subject, let id = Int64(subject) {
                session.about(.exchange)
                let answer = try await session.client.exchange(id)
                if session.output.isJSON { return session.output.json(answer.body) }
                return await Self.write(answer.content, session)
            }
            var query = ExchangeQuery()
            query.page.limit = limit
            query.outcome = outcome
            if let subject { query.origin = try await session.originOrAll(subject) }
            let answer = try await session.client.exchanges(query)
            let output = session.output
            if output.isJSON { return output.json(answer.body) }
            let items = answer.content.items
            guard let latest = items.first else { return output.line("Nothing was slow and nothing failed lately.") }
            output.table(ExchangeTable.table(items, now: session.now))
            output.line("")
            guard subject != nil else {
                return output.line("connctl explain \(latest.id)    shows where its time went", .dim)
            }
            await Self.write(latest, session)
        }
    }

    /// With the addresses that its connection's dial tried, where it waited for that dial and the connection is still known.
    private static func write(_ report: ExchangeReport, _ session: Session) async {
        var text = ExchangeText(report: report, now: session.now)
        if let number = report.connection, !report.reused {
            text.connection = (try? await session.client.connection(number))?.content
        }
        text.write(to: session.output)
    }
}

/// Exchanges as rows. Pure.
enum ExchangeTable {
    static func table(_ exchanges: [ExchangeReport], now: Int64) -> Table {
        var table = Table([
            .number("ID"), .number("STARTED"), "OUTCOME", "STATUS", .number("TOTAL"), "MOSTLY", "ERROR", "METHOD",
            .flexible("TARGET"),
        ])
        for exchange in exchanges {
            table.add([
                .init("\(exchange.id)"), .init(Formatting.ago(exchange.startedMs, now: now)),
                .init(exchange.outcome, style(exchange.outcome)),
                .init(exchange.status == 0 ? Formatting.none : "\(exchange.status)"),
                .init(Formatting.duration(ms: exchange.totalMs)),
                .init(ExchangeText.longestPhase(exchange)?.phase ?? Formatting.none), .init(exchange.error ?? ""),
                .init(exchange.method), .init(exchange.origin + exchange.target),
            ])
        }
        return table
    }

    /// It was answered nevertheless, or not.
    static func style(_ outcome: String) -> TextStyle { outcome == "slow" || outcome == "raced" ? .warning : .bad }
}

/// One exchange: where its time went, why it used that connection, and what to change. Value.
struct ExchangeText {
    let report: ExchangeReport
    let now: Int64
    /// Nil where it is not known any more, or did not have to be opened.
    var connection: ConnectionReport?

    func write(to output: Output) {
        output.line("\(report.method) \(report.origin)\(report.target)", .bold)
        output.facts(facts)
        output.line("")
        output.lines(
            Waterfall.lines(
                report.waterfall, totalMs: report.totalMs, columns: min(output.width ?? 80, 100),
                unicode: output.screen.hasUnicode))
        output.line("")
        for line in advice { output.line(line) }
    }

    var facts: LabelledList {
        var facts = LabelledList()
        let status = report.status == 0 ? "no response" : "status \(report.status)"
        facts.add(
            "outcome", "\(report.outcome), \(status), \(Formatting.duration(ms: report.totalMs)) in all",
            ExchangeTable.style(report.outcome))
        if let error = report.error {
            facts.add("error", [error, report.errorDetail].compactMap { $0 }.joined(separator: ": "))
        }
        facts.add("started", "\(Formatting.time(report.started)), \(Formatting.ago(report.startedMs, now: now))")
        if let program = report.program { facts.add("asked by", SafeText.line(program)) }
        if let gateway = report.gateway { facts.add("came by", "the gateway \(gateway)") }
        let connection = report.connection.map { "\($0) (connctl why \($0))" } ?? "none"
        facts.add("connection", connection + (report.reused ? ", reused" : ""))
        facts.add("why that one", report.explanation.isEmpty ? report.leaseCause : report.explanation)
        if let connection = self.connection {
            ConnectionText.add(connection.attempts, from: connection.addressSource, to: &facts)
        }
        if let segments = report.segments {
            facts.add("kernel", KernelText.segments(segments), segments.timeouts > 0 ? .bad : .plain)
        }
        if let restart = report.windowRestart {
            facts.add("window", SlowStartText.restart(restart), restart.roundTrips > 0 ? .warning : .plain)
        }
        if let race = report.race { facts.add("race", RaceText.line(race), .warning) }
        if report.retries > 0 { facts.add("sent again", Formatting.plural(report.retries, "time")) }
        facts.add(
            "bytes",
            "\(Formatting.size(report.bytesFromClient)) from the client, \(Formatting.size(report.bytesToClient)) to it"
        )
        return facts
    }

    /// Advice for the longest phase and for the error.
    var advice: [String] {
        ExchangeAdvice.lines(report)
    }

    /// The time in the queue is the sum of its parts, if it has any.
    static func longestPhase(_ report: ExchangeReport) -> PhaseReport? {
        let parts = report.waterfall.filter { ["dns", "connect", "tls"].contains($0.phase) }
        let within = parts.reduce(0) { $0 + $1.durationMs }
        let phases = report.waterfall.map { phase in
            var phase = phase
            if phase.phase == "queue" { phase.durationMs = max(phase.durationMs - within, 0) }
            return phase
        }
        return phases.max { $0.durationMs < $1.durationMs }.flatMap { $0.durationMs > 0 ? $0 : nil }
    }
}
