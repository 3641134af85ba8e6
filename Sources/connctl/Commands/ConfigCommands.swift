import AdminClient
import AdminModels
import ArgumentParser

struct ConfigCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config",
        abstract: "Prints connd's current configuration as YAML, each value with its source.",
        discussion: """
            connctl config
            """)

    @OptionGroup var global: GlobalOptions

    mutating func run() async throws {
        try await Session.run(global) { session in
            let answer = try await session.client.config()
            if session.output.isJSON { return session.output.json(answer.body) }
            let text = SafeText.lines(answer.content.yaml)
            session.output.raw(text.hasSuffix("\n") ? text : text + "\n")
        }
    }
}

struct ReloadCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reload",
        abstract: "Makes connd reload its config file, and prints what changed. An invalid file changes nothing.",
        discussion: """
            connctl reload
            """)

    @OptionGroup var global: GlobalOptions

    mutating func run() async throws {
        try await Session.run(global) { session in
            session.about(.reload)
            let answer = try await session.client.reload()
            let output = session.output
            if output.isJSON { return output.json(answer.body) }
            let report = answer.content
            let count = report.changes.count + report.configuration.count
            output.line(count == 0 ? "Reloaded; nothing changed." : "Reloaded; \(Formatting.plural(count, "change")):")
            if !report.changes.isEmpty { output.table(ChangeTable.table(report.changes)) }
            for change in report.configuration {
                output.line(
                    "  \(SafeText.line(change.key)): \(SafeText.line(change.before)) -> \(SafeText.line(change.after))")
            }
            for note in report.notes { output.line("! \(SafeText.line(note))", .warning) }
            if !report.needRestart.isEmpty {
                output.line(
                    "! These need a restart (systemctl restart connd): \(report.needRestart.joined(separator: ", "))",
                    .warning)
            }
            for line in DifferenceTable.conflicts(report.conflicts) { output.line(line, .warning) }
        }
    }
}
