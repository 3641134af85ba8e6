import AdminClient
import AdminModels
import ArgumentParser

struct SettingsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "settings",
        abstract: "Lists the settings: names, allowed values, defaults, and when a change takes effect.",
        discussion: """
            connctl settings
            connctl settings idle_timeout
            connctl settings -o wide       with a description
            """)

    @Argument(help: "Only this setting.", completion: .custom(Completion.settings))
    var name: String?

    @OptionGroup var global: GlobalOptions

    mutating func run() async throws {
        let name = name
        try await Session.run(global) { session in
            let answer = try await session.client.definitions()
            let (output, definitions) = (session.output, answer.content)
            guard let name else {
                if output.isJSON { return output.json(answer.body) }
                return output.table(DefinitionTable.table(definitions, isWide: output.isWide))
            }
            guard let definition = definitions.first(where: { $0.name == name }) else {
                let near = SpellingSuggestion.all(name, among: definitions.map(\.name))
                throw CommandFailure(
                    "there is no setting `\(name)`"
                        + (near.isEmpty ? "" : "; did you mean \(near.joined(separator: ", "))?"),
                    next: [near.first.map { "connctl settings \($0)" } ?? "connctl settings    lists them all"])
            }
            if output.isJSON {
                return output.json(DefinitionTable.json(of: name, in: answer.body) ?? answer.body)
            }
            output.line(definition.name, .bold)
            output.facts(DefinitionTable.facts(definition))
            output.line("Set it: connctl set ORIGIN \(name)=VALUE    for one origin; `all` for every one", .dim)
        }
    }
}
