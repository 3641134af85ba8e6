import Foundation
import TestSupport
import Testing

/// Limits, settings and figures belong to an origin, however a client spells it.
@Suite struct OriginSpellingTests {
    private static let spellings = ["127.0.0.1", "127.0.0.1.", "[::ffff:127.0.0.1]", "[::FFFF:7f00:0001]"]

    private func origins(_ proxy: RunningProxy) throws -> [String] {
        try proxy.read("/v1/origins")["items"].items.compactMap { $0["origin"].text }
    }

    @Test("the spellings of an address share one connection, one setting and one name towards the origin")
    func address() throws {
        let origin = try FakeOrigin.answering()
        let proxy = try RunningProxy(
            "hosts: { \"[::ffff:7f00:1]:\(origin.port)\": { max_connections: 1, max_queue: 7 } }",
            state: try StateFolder())
        for host in Self.spellings {
            for port in ["\(origin.port)", "0\(origin.port)".suffix(5).description] {
                let response = try ScriptedClient(proxy).get("http://\(host):\(port)/")
                #expect(response.text == "hello", "\(host)")
            }
        }
        let record = origin.record
        #expect(record.connections.count == 1)
        #expect(Set(record.requests.flatMap { $0.head["Host"] }) == [origin.authority])
        #expect(try origins(proxy) == ["http://\(origin.authority)"])
        for host in Self.spellings {
            let name = "http://\(host):\(origin.port)"
            let shown = try proxy.connctl("show", name, "-o", "json")
            #expect(shown.exitCode == 0 && shown.output.contains("\"http://\(origin.authority)\""), "\(shown)")
            let set = try proxy.connctl("set", name, "max_queue=9")
            #expect(set.exitCode == 0, "\(set)")
        }
        let kept = try proxy.read("/v1/export")["overrides"].items.compactMap { $0["pattern"].text }
        #expect(kept == ["http://\(origin.authority)"])
    }

    @Test("the spellings of an IPv6 address, a name and a port are one origin each")
    func names() throws {
        let dead = try RefusingPort()
        let proxy = try RunningProxy(state: try StateFolder())
        let hosts = [
            "[::1]", "[0:0:0:0:0:0:0:1]", "[::0:1]", "[0000::0001]", "[::0.0.0.1]", "localhost", "LOCALHOST",
            "localhost.",
            "LocalHost.",
        ]
        for host in hosts { #expect(try ScriptedClient(proxy).get("http://\(host):\(dead.port)/").status == 502) }
        #expect(
            try origins(proxy).sorted() == ["http://[::1]:\(dead.port)", "http://localhost:\(dead.port)"])
        #expect(try proxy.connctl("show", "[0:0::1]:\(dead.port)").exitCode == 0)
        #expect(try proxy.connctl("show", "0:0::1").exitCode == 0)
    }

    @Test(
        "an ambiguous host is refused with what to write instead, also for a tunnel",
        arguments: [
            ("127.1", "four decimal numbers"), ("0", "four decimal numbers"), ("2130706433", "four decimal numbers"),
            ("0x7f.1", "four decimal numbers"), ("017700000001", "four decimal numbers"),
            ("010.0.0.1", "four decimal numbers"), ("127.0.0.1.1", "four decimal numbers"),
            ("127%2e0.0.1", "percent"), ("localhost%00", "percent"), ("[fe80::1%25lo]", "zones"),
            ("b\u{FC}cher.example", "A-labels"), ("localhost..", "malformed"), ("a..b", "malformed"),
            (String(repeating: "a", count: 64) + ".example", "63 bytes"),
            (String(repeating: "a.", count: 127) + "b", "253 bytes"),
        ])
    func refused(host: String, advice: String) throws {
        let proxy = try RunningProxy("proxy: { connect_ports: any }")
        for head in ["GET http://\(host):8080/ HTTP/1.1", "CONNECT \(host):8080 HTTP/1.1"] {
            let client = try ScriptedClient(proxy)
            try client.send("\(head)\r\nHost: x\r\n\r\n")
            let response = try client.response(to: head.hasPrefix("C") ? "CONNECT" : "GET")
            response.expectErrorAnswer(400, "http_request_error")
            #expect(response.text.contains(advice), "\(response.text)")
        }
    }
}
