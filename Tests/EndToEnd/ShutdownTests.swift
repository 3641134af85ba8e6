import Glibc
import TestSupport
import Testing

@Suite struct ShutdownTests {
    @Test("SIGTERM lets what runs finish, closes what is idle in order, and exits 0", arguments: [SIGTERM, SIGINT])
    func drains(signal: Int32) throws {
        let gate = Gate()
        let origin = try FakeOrigin { connection in
            while let request = try connection.readRequest() {
                if request.target == "/held" { try gate.pass() }
                connection.respond(body: request.target)
            }
        }
        let proxy = try RunningProxy()
        let (busy, idle, silent) = (try ScriptedClient(proxy), try ScriptedClient(proxy), try ScriptedClient(proxy))
        #expect(try idle.get(origin.url("/idle")).text == "/idle")
        try busy.send("GET", origin.url("/held"))
        try origin.waitToSee("the held request") { $0.requests.count == 2 }
        // Takes the connection of the idle client's request off the pool, and leaves one idle.
        #expect(try idle.get(origin.url("/idle")).text == "/idle")

        proxy.process.signal(signal)
        #expect(try idle.end() == .fin)
        #expect(try silent.end() == .fin)
        #expect(throws: TestFailure.self) { try ScriptedClient(proxy) }
        #expect(!proxy.process.current.hasEnded)
        gate.open()
        let response = try busy.response()
        #expect(response.text == "/held")
        #expect(response.saysClose)
        #expect(try busy.end() == .fin)
        #expect(try proxy.waitForEnd() == 0)
        let record = try origin.waitToSee("its connections end") { $0.openCount == 0 }
        #expect(record.endings.allSatisfy { $0 == .fin })
    }

    @Test("a second signal ends it at once")
    func atOnce() throws {
        let origin = try FakeOrigin { connection in
            _ = try connection.readRequest()
            _ = try connection.readToEnd()
        }
        let proxy = try RunningProxy()
        let client = try ScriptedClient(proxy)
        try client.send("GET", origin.url())
        try origin.waitToSee("the request") { $0.requests.count == 1 }
        let start = ContinuousClock.now
        proxy.terminate()
        try proxy.waitForLog(" stopping ")
        proxy.terminate()
        try proxy.waitForEnd()
        #expect(ContinuousClock.now - start < .seconds(20))
        #expect(throws: IncompleteMessage.self) { try client.response() }
    }

    @Test("what is not done by shutdown_grace is cut")
    func grace() throws {
        let origin = try FakeOrigin { connection in
            guard try connection.readRequest() != nil else { return }
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234")
            _ = try connection.readToEnd()
        }
        let proxy = try RunningProxy("proxy: { shutdown_grace: 200ms }")
        let client = try ScriptedClient(proxy)
        try client.send("GET", origin.url())
        try origin.waitToSee("the request") { $0.requests.count == 1 }
        proxy.terminate()
        #expect(throws: IncompleteMessage.self) { try client.response() }
        try proxy.waitForEnd()
    }

    @Test("a body that is on its way when SIGTERM comes arrives whole")
    func upload() throws {
        let origin = try FakeOrigin.answering()
        let proxy = try RunningProxy()
        let client = try ScriptedClient(proxy)
        try client.send("PUT", origin.url(), ["Content-Length: 10"])
        try client.send("01234")
        try origin.waitToSee("the head") { $0.requests.count == 1 }
        proxy.terminate()
        try proxy.waitForLog(" stopping ")
        try client.send("56789")
        #expect(try client.response().status == 200)
        #expect(try proxy.waitForEnd() == 0)
        #expect(origin.record.requests.first?.body == Array("0123456789".utf8))
    }

    @Test("a signal right after the start is not lost")
    func early() throws {
        for _ in 0..<20 {
            let proxy = try RunningProxy()
            proxy.terminate()
            #expect(try proxy.waitForEnd() == 0)
        }
    }

    @Test("with nothing to do it ends at once, and says what it did")
    func idle() throws {
        let proxy = try RunningProxy()
        proxy.terminate()
        #expect(try proxy.waitForEnd() == 0)
        #expect(proxy.logLines.contains { $0.contains(" info totals") })
    }
}
