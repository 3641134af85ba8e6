import Foundation
import TestSupport
import Testing

/// The script as an engine of browsers' understands it: Debian's python3-pacparser, an ECMAScript 3 one.
@Suite struct ProxyAutoConfigTests {
    private static let program = """
        import pacparser, sys
        pacparser.init()
        pacparser.parse_pac_string(sys.stdin.read())
        for line in sys.argv[1:]:
            url, host = line.split(" ")
            print(pacparser.find_proxy(url, host))
        """

    /// What the script that `proxy` serves answers for each URL and host.
    private func answers(_ proxy: RunningProxy, _ questions: [String]) throws -> [String] {
        let script = try proxy.curl("GET", "/proxy.pac").body
        // The interpreter that Debian's modules are for, whatever else is called python3 here.
        let run = try Subprocess.run("/usr/bin/python3", ["-c", Self.program] + questions, input: script)
        #expect(run.exitCode == 0, "\(run)")
        return run.output.split(separator: "\n").map(String.init)
    }

    @Test("http and https go through connd, directly where it is away; this host's own names go directly")
    func decisions() throws {
        let proxy = try RunningProxy(state: try StateFolder())
        let through = "PROXY \(proxy.authority); DIRECT"
        let cases = [
            ("http://example.com/ example.com", through), ("https://example.com/a?b example.com", through),
            ("HTTP://EXAMPLE.COM/ EXAMPLE.COM", through), ("ws://example.com/ example.com", "DIRECT"),
            ("https://example.com:8443/ example.com", "DIRECT"), ("ws://example.com:443/ example.com", through),
            ("wss://example.com/ example.com", through), ("http://intranet/ intranet", through),
            ("http://[2001:db8::1]/ 2001:db8::1", through), ("http://10.0.0.1/ 10.0.0.1", through),
            ("http://u:p@example.com/ example.com", through), ("http://notlocalhost/ notlocalhost", through),
            ("http://127.evil.example/ 127.evil.example", through),
            ("http://127.0.0.1.example/ 127.0.0.1.example", through),
            ("http://localhost.example/ localhost.example", through),
            ("ftp://example.com/ example.com", "DIRECT"), ("file:///etc/passwd -", "DIRECT"),
            ("http://localhost/ localhost", "DIRECT"), ("http://LOCALHOST:81/ LOCALHOST", "DIRECT"),
            ("http://localhost./ localhost.", "DIRECT"), ("https://a.b.localhost/ a.b.localhost", "DIRECT"),
            ("http://127.0.0.1:3129/ 127.0.0.1", "DIRECT"), ("http://127.8.9.10/ 127.8.9.10", "DIRECT"),
            ("http://[::1]:3128/ ::1", "DIRECT"), ("http://[::1]/ [::1]", "DIRECT"),
            ("http://[::ffff:7f00:1]/ ::ffff:7f00:1", "DIRECT"),
            ("http://0.0.0.0:81/ 0.0.0.0", "DIRECT"), ("http://[::]/ ::", "DIRECT"),
            ("http://[::ffff:0:0]/ ::ffff:0:0", "DIRECT"), ("http://[::ffff:0.0.0.0]/ ::ffff:0.0.0.0", "DIRECT"),
            ("http://0.0.0.1/ 0.0.0.1", through), ("http://[::2]/ ::2", through),
        ]
        let answers = try answers(proxy, cases.map(\.0))
        for (question, answer) in zip(cases, answers) { #expect(answer == question.1, "\(question.0)") }
        #expect(answers.count == cases.count)
    }

    @Test(
        "connd's own listeners beyond loopback go directly, and only at their ports",
        .enabled(if: addressBeyondLoopback() != nil))
    func ownListeners() throws {
        let address = try #require(Self.addressBeyondLoopback())
        let proxy = try RunningProxy(
            "proxy: { allow_from: [\"0.0.0.0/0\"] }", arguments: ["--listen", "\(address):0"], state: try StateFolder())
        let listeners = try proxy.read("/v1/status")["listeners"].items.compactMap(\.text)
        let own = try #require(listeners.first { $0.hasPrefix(address) })
        let answers = try answers(
            proxy, ["http://\(own)/ \(address)", "http://\(own)1/ \(address)", "http://\(address)/ \(address)"])
        let through = "PROXY \(proxy.authority); DIRECT"
        #expect(answers == ["DIRECT", through, through])
    }

    private static func addressBeyondLoopback() -> String? {
        let run = try? Subprocess.run("ip", ["-4", "-o", "addr", "show", "scope", "global"])
        return run?.output.split(whereSeparator: { " /\n".contains($0) }).drop { $0 != "inet" }.dropFirst().first
            .map(String.init)
    }
}
