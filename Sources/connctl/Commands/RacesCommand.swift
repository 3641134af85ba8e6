import AdminClient
import AdminModels
import ArgumentParser

struct RacesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "races",
        abstract: "Shows requests that met a connection which the origin was closing (the keep-alive race).",
        discussion: """
            Such a request is sent again where that is safe, within the retry budget; otherwise its client sees the error.
            With learned idle limits (`connctl show`) a request that must not be sent twice is kept from connections that \
            may be closing: `kept away` counts those, `prevented` the races that would have been lost.

            connctl races                       the latest of all origins
            connctl races example.com           those of one origin, with its counts
            """)

    @Argument(help: "An origin.", completion: .custom(Completion.origins))
    var origin: String?

    @Option(help: ArgumentHelp("At most this many, 1 to 1000.", valueName: "count"))
    var limit = 20

    @OptionGroup var global: GlobalOptions

    func validate() throws {
        guard !PageRequest.limits.contains(limit) else { return }
        throw ValidationError("--limit must be 1 to \(PageRequest.limits.upperBound), not \(limit).")
    }

    mutating func run() async throws {
        let (subject, limit) = (origin, limit)
        try await Session.run(global) { session in
            var query = ExchangeQuery()
            query.page.limit = limit
            query.raced = true
            if let subject { query.origin = try await session.originOrAll(subject) }
            let answer = try await session.client.exchanges(query)
            let output = session.output
            if output.isJSON { return output.json(answer.body) }
            if let origin = query.origin {
                let detail = try await session.client.origin(origin).content
                output.facts(RaceText.facts(detail.figures))
                output.line("")
            }
            let items = answer.content.items
            guard let latest = items.first else { return output.line("No race was lost lately.") }
            output.table(RaceText.table(items, now: session.now))
            output.line("")
            output.line("connctl explain \(latest.id)    shows where its time went", .dim)
        }
    }
}

/// Lost races as text. Pure.
enum RaceText {
    static func table(_ exchanges: [ExchangeReport], now: Int64) -> Table {
        var table = Table([
            .number("ID"), .number("STARTED"), .number("IDLE"), .number("SERVED"), "SIGN", "ACKED", "METHOD", "OUTCOME",
            .number("COST"), .flexible("TARGET"),
        ])
        for exchange in exchanges {
            guard let race = exchange.race else { continue }
            table.add([
                .init("\(exchange.id)"), .init(Formatting.ago(exchange.startedMs, now: now)), .init(race.idle),
                .init(Formatting.count(race.served)), .init(race.sign), .init(acknowledged(race)),
                .init(exchange.method),
                .init(outcome(exchange, race), exchange.error == nil ? .warning : .bad),
                .init(Formatting.duration(ms: race.costMs)), .init(exchange.origin + exchange.target),
            ])
        }
        return table
    }

    /// For one exchange.
    static func line(_ race: LostRaceReport) -> String {
        let sign =
            switch race.sign {
            case "fin": "the origin closed it"
            case "reset": "the origin reset it"
            case "silence": "nothing was acknowledged any more"
            default: SafeText.line(race.sign)
            }
        let seen =
            switch race.acknowledged {
            case true?: "; the origin's host had acknowledged some of the request"
            case false?: "; none of the request was acknowledged"
            case nil: ""
            }
        return "lost after \(race.idle) idle and \(Formatting.plural(race.served, "request")): \(sign)\(seen); cost "
            + race.cost
    }

    static func facts(_ figures: OriginFiguresReport) -> LabelledList {
        var facts = LabelledList()
        let lost = figures.staleRetried + figures.staleSurfaced
        facts.add(
            "lost",
            "\(Formatting.count(lost)): \(figures.staleRetried) sent again, \(figures.staleSurfaced) seen by clients"
                + (lost > 0 ? "; \(figures.raceLost) of waiting in all" : ""),
            figures.staleSurfaced > 0 ? .bad : .plain)
        facts.add(
            "kept away", "\(Formatting.plural(figures.passedOver, "request")) from an idle connection of unsafe age")
        facts.add("prevented", Formatting.count(figures.racesPrevented))
        return facts
    }

    private static func outcome(_ exchange: ExchangeReport, _ race: LostRaceReport) -> String {
        guard race.retried else { return exchange.error ?? exchange.outcome }
        return exchange.error.map { "sent again, \($0)" } ?? "sent again"
    }

    private static func acknowledged(_ race: LostRaceReport) -> String {
        race.acknowledged.map { $0 ? "some" : "none" } ?? Formatting.none
    }
}
