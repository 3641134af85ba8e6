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

    /// One connection, whose holder has half of its answer.
    private func holding() throws -> FakeOrigin {
        try FakeOrigin { connection in
            guard try connection.readRequest() != nil else { return }
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234")
            _ = try connection.readToEnd()
        }
    }

    enum Stop: CaseIterable { case grace, noGrace, secondSignal }

    @Test(
        "who still waits for a connection near the end is answered 503; who has part of an answer is cut",
        arguments: Stop.allCases)
    func waiting(_ stop: Stop) throws {
        let (origin, silent) = (try holding(), try SilentPort())
        let grace =
            switch stop {
            case .grace: "1s"
            case .noGrace: "0"
            case .secondSignal: "1m"
            }
        let proxy = try RunningProxy(
            "{ proxy: { shutdown_grace: \(grace), connect_ports: any }, "
                + "settings: { max_connections: 1, queue_timeout: 1m, connect_timeout: 1m } }")
        let holder = try ScriptedClient(proxy)
        try holder.send("GET", origin.url())
        try origin.waitToSee("the request") { $0.requests.count == 1 }
        let (queued, pipelining, dialling, tunnelling) = (
            try ScriptedClient(proxy), try ScriptedClient(proxy), try ScriptedClient(proxy), try ScriptedClient(proxy)
        )
        try queued.send("GET", origin.url())
        try pipelining.send(
            (1...2).map { _ in "GET \(origin.url()) HTTP/1.1\r\nHost: \(origin.authority)\r\n\r\n" }.joined())
        try dialling.send("POST", silent.url, ["Content-Length: 5"], body: nil)
        try dialling.send("hello")
        try tunnelling.send("CONNECT 127.0.0.1:\(silent.port) HTTP/1.1\r\nHost: x\r\n\r\n")
        try proxy.settle()
        proxy.terminate()
        if stop == .secondSignal {
            try proxy.waitForLog(" stopping ")
            proxy.terminate()
        }
        for client in [queued, dialling, tunnelling] {
            let response = try client.response()
            response.expectErrorAnswer(503, "destination_unavailable")
            #expect(response.text.contains("shutdown_grace"))
            #expect(response["Retry-After"] == ["1"])
            #expect(response.saysClose)
            #expect(try client.end() == .fin)
        }
        #expect(try pipelining.response().status == 503)
        let last = try pipelining.response()
        #expect(last.status == 503)
        #expect(last.saysClose)
        #expect(throws: IncompleteMessage.self) { try holder.response() }
        try proxy.waitForEnd()
    }

    @Test("an upload that waits for a connection near the end is answered 503 all the same")
    func waitingUpload() throws {
        let origin = try holding()
        let proxy = try RunningProxy(
            "{ proxy: { shutdown_grace: 2s }, settings: { max_connections: 1, queue_timeout: 1m } }")
        let holder = try ScriptedClient(proxy)
        try holder.send("GET", origin.url())
        try origin.waitToSee("the request") { $0.requests.count == 1 }
        let client = try ScriptedClient(proxy)
        let length = 12 << 20
        try client.send("POST", origin.url(), ["Content-Length: \(length)"])
        let socket = client.socket
        let sending = Background { try socket.send([UInt8](repeating: 1, count: length)) }
        try proxy.settle()
        proxy.terminate()
        #expect(try sending.wait())
        try client.response().expectErrorAnswer(503, "destination_unavailable")
        try proxy.waitForEnd()
    }

    @Test("an answer that only the end of the connection ends does not look whole when it is cut")
    func untilClose() throws {
        let origin = try FakeOrigin { connection in
            guard try connection.readRequest() != nil else { return }
            connection.send("HTTP/1.1 200 OK\r\n\r\n01234")
            _ = try connection.readToEnd()
        }
        let proxy = try RunningProxy("proxy: { shutdown_grace: 200ms }")
        let client = try ScriptedClient(proxy)
        try client.send("GET", origin.url())
        var received = ""
        while !received.hasSuffix("01234") { received += text(try client.read(1)) }
        proxy.terminate()
        #expect(try client.end() == .reset)
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

    @Test("an idle client that asks just after SIGTERM gets its answer, and is told that it is the last")
    func idleClient() throws {
        let origin = try FakeOrigin.answering()
        let proxy = try RunningProxy()
        let clients = try (0..<20).map { _ in try ScriptedClient(proxy) }
        for client in clients { #expect(try client.get(origin.url()).status == 200) }
        proxy.terminate()
        try proxy.waitForLog(" stopping ")
        for client in clients {
            let response = try client.get(origin.url("/late"))
            #expect(response.text == "hello")
            #expect(response.saysClose)
            #expect(try client.end() == .fin)
        }
        #expect(try proxy.waitForEnd() == 0)
    }

    @Test("a client that has connected and asks for the first time just after SIGTERM is answered")
    func firstRequest() throws {
        let origin = try FakeOrigin.answering()
        let proxy = try RunningProxy()
        let clients = try (0..<20).map { _ in try ScriptedClient(proxy) }
        proxy.terminate()
        try proxy.waitForLog(" stopping ")
        for client in clients {
            let response = try client.get(origin.url())
            #expect(response.status == 200)
            #expect(response.saysClose)
        }
        #expect(try proxy.waitForEnd() == 0)
    }

    /// The process is stopped meanwhile, so that connd finds them all in the kernel's queue, behind the signal.
    @Test("clients that nobody has accepted yet when SIGTERM comes are answered")
    func unaccepted() throws {
        let origin = try FakeOrigin.answering()
        let proxy = try RunningProxy()
        proxy.process.signal(SIGSTOP)
        let clients = try (0..<100).map { _ in try ScriptedClient(proxy) }
        for client in clients { try client.send("GET", origin.url()) }
        proxy.terminate()
        proxy.process.signal(SIGCONT)
        for client in clients { #expect(try client.response().status == 200) }
        #expect(try proxy.waitForEnd() == 0)
    }

    @Test("requests that were pipelined before SIGTERM are all answered, in order")
    func pipelined() throws {
        let gate = Gate()
        let origin = try FakeOrigin { connection in
            while let request = try connection.readRequest() {
                try gate.pass()
                connection.respond(body: request.target)
            }
        }
        let proxy = try RunningProxy()
        let client = try ScriptedClient(proxy)
        let paths = (1...5).map { "/\($0)" }
        try client.send(
            paths.map { "GET \(origin.url($0)) HTTP/1.1\r\nHost: \(origin.authority)\r\n\r\n" }.joined())
        try origin.waitToSee("the first of them") { !$0.requests.isEmpty }
        proxy.terminate()
        try proxy.waitForLog(" stopping ")
        gate.open()
        for path in paths {
            let response = try client.response()
            #expect(response.text == path)
            #expect(response.saysClose == (path == paths.last), "\(path)")
        }
        #expect(try client.end() == .fin)
        #expect(try proxy.waitForEnd() == 0)
    }

    @Test("half a head at SIGTERM is waited for and answered", arguments: [false, true])
    func halfAHead(isFirst: Bool) throws {
        let origin = try FakeOrigin.answering()
        let proxy = try RunningProxy()
        let client = try ScriptedClient(proxy)
        if !isFirst { #expect(try client.get(origin.url()).status == 200) }
        try client.send("GET \(origin.url()) HTTP/1.1\r\nHo")
        try proxy.settle()
        proxy.terminate()
        try proxy.waitForLog(" stopping ")
        try client.send("st: \(origin.authority)\r\n\r\n")
        let response = try client.response()
        #expect(response.text == "hello")
        #expect(response.saysClose)
        #expect(try client.end() == .fin)
        #expect(try proxy.waitForEnd() == 0)
    }

    @Test("half a head is waited for after idle clients have gone")
    func slowHead() throws {
        let origin = try FakeOrigin.answering()
        let proxy = try RunningProxy()
        let (client, idle) = (try ScriptedClient(proxy), try ScriptedClient(proxy))
        #expect(try idle.get(origin.url()).status == 200)
        try client.send("GET \(origin.url()) HTTP/1.1\r\nHo")
        try proxy.settle()
        proxy.terminate()
        #expect(try idle.end() == .fin)
        try client.send("st: \(origin.authority)\r\n\r\n")
        #expect(try client.response().saysClose)
        #expect(try proxy.waitForEnd() == 0)
    }

    @Test("an answer that was under way at SIGTERM without saying close is followed by no request that is lost")
    func answering() throws {
        let gate = Gate()
        let origin = try FakeOrigin { connection in
            while try connection.readRequest() != nil {
                connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234")
                try gate.pass()
                connection.send("56789")
            }
        }
        let proxy = try RunningProxy()
        let client = try ScriptedClient(proxy)
        try client.send("GET", origin.url())
        var received = ""
        while !received.hasSuffix("01234") { received += text(try client.read(1)) }
        #expect(!received.lowercased().contains("connection: close"))
        proxy.terminate()
        try proxy.waitForLog(" stopping ")
        gate.open()
        #expect(text(try client.read(5)) == "56789")
        // The client may ask again: nobody told it not to.
        let response = try client.get(origin.url())
        #expect(response.text == "0123456789")
        #expect(response.saysClose)
        #expect(try proxy.waitForEnd() == 0)
    }
}
