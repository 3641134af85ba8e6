import AdminClient
import AdminModels
import ArgumentParser

struct DiffCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff",
        abstract: "Compares everything set at run time with the values that would apply otherwise.",
        discussion: """
            connctl diff

            CONFLICT: the value in the config file has changed since the override was set.
            """)

    @OptionGroup var global: GlobalOptions

    mutating func run() async throws {
        try await Session.run(global) { session in
            let answer = try await session.client.differences()
            let output = session.output
            if output.isJSON { return output.json(answer.body) }
            guard !answer.content.isEmpty else {
                return output.line("Nothing is set at run time: the config file and the defaults apply.")
            }
            output.table(DifferenceTable.table(answer.content, now: session.now))
            for line in DifferenceTable.conflicts(answer.content) { output.line(line, .warning) }
        }
    }
}

/// Differences as rows. Pure.
enum DifferenceTable {
    static func table(_ differences: [DifferenceReport], now: Int64) -> Table {
        var table = Table([
            .flexible("PATTERN"), "SETTING", "VALUE", "SOURCE", .flexible("WITHOUT IT"), "BY", "WHEN", "CONFLICT",
            .flexible("REASON"),
        ])
        for difference in differences {
            let ends = difference.expiresMs.map { " (ends \(Formatting.ago($0, now: now)))" } ?? ""
            table.add([
                .init(difference.pattern), .init(difference.setting), .init(difference.value, .bold),
                .init(difference.source + ends, difference.source == "trial" ? .warning : .plain),
                .init("\(difference.inherited) (\(difference.inheritedSource))"), .init(difference.actor),
                .init(Formatting.ago(difference.timeMs, now: now)),
                .init(difference.conflict ? "was \(difference.base) (\(difference.baseSource))" : "", .bad),
                .init(difference.reason ?? ""),
            ])
        }
        return table
    }

    /// Each conflict with both ways to resolve it.
    static func conflicts(_ differences: [DifferenceReport]) -> [String] {
        differences.filter(\.conflict).flatMap { difference in
            let place = difference.pattern == "*" ? "all" : difference.pattern
            return [
                "! \(difference.setting) of \(place) was set over \(difference.base) (\(difference.baseSource)), "
                    + "which is now \(difference.inherited) (\(difference.inheritedSource)).",
                "  Take the new one: connctl unset \(place) \(difference.setting)    "
                    + "Keep yours: connctl set \(place) \(difference.setting)=\(difference.value)",
            ]
        }
    }
}
