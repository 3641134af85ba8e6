import AdminClient
import AdminModels
import ArgumentParser

struct EnvCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "env",
        abstract: "Prints the variables that make your shell's programs use connd.",
        discussion: """
            eval "$(connctl env)"                    in sh, bash and zsh
            connctl env --shell fish | source
            eval "$(connctl env --unset)"            restores the previous values
            eval `connctl env`                       in csh and tcsh

            Existing entries of no_proxy are kept, and those for local destinations are added. The previous values are kept \
            in the shell, in variables that begin with CONND_SAVED, until --unset restores them.
            """)

    @Option(help: "The shell's syntax. Default: that of $SHELL.")
    var shell: EnvironmentText.Shell?

    @Flag(help: "Print the lines that restore the previous values.")
    var unset = false

    @OptionGroup var global: GlobalOptions

    mutating func run() async throws {
        let variables = CommandEnvironment.current.variables
        let shell = shell ?? EnvironmentText.Shell(path: variables["SHELL"] ?? "")
        if unset {
            let former = ProxyVariables.former(in: variables)
            guard !former.isEmpty else {
                // Evaluating it twice has the same effect as evaluating it once.
                let note = CommandFailure(
                    "nothing to restore: neither `connctl env` nor `connctl enable shell` set this shell's variables",
                    next: ["unset \(ProxyVariables.proxyNames.joined(separator: " "))    if something else set them"])
                return CommandEnvironment.current.errors.write(note.text)
            }
            return global.makeOutput().raw(EnvironmentText.restore(former, shell))
        }
        try await Session.run(global) { session in
            let proxy = try await session.proxy()
            session.output.raw(
                EnvironmentText.set(proxy: proxy, before: variables, shell)
                    + EnvironmentText.remark(TunnelRemark.text, shell))
        }
    }
}

/// How https URLs are served for programs that only know the proxy variables.
enum TunnelRemark {
    static let text =
        "https URLs go through tunnels, whose connections are not shared: connctl list shows how to share them"
}

extension Session {
    /// The address that connd reports for programs to use as their proxy.
    func proxy() async throws -> String {
        let listeners = try await client.status().content.listeners
        guard let proxy = EnvironmentText.proxy(listeners) else {
            throw CommandFailure(
                "connd has no listener that proxy variables can name (\(listeners.joined(separator: ", ")))",
                next: ["give proxy.listen an address such as 127.0.0.1:3128 in the config file, then restart connd"])
        }
        return proxy
    }
}
