import AdminAPI
import Testing

@Suite("Admin connections")
struct ConnectionTests {
    @Test("a connection serves one request after another, pipelined ones in order")
    func persists() async throws {
        try await Fixture.run { fixture in
            let client = try PlainClient(fixture.tcp)
            for _ in 0..<3 {
                try await client.send("GET /v1/version HTTP/1.1\r\nHost: localhost\r\n\r\n")
                #expect(try await client.answer().status == 200)
            }
            try await client.send(
                "GET /v1/version HTTP/1.1\r\nHost: localhost\r\n\r\nHEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n"
                    + "GET /none HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
                    + "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
            )
            #expect(try await client.answer().status == 200)
            #expect(try await client.answer(toHead: true)["content-type"] == "text/plain; charset=utf-8")
            let last = try await client.answer()
            #expect(last.status == 404)
            #expect(last["connection"] == "close")
            #expect(try await client.isEnded())
        }
    }

    @Test("a malformed request after a right one is refused after its answer")
    func malformedAfter() async throws {
        try await Fixture.run { fixture in
            let client = try PlainClient(fixture.tcp)
            try await client.send("GET /v1/version HTTP/1.1\r\nHost: localhost\r\n\r\nGARBAGE\r\n\r\n")
            #expect(try await client.answer().status == 200)
            let refused = try await client.answer()
            #expect(refused.status == 400)
            #expect(refused["content-type"] == "application/problem+json")
            #expect(try await client.isEnded())
        }
    }

    @Test(
        "what is no HTTP gets a problem and the end",
        arguments: [
            ("GARBAGE\r\n\r\n", 400), ("GET / HTTP/1.1\r\nHost : x\r\n\r\n", 400),
            (
                "POST /v1/reload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
                400
            ),
            ("GET / HTTP/1.1\r\nHost: localhost\r\nX: \(String(repeating: "a", count: 70_000))\r\n\r\n", 431),
        ])
    func malformed(text: String, status: Int) async throws {
        try await Fixture.run { fixture in
            let client = try PlainClient(fixture.tcp)
            try await client.send(text)
            let answer = try await client.answer()
            #expect(answer.status == status)
            #expect(answer["content-type"] == "application/problem+json")
            #expect(try await client.isEnded())
        }
    }

    @Test("a body with bad chunks is refused")
    func badChunks() async throws {
        try await Fixture.run { fixture in
            let client = try PlainClient(fixture.tcp)
            try await client.send(
                "POST /v1/reload HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \(fixture.token)\r\n"
                    + "Transfer-Encoding: chunked\r\n\r\nxyz\r\n")
            #expect(try await client.answer().status == 400)
            #expect(try await client.isEnded())
            #expect(fixture.backend.changes.isEmpty)
        }
    }

    @Test("HTTP/1.0 gets an answer of known end and the end of the connection, unless it asks to keep it")
    func http10() async throws {
        try await Fixture.run { fixture in
            let client = try PlainClient(fixture.tcp)
            try await client.send("GET /v1/version HTTP/1.0\r\nHost: localhost\r\nConnection: keep-alive\r\n\r\n")
            #expect(try await client.answer()["connection"] == "keep-alive")
            try await client.send("GET /v1/events HTTP/1.0\r\nHost: localhost\r\n\r\n")
            let head = try await client.head()
            #expect(head["connection"] == "close")
            #expect(head["transfer-encoding"] == nil)
            #expect(try await client.nextLine() == "retry: 2000")
        }
    }

    @Test("a client that half-closes after its request is answered")
    func halfClose() async throws {
        try await Fixture.run { fixture in
            let client = try PlainClient(fixture.tcp)
            try await client.send("GET /v1/version HTTP/1.1\r\nHost: localhost\r\n\r\n")
            client.shutOutput()
            #expect(try await client.answer().status == 200)
            #expect(try await client.isEnded())
        }
    }

    @Test("a client that says nothing is told so and dropped; one that idles is dropped")
    func silent() async throws {
        var timeouts = AdminServer.Timeouts.unhurried
        timeouts.head = .milliseconds(100)
        timeouts.idle = .milliseconds(100)
        try await Fixture.run(timeouts: timeouts) { fixture in
            let silent = try PlainClient(fixture.tcp)
            try await silent.send("GET /v1/ver")
            #expect(try await silent.answer().status == 408)
            #expect(try await silent.isEnded())
            let idle = try PlainClient(fixture.tcp)
            try await idle.send("GET /v1/version HTTP/1.1\r\nHost: localhost\r\n\r\n")
            #expect(try await idle.answer().status == 200)
            #expect(try await idle.isEnded())
        }
    }

    @Test("a body that does not come is refused in the end")
    func slowBody() async throws {
        var timeouts = AdminServer.Timeouts.unhurried
        timeouts.body = .milliseconds(100)
        try await Fixture.run(timeouts: timeouts) { fixture in
            let client = try PlainClient(fixture.tcp)
            try await client.send(
                "POST /v1/reload HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \(fixture.token)\r\n"
                    + "Content-Length: 9\r\n\r\n{"
            )
            #expect(try await client.answer().status == 408)
            #expect(try await client.isEnded())
            #expect(fixture.backend.changes.isEmpty)
        }
    }

    @Test("the connection over the limit is told so, and the Unix socket still serves")
    func limit() async throws {
        try await Fixture.run { fixture in
            var open: [PlainClient] = []
            for _ in 0..<64 {
                let client = try PlainClient(fixture.tcp)
                try await client.send("GET /v1/version HTTP/1.1\r\nHost: localhost\r\n\r\n")
                #expect(try await client.answer().status == 200)
                open.append(client)
            }
            let refused = try await fixture.ask("GET", "/v1/version")
            #expect(refused.status == 503)
            #expect(refused["retry-after"] == "5")
            #expect(try await fixture.ask("GET", "/v1/version", over: fixture.unix).status == 200)
            try await open[0].send("GET /v1/version HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            #expect(try await open[0].answer().status == 200)
        }
    }
}
