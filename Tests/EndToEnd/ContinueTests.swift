import TestSupport
import Testing

@Suite struct ContinueTests {
    @Test("Expect: 100-continue is forwarded, and the client sends its body when the origin says 100")
    func passes() throws {
        let origin = try FakeOrigin.answering()
        let proxy = try RunningProxy("settings: { expect_continue_timeout: 1m }")
        let client = try ScriptedClient(proxy)
        try client.send("POST", origin.url(), ["Expect: 100-continue", "Content-Length: 4"])
        #expect(try client.response().status == 100)
        #expect(origin.record.requests.allSatisfy { $0.body.isEmpty && $0.head["Expect"] == ["100-continue"] })
        try client.send("data")
        #expect(try client.response().text == "hello")
        #expect(origin.record.requests.first?.body == Array("data".utf8))
        #expect(try client.get(origin.url()).status == 200)
    }

    @Test("a final answer ends the wait, and the body is not sent on")
    func refused() throws {
        let origin = try FakeOrigin { connection in
            while try connection.readHead() != nil { connection.respond("417 Expectation Failed", body: "no") }
        }
        let proxy = try RunningProxy("settings: { expect_continue_timeout: 1m }")
        let client = try ScriptedClient(proxy)
        try client.send("POST", origin.url(), ["Expect: 100-continue", "Content-Length: 4"])
        let response = try client.response()
        #expect(response.status == 417)
        #expect(response.text == "no")
        // Whether the body still comes is open; so the connection must end.
        #expect(response.saysClose)
        #expect(try client.end() == .fin)
        #expect(origin.record.requests.count == 1)
    }

    @Test("when the origin says nothing for expect_continue_timeout, the body is read anyway")
    func silentOrigin() throws {
        let origin = try FakeOrigin { connection in
            while let pending = try connection.readHead() {
                let request = try connection.readBody(of: pending)
                connection.respond(body: text(request.body))
            }
        }
        let proxy = try RunningProxy("settings: { expect_continue_timeout: 100ms }")
        let client = try ScriptedClient(proxy)
        try client.send("POST", origin.url(), ["Expect: 100-continue"], body: "data")
        #expect(try client.response().text == "data")
    }

    @Test("each interim response passes, in order")
    func interim() throws {
        let origin = try FakeOrigin { connection in
            while try connection.readRequest() != nil {
                connection.send("HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
                connection.respond()
            }
        }
        let proxy = try RunningProxy()
        let client = try ScriptedClient(proxy)
        for _ in 0..<2 {
            try client.send("GET", origin.url())
            #expect(try client.response().status == 102)
            let hints = try client.response()
            #expect(hints.status == 103)
            #expect(hints["Link"] == ["</a>"])
            #expect(try client.response().text == "hello")
        }
        #expect(origin.record.connections.count == 1)
    }

    @Test("an HTTP/1.0 client sees no interim response")
    func oldClient() throws {
        let origin = try FakeOrigin { connection in
            while try connection.readRequest() != nil {
                connection.send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
                connection.respond()
            }
        }
        let proxy = try RunningProxy()
        let client = try ScriptedClient(proxy)
        try client.send("GET", origin.url(), version: "1.0")
        #expect(try client.response().text == "hello")
        #expect(try client.end() == .fin)
    }
}
