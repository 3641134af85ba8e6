import AdminClient
import Glibc

/// The bearer token for changes, or why there is none. Value.
struct FoundToken: Hashable, Sendable {
    /// Nil: none is sent.
    var token: String?
    /// Which file was read, or why none was, for people.
    var explanation: String
    /// What to do if connd requires a token nevertheless.
    var next: String?
}

/// Decides which token may be sent to which address. Unless named on the command line, it is never sent to another host
/// or another user, who may be listening there while connd is stopped.
enum TokenSearch {
    static func find(option: String?, for daemon: FoundDaemon, environment: CommandEnvironment) throws(CommandFailure)
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
        for path in candidates(daemon, environment) {
            do throws(FileProblem) {
                let token = try read(path)
                if let reason = distrust(daemon.address, path, environment) {
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

    /// A daemon that was found through its state directory has its token there too.
    private static func candidates(_ daemon: FoundDaemon, _ environment: CommandEnvironment) -> [String] {
        if let path = environment.variables["CONNCTL_TOKEN_FILE"], !path.isEmpty { return [path] }
        let own = environment.stateDirectory.map { [$0 + "/admin.token"] } ?? []
        if case .stateFile = daemon.source { return own + [environment.systemToken] }
        return [environment.systemToken] + own
    }

    /// Why the listener must not see that file's token; nil if it is root, this user or the owner of the file.
    private static func distrust(_ address: AdminAddress, _ path: String, _ environment: CommandEnvironment) -> String?
    {
        let users = environment.listeners.users(at: address)
        if users.isEmpty { return "no process on this host listens at \(address)" }
        var status = stat()
        var trusted: Set<uid_t> = [0, environment.user]
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
