import AdminClient
import AdminModels
import ArgumentParser

struct WhatIfCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "whatif",
        abstract: "Predicts what an origin's pool would do under other settings. Changes nothing.",
        discussion: """
            connctl whatif api.example.com idle_timeout=60s
            connctl whatif api.example.com max_connections=8 max_idle=4
            connctl whatif api.example.com                 how well the settings in force are predicted

            It can be asked about idle_timeout, max_idle, max_connections, max_lifetime and max_requests_per_connection.

            connd records when requests to an origin come, how long each keeps its connection and how long connections \
            are idle between two. From that it tells, for the settings in force and for those asked about, the share of \
            requests that reuse a connection, new connections, sockets, requests that wait because max_connections are \
            busy, and requests that are sent while the origin closes their connection. Each figure has an error, which 19 \
            of 20 stay within; what the model tells of the settings in force is shown beside what was counted meanwhile.

            It assumes that requests come as they came and take as long as they took. Connections of one client \
            (authentication), pipelining, tunnels and min_idle are left out. An origin has a record after 32 requests, and an \
            answer after 100 in at least 30 seconds; a restart of connd begins anew.
            """)

    @Argument(help: "An origin.", completion: .custom(Completion.origins))
    var origin: String

    @Argument(help: "What to ask about, such as idle_timeout=60s.", completion: .custom(Completion.questions))
    var assignments: [String] = []

    @OptionGroup var global: GlobalOptions

    func validate() throws { _ = try query() }

    private func query() throws -> WhatIfQuery {
        var query = WhatIfQuery()
        for assignment in try Assignment.read(assignments) {
            guard WhatIfQuery.names.contains(assignment.name) else {
                throw ValidationError(
                    "'\(assignment.name)' cannot be asked about: only \(WhatIfQuery.names.joined(separator: ", ")) can."
                )
            }
            query.settings[assignment.name] = assignment.text
        }
        return query
    }

    mutating func run() async throws {
        let (text, query) = (origin, try query())
        try await Session.run(global) { session in
            let name = try await session.origin(text)
            let answer = try await session.client.whatIf(name, query)
            let output = session.output
            if output.isJSON { return output.json(answer.body) }
            let report = answer.content
            let screen = output.screen
            output.lines(
                WhatIfText.lines(report, width: output.width, color: screen.hasColor, unicode: screen.hasUnicode))
        }
    }
}

/// A prediction as text. Pure.
enum WhatIfText {
    static func lines(_ report: WhatIfReport, width: Int?, color: Bool, unicode: Bool) -> [String] {
        let changes = report.settings.filter { $0.asked != $0.inForce }
        var lines = [
            TextStyle.bold.apply(SafeText.line(report.origin), color: color)
                + ": \(Formatting.count(Int(report.requests))) requests in \(report.observed), "
                + "the latest \(Formatting.count(report.replayed)) replayed for the waits"
        ]
        lines += table(report, changes).lines(width: width, color: color, unicode: unicode)
        lines.append(check(report.check))
        if !changes.isEmpty { lines.append(TextStyle.bold.apply(SafeText.line(report.summary), color: color)) }
        lines += report.notes.map { "! " + SafeText.line($0) }
        if !changes.isEmpty {
            let settings = changes.map { "\($0.name)=\($0.asked)" }.joined(separator: " ")
            lines.append("Try it: connctl set \(OriginName.argument(report.origin)) \(settings) --try 10m")
        }
        return lines
    }

    private static func table(_ report: WhatIfReport, _ changes: [WhatIfSettingReport]) -> Table {
        let isAsked = !changes.isEmpty
        var columns: [Table.Column] = ["", .number("IN FORCE")]
        if isAsked { columns += [.number("ASKED"), .number("CHANGE")] }
        var table = Table(columns + [.number("ERROR")])
        for change in changes { table.add([.init(change.name), .init(change.inForce), .init(change.asked)]) }
        for row in rows(report) {
            var cells: [Table.Cell] = [.init(row.label), .init(row.inForce)]
            if isAsked { cells += [.init(row.asked, .bold), .init(row.change)] }
            table.add(cells + [.init(isAsked ? row.error.asked : row.error.inForce)])
        }
        return table
    }

    private struct Row {
        let label: String
        let inForce: String
        let asked: String
        var change = ""
        var error = (inForce: "", asked: "")
    }

    private static func rows(_ report: WhatIfReport) -> [Row] {
        let (now, then) = (report.inForce, report.asked)
        var rows = [
            row(
                "reuse", now.reuseRatio * 100, then.reuseRatio * 100, "%",
                (now.reuseRatioError * 100, then.reuseRatioError * 100)),
            row(
                "new connections", now.dialsPerHour, then.dialsPerHour, "/h",
                (now.dialsPerHourError, then.dialsPerHourError)),
            row("idle sockets", now.idle, then.idle, "", (now.idleError, then.idleError)),
            row("busy sockets", now.busy, then.busy, "", nil),
        ]
        guard !then.overloaded else {
            return rows + [Row(label: "requests that wait", inForce: waiting(now), asked: "more and more")]
        }
        rows.append(
            row(
                "requests that wait", now.waitingRatio * 100, then.waitingRatio * 100, "%",
                (now.waitingRatioError * 100, then.waitingRatioError * 100)))
        if now.waitMs > 0 || then.waitMs > 0 {
            rows.append(Row(label: "  for how long", inForce: wait(now), asked: wait(then)))
        }
        if now.refusedRatio > 0 || then.refusedRatio > 0 {
            rows.append(row("  in vain", now.refusedRatio * 100, then.refusedRatio * 100, "%", nil))
        }
        if now.raceRatio > 0 || then.raceRatio > 0 {
            rows.append(row("races in 100,000", now.raceRatio * 1e5, then.raceRatio * 1e5, "", nil))
        }
        return rows
    }

    private static func waiting(_ figures: WhatIfFiguresReport) -> String {
        "\(Formatting.short(figures.waitingRatio * 100))%"
    }

    private static func wait(_ figures: WhatIfFiguresReport) -> String {
        figures.waitMs > 0 ? Formatting.duration(ms: figures.waitMs) : Formatting.none
    }

    private static func row(
        _ label: String, _ now: Double, _ then: Double, _ unit: String, _ error: (inForce: Double, asked: Double)?
    ) -> Row {
        let change = number(then) - number(now)
        let sign = change > 0 ? "+" : ""
        return Row(
            label: label, inForce: Formatting.short(number(now)) + unit, asked: Formatting.short(number(then)) + unit,
            change: change == 0 ? "" : sign + Formatting.short(number(change)) + unit,
            error: error.map { ("±" + Formatting.short(number($0.inForce)), "±" + Formatting.short(number($0.asked))) }
                ?? ("", ""))
    }

    /// As it is printed, so that the change is the difference of what stands beside it.
    private static func number(_ value: Double) -> Double {
        let scale = value.magnitude < 9.995 ? 100.0 : value.magnitude < 99.95 ? 10 : 1
        return (value * scale).rounded() / scale
    }

    static func check(_ check: WhatIfCheckReport) -> String {
        func pair(_ predicted: Double, _ counted: Double, _ unit: String = "") -> String {
            "\(Formatting.short(number(predicted)))\(unit) predicted, \(Formatting.short(number(counted)))\(unit) counted"
        }
        let reuse = pair(check.predictedReuseRatio * 100, check.reuseRatio * 100, "%")
        return "Checked on what is in force: reuse \(reuse); "
            + "new connections \(pair(check.predictedDials, check.dials)); "
            + "idle sockets \(pair(check.predictedIdle, check.idle))"
    }
}
