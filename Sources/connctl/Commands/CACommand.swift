import AdminClient
import AdminModels
import ArgumentParser

struct CACommand: AsyncParsableCommand {
    enum Action: String, CaseIterable, ExpressibleByArgument {
        case show, create, rotate, remove, install, uninstall, env
    }

    static let configuration = CommandConfiguration(
        commandName: "ca",
        abstract: "Makes, installs and removes the certificate authority with which connd intercepts chosen hosts.",
        discussion: """
            What it does to trust: a program that trusts this authority accepts connd in the place of any host in the \
            domains that you name and below them, and of no other host. connd can then read and change what the \
            program sends to these hosts and receives from them. The certificates are constrained to those domains, so \
            even a stolen key is good for no other name. Nothing trusts the authority until you install it, and \
            nothing is intercepted until you set intercept=on for a host.

            connctl ca create --for example.com,internal.example
            sudo connctl ca install                  programs that read this host's trust store; then restart them
            eval "$(connctl ca env)"                 those with roots of their own: Node, Python, cargo
            connctl set https://example.com intercept=on

            connctl ca show                          what it may sign for, until when, and where it is installed
            connctl ca rotate --for example.com,example.org
            sudo connctl ca install                  trusts both until the new one takes over; afterwards once more

            sudo connctl ca uninstall                takes its roots out of this host's stores again
            connctl ca remove                        destroys its keys

            `rotate` makes a second authority, which signs for all of its names only after --switch-after, so that there \
            is time to install its root. The old one's key is then destroyed. Its root can sign nothing any more; the \
            next `ca install` removes it from this host.

            Not touched: browsers, which have stores of their own and should not come through such a proxy, JDKs that \
            bring their own cacerts, and containers (connctl ca env --container). connd(8) says how to reach them.
            """)

    @Argument(help: "show, create, rotate, remove, install, uninstall or env.")
    var action = Action.show

    @Option(
        name: .customLong("for"),
        help: ArgumentHelp(
            "For create and rotate: the domains that it may sign for, each with all names below it, separated by commas; "
                + "may be repeated. For rotate, default: as now.", valueName: "domains"))
    var domains: [String] = []

    @Flag(
        help: ArgumentHelp(
            "For create and rotate: no limit instead of domains. For install and env: trust such a one. Whoever has its "
                + "key can sign for ANY name."))
    var unconstrained = false

    @Option(
        help: ArgumentHelp(
            "For rotate: when the new authority takes over, 0s to 720h. Default: 24h.", valueName: "duration"))
    var switchAfter: String?

    @Option(help: "For create, rotate and remove: the reason, shown in the audit trail.")
    var reason: String?

    @Flag(help: "For remove: also while its roots are installed on this host.")
    var force = false

    @Flag(help: "For install and uninstall: show what would be done, without doing it.")
    var dryRun = false

    @Option(help: "For env: the shell's syntax. Default: that of $SHELL.")
    var shell: EnvironmentText.Shell?

    @Flag(help: "For env: print the lines that restore the previous values.")
    var unset = false

    @Flag(help: "For env: print options for docker run and podman run instead.")
    var container = false

    @Option(help: ArgumentHelp("Before every path: a host that is being put together.", visibility: .hidden))
    var root: String?

    @OptionGroup var global: GlobalOptions

    func validate() throws {
        try refuseOthersOptions()
        let hasNames = !domains.isEmpty || unconstrained
        let takesAnyName = action == .install || action == .env && !unset
        if !domains.isEmpty, unconstrained {
            throw ValidationError("--for and --unconstrained exclude each other.")
        }
        switch action {
        case .create:
            guard hasNames else {
                throw ValidationError("Name the domains that it may sign for: connctl ca create --for example.com")
            }
            guard switchAfter == nil else { throw ValidationError("--switch-after is for `connctl ca rotate`.") }
        case .rotate: break
        case .show, .remove, .install, .uninstall, .env:
            guard domains.isEmpty, !unconstrained || takesAnyName, switchAfter == nil else {
                throw ValidationError("`connctl ca \(action.rawValue)` takes no domains and no --switch-after.")
            }
        }
    }

    private func refuseOthersOptions() throws {
        let options: [(isGiven: Bool, name: String, of: [Action])] = [
            (reason != nil, "--reason", [.create, .rotate, .remove]), (force, "--force", [.remove]),
            (dryRun, "--dry-run", [.install, .uninstall]), (shell != nil, "--shell", [.env]),
            (unset, "--unset", [.env]), (container, "--container", [.env]),
        ]
        for option in options where option.isGiven && !option.of.contains(action) {
            let commands = option.of.map { "`connctl ca \($0.rawValue)`" }.joined(separator: " and ")
            throw ValidationError("\(option.name) is for \(commands).")
        }
    }

    mutating func run() async throws {
        let command = self
        switch action {
        case .install: return try await command.install()
        case .uninstall: return try command.uninstall()
        case .env: return try await command.env()
        case .show, .create, .rotate, .remove: break
        }
        try await Session.run(global) { session in
            session.about(.authority)
            switch command.action {
            case .create: try await command.create(session)
            case .rotate: try await command.rotate(session)
            case .remove: try await command.remove(session)
            case .show, .install, .uninstall, .env: try await command.show(session)
            }
        }
    }

    var stores: TrustStores {
        var root = root ?? ""
        while root.hasSuffix("/") { root.removeLast() }
        return TrustStores(root: root, environment: .current)
    }

    private var names: [String]? {
        let names = domains.flatMap { $0.split(separator: ",").map { String($0.filter { !$0.isWhitespace }) } }
        return domains.isEmpty ? nil : names
    }

    // MARK: With connd

    private func show(_ session: Session) async throws {
        let answer = try await session.client.authorities()
        let output = session.output
        if output.isJSON { return output.json(answer.body) }
        for paragraph in AuthorityText.show(answer.content, installed: stores.installed, now: session.now) {
            switch paragraph {
            case .title(let text): output.line(text, .bold)
            case .facts(let facts): output.facts(facts)
            case .note(let text): output.line(text)
            case .warning(let text): output.line(text, .warning)
            }
        }
    }

    private func create(_ session: Session) async throws {
        var request = AuthorityRequest()
        request.domains = names
        request.unconstrained = unconstrained ? true : nil
        request.reason = reason
        let answer = try await session.client.createAuthority(request)
        let output = session.output
        if output.isJSON { return output.json(answer.body) }
        guard let made = answer.content.authorities.last else { return }
        output.line("Certificate authority \(made.serial) for \(AuthorityText.domains(made))", .bold)
        for line in AuthorityText.trust(made) { output.line(line) }
        output.line("")
        for line in AuthorityText.next(made) { output.line(line) }
    }

    private func rotate(_ session: Session) async throws {
        var request = RotationRequest()
        request.domains = names
        request.unconstrained = unconstrained ? true : nil
        request.switchAfter = switchAfter
        request.reason = reason
        let answer = try await session.client.rotateAuthority(request)
        let output = session.output
        if output.isJSON { return output.json(answer.body) }
        guard let made = answer.content.authorities.last else { return }
        output.line("Certificate authority \(made.serial) for \(AuthorityText.domains(made))", .bold)
        if made.unconstrained { output.line(AuthorityText.unconstrained, .warning) }
        if let time = answer.content.switchAt {
            output.line("It takes over at \(Formatting.time(time)).")
            output.line("Until then it signs only for names that the old one may not sign for.")
            output.line("Before it takes over, wherever the old root is trusted: sudo connctl ca install")
        } else {
            output.line("It has taken over, and the old one's key is destroyed.")
            output.line("Wherever the old root is trusted: sudo connctl ca install")
        }
    }

    private func remove(_ session: Session) async throws {
        if !force, stores.isInstalled {
            throw CommandFailure(
                "the authority's roots are still installed on this host",
                next: ["sudo connctl ca uninstall", "connctl ca remove --force    to leave them there"])
        }
        let answer = try await session.client.removeAuthorities(reason: reason)
        let output = session.output
        if output.isJSON { return output.json(answer.body) }
        output.line("Removed: the keys are destroyed, and nothing is intercepted any more.")
        if stores.isInstalled { output.line("The roots are still installed here: sudo connctl ca uninstall", .warning) }
    }

    // MARK: This host

    private func mayChangeHost() throws(CommandFailure) {
        guard root == nil, !dryRun, !CommandEnvironment.current.isRoot else { return }
        throw CommandFailure(
            "only root can change this host's trust stores",
            next: [
                "sudo connctl ca \(action.rawValue)",
                #"eval "$(connctl ca env)"    for the programs of your shell only"#,
            ])
    }

    private func install() async throws {
        try mayChangeHost()
        var roots: [TrustStores.Root] = []
        try await Session.run(global) { session in
            session.about(.authority)
            if root == nil { try EnableCommand.trust(session.errors.daemon) }
            let report = try await session.client.authorities().content
            roots = TrustStores.roots(of: report)
            guard !roots.isEmpty else {
                throw CommandFailure(
                    report.problem ?? "connd has no certificate authority",
                    next: [
                        report.problem == nil
                            ? "connctl ca create --for example.com" : "connctl ca show    says what is wrong"
                    ])
            }
        }
        try check(roots)
        let output = global.makeOutput()
        for item in roots where item.domains != nil {
            output.line("\(item.serial) signs for \(item.domains?.joined(separator: ", ") ?? "") and names below")
        }
        let stores = stores
        try change("installed everywhere") { store, changes throws(SetupProblem) in
            try stores.install(roots, in: store, &changes)
        }
        output.line("Restart programs that are running. For programs with roots of their own: connctl ca env", .dim)
        output.line(
            "Those that refused before are tunnelled for up to a day; to end that: connctl tls --forget --all", .dim)
    }

    /// Before they come into a trust store. A warning goes to the errors, as `env`'s output is for a shell.
    func check(_ roots: [TrustStores.Root]) throws(CommandFailure) {
        let environment = CommandEnvironment.current
        try RootCheck(environment).check(roots, allowsAnyName: unconstrained, verb: action.rawValue)
        for root in roots where root.domains == nil {
            environment.errors.write(
                "! \(root.serial) is unconstrained: whoever has its key can sign for ANY name.\n")
        }
    }

    private func uninstall() throws {
        try mayChangeHost()
        let stores = stores
        try change("uninstalled") { store, changes throws(SetupProblem) in
            try stores.uninstall(from: store, &changes)
        }
    }

    /// Handles each store in turn; a failure does not stop the others.
    private func change(
        _ state: String, _ work: (TrustStores.Store, inout HostChanges) throws(SetupProblem) -> SetupOutcome
    ) throws(CommandFailure) {
        let output = global.makeOutput()
        var problems: [(store: TrustStores.Store, problem: SetupProblem)] = []
        for store in TrustStores.Store.allCases {
            var changes = HostChanges(isDry: dryRun)
            let name = store.rawValue + String(repeating: " ", count: 8 - store.rawValue.count)
            do throws(SetupProblem) {
                let outcome = try work(store, &changes)
                if dryRun, !changes.dryRunLines.isEmpty {
                    for line in changes.dryRunLines { output.line(name + line) }
                } else {
                    output.line(name + outcome.text)
                }
            } catch {
                output.line(name + "failed: \(error.reason)", .warning)
                problems.append((store, error))
            }
        }
        guard !problems.isEmpty else { return }
        throw CommandFailure(
            "not \(state): \(problems.map(\.store.rawValue).joined(separator: ", "))",
            next: problems.compactMap(\.problem.next) + ["fix this, then run the same command again"])
    }
}
