import TestSupport
import Testing

/// The end of a chunked body: the line of size zero, the trailers and the empty line. Some readers take a body for whole
/// when they have seen the first of these.
@Suite struct ChunkedEndTests {
    struct Body: Sendable, CustomTestStringConvertible {
        let bytes: [UInt8]
        /// Where its end begins.
        let end: Int

        init(_ chunks: String, _ end: String) {
            bytes = Array((chunks + end).utf8)
            self.end = chunks.utf8.count
        }

        var testDescription: String { text(bytes).debugDescription }
    }

    static let bodies: [Body] = [
        .init("5\r\nhello\r\n", "0\r\n\r\n"), .init("5\r\nhello\r\n", "00000;a=\"0\";b\r\nX-Sum: 1\r\nX-More:\r\n\r\n"),
        .init("0a;e\r\n0123456789\r\n0005\r\n0\r\n\r\n\r\n", "0\r\n\r\n"), .init("", "0\r\nX-Sum: 0\r\n\r\n"),
    ]

    private static let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

    private static func offset(_ request: ReceivedRequest) -> Int { Int(request.target.dropFirst()) ?? 0 }

    /// `http.client` discards what follows the line of size zero, and takes the end of the connection for the end of it.
    /// (Its `readline` takes the end of the connection for the end of any chunk: nobody can help it.)
    private static let program = """
        import http.client, sys
        host, origin, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
        def pieces(response):
            body = b""
            while part := response.read(3):
                body += part
            return body
        def into(response):
            body, room = b"", bytearray(4)
            while size := response.readinto(room):
                body += room[:size]
            return body
        def whatever_is_there(response):
            body = b""
            while part := response.read1():
                body += part
            return body
        for read in (http.client.HTTPResponse.read, pieces, into, whatever_is_there):
            for offset in range(count + 1):
                connection = http.client.HTTPConnection(host, timeout=60)
                connection.request("GET", f"{origin}/{offset}")
                response = connection.getresponse()
                try:
                    print(read.__name__, offset, response.status, "whole", read(response).hex())
                except (http.client.IncompleteRead, ConnectionResetError):
                    print(read.__name__, offset, response.status, "cut", "")
                connection.close()
        """

    @Test("a response that is cut anywhere is cut to Python's http.client too", arguments: bodies)
    func python(_ body: Body) throws {
        let origin = try FakeOrigin { connection in
            guard let request = try connection.readRequest() else { return }
            connection.send(Array(Self.head.utf8) + body.bytes.prefix(Self.offset(request)))
        }
        let proxy = try RunningProxy()
        let count = body.bytes.count
        let run = try Subprocess.run("python3", ["-c", Self.program, proxy.authority, origin.url(""), "\(count)"])
        #expect(run.exitCode == 0, "\(run)")
        let rows = run.output.split(separator: "\n").map { $0.split(separator: " ") }
        #expect(rows.count == 4 * (count + 1))
        for row in rows {
            #expect(row[2] == "200" && row[3] == (row[1] == "\(count)" ? "whole" : "cut"), "\(row)")
        }
        #expect(Set(rows.filter { $0[3] == "whole" }.map { $0.dropFirst(4).joined() }).count == 1)
    }

    @Test(
        "of the end of a response nothing goes out before all of it has come, and all before it at once",
        arguments: bodies)
    func heldFromClient(_ body: Body) throws {
        let gate = Gate()
        let origin = try FakeOrigin { connection in
            while let request = try connection.readRequest() {
                let offset = Self.offset(request)
                connection.send(Array(Self.head.utf8) + body.bytes[..<offset])
                try gate.pass()
                connection.send(Array(body.bytes[offset...]))
            }
        }
        let proxy = try RunningProxy()
        let client = try ScriptedClient(proxy)
        for offset in max(body.end, 1)..<body.bytes.count {
            try client.send("GET", origin.url("/\(offset)"))
            try skipHead(client)
            #expect(try client.read(body.end) == Array(body.bytes[..<body.end]))
            try proxy.settle()
            #expect(try client.hasNothingToRead(), "offset \(offset)")
            gate.admit()
            #expect(try client.read(body.bytes.count - body.end) == Array(body.bytes[body.end...]), "offset \(offset)")
        }
        #expect(origin.record.connections.count == 1)
    }

    @Test("a request that is cut within its end does not look whole to the origin", arguments: bodies)
    func cutRequest(_ body: Body) throws {
        let received = EventSource<[String: [UInt8]]>([:])
        let origin = try FakeOrigin { connection in
            guard let pending = try connection.readHead() else { return }
            let bytes = try connection.readToEnd()
            received.change { $0[pending.request.target] = bytes }
        }
        let proxy = try RunningProxy()
        for offset in body.end..<body.bytes.count {
            let client = try ScriptedClient(proxy)
            try client.send("PUT", origin.url("/\(offset)"), ["Transfer-Encoding: chunked"])
            try origin.waitToSee("the head") { $0.requests.last?.target == "/\(offset)" }
            try client.send(Array(body.bytes[..<offset]))
            try proxy.settle()
            client.finishSending()
            let all = try received.wait(for: "the end of its connection") { $0["/\(offset)"] != nil }
            #expect(all["/\(offset)"] == Array(body.bytes[..<body.end]), "offset \(offset)")
        }
    }

    @Test(
        "a request whose end comes in pieces reaches the origin whole, and again when it is sent again",
        arguments: bodies)
    func pieces(_ body: Body) throws {
        let proxy = try RunningProxy()
        for offset in (body.end + 1)..<body.bytes.count {
            let origin = try FakeOrigin { connection in
                while let request = try connection.readRequest() {
                    // The keep-alive race.
                    if request.method == "PUT", connection.number == 0 { return }
                    connection.respond()
                }
            }
            let client = try ScriptedClient(proxy)
            #expect(try client.get(origin.url()).status == 200)
            try client.send("PUT", origin.url(), ["Transfer-Encoding: chunked"])
            try client.send(Array(body.bytes[..<offset]))
            try proxy.settle()
            try client.send(Array(body.bytes[offset...]))
            #expect(try client.response().status == 200)
            let sent = origin.record.requests.filter { $0.method == "PUT" }
            #expect(sent.map(\.connection) == [0, 1] && sent.allSatisfy(\.isComplete), "offset \(offset)")
            #expect(sent.first?.body == sent.last?.body && sent.first?.trailers == sent.last?.trailers)
        }
    }

    @Test("trailers as long as they may be come through, however they are split")
    func longTrailers() throws {
        let origin = try FakeOrigin.answering()
        let proxy = try RunningProxy()
        let trailer = "X-Sum: " + String(repeating: "1", count: 65_536 - 9) + "\r\n"
        let bytes = Array(("0;" + String(repeating: "e", count: 4_000) + "\r\n" + trailer + "\r\n").utf8)
        let client = try ScriptedClient(proxy)
        for split in [1, 5_000, 65_536, bytes.count - 3, bytes.count - 1] {
            try client.send("PUT", origin.url(), ["Transfer-Encoding: chunked"])
            try client.send(Array(bytes[..<split]))
            try proxy.settle()
            try client.send(Array(bytes[split...]))
            #expect(try client.response().status == 200)
            #expect(origin.record.requests.last?.trailers.first?.utf8.count == trailer.utf8.count - 2)
        }
    }

    @Test("trailers that must not be there are dropped from a response, and counted", arguments: [true, false])
    func dropped(inPieces: Bool) throws {
        let gate = Gate()
        let origin = try FakeOrigin { connection in
            while try connection.readRequest() != nil {
                connection.send(
                    "HTTP/1.1 200 OK\r\nConnection: X-Hop\r\nX-Hop: 1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n"
                        + "X-Sum: 1\r\nContent-Length: 7\r\nTransfer-Encoding: chunked\r\nHos")
                if inPieces { try gate.pass() }
                connection.send("t: x\r\nX-More: 2\r\nConnection: close\r\nx-hop: 1\r\n\r\n")
            }
        }
        let proxy = try RunningProxy()
        let client = try ScriptedClient(proxy)
        for _ in 0..<2 {
            try client.send("GET", origin.url())
            if inPieces {
                try origin.waitToSee("the request") { $0.requests.last != nil }
                try proxy.settle()
                gate.admit()
            }
            let response = try client.response()
            #expect(response.status == 200 && response.text == "hello" && response["X-Hop"].isEmpty)
            #expect(response.trailers == ["X-Sum: 1", "X-More: 2"])
        }
        #expect(origin.record.connections.count == 1)
        #expect(try proxy.totals()["trailers_dropped"] == 10)
    }

    @Test("an HTTP/1.0 client gets the content of such a response, ended in order")
    func droppedForOldClient() throws {
        let origin = try FakeOrigin.sending(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nHost: x\r\n\r\n")
        let proxy = try RunningProxy()
        let client = try ScriptedClient(proxy)
        try client.send("GET", origin.url(), version: "1.0")
        let response = try client.response()
        #expect(response.framing == .untilClose && response.text == "hello")
    }

    @Test("a malformed trailer still cuts the response, before its end")
    func malformed() throws {
        let gate = Gate()
        let origin = try FakeOrigin { connection in
            guard try connection.readRequest() != nil else { return }
            connection.send(Self.head + "5\r\nhello\r\n0\r\nHost: x\r\n")
            try gate.pass()
            connection.send("X-Sum : 1\r\n\r\n")
            _ = try connection.readToEnd()
        }
        let proxy = try RunningProxy()
        let client = try ScriptedClient(proxy)
        try client.send("GET", origin.url())
        try skipHead(client)
        #expect(text(try client.read(10)) == "5\r\nhello\r\n")
        gate.open()
        _ = try client.end()
        #expect(try proxy.totals()["trailers_dropped"] == nil)
    }

    @Test("a field that the request's Connection names is refused in its trailers")
    func nominated() throws {
        let origin = try FakeOrigin.answering()
        let proxy = try RunningProxy()
        let client = try ScriptedClient(proxy)
        try client.send("PUT", origin.url(), ["Connection: X-Hop", "Transfer-Encoding: chunked"])
        try client.send("5\r\nhello\r\n0\r\nx-hop: 1\r\n\r\n")
        try client.response().expectErrorAnswer(400, "http_request_error")
        try origin.waitToSee("its connection end") { $0.openCount == 0 }
        #expect(origin.record.requests.allSatisfy { !$0.isComplete })
    }
}

/// Up to the empty line.
private func skipHead(_ client: ScriptedClient) throws {
    var last: [UInt8] = []
    while last != [13, 10, 13, 10] { last = last.suffix(3) + (try client.read(1)) }
}
