import TestSupport
import Testing

@Suite struct ClientGoesAwayTests {
    enum Moment: String, CaseIterable, Sendable {
        case beforeTheHead, withinTheBody, withinTheUpload
    }

    @Test("a client that goes away ends its exchange upstream", arguments: Moment.allCases)
    func ends(_ moment: Moment) throws {
        let origin = try FakeOrigin { connection in
            guard try connection.readHead() != nil else { return }
            if moment == .withinTheBody { connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234") }
            _ = try connection.readToEnd()
        }
        let proxy = try RunningProxy()
        let client = try ScriptedClient(proxy)
        try client.send("PUT", origin.url(), moment == .withinTheUpload ? ["Content-Length: 10"] : [])
        if moment == .withinTheUpload { try client.send("01234") }
        try origin.waitToSee("the request") { $0.requests.count == 1 }
        if moment == .withinTheBody { #expect(text(try client.read(15)) == "HTTP/1.1 200 OK") }
        client.socket.reset()
        try origin.waitToSee("the connection end") { $0.openCount == 0 && $0.endings.allSatisfy { $0 != nil } }
        let totals = try proxy.waitForTotals("the client to be gone") { $0["clients"] == 0 }
        #expect(totals["upstream_closed.client_aborted"] == 1)
        #expect(totals["upstream_connections"] == 0)
    }

    @Test("a client that goes away while its request waits in the queue leaves the queue")
    func queued() throws {
        let gate = Gate()
        let origin = try FakeOrigin { connection in
            while let request = try connection.readRequest() {
                try gate.pass()
                connection.respond(body: request.target)
            }
        }
        let proxy = try RunningProxy("settings: { max_connections: 1 }")
        let (first, gone, third) = (try ScriptedClient(proxy), try ScriptedClient(proxy), try ScriptedClient(proxy))
        try first.send("GET", origin.url("/first"))
        try origin.waitToSee("the first request") { $0.requests.count == 1 }
        try gone.send("GET", origin.url("/gone"))
        try proxy.settle()
        try third.send("GET", origin.url("/third"))
        gone.socket.reset()
        try proxy.waitForTotals("the client to be gone") { $0["clients"] == 2 }
        gate.open()
        #expect(try first.response().text == "/first")
        #expect(try third.response().text == "/third")
        #expect(origin.record.requests.map(\.target) == ["/first", "/third"])
    }

    @Test(
        "a client that half-closes after its request still gets its answer, and then the end",
        arguments: ["1.0", "1.1"])
    func halfCloses(version: String) throws {
        let gate = Gate()
        let origin = try FakeOrigin { connection in
            while try connection.readRequest() != nil {
                try gate.pass()
                connection.respond()
            }
        }
        let proxy = try RunningProxy()
        let client = try ScriptedClient(proxy)
        try client.send("GET", origin.url(), version: version)
        client.finishSending()
        try origin.waitToSee("the request") { $0.requests.count == 1 }
        try proxy.settle()
        gate.open()
        #expect(try client.response().text == "hello")
        #expect(try client.end() == .fin)
    }

    @Test("a client that half-closes after pipelined requests gets all answers")
    func halfClosesPipeline() throws {
        let origin = try FakeOrigin.answering()
        let proxy = try RunningProxy()
        let client = try ScriptedClient(proxy)
        for _ in 0..<5 { try client.send("GET", origin.url()) }
        client.finishSending()
        for _ in 0..<5 { #expect(try client.response().text == "hello") }
        #expect(try client.end() == .fin)
    }

    @Test("a client that ends within a head or a body is not answered as if it were whole", arguments: [false, true])
    func cutRequest(withinBody: Bool) throws {
        let origin = try FakeOrigin.answering()
        let proxy = try RunningProxy()
        let client = try ScriptedClient(proxy)
        try client.send("PUT \(origin.url()) HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n")
        if withinBody { try client.send("\r\n01234") }
        client.finishSending()
        let (bytes, _) = try client.readToEnd()
        #expect(!text(bytes).contains(" 200 "))
        try proxy.waitForTotals("the client to be gone") { $0["clients"] == 0 }
        try origin.waitToSee("no connection left open") { $0.openCount == 0 }
        #expect(origin.record.requests.allSatisfy { !$0.isComplete })
    }
}
