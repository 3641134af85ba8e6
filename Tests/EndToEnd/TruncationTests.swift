import TestSupport
import Testing

@Suite struct TruncationTests {
    struct Cut: Sendable, CustomTestStringConvertible {
        let name: String
        let head: String
        let body: String

        var bytes: [UInt8] { Array((head + body).utf8) }
        var testDescription: String { name }
    }

    static let responses: [Cut] = [
        .init(name: "Content-Length", head: "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n", body: "0123456789"),
        .init(
            name: "chunked", head: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            body: "5\r\n01234\r\n5;x=y\r\n56789\r\n0\r\nX-Sum: 1\r\n\r\n"),
    ]

    /// What the client saw: a status only where the message was whole.
    private enum Seen: Equatable {
        case whole(Int)
        case incomplete
    }

    private func see(_ client: ScriptedClient, _ target: String) throws -> Seen {
        do {
            return .whole(try client.get(target).status)
        } catch is IncompleteMessage {
            return .incomplete
        }
    }

    /// Cuts its answer at the offset that the target names: /OFFSET/fin or /OFFSET/reset.
    private func cutting(_ cut: Cut) throws -> FakeOrigin {
        try FakeOrigin { connection in
            guard let request = try connection.readRequest() else { return }
            let words = request.target.split(separator: "/")
            connection.send(Array(cut.bytes.prefix(Int(words[0]) ?? 0)))
            if words[1] == "reset" { connection.reset() }
        }
    }

    @Test("a response cut anywhere is never seen as whole", arguments: responses, ["fin", "reset"])
    func everyOffset(_ cut: Cut, how: String) throws {
        let origin = try cutting(cut)
        let proxy = try RunningProxy()
        let headLength = cut.head.utf8.count
        for offset in 0..<cut.bytes.count {
            let seen = try see(ScriptedClient(proxy), origin.url("/\(offset)/\(how)"))
            if offset < headLength {
                #expect(seen == .whole(502), "offset \(offset)")
            } else if how == "fin" {
                #expect(seen == .incomplete, "offset \(offset)")
            } else {
                // The reset may overtake the head within connd: then nothing was sent on yet.
                #expect(seen == .incomplete || seen == .whole(502), "offset \(offset)")
            }
        }
        #expect(try see(ScriptedClient(proxy), origin.url("/\(cut.bytes.count)/fin")) == .whole(200))
        let totals = try proxy.totals()
        #expect(totals["upstream_reused"] == nil)
        if how == "fin" { #expect(totals["responses_cut"] == cut.bytes.count - headLength) }
    }

    @Test(
        "a body that only a reset could show as cut ends by reset",
        arguments: ["chunked to an HTTP/1.0 client", "until close"])
    func endsByReset(_ kind: String) throws {
        let untilClose = kind == "until close"
        let origin = try FakeOrigin { connection in
            guard try connection.readRequest() != nil else { return }
            if untilClose {
                connection.send("HTTP/1.1 200 OK\r\n\r\n01234")
                _ = try connection.read(1)
            } else {
                connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n01234\r\n")
                _ = try connection.read(1)
            }
        }
        let proxy = try RunningProxy("settings: { body_idle_timeout: 200ms }")
        let client = try ScriptedClient(proxy)
        try client.send("GET", origin.url(), version: untilClose ? "1.1" : "1.0")
        let (bytes, ending) = try client.readToEnd()
        #expect(text(bytes).hasSuffix("\r\n\r\n01234"))
        #expect(ending == .reset)
    }

    @Test("nothing is appended to a head that was sent on, and the connections are used no more")
    func notReused() throws {
        let origin = try FakeOrigin.sending("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234", closing: true)
        let proxy = try RunningProxy()
        let client = try ScriptedClient(proxy)
        try client.send("GET", origin.url())
        let (bytes, _) = try client.readToEnd()
        #expect(text(bytes).hasSuffix("\r\n\r\n01234"))
        #expect(try see(ScriptedClient(proxy), origin.url()) == .incomplete)
        #expect(origin.record.connections.map(\.requestCount) == [1, 1])
    }

    @Test(
        "a response that makes no sense is answered 502, and its connection not reused",
        arguments: [
            "nonsense\r\n\r\n", "HTTP/2.0 200 OK\r\n\r\n", "HTTP/1.1 20 OK\r\n\r\n",
            "HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
            "HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\nhello",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        ])
    func nonsense(_ bytes: String) throws {
        let origin = try FakeOrigin.sending(bytes)
        let proxy = try RunningProxy()
        try ScriptedClient(proxy).get(origin.url()).expectErrorAnswer(502, "http_protocol_error")
        try origin.waitToSee("its connection end") { $0.connections.count == 1 && $0.openCount == 0 }
    }
}
