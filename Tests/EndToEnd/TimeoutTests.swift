import TestSupport
import Testing

@Suite struct TimeoutTests {
    /// Takes requests and says nothing.
    private func silent() throws -> FakeOrigin {
        try FakeOrigin { connection in
            _ = try connection.readRequest()
            _ = try connection.readToEnd()
        }
    }

    @Test("a client that opens and says nothing meets client_head_timeout")
    func saysNothing() throws {
        let proxy = try RunningProxy("proxy: { client_head_timeout: 200ms }")
        let client = try ScriptedClient(proxy)
        let response = try client.response()
        response.expectErrorAnswer(408, "http_request_error")
        #expect(response.text.contains("client_head_timeout"))
        #expect(response.saysClose)
        #expect(try client.end() == .fin)
    }

    @Test("a head a byte at a time meets client_head_timeout", arguments: [false, true])
    func slowHead(second: Bool) throws {
        let origin = try FakeOrigin.answering()
        let proxy = try RunningProxy("proxy: { client_head_timeout: 400ms }")
        let client = try ScriptedClient(proxy)
        if second { #expect(try client.get(origin.url()).status == 200) }
        for byte in "GET \(origin.url()) HTTP/1.1\r\nX-Endless: \(String(repeating: "x", count: 2000))".utf8 {
            try client.send([byte])
            // Each byte is late, but none is long in coming.
            if StreamSocket.firstReadable([client.socket], within: 25) != nil { break }
        }
        try client.response().expectErrorAnswer(408, "http_request_error")
        #expect(try client.end() == .fin)
        #expect(origin.record.requests.count == (second ? 1 : 0))
    }

    @Test("a client idle for client_idle_timeout between requests is closed without a word")
    func idleClient() throws {
        let origin = try FakeOrigin.answering()
        let proxy = try RunningProxy("proxy: { client_idle_timeout: 200ms }")
        let client = try ScriptedClient(proxy)
        #expect(try client.get(origin.url()).status == 200)
        #expect(try client.end() == .fin)
        client.close()
        try proxy.waitForTotals("the client to be gone") { $0["clients_closed.idle_timeout"] == 1 }
    }

    @Test("a client that is silent within a body meets client_body_timeout, and client_idle_timeout has no part in it")
    func silentBody() throws {
        let origin = try FakeOrigin { connection in
            guard try connection.readHead() != nil else { return }
            _ = try connection.readToEnd()
        }
        let clock = try StreamSocket.connect(port: origin.port)
        let proxy = try RunningProxy("proxy: { client_body_timeout: 600ms, client_idle_timeout: 100ms }")
        let client = try ScriptedClient(proxy)
        try client.send("PUT", origin.url(), ["Content-Length: 1000"])
        // Each part is later than an idle client may be, and together they take longer than a silence within a body may.
        for _ in 0..<5 {
            try client.send([UInt8](repeating: 1, count: 10))
            #expect(StreamSocket.firstReadable([clock, client.socket], within: 150) == nil)
        }
        let response = try client.response()
        response.expectErrorAnswer(408, "http_request_error")
        #expect(response.text.contains("client_body_timeout"))
        #expect(response.saysClose)
        #expect(try client.end() == .fin)
    }

    @Test("the time in which connd itself does not read a body is no silence of its client's")
    func pausedBody() throws {
        let gate = Gate()
        let origin = try FakeOrigin { connection in
            guard let pending = try connection.readHead() else { return }
            try gate.pass()
            try connection.readBody(of: pending)
            connection.respond()
            _ = try connection.readToEnd()
        }
        let clock = try StreamSocket.connect(port: origin.port)
        let proxy = try RunningProxy("proxy: { client_body_timeout: 300ms }")
        let client = try ScriptedClient(proxy)
        let length = 8 << 20
        try client.send("PUT", origin.url(), ["Content-Length: \(length)"])
        let socket = client.socket
        let sending = Background { try socket.send([UInt8](repeating: 1, count: length)) }
        for _ in 0..<3 { #expect(StreamSocket.firstReadable([clock], within: 300) == nil) }
        gate.open()
        #expect(try sending.wait())
        #expect(try client.response().text == "hello")
    }

    @Test("client_idle_timeout does not end what an origin is slow to answer")
    func idleButWaiting() throws {
        let gate = Gate()
        let origin = try FakeOrigin { connection in
            guard try connection.readRequest() != nil else { return }
            try gate.pass()
            connection.respond()
            _ = try connection.readToEnd()
        }
        let proxy = try RunningProxy("proxy: { client_idle_timeout: 100ms, client_head_timeout: 100ms }")
        let (waiting, idle) = (try ScriptedClient(proxy), try ScriptedClient(proxy))
        try waiting.send("GET", origin.url())
        // Three idle times pass while the first waits.
        #expect(try idle.response().status == 408)
        for _ in 0..<2 { #expect(try ScriptedClient(proxy).response().status == 408) }
        gate.open()
        #expect(try waiting.response().text == "hello")
    }

    @Test("an origin that sends no head within headers_timeout: 504")
    func headers() throws {
        let origin = try silent()
        let proxy = try RunningProxy("settings: { headers_timeout: 200ms }")
        let client = try ScriptedClient(proxy)
        let response = try client.get(origin.url())
        response.expectErrorAnswer(504, "http_response_timeout")
        #expect(response.text.contains("headers_timeout"))
        try origin.waitToSee("its connection end") { $0.openCount == 0 }
        #expect(try proxy.totals()["upstream_closed.headers_timeout"] == 1)
        #expect(origin.record.requests.count == 1)
    }

    @Test("half a head, and then nothing, meets headers_timeout too")
    func halfHead() throws {
        let origin = try FakeOrigin { connection in
            _ = try connection.readRequest()
            connection.send("HTTP/1.1 200 OK\r\nContent-")
            _ = try connection.readToEnd()
        }
        let proxy = try RunningProxy("settings: { headers_timeout: 200ms }")
        try ScriptedClient(proxy).get(origin.url()).expectErrorAnswer(504, "http_response_timeout")
    }

    @Test("a body that stops for body_idle_timeout is cut for the client too")
    func body() throws {
        let origin = try FakeOrigin { connection in
            _ = try connection.readRequest()
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234")
            _ = try connection.readToEnd()
        }
        let proxy = try RunningProxy("settings: { body_idle_timeout: 200ms }")
        let client = try ScriptedClient(proxy)
        #expect(throws: IncompleteMessage.self) { try client.get(origin.url()) }
        try origin.waitToSee("its connection end") { $0.openCount == 0 }
        #expect(try proxy.totals()["upstream_closed.body_timeout"] == 1)
    }

    @Test("a body that trickles, but never stops for body_idle_timeout, arrives")
    func trickle() throws {
        let origin = try FakeOrigin { connection in
            _ = try connection.readRequest()
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n")
            for _ in 0..<20 {
                connection.send("x")
                _ = try connection.socket.receiveIfAny(within: 50)
            }
            _ = try connection.readToEnd()
        }
        let proxy = try RunningProxy("settings: { body_idle_timeout: 600ms, headers_timeout: 600ms }")
        #expect(try ScriptedClient(proxy).get(origin.url()).text == String(repeating: "x", count: 20))
    }

    @Test("an origin that neither accepts nor refuses within connect_timeout: 504")
    func connecting() throws {
        let port = try SilentPort()
        let proxy = try RunningProxy(
            "{ proxy: { connect_ports: any }, settings: { connect_timeout: 200ms, max_retries: 0 } }")
        let client = try ScriptedClient(proxy)
        let response = try client.get(port.url)
        response.expectErrorAnswer(504, "connection_timeout")
        #expect(response.text.contains("connect_timeout"))
        try client.send("CONNECT 127.0.0.1:\(port.port) HTTP/1.1\r\nHost: x\r\n\r\n")
        try client.response(to: "CONNECT").expectErrorAnswer(504, "connection_timeout")
    }
}
