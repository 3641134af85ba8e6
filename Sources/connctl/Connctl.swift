import AdminModels
import AdminClient
import ArgumentParser
import ProcessOutput

/// The root command: parses a command line, runs its verb, and turns failures into messages and an exit status.
struct Connctl: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "connctl",
        abstract: "Inspects and controls connd, the forward proxy.",
        discussion: """
            connctl finds connd by --admin URL, else $CONNCTL_ADMIN, else /run/connd/admin.sock, else the address that \
            the user's own connd left in its state directory, else http://127.0.0.1:3129.

              connctl status                             is connd healthy?
              connctl list                               the origins and how they are doing
              connctl set example.com max_connections=4  for one origin; `all` for every origin
              connctl explain                            what was slow or failed, and why

            Exit status: 0 success, 1 failure, 2 wrong usage, 3 changed in the meantime (--if-unchanged), 4 connd not \
            reachable.
            """,
        version: "connctl \(ProductVersion.text)",
        groupedSubcommands: [
            CommandGroup(
                name: "Inspection",
                subcommands: [
                    StatusCommand.self, ListCommand.self, ShowCommand.self, ConnsCommand.self, TopCommand.self,
                ]),
            CommandGroup(
                name: "Settings",
                subcommands: [
                    SetCommand.self, UnsetCommand.self, ConfirmCommand.self, RevertCommand.self, DiffCommand.self,
                    SettingsCommand.self, ExportCommand.self, ImportCommand.self,
                    ConfigCommand.self, ReloadCommand.self, BackupCommand.self,
                ]),
            CommandGroup(
                name: "Action",
                subcommands: [
                    DrainCommand.self, ReconnectCommand.self, PrewarmCommand.self, PauseCommand.self,
                    ResumeCommand.self, ForgetCommand.self, CloseCommand.self,
                ]),
            CommandGroup(
                name: "Diagnosis",
                subcommands: [
                    ExplainCommand.self, RacesCommand.self, WhyCommand.self, HistoryCommand.self, EventsCommand.self,
                    AuditCommand.self,
                    AdviseCommand.self, WhatIfCommand.self, DoctorCommand.self, DNSCommand.self, PortsCommand.self,
                    TLSCommand.self,
                ]),
            CommandGroup(
                name: "Client setup",
                subcommands: [
                    EnableCommand.self, DisableCommand.self, EnvCommand.self, GatewayCommand.self, CACommand.self,
                ]),
            CommandGroup(
                name: "Shell",
                subcommands: [CompletionsCommand.self, ManCommand.self, VersionCommand.self]),
        ])

    static var verbs: [String] {
        (configuration.groupedSubcommands.flatMap(\.subcommands) + configuration.ungroupedSubcommands)
            .compactMap { $0.configuration.commandName }
    }

    /// Runs a command line without exiting. A failed write is a failure, unless the reader went away.
    static func run(_ arguments: [String]) async -> CommandStatus {
        let environment = CommandEnvironment.current
        let status = await perform(arguments, environment)
        guard let reason = environment.output.end?.failure else { return status }
        let failure = CommandFailure(
            "cannot write to standard output: \(reason)",
            next: ["free space there, or redirect the output; what the verb changed is in effect (see connctl audit)"])
        environment.errors.write(failure.text)
        return status == .ok ? failure.status : status
    }

    private static func perform(_ arguments: [String], _ environment: CommandEnvironment) async -> CommandStatus {
        do {
            let ordered = try ArgumentOrder.verbFirst(arguments, verbs: verbs)
            var command = try await asyncParseAsRoot(ordered)
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
            return .ok
        } catch let failure as CommandFailure {
            environment.errors.write(failure.text)
            return failure.status
        } catch is OutputEnded {
            return .ok
        } catch {
            // ArgumentParser reports help, version and completion requests as errors.
            let isAsked = exitCode(for: error) == .success
            let text = fullMessage(for: error, columns: environment.screen.isTerminal ? nil : 100)
            (isAsked ? environment.output : environment.errors).write(text.hasSuffix("\n") ? text : text + "\n")
            return isAsked ? .ok : .usage
        }
    }
}
