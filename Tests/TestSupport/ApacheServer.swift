import Foundation
import Glibc

/// Apache on a loopback port, with mod_auth_gssapi logging connections in by NTLM, whose 200 names the user in X-User.
/// Killed when released. Shared.
package final class ApacheServer: Sendable {
    package let port: UInt16
    private let process: ChildProcess
    private let folder: ScratchFolder

    /// `users`: name and password, of the domain DOM.
    package init(users: [String: String]) throws {
        folder = try ScratchFolder()
        // Its workers run as another user.
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: folder.path)
        try folder.write("index.html", "for users only\n")
        let known = try folder.write("users", users.map { "DOM:\($0):\($1)\n" }.joined())
        // Apache cannot be told to take any free port and say which: one that was free a moment ago is tried.
        for _ in 0..<20 {
            let (descriptor, port) = try SocketAddresses.bound(to: "127.0.0.1")
            close(descriptor)
            let config = try folder.write("httpd.conf", Self.configuration(port: port, folder: folder.path))
            let process = try ChildProcess(
                "apache2", ["-f", config, "-D", "FOREGROUND"], environment: ["NTLM_USER_FILE": known])
            let started = try process.wait(for: "Apache to be ready") {
                $0.errText.contains("resuming normal operations") || $0.hasEnded
            }
            if !started.hasEnded {
                (self.port, self.process) = (port, process)
                return
            }
            guard started.errText.contains("Address already in use") else {
                throw TestFailure("Apache did not start: \(started)")
            }
        }
        throw TestFailure("Apache found no port to listen on")
    }

    deinit {
        // Its workers end with it only if it may end them.
        process.signal(SIGTERM)
        _ = try? process.wait(for: "Apache to end") { $0.hasEnded }
    }

    package func url(_ path: String = "/index.html") -> String { "http://127.0.0.1:\(port)\(path)" }

    /// For a client that logs in as this user: what NTLM_USER_FILE is to name.
    package func credentials(of user: String, password: String) throws -> String {
        try folder.write("user-\(user)", "DOM:\(user):\(password)\n")
    }

    private static func configuration(port: UInt16, folder: String) -> String {
        let modules = [
            "mpm_event", "authz_core", "authz_user", "authn_core", "headers", "auth_gssapi",
        ]
        let loads = modules.map { "LoadModule \($0)_module /usr/lib/apache2/modules/mod_\($0).so\n" }.joined()
        return """
            \(loads)
            ServerRoot \(folder)
            ServerName localhost
            Listen 127.0.0.1:\(port)
            PidFile \(folder)/pid
            ErrorLog /dev/stderr
            User www-data
            Group www-data
            DocumentRoot \(folder)
            KeepAliveTimeout 60
            MaxKeepAliveRequests 0
            <Location />
              AuthType GSSAPI
              AuthName test
              GssapiAllowedMech ntlmssp
              GssapiConnectionBound On
              Require valid-user
              Header always set X-User "expr=%{REMOTE_USER}"
            </Location>

            """
    }
}
