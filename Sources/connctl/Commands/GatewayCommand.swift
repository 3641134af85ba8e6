import AdminClient
import AdminModels
import ArgumentParser

struct GatewayCommand: AsyncParsableCommand {
    enum Action: String, CaseIterable, ExpressibleByArgument {
        case list, add, remove, env
    }

    static let configuration = CommandConfiguration(
        commandName: "gateway",
        abstract: "Opens, lists and removes gateways: local ports or Unix sockets that each serve one origin.",
        discussion: """
            connctl gateway add stripe https://api.stripe.com
            connctl gateway add openai https://api.openai.com --listen 127.0.0.1:9102 --reason "the batch jobs"
            connctl gateway add s3 https://s3.example.com --listen unix:/run/connd/gateways/s3.sock --preserve-host
            connctl gateway list
            connctl gateway remove stripe
            eval "$(connctl gateway env openai)"       sets the base URL that the origin's SDKs read

            A gateway is for programs whose base URL can be set: their requests share connd's connections to the origin, \
            also if it is an https origin. `add` with the name of an existing gateway replaces it: without --listen it \
            keeps its addresses, and other options that are not given have their defaults again. A gateway that is added \
            here takes precedence over the one of the same name in the config file.
            """)

    @Argument(help: "list, add, remove or env.")
    var action = Action.list

    @Argument(help: "The gateway's name.", completion: .custom(Completion.gateways))
    var name: String?

    @Argument(help: "For add: its origin, such as https://api.stripe.com.")
    var origin: String?

    @Option(
        help: ArgumentHelp(
            "For add: 127.0.0.1:PORT, [::1]:PORT or unix:/path; may be repeated. Default: a free port, which it keeps.",
            valueName: "address"))
    var listen: [String] = []

    @Flag(help: "For add: the origin is told the Host that the client sent, instead of its own.")
    var preserveHost = false

    @Flag(help: "For add: removes Secure from cookies, for clients that do not send such cookies over plain HTTP.")
    var stripSecure = false

    @Option(help: ArgumentHelp("For add: permissions of its Unix sockets, octal.", valueName: "mode"))
    var socketMode: String?

    @Option(
        help: ArgumentHelp(
            "For add: a host that clients may name in Host beside the gateway's own names, such as host.docker.internal; "
                + "may be repeated.", valueName: "host"))
    var allowHost: [String] = []

    @Option(help: "For add and remove: the reason, shown with the gateway and in the audit trail.")
    var reason: String?

    @Option(help: "For env: the shell's syntax. Default: that of $SHELL.")
    var shell: EnvironmentText.Shell?

    @OptionGroup var global: GlobalOptions

    func validate() throws {
        switch action {
        case .list:
            guard name == nil else { throw ValidationError("`connctl gateway list` takes no name.") }
        case .add:
            guard name != nil, origin != nil else {
                throw ValidationError(
                    "Give a name and an origin: connctl gateway add stripe https://api.stripe.com")
            }
        case .remove, .env:
            guard name != nil, origin == nil else {
                throw ValidationError("Give one name: connctl gateway \(action.rawValue) stripe")
            }
        }
    }

    mutating func run() async throws {
        let command = self
        try await Session.run(global) { session in
            session.about(.gateway)
            switch command.action {
            case .list: try await Self.list(session)
            case .add: try await command.add(session)
            case .remove: try await command.remove(session)
            case .env: try await command.env(session)
            }
        }
    }

    private static func list(_ session: Session) async throws {
        let answer = try await session.client.gateways()
        let output = session.output
        if output.isJSON { return output.json(answer.body) }
        guard !answer.content.isEmpty else {
            return output.line("No gateways. Open one: connctl gateway add stripe https://api.stripe.com")
        }
        output.table(GatewayTable.table(answer.content, now: session.now, isWide: output.isWide))
        for line in GatewayTable.failures(answer.content) { output.line(line, .warning) }
    }

    private func add(_ session: Session) async throws {
        var request = GatewayRequest()
        request.origin = origin ?? ""
        request.listen = listen.isEmpty ? nil : listen
        request.preserveHost = preserveHost
        request.cookieSecure = stripSecure ? "strip" : "keep"
        request.socketMode = socketMode
        request.allowHosts = allowHost.isEmpty ? nil : allowHost
        request.reason = reason
        let answer = try await session.client.putGateway(name ?? "", request)
        let output = session.output
        if output.isJSON { return output.json(answer.body) }
        let gateway = answer.content
        output.line(
            "\(gateway.name): \(gateway.origin) on \(gateway.listening.joined(separator: ", "))", .bold)
        for line in GatewayTable.failures([gateway]) { output.line(line, .warning) }
        output.line("Variables for its programs: connctl gateway env \(gateway.name)")
        output.line("Undo: connctl gateway remove \(gateway.name)")
    }

    private func remove(_ session: Session) async throws {
        let name = name ?? ""
        let answer = try await session.client.removeGateway(name, reason: reason)
        let output = session.output
        if output.isJSON { return output.json(answer.body) }
        if let left = answer.content.first(where: { $0.name == name }) {
            output.line("\(name): removed; the config file's applies again (\(left.place ?? ""))")
        } else {
            output.line("\(name): removed")
        }
    }

    private func env(_ session: Session) async throws {
        let gateway = try await session.client.gateway(name ?? "").content
        let variables = CommandEnvironment.current.variables
        let shell = shell ?? EnvironmentText.Shell(path: variables["SHELL"] ?? "")
        guard let text = GatewayEnvironment.text(gateway, shell) else {
            throw CommandFailure(
                "the gateway \(gateway.name) listens on no TCP port that a base URL can name",
                details: gateway.listening.map { "it listens on \($0)" },
                next: ["connctl gateway add \(gateway.name) \(gateway.origin) --listen 127.0.0.1:PORT"])
        }
        session.output.raw(text)
    }
}

/// Gateways as rows. Pure.
enum GatewayTable {
    static func table(_ gateways: [GatewayReport], now: Int64, isWide: Bool) -> Table {
        var table = Table(
            ["NAME", .flexible("ORIGIN"), .flexible("LISTENS ON"), .number("REQUESTS"), "SOURCE"]
                + (isWide
                    ? [
                        "BY", "WHEN", "HOST", "SECURE", "MODE", .flexible("ALLOWS"), .number("REFUSED"),
                        .flexible("REASON"),
                    ] : [.flexible("REASON")]))
        for gateway in gateways {
            let isOverride = gateway.source == "override"
            var row: [Table.Cell] = [
                .init(gateway.name, .bold), .init(gateway.origin),
                .init(
                    gateway.listening.isEmpty ? "nothing" : gateway.listening.joined(separator: ", "),
                    gateway.unopened.isEmpty ? .plain : .warning),
                .init("\(gateway.requests)"), .init(isOverride ? "override" : gateway.place ?? gateway.source),
            ]
            if isWide {
                row += [
                    .init(gateway.actor ?? ""), .init(gateway.timeMs.map { Formatting.ago($0, now: now) } ?? ""),
                    .init(gateway.preserveHost ? "preserved" : "origin's"), .init(gateway.cookieSecure),
                    .init(gateway.socketMode), .init(gateway.allowHosts.joined(separator: " ")),
                    .init("\(gateway.refused)", gateway.refused > 0 ? .warning : .plain),
                ]
            }
            row.append(.init(gateway.reason ?? ""))
            table.add(row)
        }
        return table
    }

    static func failures(_ gateways: [GatewayReport]) -> [String] {
        gateways.flatMap { gateway in
            gateway.unopened.map {
                "! \(gateway.name) does not listen on \($0.address): \($0.reason). Fix this, then: connctl reload"
            }
        }
    }
}
