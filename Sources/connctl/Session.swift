import AdminClient
import AdminModels
import ArgumentParser

/// The options of every verb.
struct GlobalOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "URL of the admin API: http://127.0.0.1:3129 or unix:/path. Default: see connctl --help.",
            valueName: "url"))
    var admin: String?

    @Option(
        help: ArgumentHelp("File with the token that changes require.", valueName: "path"),
        completion: .file())
    var tokenFile: String?

    @Option(
        name: .shortAndLong,
        help: ArgumentHelp(
            "table, wide (more columns), or json (as the API returns it, for programs).", valueName: "format"))
    var output = OutputFormat.table

    @Flag(help: "No colours; the same as setting $NO_COLOR.")
    var noColor = false

    func makeOutput() -> Output {
        Output(format: output, hasColor: !noColor, environment: .current)
    }
}

/// One run of a verb: the client for the daemon that was found, and the output. Value.
struct Session: Sendable {
    let client: AdminClient
    let output: Output
    let now: Int64
    private(set) var errors: ErrorText

    /// Finds connd, runs the work and describes refusals. Throws only `CommandFailure`.
    static func run(
        _ options: GlobalOptions, timeouts: AdminClient.Timeouts = .standard,
        _ work: (inout Session) async throws -> Void
    ) async throws {
        let environment = CommandEnvironment.current
        let daemon = try DaemonSearch.find(option: options.admin, environment: environment)
        let token = try TokenSearch.find(option: options.tokenFile, for: daemon, environment: environment)
        let client = AdminClient(daemon.address, token: token.token, timeouts: timeouts)
        var session = Session(
            client: client, output: options.makeOutput(), now: environment.now(),
            errors: ErrorText(daemon: daemon, token: token))
        do {
            try await work(&session)
        } catch let failure as AdminFailure {
            throw await session.describe(failure)
        }
    }

    mutating func about(_ subject: ErrorText.Subject) {
        errors.subject = subject
    }

    mutating func knows(settings: [SettingDefinitionReport]) {
        errors.settings = settings.map(\.name)
    }

    /// For an unknown origin, adds similar known ones.
    private func describe(_ failure: AdminFailure) async -> CommandFailure {
        var described = errors.failure(failure)
        guard case .refused(let problem) = failure, problem.status == 404, case .origin(let name) = errors.subject
        else {
            return described
        }
        var query = OriginQuery()
        query.filter = OriginName.host(name)
        query.page.limit = 5
        let known = (try? await client.origins(query).content.items.map(\.origin)) ?? []
        if !known.isEmpty { described.details.append("it knows \(known.joined(separator: ", "))") }
        return described
    }

    /// Resolves a partial name among the origins that connd knows.
    mutating func origin(_ text: String) async throws -> String {
        if let whole = OriginName.whole(text, mayHavePath: true) {
            about(.origin(whole))
            return whole
        }
        var query = OriginQuery()
        query.filter = OriginName.host(OriginName.sought(text))
        query.page.limit = PageRequest.limits.upperBound
        let known = try await client.origins(query).content.items.map(\.origin)
        let found = OriginName.matches(text, among: known)
        guard let first = found.first else {
            throw CommandFailure(
                "connd knows no origin like `\(text)`", next: ["connctl list    shows those that it knows"])
        }
        guard found.count == 1 else {
            let more = found.count > 10 ? ["… and \(found.count - 10) more"] : []
            throw CommandFailure(
                "`\(text)` may mean \(found.count) origins", details: found.prefix(10) + more,
                next: ["write the one you mean in full, such as \(first)"])
        }
        about(.origin(first))
        return first
    }

    /// Nil for every origin.
    mutating func originOrAll(_ text: String) async throws -> String? {
        OriginName.isAll(text) ? nil : try await origin(text)
    }
}
