import AdminClient
import AdminModels
import ArgumentParser

struct AdviseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "advise",
        abstract: "Shows advice on origins with its evidence; tries it, or dismisses it.",
        discussion: """
            connctl advise                            what waits for a decision, and what is on trial
            connctl advise --all                      also what was dismissed, and what came of trials
            connctl advise http://example.com         with evidence, predicted effect, and how that will be verified
            connctl advise max_requests_low@http://example.com --accept
            connctl advise max_requests_low@http://example.com --dismiss --reason "the vendor asks for it"
            connctl advise --look                     looks at the origins now

            --accept sets an override as a trial. connd compares traffic before and after: it confirms the override if the \
            predicted effect is there, and reverts it if it is not, if more requests fail or become slower, or if there is \
            too little traffic for six hours. `connctl revert ORIGIN` ends the trial before, `connctl confirm ORIGIN` keeps \
            the setting whatever is measured.

            connd looks at each origin every ten minutes. With advice=auto (connctl set ORIGIN advice=auto) it tries by \
            itself what puts no more load on the origin and makes no request wait longer, one change at a time. \
            advice=off: none for that origin.
            """)

    @Argument(
        help: ArgumentHelp("Advice by its name, or an origin: all advice on it, in detail.", valueName: "advice|origin")
    )
    var subject: String?

    @Flag(help: "Try it.")
    var accept = false

    @Flag(help: "Do not give it again.")
    var dismiss = false

    @Flag(help: "Look at the origins now, however short the time was since the last look; judge trials too.")
    var look = false

    @Flag(help: "Also what was dismissed, and what came of trials.")
    var all = false

    @Option(help: "With --accept or --dismiss: the reason, shown in the audit trail.")
    var reason: String?

    @Option(help: ArgumentHelp("Show only the first so many, 1 to 10000.", valueName: "count"))
    var limit = 1000

    @OptionGroup var global: GlobalOptions

    func validate() throws {
        try Limits.check(limit)
        guard [accept, dismiss, look].count(where: { $0 }) < 2 else {
            throw ValidationError("Give one of --accept, --dismiss and --look.")
        }
        if accept || dismiss {
            guard let subject, subject.contains("@") else {
                throw ValidationError(
                    "Name the advice as `connctl advise` does: connctl advise max_requests_low@http://example.com --accept"
                )
            }
        } else if reason != nil {
            throw ValidationError("--reason is for --accept and --dismiss.")
        }
        if look, subject != nil || all { throw ValidationError("--look takes no origin: it looks at all.") }
    }

    mutating func run() async throws {
        let command = self
        try await Session.run(global) { session in
            switch command.subject {
            case let id? where command.accept || command.dismiss: try await command.decide(id, session)
            case let id? where id.contains("@"):
                let answer = try await session.client.advice(id)
                if session.output.isJSON { return session.output.json(answer.body) }
                session.output.lines(AdviceText.detail(answer.content, color: session.output.screen.hasColor))
            case let text?: try await command.list(try await session.origin(text), session)
            case nil:
                if command.look { try await command.lookNow(session) } else { try await command.list(nil, session) }
            }
        }
    }

    private func decide(_ id: String, _ session: Session) async throws {
        let client = session.client
        let answer =
            accept
            ? try await client.acceptAdvice(id, reason: reason) : try await client.dismissAdvice(id, reason: reason)
        let output = session.output
        if output.isJSON { return output.json(answer.body) }
        let advice = answer.content
        guard accept else {
            return output.line("\(advice.id) is dismissed: connctl advise --all shows it.")
        }
        output.line("\(advice.setting ?? "")=\(advice.value ?? "") is on trial for \(advice.origin).")
        output.line(advice.prediction.verification, .dim)
        output.line("Next: connctl advise \(OriginName.argument(advice.origin))", .dim)
    }

    private func lookNow(_ session: Session) async throws {
        let answer = try await session.client.lookForAdvice()
        let output = session.output
        if output.isJSON { return output.json(answer.body) }
        let report = answer.content
        output.line(
            "Looked at \(Formatting.plural(report.origins, "origin")): \(report.new) new, "
                + "\(Formatting.plural(report.ended, "trial")) ended, \(report.waiting) waiting.")
        if report.waiting > 0 { output.line("Next: connctl advise", .dim) }
    }

    private func list(_ origin: String?, _ session: Session) async throws {
        let (client, output) = (session.client, session.output)
        let listing = try await AdminClient.all(limit: limit) { page throws(AdminFailure) in
            var query = AdviceQuery()
            query.page = page
            query.origin = origin
            return try await client.advice(query)
        }
        if output.isJSON { return output.json(listing.body) }
        let shown = listing.items.filter { all || origin != nil || ["waiting", "trial"].contains($0.state) }
        guard !shown.isEmpty else {
            let others = listing.items.count - shown.count
            output.line("No advice\(origin.map { " on \($0)" } ?? "") waits for a decision.")
            if others > 0 { output.line("\(others) dismissed or tried: connctl advise --all", .dim) }
            return
        }
        guard origin == nil else {
            for (index, advice) in shown.enumerated() {
                if index > 0 { output.line("") }
                output.lines(AdviceText.detail(advice, color: output.screen.hasColor))
            }
            return
        }
        output.table(AdviceText.table(shown, isWide: output.isWide, now: session.now))
        output.line("Next: connctl advise \(shown[0].id)", .dim)
        if listing.isCut { output.line("… more: --limit 10000 shows all", .dim) }
    }
}

/// Advice as text. Pure.
enum AdviceText {
    static func table(_ advice: [AdviceReport], isWide: Bool, now: Int64) -> Table {
        var columns: [Table.Column] = ["STATE", .flexible("ADVICE"), .flexible("WHAT"), "CONFIDENCE"]
        if isWide { columns += ["SAFE", .number("GIVEN"), .flexible("WHY")] }
        var table = Table(columns)
        for item in advice {
            var cells: [Table.Cell] = [
                .init(item.state, style(item.state)), .init(item.id), .init(change(item)), .init(item.confidence),
            ]
            if isWide {
                cells += [
                    .init(item.safe ? "yes" : "no"), .init(Formatting.ago(item.givenMs, now: now)), .init(item.text),
                ]
            }
            table.add(cells)
        }
        return table
    }

    static func detail(_ advice: AdviceReport, color: Bool) -> [String] {
        var facts = LabelledList()
        facts.add("state", advice.state, style(advice.state))
        facts.add(advice.action == nil ? "set" : "do", change(advice))
        for evidence in advice.evidence { facts.add("evidence", "\(evidence.label): \(evidence.text)") }
        facts.add("prediction", advice.prediction.text)
        facts.add("confidence", advice.confidence + (advice.safe ? ", safe to try" : ""))
        facts.add("verification", advice.prediction.verification)
        facts.add("decided by", decision(advice))
        facts.add("outcome", advice.outcome)
        let heading = "\(SafeText.line(advice.id)): \(SafeText.line(advice.text))"
        return [heading] + facts.lines(color: color) + next(advice).map { "  " + TextStyle.dim.apply($0, color: color) }
    }

    private static func next(_ advice: AdviceReport) -> [String] {
        let name = OriginName.argument(SafeText.line(advice.id))
        return switch (advice.state, advice.setting) {
        case ("waiting", _?): ["Next: connctl advise \(name) --accept   or --dismiss"]
        case ("waiting", nil): ["Next: connctl advise \(name) --dismiss   once that is not to be done"]
        case ("dismissed", _?): ["Next: connctl advise \(name) --accept"]
        case ("trial", _): ["Next: connctl revert \(OriginName.argument(SafeText.line(advice.origin)))   ends it now"]
        case (_, _): []
        }
    }

    private static func decision(_ advice: AdviceReport) -> String? {
        guard let actor = advice.decidedBy, let time = advice.decided else { return nil }
        return "\(actor), \(time)" + (advice.reason.map { ": \($0)" } ?? "")
    }

    private static func change(_ advice: AdviceReport) -> String {
        if let setting = advice.setting, let value = advice.value { return "\(setting)=\(value)" }
        return advice.action ?? ""
    }

    private static func style(_ state: String) -> TextStyle {
        switch state {
        case "waiting": .warning
        case "reverted": .bad
        default: .plain
        }
    }
}
