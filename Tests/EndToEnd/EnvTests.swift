import Foundation
import TestSupport
import Testing

/// What real clients make of the variables that `connctl env` prints.
@Suite struct EnvTests {
    private static let clients: [(name: String, command: String)] = [
        ("curl", #"curl -s -o /dev/null --max-time 30 "$1""#),
        ("wget", #"wget -q -O /dev/null -t 1 -T 30 "$1""#),
        (
            "python",
            #"python3 -c 'import sys, urllib.request as r; r.urlopen(sys.argv[1], timeout=30)' "$1" 2>/dev/null"#
        ),
    ]

    /// Which of the hosts each client asks the proxy for. Nobody answers at them directly.
    private func asked(_ program: String, of hosts: [String], _ environment: [String: String]) throws
        -> [String: [String]]
    {
        let connd = try RunningProxy(state: try StateFolder())
        let dead = try RefusingPort()
        let port = dead.port
        var found: [String: [String]] = [:]
        for client in Self.clients {
            // In the proxy's place, so that what it is asked for is seen, and answered whatever it is.
            let proxy = try FakeOrigin.answering()
            let fetches = hosts.map { "fetch 'http://\($0):\(port)/' || true" }.joined(separator: "\n")
            let run = try Subprocess.run(
                "sh", ["-euc", "fetch() { \(client.command); }\n\(program)\nexport http_proxy=$FAKE\n\(fetches)"],
                environment: [
                    "CONNCTL": try RunningProxy.binary("connctl"), "CONNCTL_ADMIN": connd.adminURL, "SHELL": "/bin/sh",
                    "FAKE": "http://\(proxy.authority)",
                ].merging(environment) { $1 })
            #expect(run.exitCode == 0, "\(run)")
            found[client.name] = proxy.record.requests.map { request in
                String(request.head.startLine.split(separator: " ")[1].dropFirst(7).prefix { $0 != "/" })
                    .replacing(":\(port)", with: "")
            }
        }
        return found
    }

    @Test("no client asks connd for what is local to the host, nor for what the user excepts", .timeLimit(.minutes(2)))
    func exceptions() throws {
        let found = try asked(
            #"eval "$("$CONNCTL" env)"; eval "$("$CONNCTL" env)""#,
            of: ["localhost", "127.0.0.1", "[::1]", "127.0.0.9", "127.0.0.8", "outside.test"],
            ["NO_PROXY": "127.0.0.9,.corp.test"])
        for client in Self.clients { #expect(found[client.name] == ["127.0.0.8", "outside.test"], "\(client.name)") }
    }
}
