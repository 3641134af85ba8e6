import AdminClient
import AdminModels
import ArgumentParser

/// Shared by the verbs that act on pools.
struct ActionOptions: ParsableArguments {
    @Argument(help: "An origin, or all.", completion: .custom(Completion.originsOrAll))
    var origin: String

    @Option(help: "The reason, shown in the audit trail.")
    var reason: String?

    @OptionGroup var global: GlobalOptions

    func perform(
        _ action: ActionRequest.Action, count: Int? = nil, _ describe: @escaping (ActionReport) -> String
    ) async throws {
        try await Session.run(global) { session in
            var request = ActionRequest()
            request.origin = try await session.originOrAll(origin)
            request.count = count
            request.reason = reason
            let answer = try await session.client.perform(action, request)
            if session.output.isJSON { return session.output.json(answer.body) }
            let place = request.origin ?? Formatting.plural(answer.content.origins, "origin")
            session.output.line("\(place): \(describe(answer.content))")
        }
    }
}

struct DrainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drain",
        abstract: "Closes an origin's connections as their exchanges end, without interrupting any.",
        discussion: """
            connctl drain example.com
            connctl drain all --reason "new route"
            """)

    @OptionGroup var options: ActionOptions

    mutating func run() async throws {
        try await options.perform(.drain) {
            "\(Formatting.plural($0.connections, "connection")) closed, or closing when their exchanges end; "
                + "new requests open new connections"
        }
    }
}

struct ReconnectCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reconnect",
        abstract: "Replaces an origin's connections with new ones, without interrupting any exchange.",
        discussion: """
            connctl reconnect example.com      after its address or the path to it changed
            """)

    @OptionGroup var options: ActionOptions

    mutating func run() async throws {
        try await options.perform(.reconnect) { "\(Formatting.plural($0.connections, "connection")) being replaced" }
    }
}

struct PrewarmCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "prewarm",
        abstract: "Opens connections in advance, so that a number of them are idle.",
        discussion: """
            connctl prewarm http://example.com 4
            """)

    @Argument(
        help: "An origin; written in full if connd has not seen it.", completion: .custom(Completion.origins))
    var origin: String

    @Argument(help: "The number of idle connections, 1 to 1000.")
    var count: Int

    @Option(help: "The reason, shown in the audit trail.")
    var reason: String?

    @OptionGroup var global: GlobalOptions

    func validate() throws {
        guard (1...1000).contains(count) else { throw ValidationError("The count must be 1 to 1000, not \(count).") }
        guard !OriginName.isAll(origin) else { throw ValidationError("prewarm takes one origin, not all.") }
    }

    mutating func run() async throws {
        let (origin, count, reason) = (origin, count, reason)
        try await Session.run(global) { session in
            var request = ActionRequest()
            request.origin = try await session.origin(origin)
            request.count = count
            request.reason = reason
            let answer = try await session.client.perform(.prewarm, request)
            if session.output.isJSON { return session.output.json(answer.body) }
            let place = request.origin ?? origin
            session.output.line(
                "\(place): \(Formatting.plural(answer.content.connections, "connection")) being dialled")
            session.output.line(
                "To keep them permanently: connctl set \(place) min_idle=\(count)", .dim)
        }
    }
}

struct PauseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pause",
        abstract: "Holds new requests to an origin in its queue until `connctl resume`.",
        discussion: """
            connctl pause example.com
            connctl pause https://example.com      new CONNECTs wait; open tunnels are not affected

            max_queue and queue_timeout still apply: a request beyond them is answered 503. A pause survives a
            restart of connd; `connctl status` shows what is paused, by whom and why.
            """)

    @OptionGroup var options: ActionOptions

    mutating func run() async throws {
        let origin = options.origin
        try await options.perform(.pause) { _ in
            "paused; requests wait, within max_queue and queue_timeout. Undo: connctl resume \(origin)"
        }
    }
}

struct ResumeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume",
        abstract: "Releases the requests of a paused origin.",
        discussion: """
            connctl resume all
            """)

    @OptionGroup var options: ActionOptions

    mutating func run() async throws {
        try await options.perform(.resume) { _ in "resumed" }
    }
}

struct ForgetCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "forget",
        abstract: "Drops the measurements of an origin; its settings stay.",
        discussion: """
            connctl forget http://old.example.com
            connctl forget http://api.example.com --learned   only its learned idle limit
            """)

    @Argument(help: "An origin.", completion: .custom(Completion.origins))
    var origin: String

    @Flag(help: "Only what was learned of its idle limit; its measurements and connections stay.")
    var learned = false

    @Option(help: "The reason, shown in the audit trail.")
    var reason: String?

    @OptionGroup var global: GlobalOptions

    mutating func run() async throws {
        let (text, learned, reason) = (origin, learned, reason)
        try await Session.run(global) { session in
            let name = try await session.origin(text)
            try await session.client.forget(name, onlyLearned: learned, reason: reason)
            let what = learned ? "what was learned of its idle limit is dropped" : "its measurements are dropped"
            if !session.output.isJSON { session.output.line("\(name): \(what)") }
        }
    }
}
