import AdminClient

/// The bearer token that goes with changes, or why there is none. Value.
struct FoundToken: Hashable, Sendable {
    /// Nil: none is sent.
    var token: String?
    /// What was read, or why nothing was, for people.
    var explanation: String
}

/// Decides which token goes to which address: never one that was not named on the command line to another host.
enum TokenSearch {
    static func find(option: String?, for daemon: FoundDaemon, surroundings: Surroundings) throws(CommandFailure)
        -> FoundToken
    {
        if let option {
            do throws(FileProblem) {
                return FoundToken(token: try read(option), explanation: "the token was read from \(option)")
            } catch {
                throw CommandFailure(
                    "--token-file \(option): \(error.reason)", next: ["name a file that you may read, one token in it"])
            }
        }
        if daemon.address.isUnixSocket {
            return FoundToken(token: nil, explanation: "on a Unix socket your user id decides, no token is sent")
        }
        guard daemon.address.isLocal else {
            return FoundToken(
                token: nil,
                explanation: "no token was sent, because \(daemon.address) is another host: "
                    + "name one with --token-file")
        }
        var reasons: [String] = []
        for path in candidates(daemon, surroundings) {
            do throws(FileProblem) {
                return FoundToken(token: try read(path), explanation: "the token was read from \(path)")
            } catch {
                reasons.append("\(path): \(error.reason)")
            }
        }
        return FoundToken(token: nil, explanation: "no token was found: " + reasons.joined(separator: "; "))
    }

    /// A daemon that was found by its state directory made its token there too.
    private static func candidates(_ daemon: FoundDaemon, _ surroundings: Surroundings) -> [String] {
        if let path = surroundings.variables["CONNCTL_TOKEN_FILE"], !path.isEmpty { return [path] }
        let own = surroundings.stateDirectory.map { [$0 + "/admin.token"] } ?? []
        if case .stateFile = daemon.source { return own + [surroundings.systemToken] }
        return [surroundings.systemToken] + own
    }

    private static func read(_ path: String) throws(FileProblem) -> String {
        let text = try SmallFile.read(path)
        let lines = text.split(whereSeparator: \.isWhitespace)
        guard lines.count == 1, lines[0].utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw FileProblem(reason: "it does not hold one token")
        }
        return String(lines[0])
    }
}
