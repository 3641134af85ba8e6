import AdminClient
import Glibc

/// The bearer token that goes with changes, or why there is none. Value.
struct FoundToken: Hashable, Sendable {
    /// Nil: none is sent.
    var token: String?
    /// What was read, or why nothing was, for people.
    var explanation: String
    /// What to do where connd wants one all the same.
    var next: String?
}

/// Decides which token goes to which address: one that was not named on the command line never to another host, nor to
/// another user, who may listen there while connd is stopped.
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
                let token = try read(path)
                if let reason = distrust(daemon.address, path, surroundings) {
                    return FoundToken(
                        token: nil, explanation: "the token of \(path) was not sent, because \(reason)",
                        next: "connctl --token-file \(path) …    if that is your connd")
                }
                return FoundToken(token: token, explanation: "the token was read from \(path)")
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

    /// Why who listens there is not to see the token of that file; nil: root, the user of this connctl or the file's owner.
    private static func distrust(_ address: AdminAddress, _ path: String, _ surroundings: Surroundings) -> String? {
        let users = surroundings.listeners.users(at: address)
        if users.isEmpty { return "nobody of this host listens at \(address)" }
        var status = stat()
        var trusted: Set<uid_t> = [0, surroundings.user]
        if stat(path, &status) == 0 { trusted.insert(status.st_uid) }
        guard let other = users.subtracting(trusted).min() else { return nil }
        return "user \(UserName.of(other)) listens at \(address)"
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
