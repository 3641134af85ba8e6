import Foundation
import TestSupport
import Testing

/// In a network of its own, where the default ports are free.
@Suite(.enabled(if: getuid() == 0))
struct DefaultListenerTests {
    private let folder: ScratchFolder
    private var socket: String { "\(folder.path)/admin.sock" }

    init() throws {
        folder = try ScratchFolder()
    }

    private func start(_ preparation: String) throws -> RunningProxy {
        try RunningProxy(
            "admin: { listen: [\"unix:\(socket)\"] }",
            wrapper: ["unshare", "--net", "sh", "-c", "ip link set lo up && \(preparation) \"$@\"", "sh"],
            state: try StateFolder(), listening: .byFile)
    }

    private func connctl(_ arguments: String...) throws -> Subprocess {
        try Subprocess.run(try RunningProxy.binary("connctl"), ["--admin", "unix:\(socket)"] + arguments)
    }

    @Test(
        "a default that another program holds is named by /readyz, which fails, and by the status, until a reload has it"
    )
    func occupied() throws {
        // The port is held by what connd inherits, and closed where connd closes it: never.
        let holding = """
            exec python3 -c '
            import os, socket, sys
            held = socket.socket(socket.AF_INET6)
            held.bind(("::1", 3128))
            held.listen()
            held.set_inheritable(True)
            os.execvp(sys.argv[1], sys.argv[1:])
            '
            """
        let proxy = try start(holding)
        let ready = try proxy.curl("GET", "/readyz", socket: socket)
        #expect(ready.status == 503)
        #expect(
            try ready.json()["reasons"].items.map(\.text) == [
                "connd does not listen on [::1]:3128: Address already in use"
            ])
        let status = try proxy.curl("GET", "/v1/status", socket: socket).json()
        #expect(status["listeners"].items.map(\.text) == ["127.0.0.1:3128"])
        #expect(status["unopened_listeners"].items.map { $0["address"].text } == ["[::1]:3128"])
        let shown = try connctl("status")
        #expect(shown.output.contains("does not listen on [::1]:3128: Address already in use"), "\(shown)")
        // As long as it is taken, a reload says so too; what the file names then is all that is wanted.
        let json = ["Content-Type: application/json"]
        let again = try proxy.curl("POST", "/v1/reload", json, body: "{}", socket: socket)
        #expect(again.status == 200 && again.body.contains("[::1]:3128"), "\(again)")
        #expect(try proxy.curl("GET", "/readyz", socket: socket).status == 503)
        try proxy.rewriteConfig("proxy: { listen: [\"127.0.0.1:3128\"] }\nadmin: { listen: [\"unix:\(socket)\"] }")
        #expect(try proxy.curl("POST", "/v1/reload", json, body: "{}", socket: socket).status == 200)
        #expect(try proxy.curl("GET", "/readyz", socket: socket).status == 200)
    }

    @Test("a host without IPv6 is ready, and told of it")
    func noIPv6() throws {
        let proxy = try start("sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.lo.disable_ipv6=1 && exec")
        let ready = try proxy.curl("GET", "/readyz", socket: socket)
        #expect(ready.status == 200)
        let report = try ready.json()
        #expect(report["status"].text == "ok" && report["reasons"].items == [])
        #expect(report["warnings"].items.first?.text?.contains("[::1]:3128") == true)
        #expect(try connctl("status").output.contains("[::1]:3128"))
    }
}
