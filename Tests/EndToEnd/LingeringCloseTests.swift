import TestSupport
import Testing

/// RFC 9112 9.6: an answer that comes before the request is read reaches a client that first sends all of it.
@Suite struct LingeringCloseTests {
    /// Sends 12 MiB to the proxy named first before it reads, and prints what it got.
    private static let uploader = """
        import http.client, sys
        host, url, framing = sys.argv[1:4]
        part = b"x" * 65536
        length = 12 * 1024 * 1024
        client = http.client.HTTPConnection(host, timeout=30)
        if framing == "chunked":
            client.request("POST", url, body=iter([part] * (length // len(part))), encode_chunked=True,
                           headers={"Transfer-Encoding": "chunked"})
        else:
            headers = {"Expect": "100-continue"} if framing == "expecting" else {}
            client.request("POST", url, body=part * (length // len(part)), headers=headers)
        answer = client.getresponse()
        body = answer.read().decode()
        print(answer.status, answer.getheader("Connection"), len(body) == int(answer.getheader("Content-Length")), body)
        """

    enum Target: String, CaseIterable, Sendable {
        case refused, unreachable, queueFull, early

        var status: Int {
            switch self {
            case .refused: 403
            case .unreachable: 502
            case .queueFull: 503
            case .early: 413
            }
        }
    }

    @Test(
        "Python's http.client sends 12 MiB before it reads, and gets the whole answer", arguments: Target.allCases,
        ["length", "chunked", "expecting"])
    func uploads(_ target: Target, framing: String) throws {
        let gate = Gate()
        let origin = try FakeOrigin { connection in
            guard let request = try connection.readHead() else { return }
            if request.request.target == "/held" { try gate.pass() }
            connection.respond("413 Content Too Large", body: "too much")
            connection.finishSending()
            _ = try connection.readToEnd()
        }
        let refusing = try RefusingPort()
        let proxy = try RunningProxy(
            "{ proxy: { deny: [refused.example] }, settings: { max_connections: 1, max_queue: 0, max_retries: 0 } }")
        let holder = try ScriptedClient(proxy)
        let url =
            switch target {
            case .refused: "http://refused.example/"
            case .unreachable: refusing.url
            case .queueFull, .early: origin.url()
            }
        if target == .queueFull {
            try holder.send("GET", origin.url("/held"))
            try origin.waitToSee("the request that holds the connection") { $0.requests.count == 1 }
        }
        let run = try Subprocess.run("python3", ["-c", Self.uploader, proxy.authority, url, framing])
        #expect(run.output.hasPrefix("\(target.status) close True "), "\(run)")
        gate.open()
    }

    @Test("a client that goes on sending is read for as long as it does, though longer than close_linger")
    func slowUploader() throws {
        let elsewhere = try FakeOrigin.answering()
        let clock = try StreamSocket.connect(port: elsewhere.port)
        let proxy = try RunningProxy("{ proxy: { deny: [127.0.0.1] }, settings: { close_linger: 1s } }")
        let client = try ScriptedClient(proxy)
        try client.send("POST", "http://127.0.0.1/", ["Content-Length: 100000000"])
        #expect(StreamSocket.firstReadable([client.socket]) != nil)
        for _ in 0..<60 {
            try client.send([UInt8](repeating: 1, count: 20_000))
            // Nothing comes there: it only takes its time.
            #expect(StreamSocket.firstReadable([clock], within: 25) == nil)
        }
        try client.response().expectErrorAnswer(403, "http_request_denied")
        #expect(try client.end() == .fin)
    }

    @Test("a client that neither sends nor closes is let go of after close_linger")
    func silent() throws {
        let proxy = try RunningProxy("{ proxy: { deny: [127.0.0.1] }, settings: { close_linger: 100ms } }")
        let client = try ScriptedClient(proxy)
        try client.send("POST", "http://127.0.0.1/", ["Content-Length: 100000000"])
        try client.response().expectErrorAnswer(403, "http_request_denied")
        try proxy.waitForTotals("the client to be let go of") { $0["clients"] == 0 }
    }

    @Test("what was received of a cut answer arrives, though the client goes on sending")
    func cut() throws {
        let gate = Gate()
        let origin = try FakeOrigin { connection in
            guard try connection.readHead() != nil else { return }
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234")
            try gate.pass()
        }
        let proxy = try RunningProxy()
        let client = try ScriptedClient(proxy)
        try client.send("POST", origin.url(), ["Content-Length: 100000000"])
        #expect(StreamSocket.firstReadable([client.socket]) != nil)
        gate.open()
        for _ in 0..<20 {
            try client.send([UInt8](repeating: 1, count: 100_000))
            try proxy.settle()
        }
        let (bytes, ending) = try client.readToEnd()
        #expect(text(bytes).hasSuffix("\r\n\r\n01234"))
        #expect(ending == .fin)
    }

    @Test("a stop waits for a client that still sends what it will not be answered for")
    func stop() throws {
        let elsewhere = try FakeOrigin.answering()
        let clock = try StreamSocket.connect(port: elsewhere.port)
        let proxy = try RunningProxy("proxy: { deny: [127.0.0.1] }")
        let (client, idle) = (try ScriptedClient(proxy), try ScriptedClient(proxy))
        try client.send("POST", "http://127.0.0.1/", ["Content-Length: 100000000"])
        #expect(StreamSocket.firstReadable([client.socket]) != nil)
        try client.send([1])
        proxy.terminate()
        #expect(try idle.end() == .fin)
        for _ in 0..<50 {
            try client.send([UInt8](repeating: 1, count: 20_000))
            #expect(StreamSocket.firstReadable([clock], within: 20) == nil)
        }
        client.finishSending()
        try client.response().expectErrorAnswer(403, "http_request_denied")
        #expect(try client.end() == .fin)
        #expect(try proxy.waitForEnd() == 0)
    }
}
