import TestSupport
import Testing

@Suite struct OriginErrorTests {
    @Test("an origin that refuses: 502, with what failed and where")
    func refused() throws {
        let port = try RefusingPort()
        let proxy = try RunningProxy()
        let response = try ScriptedClient(proxy).get(port.url)
        response.expectErrorAnswer(502, "connection_refused")
        #expect(response.text.contains("127.0.0.1:\(port.port)"))
        #expect(try #require(proxy.totals()["errors.connection_refused"]) == 1)
    }

    @Test("a name that does not exist: 502, also for CONNECT")
    func unknownName() throws {
        let proxy = try RunningProxy()
        let client = try ScriptedClient(proxy)
        try client.get("http://no-such-name.invalid/").expectErrorAnswer(502, "dns_error")
        try client.send("CONNECT no-such-name.invalid:443 HTTP/1.1\r\nHost: x\r\n\r\n")
        try client.response(to: "CONNECT").expectErrorAnswer(502, "dns_error")
    }

    @Test("an error answer to HEAD has no body, and says how long it would be")
    func head() throws {
        let port = try RefusingPort()
        let proxy = try RunningProxy()
        let client = try ScriptedClient(proxy)
        try client.send("HEAD", port.url)
        let response = try client.response(to: "HEAD")
        #expect(response.status == 502)
        #expect(response.errorType == "connection_refused")
        #expect(try #require(response["Content-Length"].first.flatMap { Int($0) }) > 0)
        #expect(try client.get(port.url).status == 502)
    }

    @Test(
        "a request that would reach connd's own listener is a loop",
        arguments: ["127.0.0.1", "localhost", "0.0.0.0", "[::ffff:127.0.0.1]", "[::ffff:0:0]"])
    func loopByAddress(host: String) throws {
        let proxy = try RunningProxy("proxy: { connect_ports: any }")
        let client = try ScriptedClient(proxy)
        let response = try client.get("http://\(host):\(proxy.port)/")
        response.expectErrorAnswer(508, "proxy_loop_detected")
        try client.send("CONNECT \(host):\(proxy.port) HTTP/1.1\r\nHost: x\r\n\r\n")
        try client.response(to: "CONNECT").expectErrorAnswer(508, "proxy_loop_detected")
    }

    @Test("a request that has been through this connd is a loop; one that came through another is not")
    func loopByVia() throws {
        let origin = try FakeOrigin.answering()
        let (proxy, other) = (try RunningProxy(), try RunningProxy())
        #expect(try ScriptedClient(proxy).get(origin.url()).status == 200)
        let via = try #require(origin.record.requests.first?.head["Via"].first)
        let client = try ScriptedClient(proxy)
        try client.get(origin.url(), ["Via: 1.1 other, \(via)"]).expectErrorAnswer(508, "proxy_loop_detected")
        #expect(try ScriptedClient(other).get(origin.url(), ["Via: \(via)"]).status == 200)
        #expect(origin.record.requests.count == 2)
    }

    struct Policy: Sendable, CustomTestStringConvertible {
        let yaml: String
        let host: String
        /// Nil: allowed.
        let error: String?

        var testDescription: String { "\(yaml) for \(host)" }

        /// Of what a connection to this host is called, with the error.
        static func onLoopback(_ host: String, _ error: String = "http_request_denied") -> Policy {
            Policy(yaml: "deny: [\"127.0.0.0/8\", \"::1/128\"]", host: host, error: error)
        }
    }

    static let policies: [Policy] = [
        .init(yaml: "deny: [\"127.0.0.1\"]", host: "127.0.0.1", error: "http_request_denied"),
        .init(yaml: "deny: [\"localhost\"]", host: "localhost", error: "http_request_denied"),
        .init(yaml: "deny: [\"LOCALHOST\"]", host: "localhost", error: "http_request_denied"),
        .init(yaml: "deny: [\"localhost\"]", host: "LocalHost", error: "http_request_denied"),
        .init(yaml: "deny: [\"localhost\"]", host: "localhost.", error: "http_request_denied"),
        .init(yaml: "deny: [\"localhost\"]", host: "127.0.0.1", error: nil),
        .init(yaml: "deny: [\"127.0.0.0/8\", \"::1/128\"]", host: "localhost", error: "destination_ip_prohibited"),
        .init(yaml: "deny: [\"127.0.0.0/8\"]", host: "127.0.0.1", error: "http_request_denied"),
        .init(yaml: "deny: [\"127.0.0.0/8\"]", host: "[::ffff:127.0.0.1]", error: "http_request_denied"),
        .init(yaml: "deny: [\"10.0.0.0/8\"]", host: "127.0.0.1", error: nil),
        .init(yaml: "allow: [\"localhost\"]", host: "localhost", error: nil),
        .init(yaml: "allow: [\"localhost\"]", host: "127.0.0.1", error: "http_request_denied"),
        .init(yaml: "allow: [\"127.0.0.0/8\"]", host: "127.0.0.1", error: nil),
        .init(yaml: "allow: [\"10.0.0.0/8\"]", host: "127.0.0.1", error: "destination_ip_prohibited"),
        .init(
            yaml: "allow: [\"localhost\"], deny: [\"127.0.0.0/8\", \"::1/128\"]", host: "localhost",
            error: "destination_ip_prohibited"),
        .onLoopback("0.0.0.0"), .onLoopback("0.0.0.0."), .onLoopback("[::]"), .onLoopback("[0:0::0]"),
        .onLoopback("[::ffff:0:0]"), .onLoopback("[::ffff:0.0.0.0]"), .onLoopback("[::1]"), .onLoopback("[0::0001]"),
        .onLoopback("127.0.0.0"), .onLoopback("127.255.255.254"), .onLoopback("[::ffff:7f00:1]"),
        .onLoopback("[::127.0.0.1]"), .onLoopback("[::ffff:0:127.0.0.1]"), .onLoopback("[64:ff9b::127.0.0.1]"),
        .onLoopback("[64:ff9b:1::127.0.0.1]"), .onLoopback("[2002:7f00:1::1]"),
        .onLoopback("0", "http_request_error"), .onLoopback("127.1", "http_request_error"),
        .onLoopback("2130706433", "http_request_error"), .onLoopback("0x7f.1", "http_request_error"),
        .onLoopback("017700000001", "http_request_error"), .onLoopback("[::1%25lo]", "http_request_error"),
        .init(yaml: "deny: [\"127.0.0.1\"]", host: "0.0.0.0", error: "http_request_denied"),
        .init(yaml: "deny: [\"0.0.0.0/8\"]", host: "0.0.0.0", error: "http_request_denied"),
        .init(yaml: "deny: [\"0.0.0.0/8\"]", host: "127.0.0.1", error: nil),
        .init(yaml: "deny: [\"10.0.0.0/8\"]", host: "0.0.0.0", error: nil),
        .init(yaml: "allow: [\"127.0.0.0/8\"]", host: "0.0.0.0", error: nil),
        .init(yaml: "allow: [\"0.0.0.0\"]", host: "0.0.0.0", error: "destination_ip_prohibited"),
    ]

    @Test("deny and allow hold for names and for the addresses behind them", arguments: policies)
    func policy(_ policy: Policy) throws {
        let origin = try FakeOrigin.answering()
        let proxy = try RunningProxy("{ proxy: { \(policy.yaml), connect_ports: any }, settings: { ip_family: ipv4 } }")
        let client = try ScriptedClient(proxy)
        let response = try client.get("http://\(policy.host):\(origin.port)/")
        guard let error = policy.error else {
            #expect(response.text == "hello")
            return
        }
        let status = error == "http_request_error" ? 400 : 403
        response.expectErrorAnswer(status, error)
        // A request that is malformed is its connection's last.
        let other = try ScriptedClient(proxy)
        try other.send("CONNECT \(policy.host):\(origin.port) HTTP/1.1\r\nHost: x\r\n\r\n")
        try other.response(to: "CONNECT").expectErrorAnswer(status, error)
        #expect(origin.record.connections.isEmpty)
    }
}
