import TestSupport
import Testing

@Suite struct ForwardingTests {
    /// The head without connd's Via line, which must be there once, and that line's value.
    private func withoutVia(_ head: MessageHead) throws -> (head: String, via: String) {
        let via = try #require(head["Via"].last)
        return (head.text.replacing("Via: \(via)\r\n", with: "", maxReplacements: 1), via)
    }

    @Test("the origin gets the request byte for byte, but for what belongs to the hop")
    func request() throws {
        let origin = try FakeOrigin.answering()
        let proxy = try RunningProxy()
        let client = try ScriptedClient(proxy)
        try client.send(
            """
            GET \(origin.url("/a/../b//c;d?x=%20y&z='\"|")) HTTP/1.1\r
            hOsT: \(origin.authority)\r
            User-Agent: x\r
            X-One:  spaced \t \r
            Connection: keep-alive, X-Hop\r
            x-ONE: again\r
            X-Hop: 1\r
            Keep-Alive: timeout=5\r
            Proxy-Connection: keep-alive\r
            Proxy-Authorization: Basic eDp5\r
            TE: gzip\r
            Upgrade: other\r
            Accept: */*\r
            Cookie: a=b; c=d\r
            X-Latin: caf\u{e9}\r
            Empty:\r
            X-One: third\r
            \r

            """)
        #expect(try client.response().status == 200)
        let (head, via) = try withoutVia(#require(origin.record.requests.first).head)
        #expect(
            head == """
                GET /a/../b//c;d?x=%20y&z='"| HTTP/1.1\r
                Host: \(origin.authority)\r
                User-Agent: x\r
                X-One:  spaced \t \r
                x-ONE: again\r
                Accept: */*\r
                Cookie: a=b; c=d\r
                X-Latin: caf\u{e9}\r
                Empty:\r
                X-One: third\r
                \r

                """)
        #expect(via.wholeMatch(of: /1\.1 connd\S*/) != nil)
    }

    @Test("the client gets the response byte for byte, but for what belongs to the hop")
    func response() throws {
        let origin = try FakeOrigin.sending(
            """
            HTTP/1.1 299 Odd  Reason\r
            X-A: 1\r
            Connection: keep-alive, X-Hop\r
            x-a:2\r
            X-Hop: 1\r
            Keep-Alive: timeout=9\r
            Proxy-Connection: keep-alive\r
            Proxy-Authenticate: Basic\r
            Set-Cookie: a\r
            Set-Cookie: b\r
            Content-Length: 2\r
            ETag:  "x" \r
            \r
            ok
            """)
        let proxy = try RunningProxy()
        let response = try ScriptedClient(proxy).get(origin.url())
        #expect(response.text == "ok")
        let (head, via) = try withoutVia(response.head)
        #expect(
            head == """
                HTTP/1.1 299 Odd  Reason\r
                X-A: 1\r
                x-a:2\r
                Set-Cookie: a\r
                Set-Cookie: b\r
                Content-Length: 2\r
                ETag:  "x" \r
                \r

                """)
        #expect(via.wholeMatch(of: /1\.1 connd\S*/) != nil)
    }

    @Test(
        "Host is written from the target",
        arguments: [
            ("http://AUTHORITY/x", "Host: elsewhere.example", "/x"),
            ("http://AUTHORITY", "Host: elsewhere.example:81", "/"),
            ("http://AUTHORITY?q", "Host: x", "/?q"),
            ("HTTP://AUTHORITY/x", "Host: AUTHORITY", "/x"),
        ])
    func host(target: String, field: String, forwarded: String) throws {
        let origin = try FakeOrigin.answering()
        let proxy = try RunningProxy()
        let client = try ScriptedClient(proxy)
        let head = "GET \(target) HTTP/1.1\r\n\(field)\r\n\r\n"
        try client.send(head.replacing("AUTHORITY", with: origin.authority))
        #expect(try client.response().status == 200)
        let request = try #require(origin.record.requests.first)
        #expect(request.target == forwarded)
        #expect(request.head["Host"] == [origin.authority])
    }

    @Test("any token is a method", arguments: ["GET", "POST", "PROPFIND", "M-SEARCH", "get", "!#$%&'*+-.^_`|~"])
    func method(_ method: String) throws {
        let origin = try FakeOrigin.answering()
        let proxy = try RunningProxy()
        let client = try ScriptedClient(proxy)
        try client.send(method, origin.url("/x"), body: "data")
        #expect(try client.response(to: method).status == 200)
        #expect(origin.record.requests.first?.head.startLine == "\(method) /x HTTP/1.1")
        #expect(origin.record.requests.first?.body == Array("data".utf8))
    }

    @Test("Via is added after those that are there")
    func via() throws {
        let origin = try FakeOrigin.answering()
        let proxy = try RunningProxy()
        #expect(
            try ScriptedClient(proxy).get(origin.url(), ["Via: 1.0 first (a, comment)", "via: 1.1 second"]).status
                == 200)
        let values = try #require(origin.record.requests.first).head["Via"]
        #expect(values.count == 3)
        #expect(values.prefix(2) == ["1.0 first (a, comment)", "1.1 second"])
    }

    @Test("trailers pass, both ways, and chunked stays chunked")
    func trailers() throws {
        let origin = try FakeOrigin { connection in
            while try connection.readRequest() != nil {
                connection.send(
                    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"
                        + "6;name=\"v;\\\"\"\r\nanswer\r\n0\r\nX-Sum: 9\r\nX-More: 10\r\n\r\n")
            }
        }
        let proxy = try RunningProxy()
        let client = try ScriptedClient(proxy)
        try client.send("PUT", origin.url(), ["Transfer-Encoding: chunked", "TE: trailers", "Connection: TE"])
        try client.send("5\r\nhello\r\nA;x\r\n0123456789\r\n0\r\nX-Check: 1\r\n\r\n")
        let response = try client.response()
        #expect(response.text == "answer")
        #expect(response.trailers == ["X-Sum: 9", "X-More: 10"])
        let request = try #require(origin.record.requests.first)
        #expect(request.body == Array("hello0123456789".utf8))
        #expect(request.trailers == ["X-Check: 1"])
        #expect(request.head["TE"] == ["trailers"])
        #expect(try client.get(origin.url("/again")).text == "answer")
    }

    @Test("responses to HEAD, and 204 and 304, have no body whatever they say")
    func bodiless() throws {
        let origin = try FakeOrigin { connection in
            while let request = try connection.readRequest() {
                switch request.target {
                case "/204": connection.send("HTTP/1.1 204 No Content\r\n\r\n")
                case "/304": connection.send("HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n")
                case "/chunked": connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                default: connection.send("HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n")
                }
            }
        }
        let proxy = try RunningProxy()
        let client = try ScriptedClient(proxy)
        for (method, path) in [("HEAD", "/"), ("GET", "/204"), ("GET", "/304"), ("HEAD", "/chunked"), ("HEAD", "/")] {
            try client.send(method, origin.url(path))
            let response = try client.response(to: "HEAD")
            #expect([200, 204, 304].contains(response.status))
            if path == "/" { #expect(response["Content-Length"] == ["1234"]) }
        }
        #expect(origin.record.connections.count == 1)
    }

    @Test("a large body arrives as it was sent, both ways", arguments: [false, true])
    func large(chunked: Bool) throws {
        var random = SeededBytes(7)
        let (upload, download) = (random.bytes(3_000_000), random.bytes(5_000_000))
        let origin = try FakeOrigin { connection in
            while try connection.readRequest() != nil {
                if chunked {
                    connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                    connection.send(chunks(of: download))
                } else {
                    connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(download.count)\r\n\r\n")
                    connection.send(download)
                }
            }
        }
        let proxy = try RunningProxy()
        let client = try ScriptedClient(proxy)
        try client.send(
            "PUT", origin.url(), [chunked ? "Transfer-Encoding: chunked" : "Content-Length: \(upload.count)"])
        try client.send(chunked ? chunks(of: upload) : upload)
        let response = try client.response()
        #expect(response.framing == (chunked ? .chunked : .length))
        #expect(response.body == download)
        #expect(origin.record.requests.first?.body == upload)
    }
}

/// In pieces of odd sizes.
private func chunks(of bytes: [UInt8]) -> [UInt8] {
    var out: [UInt8] = []
    var (start, size) = (0, 1)
    while start < bytes.count {
        let end = min(start + size, bytes.count)
        out += "\(String(end - start, radix: 16))\r\n".utf8
        out += bytes[start..<end]
        out += [13, 10]
        (start, size) = (end, size % 100_003 * 3 + 1)
    }
    return out + "0\r\n\r\n".utf8
}
