import TestSupport
import Testing

/// Things that happen at an awkward moment: before the answer they depend on, or while something else ends.
@Suite struct OverlappingEventTests {
    @Test("bytes behind a CONNECT that come before the tunnel is open go into the tunnel")
    func earlyTunnelBytes() throws {
        let origin = try FakeOrigin { connection in
            let all = try connection.readToEnd()
            connection.send("got \(all.count)")
        }
        let proxy = try RunningProxy("proxy: { connect_ports: any }")
        let client = try ScriptedClient(proxy)
        // They look like a request, and must not be taken for one.
        try client.send("CONNECT \(origin.authority) HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\n\r\n")
        client.finishSending()
        #expect(try client.response(to: "CONNECT").status == 200)
        #expect(text(try client.readToEnd().bytes) == "got 18")
    }

    @Test("requests that a client sent before it closed its side are all answered")
    func halfClosedPipeline() throws {
        let origin = try FakeOrigin.answering()
        let proxy = try RunningProxy()
        let client = try ScriptedClient(proxy)
        let one = "POST \(origin.url()) HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi"
        let two = "GET \(origin.url()) HTTP/1.1\r\nHost: x\r\n\r\n"
        try client.send(String(repeating: one + two, count: 20))
        client.finishSending()
        for _ in 0..<40 { #expect(try client.response().status == 200) }
        #expect(try client.end() == .fin)
        #expect(origin.record.requests.count == 40)
    }

    @Test("SIGTERM still serves what waits for a connection")
    func drainServesTheQueue() throws {
        let gate = Gate()
        let origin = try FakeOrigin { connection in
            while let request = try connection.readRequest() {
                if request.target == "/held" { try gate.pass() }
                connection.respond(body: request.target)
            }
        }
        let proxy = try RunningProxy("settings: { max_connections: 1 }")
        let (running, waiting) = (try ScriptedClient(proxy), try ScriptedClient(proxy))
        try running.send("GET", origin.url("/held"))
        try origin.waitToSee("the held request") { $0.requests.count == 1 }
        try waiting.send("GET", origin.url("/queued"))
        _ = try proxy.waitForTotals("both requests") { $0["requests"] == 2 }
        proxy.terminate()
        try proxy.waitForLog(" stopping ")
        gate.open()
        #expect(try running.response().text == "/held")
        #expect(try waiting.response().text == "/queued")
        #expect(try proxy.waitForEnd() == 0)
    }

    @Test("a request refused at once leaves nothing behind that another client's request could meet")
    func refusalBetweenRequests() throws {
        let (gate, secret) = (Gate(), Gate())
        let full = try FakeOrigin { connection in
            guard try connection.readRequest() != nil else { return }
            try gate.pass()
            connection.respond()
        }
        let other = try FakeOrigin { connection in
            while let request = try connection.readRequest() {
                if request.target == "/held" { try gate.pass() }
                connection.respond(body: "other")
            }
        }
        let victimOrigin = try FakeOrigin { connection in
            while let request = try connection.readRequest() {
                if request.target == "/secret" { try secret.pass() }
                connection.respond(body: "victim's")
            }
        }
        let proxy = try RunningProxy(
            """
            settings: { max_connections: 1 }
            hosts: { "\(full.authority)": { max_queue: 0 } }
            """)
        let (a, b) = (try ScriptedClient(proxy), try ScriptedClient(proxy))
        try a.send("GET", full.url("/held"))
        try full.waitToSee("the request that fills it") { $0.requests.count == 1 }
        try b.send("GET", other.url("/held"))
        try other.waitToSee("the request that fills it") { $0.requests.count == 1 }
        // One that is served, one that is refused at once when its turn comes, one behind it that waits; then the client goes.
        let leaver = try ScriptedClient(proxy)
        try leaver.send(
            "POST \(victimOrigin.url("/first")) HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
                + "POST \(full.url("/refused")) HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
                + "GET \(other.url("/left")) HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(try leaver.response().status == 200)
        #expect(try leaver.response().status == 503)
        _ = try proxy.waitForTotals("all requests") { $0["requests"] == 5 }
        leaver.socket.reset()
        _ = try proxy.waitForTotals("the client to be gone") { $0["clients"] == 2 }
        let victim = try ScriptedClient(proxy)
        try victim.send("GET", victimOrigin.url("/secret"))
        try victimOrigin.waitToSee("the secret request") { $0.requests.contains { $0.target == "/secret" } }
        gate.open()
        #expect(try b.response().text == "other")
        #expect(try b.get(other.url("/after")).text == "other")
        secret.open()
        #expect(try victim.response().text == "victim's")
        #expect(other.record.requests.map(\.target) == ["/held", "/after"])
    }

    @Test("a client that pauses in its upload is waited for, not the origin blamed")
    func pausedUpload() throws {
        let origin = try FakeOrigin { connection in
            while try connection.readRequest() != nil { connection.respond() }
        }
        let proxy = try RunningProxy("settings: { headers_timeout: 100ms }")
        let client = try ScriptedClient(proxy)
        try client.send("PUT \(origin.url()) HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n01234")
        // The time-out passes for another request meanwhile.
        let hanging = try FakeOrigin { connection in
            _ = try connection.readRequest()
            _ = try connection.readToEnd()
        }
        let other = try ScriptedClient(proxy)
        try other.send("GET", hanging.url())
        #expect(try other.response().status == 504)
        try client.send("56789")
        #expect(try client.response().status == 200)
    }
}
