import TestSupport
import Testing

/// Upgrades of requests with content, as `docker exec` and `docker attach` send them.
@Suite struct UpgradeTests {
    static let framings = ["Content-Length", "chunked"]

    private static let switching =
        "HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\nConnection: Upgrade\r\n"
        + "Upgrade: tcp\r\n\r\n"
    private static let content = #"{"Detach":false,"Tty":true}"#

    private static func fields(_ framing: String) -> [String] {
        ["Content-Type: application/json", "Connection: Upgrade", "Upgrade: tcp"]
            + [framing == "chunked" ? "Transfer-Encoding: chunked" : "Content-Length: \(content.utf8.count)"]
    }

    private static func framed(_ framing: String) -> String {
        framing == "chunked"
            ? "\(String(content.utf8.count, radix: 16))\r\n\(content)\r\n0\r\nX-Sum: 1\r\n\r\n" : content
    }

    private func start(_ client: ScriptedClient, _ origin: FakeOrigin, _ framing: String) throws {
        try client.send("POST", origin.url("/exec/1/start"), Self.fields(framing))
        try client.send(Self.framed(framing))
    }

    private func expectUpgraded(_ client: ScriptedClient) throws {
        let response = try client.response()
        #expect(response.status == 101)
        #expect(response["Upgrade"] == ["tcp"] && response["Connection"].map { $0.lowercased() } == ["upgrade"])
        #expect(response["Content-Type"] == ["application/vnd.docker.raw-stream"])
    }

    private func expectRequest(_ origin: FakeOrigin, sourceLocation: SourceLocation = #_sourceLocation) throws {
        let request = try #require(origin.record.requests.last, sourceLocation: sourceLocation)
        #expect(request.isComplete && text(request.body) == Self.content, sourceLocation: sourceLocation)
        #expect(request.head["Upgrade"] == ["tcp"], sourceLocation: sourceLocation)
        #expect(request.head["Connection"].map { $0.lowercased() } == ["upgrade"], sourceLocation: sourceLocation)
    }

    @Test(
        "a POST with content becomes a tunnel, and the client's end is passed on while the origin still sends",
        arguments: framings)
    func clientEndsFirst(_ framing: String) throws {
        let origin = try FakeOrigin { connection in
            guard try connection.readRequest() != nil else { return }
            connection.send(Self.switching + "# ")
            #expect(text(try connection.read(4)) == "ls\n\n")
            connection.send("bin etc\n")
            let rest = try connection.readToEnd()
            connection.send("and then \(rest.count) more")
        }
        let proxy = try RunningProxy()
        let client = try ScriptedClient(proxy)
        try start(client, origin, framing)
        try expectUpgraded(client)
        #expect(text(try client.read(2)) == "# ")
        try client.send("ls\n\n")
        #expect(text(try client.read(8)) == "bin etc\n")
        try client.send([UInt8](repeating: 7, count: 1 << 20))
        client.finishSending()
        let (bytes, ending) = try client.readToEnd()
        #expect(text(bytes) == "and then \(1 << 20) more" && ending == .fin)
        try expectRequest(origin)
        let totals = try proxy.totals()
        #expect(totals["tunnels"] == 1 && totals["exchanges_aborted"] == nil)
    }

    @Test("the origin's end is passed on while the client still sends", arguments: framings)
    func originEndsFirst(_ framing: String) throws {
        let late = EventSource<[UInt8]?>(nil)
        let origin = try FakeOrigin { connection in
            guard try connection.readRequest() != nil else { return }
            connection.send(Self.switching + "bye")
            connection.finishSending()
            let bytes = try connection.readToEnd()
            late.change { $0 = bytes }
        }
        let proxy = try RunningProxy()
        let client = try ScriptedClient(proxy)
        try start(client, origin, framing)
        try expectUpgraded(client)
        let (bytes, ending) = try client.readToEnd()
        #expect(text(bytes) == "bye" && ending == .fin)
        try client.send("late words")
        client.finishSending()
        #expect(try late.wait(for: "the late words") { $0 != nil } == Array("late words".utf8))
        try origin.waitToSee("the end") { $0.openCount == 0 }
        #expect(origin.record.endings == [.fin])
    }

    @Test("what the client sends behind its content, and its end, wait for the 101", arguments: framings)
    func eagerClient(_ framing: String) throws {
        let gate = Gate()
        let early = EventSource<Bool?>(nil)
        let origin = try FakeOrigin { connection in
            guard try connection.readRequest() != nil else { return }
            try gate.pass()
            early.change { [isEarly = !connection.hasNothingToRead] in $0 = isEarly }
            connection.send(Self.switching)
            let bytes = try connection.readToEnd()
            connection.send("got \(text(bytes))")
        }
        let proxy = try RunningProxy()
        let client = try ScriptedClient(proxy)
        try client.send("POST", origin.url(), Self.fields(framing))
        try client.send(Self.framed(framing) + "GET http://\(origin.authority)/smuggled HTTP/1.1\r\nHost: x\r\n\r\n")
        client.finishSending()
        try origin.waitToSee("the request") { $0.requests.last?.isComplete == true }
        try proxy.settle()
        gate.open()
        try expectUpgraded(client)
        let (bytes, ending) = try client.readToEnd()
        #expect(text(bytes) == "got GET http://\(origin.authority)/smuggled HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(ending == .fin && early.current == false)
        #expect(origin.record.requests.count == 1)
    }

    @Test("where the origin does not upgrade, what follows the content is the next request", arguments: framings)
    func declined(_ framing: String) throws {
        let origin = try FakeOrigin { connection in
            while let request = try connection.readRequest() { connection.respond(body: "for \(request.target)") }
        }
        let proxy = try RunningProxy()
        let client = try ScriptedClient(proxy)
        try client.send("POST", origin.url("/exec"), Self.fields(framing))
        try client.send(Self.framed(framing) + "GET \(origin.url("/next")) HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(try client.response().text == "for /exec")
        #expect(try client.response().text == "for /next")
        #expect(try client.get(origin.url("/last")).text == "for /last")
        #expect(origin.record.connections.count == 1)
    }

    @Test(
        "a 101 before the content is sent is passed on; the content comes first, then the tunnel", arguments: framings)
    func earlySwitch(_ framing: String) throws {
        let origin = try FakeOrigin { connection in
            guard let pending = try connection.readHead() else { return }
            connection.send(Self.switching + "# ")
            try connection.readBody(of: pending)
            let rest = try connection.readToEnd()
            connection.send("got \(text(rest))")
        }
        let proxy = try RunningProxy()
        let client = try ScriptedClient(proxy)
        try client.send("POST", origin.url(), Self.fields(framing))
        try expectUpgraded(client)
        #expect(text(try client.read(2)) == "# ")
        let framed = Self.framed(framing)
        try client.send(String(framed.prefix(framed.count - 3)))
        try proxy.settle()
        try client.send(framed.suffix(3) + "0\r\n\r\nraw")
        client.finishSending()
        let (bytes, ending) = try client.readToEnd()
        #expect(text(bytes) == "got 0\r\n\r\nraw" && ending == .fin)
        try expectRequest(origin)
    }

    @Test("after an early 101 a content that is cut stays cut, and an end of the origin ends it", arguments: framings)
    func cutAfterEarlySwitch(_ framing: String) throws {
        let gate = Gate()
        let origin = try FakeOrigin { connection in
            guard let pending = try connection.readHead() else { return }
            connection.send(Self.switching)
            if pending.request.target == "/reset" {
                try gate.pass()
                return connection.reset()
            }
            try connection.readBody(of: pending)
        }
        let proxy = try RunningProxy()
        for target in ["/cut", "/reset"] {
            let client = try ScriptedClient(proxy)
            try client.send("POST", origin.url(target), Self.fields(framing))
            try expectUpgraded(client)
            try client.send(String(Self.framed(framing).dropLast(2)))
            try proxy.settle()
            if target == "/cut" { client.finishSending() } else { gate.open() }
            _ = try client.readToEnd()
            try origin.waitToSee("its connection end") { $0.openCount == 0 }
        }
        #expect(origin.record.requests.count == 2 && origin.record.requests.allSatisfy { !$0.isComplete })
        _ = try proxy.waitForTotals("both connections to be gone") { $0["upstream_connections"] == 0 }
    }

    @Test("with Expect: 100-continue a 100, or the 101 itself, lets the content pass", arguments: [true, false])
    func expectation(saysContinue: Bool) throws {
        let origin = try FakeOrigin { connection in
            guard let pending = try connection.readHead() else { return }
            connection.send(saysContinue ? "HTTP/1.1 100 Continue\r\n\r\n" : Self.switching)
            try connection.readBody(of: pending)
            if saysContinue { connection.send(Self.switching) }
            connection.send(try connection.readToEnd())
        }
        let proxy = try RunningProxy("settings: { expect_continue_timeout: 1m }")
        let client = try ScriptedClient(proxy)
        try client.send("POST", origin.url(), Self.fields("chunked") + ["Expect: 100-continue"])
        if saysContinue { #expect(try client.response().status == 100) } else { try expectUpgraded(client) }
        try client.send(Self.framed("chunked"))
        if saysContinue { try expectUpgraded(client) }
        try client.send("raw")
        client.finishSending()
        #expect(text(try client.readToEnd().bytes) == "raw")
    }

    @Test(
        "a connection that is lost before the 101: PUT is sent again with its content, POST is not", arguments: framings
    )
    func lost(_ framing: String) throws {
        for method in ["PUT", "POST"] {
            let origin = try FakeOrigin { connection in
                while let request = try connection.readRequest() {
                    guard request.method != "GET" else {
                        connection.respond()
                        continue
                    }
                    if connection.number == 0 { return }
                    connection.send(Self.switching)
                    connection.send(try connection.readToEnd())
                    return
                }
            }
            let proxy = try RunningProxy()
            let client = try ScriptedClient(proxy)
            #expect(try client.get(origin.url()).status == 200)
            try client.send(method, origin.url(), Self.fields(framing))
            try client.send(Self.framed(framing))
            guard method == "PUT" else {
                try client.response().expectErrorAnswer(502, "connection_terminated")
                #expect(origin.record.requests.count == 2)
                #expect(try client.get(origin.url()).status == 200)
                continue
            }
            try expectUpgraded(client)
            try client.send("raw")
            client.finishSending()
            #expect(text(try client.readToEnd().bytes) == "raw")
            try expectRequest(origin)
            #expect(origin.record.requests.map(\.connection) == [0, 0, 1])
            #expect(try proxy.totals()["retries.outcome.succeeded"] == 1)
        }
    }
}
