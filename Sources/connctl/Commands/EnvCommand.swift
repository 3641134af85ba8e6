import AdminClient
import AdminModels
import ArgumentParser

struct EnvCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "env",
        abstract: "Prints the variables that make programs use connd, for your shell.",
        discussion: """
            eval "$(connctl env)"                    in sh, bash and zsh
            connctl env --shell fish | source
            eval "$(connctl env --unset)"            back to how it was
            """)

    @Option(help: "For this shell; else the one of $SHELL.")
    var shell: EnvironmentText.Shell?

    @Flag(help: "Print what removes them.")
    var unset = false

    @OptionGroup var global: GlobalOptions

    mutating func run() async throws {
        let shell = shell ?? EnvironmentText.Shell(path: Surroundings.current.variables["SHELL"] ?? "")
        if unset {
            return global.makeOutput().raw(EnvironmentText.unset(shell))
        }
        try await Session.run(global) { session in
            session.output.raw(EnvironmentText.set(proxy: try await session.proxy(), shell))
        }
    }
}

extension Session {
    /// What connd says that programs should be given as their proxy.
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

/// Proxy variables in the words of a shell. Pure.
enum EnvironmentText {
    enum Shell: String, CaseIterable, ExpressibleByArgument, Sendable {
        case sh, bash, zsh, fish, csh, tcsh

        init(path: String) {
            self = path.split(separator: "/").last.flatMap { Shell(rawValue: String($0)) } ?? .sh
        }
    }

    /// HTTP_PROXY in capitals is left out: a CGI program would take a client's Proxy field for it.
    private static let proxyNames = ["http_proxy", "https_proxy", "HTTPS_PROXY"]
    private static let exceptionNames = ["no_proxy", "NO_PROXY"]
    static let exceptions = "localhost,127.0.0.1,::1"

    /// The first that is on loopback, else the first with a port; nil where all are Unix sockets.
    static func proxy(_ listeners: [String]) -> String? {
        let addresses = listeners.filter { !$0.hasPrefix("unix:") }.compactMap { AdminAddress(parsing: $0) }
        return (addresses.first(where: \.isLocal) ?? addresses.first)?.description
    }

    static func values(proxy: String) -> [(name: String, value: String)] {
        proxyNames.map { ($0, proxy) } + exceptionNames.map { ($0, exceptions) }
    }

    static func set(proxy: String, _ shell: Shell) -> String {
        values(proxy: proxy).map { name, value in
            switch shell {
            case .sh, .bash, .zsh: "export \(name)='\(value)'\n"
            case .fish: "set -gx \(name) '\(value)';\n"
            case .csh, .tcsh: "setenv \(name) '\(value)';\n"
            }
        }.joined()
    }

    static func unset(_ shell: Shell) -> String {
        (proxyNames + exceptionNames).map { name in
            switch shell {
            case .sh, .bash, .zsh: "unset \(name)\n"
            case .fish: "set -e \(name);\n"
            case .csh, .tcsh: "unsetenv \(name);\n"
            }
        }.joined()
    }
}
