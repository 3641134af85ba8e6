import TestSupport
import Testing

@Suite struct ClientKeepAliveTests {
    struct Rule: Sendable, CustomTestStringConvertible {
        let version: String
        let fields: [String]
        let isKept: Bool

        var testDescription: String { "HTTP/\(version) with \(fields)" }
    }

    static let rules: [Rule] = [
        .init(version: "1.1", fields: [], isKept: true),
        .init(version: "1.1", fields: ["Connection: keep-alive"], isKept: true),
        .init(version: "1.1", fields: ["Connection: close"], isKept: false),
        .init(version: "1.1", fields: ["connection: CLOSE"], isKept: false),
        .init(version: "1.1", fields: ["Connection: x, close"], isKept: false),
        .init(version: "1.1", fields: ["Proxy-Connection: close"], isKept: false),
        .init(version: "1.1", fields: ["Proxy-Connection: keep-alive"], isKept: true),
        .init(version: "1.0", fields: [], isKept: false),
        .init(version: "1.0", fields: ["Connection: keep-alive"], isKept: true),
        .init(version: "1.0", fields: ["Connection: Keep-Alive"], isKept: true),
        .init(version: "1.0", fields: ["Proxy-Connection: keep-alive"], isKept: true),
        .init(version: "1.0", fields: ["Connection: close"], isKept: false),
        .init(version: "1.0", fields: ["Connection: keep-alive, close"], isKept: false),
    ]

    @Test("a client's connection persists as its version and its Connection field say", arguments: rules)
    func persistence(_ rule: Rule) throws {
        let origin = try FakeOrigin.answering()
        let proxy = try RunningProxy()
        let client = try ScriptedClient(proxy)
        try client.send("GET", origin.url(), rule.fields, version: rule.version)
        let response = try client.response()
        #expect(response.text == "hello")
        #expect(response.isHTTP11)
        #expect(response.saysClose == !rule.isKept)
        if rule.isKept {
            #expect(try client.get(origin.url()).text == "hello")
        } else {
            #expect(try client.end() == .fin)
        }
        if rule.version == "1.0", rule.isKept {
            #expect(response["Connection"].map { $0.lowercased() } == ["keep-alive"])
            let told = try #require(response["Keep-Alive"].first)
            #expect(told.wholeMatch(of: /timeout=\d+, ?max=\d+/) != nil)
        } else {
            #expect(response["Keep-Alive"].isEmpty)
        }
        // What the client wishes is no matter of the origin's connection.
        #expect(try ScriptedClient(proxy).get(origin.url()).status == 200)
        #expect(origin.record.connections.count == 1)
        #expect(
            origin.record.requests.allSatisfy { $0.head["Connection"].isEmpty && $0.head["Proxy-Connection"].isEmpty })
    }

    @Test("an error answer keeps the connection of a client whose request was whole")
    func afterError() throws {
        let (origin, refusing) = (try FakeOrigin.answering(), try RefusingPort())
        let proxy = try RunningProxy()
        let client = try ScriptedClient(proxy)
        #expect(try client.get(refusing.url).status == 502)
        #expect(try client.get(origin.url()).text == "hello")
    }

    @Test("what the origin does to its connection is no matter of the client's")
    func originCloses() throws {
        let origin = try FakeOrigin.sending(
            "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello", closing: true)
        let proxy = try RunningProxy()
        let client = try ScriptedClient(proxy)
        for _ in 0..<3 {
            let response = try client.get(origin.url())
            #expect(response.text == "hello")
            #expect(!response.saysClose)
        }
        #expect(origin.record.connections.count == 3)
        #expect(try proxy.totals()["upstream_closed.origin_connection_close"] == 3)
    }
}
