import AdminClient
import AdminModels
import ArgumentParser

struct CompletionsCommand: AsyncParsableCommand {
    enum Shell: String, CaseIterable, ExpressibleByArgument {
        case bash, zsh, fish
    }

    static let configuration = CommandConfiguration(
        commandName: "completions",
        abstract: "Prints a completion script for commands, origins and settings.",
        discussion: """
            connctl completions bash > /etc/bash_completion.d/connctl
            connctl completions zsh > "${fpath[1]}/_connctl"
            connctl completions fish > ~/.config/fish/completions/connctl.fish
            """)

    @Argument(help: "The shell.")
    var shell: Shell

    @OptionGroup var global: GlobalOptions

    mutating func run() async throws {
        let script: CompletionShell =
            switch shell {
            case .bash: .bash
            case .zsh: .zsh
            case .fish: .fish
            }
        let generated = Connctl.completionScript(for: script)
        let text = shell == .bash ? CompletionScript.bash(generated) : generated
        global.makeOutput().raw(text.hasSuffix("\n") ? text : text + "\n")
    }
}

struct ManCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "man",
        abstract: "Prints connctl's manual page.",
        discussion: """
            connctl man | man -l -
            connctl man > /usr/local/share/man/man1/connctl.1
            """)

    @OptionGroup var global: GlobalOptions

    mutating func run() async throws {
        global.makeOutput().raw(try ManualPage.make(fromDump: Connctl._dumpHelp()))
    }
}

struct VersionCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "version",
        abstract: "Prints the versions of connctl and of the connd that it finds.",
        discussion: """
            connctl version
            """)

    @OptionGroup var global: GlobalOptions

    mutating func run() async throws {
        let output = global.makeOutput()
        if !output.isJSON { output.line("connctl \(ProductVersion.text)") }
        try await Session.run(global) { session in
            let answer = try await session.client.version()
            if session.output.isJSON { return session.output.json(answer.body) }
            let report = answer.content
            session.output.line(
                "\(report.name) \(report.version) (API \(report.api), database schema \(report.schemaVersion)) at "
                    + "\(session.client.address)")
        }
    }
}
