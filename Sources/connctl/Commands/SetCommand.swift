import AdminClient
import AdminModels
import ArgumentParser

struct SetCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "set",
        abstract:
            "Changes settings of an origin, a pattern of origins, or all origins; takes effect immediately and persists.",
        discussion: """
            connctl set example.com max_connections=4 idle_timeout=30s
            connctl set '*.example.com' max_queue=0 --try 10m --reason "less waiting"
            connctl set all max_retries=0
            connctl set example.com tls_verify=none --try 1h --reason "a new certificate comes today"

            `connctl settings` lists the names and the values they take. tls_verify=none requires a reason.
            """)

    @Argument(
        help: "example.com, host:port, http://host:port, *.example.com, or all.",
        completion: .custom(Completion.originsOrAll))
    var origin: String

    @Argument(help: "What to set, such as max_connections=4.", completion: .custom(Completion.assignments))
    var assignments: [String] = []

    @Option(
        name: .customLong("try"),
        help: ArgumentHelp("Try it for this long, such as 10m; `connctl confirm` keeps it.", valueName: "duration"))
    var trial: String?

    @OptionGroup var change: ChangeOptions

    @OptionGroup var global: GlobalOptions

    func validate() throws {
        if origin.contains("="), OriginName.whole(origin) == nil {
            throw ValidationError("No origin: give it first, or `all` for every origin: connctl set all \(origin)")
        }
        guard !assignments.isEmpty else {
            throw ValidationError("Nothing to set: write it as name=value, such as max_connections=4.")
        }
        _ = try Assignment.read(assignments)
    }

    mutating func run() async throws {
        let pattern = OriginName.pattern(origin)
        let assignments = try Assignment.read(assignments)
        let (trial, change) = (trial, change)
        try await Session.run(global) { session in
            session.about(.pattern(pattern))
            let definitions = try await session.client.definitions().content
            session.knows(settings: definitions)
            var patch = SettingsPatch()
            patch.reason = change.reason
            patch.tryFor = trial
            for assignment in assignments {
                let kind = definitions.first { $0.name == assignment.name }?.kind
                patch.settings[assignment.name] = assignment.value(kind: kind)
            }
            let answer = try await session.client.patch(
                pattern, patch, ifMatch: change.etag)
            if session.output.isJSON { return session.output.json(answer.body) }
            SettingsAnswer(
                names: assignments.map(\.name), report: answer.content, definitions: definitions, now: session.now,
                isTrial: trial != nil
            ).write(to: session.output, revision: answer.etag)
        }
    }
}

/// Shared by the verbs that change settings.
struct ChangeOptions: ParsableArguments {
    @Option(help: "The reason, shown with the value and in the audit trail.")
    var reason: String?

    @Option(
        help: ArgumentHelp(
            "Only if no setting has changed since `connctl show` printed this revision; otherwise exit status 3.",
            valueName: "revision"))
    var ifUnchanged: String?

    var etag: String? { ifUnchanged.map { Revision.etag($0) } }

    func validate() throws {
        guard let ifUnchanged, !Revision.isRevision(ifUnchanged) else { return }
        throw ValidationError("--if-unchanged takes a revision such as r12, as `connctl show` prints it.")
    }
}

/// A `name=value` argument. Value.
struct Assignment: Hashable {
    let name: String
    let text: String

    static func read(_ arguments: [String]) throws -> [Assignment] {
        var result: [Assignment] = []
        for argument in arguments {
            guard let separator = argument.firstIndex(of: "="), separator != argument.startIndex else {
                throw ValidationError(
                    "'\(argument)' has no value: write \(argument)=VALUE. `connctl unset` returns a setting to the "
                        + "value that applies otherwise.")
            }
            let name = String(argument[..<separator])
            guard !result.contains(where: { $0.name == name }) else {
                throw ValidationError("'\(name)' is given twice: give one value.")
            }
            result.append(Assignment(name: name, text: String(argument[argument.index(after: separator)...])))
        }
        return result
    }

    /// The value in the API's form. Text that does not look like a value is sent as it is, for the daemon to refuse.
    func value(kind: String?) -> SettingsPatch.Value {
        switch kind {
        case "count": Int(text).map { .integer($0) } ?? .text(text)
        case "flag":
            switch text.lowercased() {
            case "on", "true", "yes", "1": .flag(true)
            case "off", "false", "no", "0": .flag(false)
            default: .text(text)
            }
        case "addresses" where text.contains(","), "clients" where text.contains(","):
            .list(text.split(separator: ",").map { String($0.drop { $0 == " " }) })
        default: .text(text)
        }
    }
}

/// What applies after a change, from when, and how to undo it. Value.
struct SettingsAnswer {
    let names: [String]
    let report: SettingsReport
    let definitions: [SettingDefinitionReport]
    let now: Int64
    /// The change was a trial or ended one.
    var isTrial = false

    func write(to output: Output, revision: String?) {
        output.line(report.pattern == "*" ? "every origin" : report.pattern, .bold)
        output.lines(table.lines(width: output.width, color: output.screen.hasColor, unicode: output.screen.hasUnicode))
        for line in advice { output.line(line) }
        if output.isWide, let revision { output.line("Revision of the settings: \(Revision.plain(revision))", .dim) }
    }

    private var changed: [ResolvedSettingReport] {
        names.compactMap { name in report.settings.first { $0.name == name } }
    }

    var table: Table {
        var table = Table(["SETTING", "IN FORCE", "SOURCE", "OVER", .flexible("TAKES EFFECT")])
        for setting in changed {
            let effect = definitions.first { $0.name == setting.name }?.effect ?? ""
            table.add([
                .init(setting.name), .init(setting.value, .bold), .init(setting.source), .init(setting.base ?? ""),
                .init(effect == "at once" || effect.isEmpty ? effect : "for \(effect)"),
            ])
        }
        return table
    }

    /// Trials end by themselves and overrides can be undone; values from a wider pattern cannot be undone here.
    var advice: [String] {
        let own = changed.filter { $0.belongs(to: report.pattern) }
        let trials = own.filter { $0.source == "trial" }
        let overrides = own.filter { $0.source == "override" }
        var lines: [String] = []
        if !isTrial {
            lines += changed.filter { $0.source == "trial" }.map {
                "\($0.name): a trial is active; this change takes effect when the trial ends."
            }
        }
        if let ends = trials.compactMap(\.expiresMs).min() {
            let names = trials.map(\.name).joined(separator: " ")
            lines.append(
                "On trial, ends \(Formatting.ago(ends, now: now)). Keep it: connctl confirm \(quoted) \(names)")
            lines.append("End it now: connctl revert \(quoted) \(names)")
        }
        if !overrides.isEmpty {
            lines.append("Undo: connctl unset \(quoted) \(overrides.map(\.name).joined(separator: " "))")
        }
        return lines
    }

    private var quoted: String { OriginName.argument(report.pattern) }
}

extension ResolvedSettingReport {
    /// False if a wider pattern's value won.
    func belongs(to pattern: String) -> Bool { place == nil || place == pattern }
}
