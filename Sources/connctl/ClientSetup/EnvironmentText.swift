import AdminClient
import ArgumentParser

/// Sets and restores the proxy variables in a shell's syntax. Pure.
enum EnvironmentText {
    enum Shell: String, CaseIterable, ExpressibleByArgument, Sendable {
        case sh, bash, zsh, fish, csh, tcsh

        init(path: String) {
            self = path.split(separator: "/").last.flatMap { Shell(rawValue: String($0)) } ?? .sh
        }
    }

    /// The URL of the first loopback address, else of the first with a port; nil if all are Unix sockets.
    static func proxy(_ listeners: [String]) -> String? {
        let addresses = listeners.filter { !$0.hasPrefix("unix:") }.compactMap { AdminAddress(parsing: $0) }
        return (addresses.first(where: \.isLocal) ?? addresses.first)?.description
    }

    /// `before`: the shell's variables. Values that are already saved stay, as they are from before the first call.
    static func set(proxy: String, before: [String: String], _ shell: Shell) -> String {
        let values = ProxyVariables.values(proxy: proxy, before: before)
        let unsaved = values.map(\.name).filter { before[ProxyVariables.savedName(of: $0)] == nil }
        return unsaved.map {
            assignment(ProxyVariables.savedName(of: $0), ProxyVariables.saved(before[$0]), shell)
        }.joined() + values.map { assignment($0.name, $0.value, shell) }.joined()
    }

    static func restore(_ former: [ProxyVariables.Former], _ shell: Shell) -> String {
        former.map { variable in
            let saved = removal(variable.savedName, shell)
            guard let value = variable.value else { return removal(variable.name, shell) + saved }
            let assignment = assignment(variable.name, value, shell)
            // A universal variable becomes visible again once the global one is erased.
            let isThere = shell == .fish ? removal(variable.name, shell) + "set -q \(variable.name); or " : ""
            return isThere + assignment + saved
        }.joined()
    }

    /// Goes last: a shell that is given all lines as one skips what follows it.
    static func remark(_ text: String, _ shell: Shell) -> String {
        switch shell {
        case .sh, .bash, .zsh, .fish: "# \(text)\n"
        // Backquotes make one line of all, and csh knows no comments in what it evaluates.
        case .csh, .tcsh: ""
        }
    }

    static func assignment(_ name: String, _ value: String, _ shell: Shell) -> String {
        let quoted = quoted(value, shell)
        return switch shell {
        case .sh, .bash, .zsh: "export \(name)=\(quoted)\n"
        case .fish: "set -gx \(name) \(quoted);\n"
        case .csh, .tcsh: "setenv \(name) \(quoted);\n"
        }
    }

    private static func removal(_ name: String, _ shell: Shell) -> String {
        switch shell {
        case .sh, .bash, .zsh: "unset \(name)\n"
        case .fish: "set -eg \(name);\n"
        case .csh, .tcsh: "unsetenv \(name);\n"
        }
    }

    private static func quoted(_ value: String, _ shell: Shell) -> String {
        switch shell {
        case .sh, .bash, .zsh:
            return "'" + value.replacing("'", with: #"'\''"#) + "'"
        case .fish:
            return "'" + value.replacing(#"\"#, with: #"\\"#).replacing("'", with: #"\'"#) + "'"
        case .csh, .tcsh:
            // Within backquotes, quoting does not protect `[` and `*` from globbing, nor `!` from history expansion.
            let plain = "-_.,:/=+@%"
            return value.isEmpty
                ? "''"
                : value.map {
                    ($0.isASCII && ($0.isLetter || $0.isNumber)) || plain.contains($0) ? "\($0)" : #"\\#($0)"#
                }
                .joined()
        }
    }
}
