import AdminClient
import AdminModels
import ArgumentParser

struct UnsetCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "unset",
        abstract:
            "Removes overrides: the value in the file applies again, else the learned value, else the default.",
        discussion: """
            connctl unset example.com max_connections
            connctl unset all max_retries --reason "no longer needed"
            """)

    @Argument(help: "As given to `connctl set`.", completion: .custom(Completion.originsOrAll))
    var origin: String

    @Argument(help: "Names of settings.", completion: .custom(Completion.settings))
    var settings: [String] = []

    @OptionGroup var change: ChangeOptions

    @OptionGroup var global: GlobalOptions

    func validate() throws {
        guard !settings.isEmpty else {
            throw ValidationError("No settings given; `connctl diff` shows what is set.")
        }
        if let assignment = settings.first(where: { $0.contains("=") }) {
            throw ValidationError("'\(assignment)': unset takes names alone; to change a value: connctl set.")
        }
    }

    mutating func run() async throws {
        let (pattern, names) = (OriginName.pattern(origin), settings)
        let change = change
        try await Session.run(global) { session in
            session.about(.pattern(pattern))
            let definitions = try await session.client.definitions().content
            session.knows(settings: definitions)
            var patch = SettingsPatch()
            patch.reason = change.reason
            for name in names { patch.settings[name] = .null }
            let answer = try await session.client.patch(
                pattern, patch, ifMatch: change.etag)
            if session.output.isJSON { return session.output.json(answer.body) }
            SettingsAnswer(names: names, report: answer.content, definitions: definitions, now: session.now)
                .write(to: session.output, revision: answer.etag)
        }
    }
}
