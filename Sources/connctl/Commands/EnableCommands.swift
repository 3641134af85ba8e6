import AdminClient
import ArgumentParser
import Glibc

struct EnableCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "enable",
        abstract: "Makes programs of this host use connd: login shells, apt, git, systemd services.",
        discussion: """
            sudo connctl enable                      all four
            sudo connctl enable shell git            only these
            connctl enable --user                    only for your account
            connctl enable --dry-run                 what would be written

            Running programs are not affected until they are restarted. Settings made by others are left \
            alone and reported. `connctl disable` undoes all of this.
            """)

    @OptionGroup var choice: ClientChoice

    @Option(
        help: ArgumentHelp(
            "The proxy to use: http://host:port. Default: where connd says that it listens.", valueName: "url"))
    var proxy: String?

    @OptionGroup var global: GlobalOptions

    mutating func run() async throws {
        let setup = try choice.setup("enable")
        let proxy = try await address()
        try choice.run("on", global) { kind, changes throws(SetupProblem) in try setup.enable(kind, proxy, &changes) }
        if !choice.quiet { global.makeOutput().line(TunnelRemark.text, .dim) }
    }

    private func address() async throws -> ProxyAddress {
        var text = proxy ?? ""
        if proxy == nil {
            do {
                try await Session.run(global) { session in
                    if choice.isWholeHost { try Self.trust(session.errors.daemon) }
                    text = try await session.proxy()
                }
            } catch var failure as CommandFailure {
                failure.next.append("connctl enable --proxy \(ProxyAddress.standard) …    without asking it")
                throw failure
            }
        }
        return try Self.parse(text)
    }

    /// Refuses an answer that may not be connd's, where it would concern the whole host: any user may listen on a TCP
    /// port that connd has left.
    static func trust(_ daemon: FoundDaemon) throws(CommandFailure) {
        switch daemon.source {
        case .option, .variable, .systemSocket: return
        case .stateFile, .standard: break
        }
        throw CommandFailure(
            "connd is not at its own socket, and at a TCP port any user of this host could answer for it",
            details: daemon.passedOver, next: ["systemctl start connd"])
    }

    private static func parse(_ text: String) throws(CommandFailure) -> ProxyAddress {
        guard let address = ProxyAddress(parsing: text) else {
            throw CommandFailure(
                "--proxy: `\(text)` is not a usable proxy address", status: .usage,
                next: ["write it with its port, as in \(ProxyAddress.standard)"])
        }
        return address
    }
}

struct DisableCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "disable",
        abstract: "Undoes `connctl enable`; connd need not be running.",
        discussion: """
            sudo connctl disable                     all four
            sudo connctl disable apt                 only this one
            connctl disable --user                   only for your account
            """)

    @OptionGroup var choice: ClientChoice

    @OptionGroup var global: GlobalOptions

    mutating func run() async throws {
        let setup = try choice.setup("disable")
        try choice.run("off", global) { kind, changes throws(SetupProblem) in try setup.disable(kind, &changes) }
    }
}

/// The arguments and the output that enable and disable share.
struct ClientChoice: ParsableArguments {
    @Argument(help: "Any of shell, apt, git, services. Default: all.")
    var kinds: [ClientKind] = []

    @Flag(help: "For your account instead of the whole host. apt has no such settings.")
    var user = false

    @Flag(help: "Show what would be done, without doing it.")
    var dryRun = false

    @Flag(name: .shortAndLong, help: "Print only problems.")
    var quiet = false

    @Option(help: ArgumentHelp("Before every path: a host that is being put together.", visibility: .hidden))
    var root: String?

    /// True for the running host, not for an image being built.
    var isWholeHost: Bool { !user && root == nil }

    func setup(_ verb: String) throws(CommandFailure) -> HostSetup {
        let environment = CommandEnvironment.current
        var root = root ?? ""
        while root.hasSuffix("/") { root.removeLast() }
        var home: String?
        if user {
            guard let folder = environment.variables["HOME"], folder.hasPrefix("/") else {
                throw CommandFailure(
                    "$HOME is not set to your home directory", status: .usage,
                    next: ["HOME=/home/you connctl \(verb) --user"])
            }
            try Self.refuseForeign(root + folder, verb, environment)
            home = folder
        } else if self.root == nil, !dryRun, !environment.isRoot {
            throw CommandFailure(
                "only root can change the whole host",
                next: ["sudo connctl \(verb) …", "connctl \(verb) --user …    only for your account"])
        }
        return HostSetup(root: root, home: home, environment: environment)
    }

    /// Root does not write where another user could place links.
    private static func refuseForeign(_ home: String, _ verb: String, _ environment: CommandEnvironment)
        throws(CommandFailure)
    {
        var status = stat()
        guard environment.isRoot, stat(home, &status) == 0, status.st_uid != 0 else { return }
        let name = UserName.of(status.st_uid)
        throw CommandFailure(
            "$HOME is \(home), which is not root's but \(name)'s",
            next: ["sudo -u \(name) -H connctl \(verb) --user …"])
    }

    /// Handles each kind in turn; a failure does not stop the others.
    func run(
        _ state: String, _ global: GlobalOptions,
        _ work: (ClientKind, inout HostChanges) throws(SetupProblem) -> SetupOutcome
    ) throws(CommandFailure) {
        let output = global.makeOutput()
        var problems: [(kind: ClientKind, problem: SetupProblem)] = []
        let chosen = ClientKind.chosen(kinds)
        for kind in chosen {
            var changes = HostChanges(isDry: dryRun)
            do throws(SetupProblem) {
                let outcome = try work(kind, &changes)
                if case .skipped(let reason, let next) = outcome, !kinds.isEmpty {
                    throw SetupProblem(reason, next: next)
                }
                if !quiet { tell(kind, outcome, changes, output) }
            } catch {
                problems.append((kind, error))
            }
        }
        guard !problems.isEmpty else { return }
        let next = problems.compactMap(\.problem.next).reduce(into: [String]()) {
            if !$0.contains($1) { $0.append($1) }
        }
        throw CommandFailure(
            "not everything is \(state): \(problems.map(\.kind.rawValue).joined(separator: ", "))",
            details: problems.map { "\($0.kind.rawValue): \($0.problem.reason)" },
            next: next.isEmpty ? ["fix this, then run the same command again; what was done already is kept"] : next)
    }

    private func tell(_ kind: ClientKind, _ outcome: SetupOutcome, _ changes: HostChanges, _ output: Output) {
        let name = kind.rawValue + String(repeating: " ", count: 9 - kind.rawValue.count)
        if changes.isDry, case .changed = outcome {
            output.line(name + (changes.dryRunLines.first ?? ""))
            for line in changes.dryRunLines.dropFirst() { output.line(String(repeating: " ", count: 9) + line) }
        } else {
            output.line(name + outcome.text)
        }
    }
}
