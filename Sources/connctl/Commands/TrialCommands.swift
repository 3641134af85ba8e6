import AdminClient
import AdminModels
import ArgumentParser

/// Shared by confirm and revert.
struct TrialOptions: ParsableArguments {
    @Argument(help: "As given to `connctl set --try`.", completion: .custom(Completion.originsOrAll))
    var origin: String

    @Argument(
        help: "Only these settings. Default: all that are on trial there.", completion: .custom(Completion.settings)
    )
    var settings: [String] = []

    @OptionGroup var change: ChangeOptions

    @OptionGroup var global: GlobalOptions

    typealias Request =
        (AdminClient, String, TrialSelection, String?) async throws(AdminFailure) -> AdminAnswer<SettingsReport>

    func run(_ past: String, _ request: @escaping Request) async throws {
        let pattern = OriginName.pattern(origin)
        var selection = TrialSelection()
        selection.settings = settings.isEmpty ? nil : settings
        selection.reason = change.reason
        try await Session.run(global) { [selection] session in
            session.about(.trial(pattern))
            let definitions = try await session.client.definitions().content
            session.knows(settings: definitions)
            let before = try await session.client.settings(pattern).content
            let answer = try await request(
                session.client, pattern, selection, change.etag)
            if session.output.isJSON { return session.output.json(answer.body) }
            let onTrial = before.settings.filter { $0.source == "trial" && $0.belongs(to: before.pattern) }.map(\.name)
            let names = settings.isEmpty ? onTrial : settings
            session.output.line(names.isEmpty ? "Nothing was on trial." : "\(past) \(names.joined(separator: ", "))")
            SettingsAnswer(
                names: names, report: answer.content, definitions: definitions, now: session.now, isTrial: true
            )
            .write(to: session.output, revision: answer.etag)
        }
    }
}

struct ConfirmCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "confirm",
        abstract: "Keeps settings that are on trial.",
        discussion: """
            connctl confirm example.com
            connctl confirm example.com max_connections --reason "held under load"
            """)

    @OptionGroup var options: TrialOptions

    mutating func run() async throws {
        try await options.run("Kept:") { client, pattern, selection, etag throws(AdminFailure) in
            try await client.confirm(pattern, selection, ifMatch: etag)
        }
    }
}

struct RevertCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "revert",
        abstract: "Ends trials immediately.",
        discussion: """
            connctl revert example.com
            """)

    @OptionGroup var options: TrialOptions

    mutating func run() async throws {
        try await options.run("Ended the trial of") { client, pattern, selection, etag throws(AdminFailure) in
            try await client.revert(pattern, selection, ifMatch: etag)
        }
    }
}
