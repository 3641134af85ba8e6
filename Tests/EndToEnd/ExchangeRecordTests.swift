import TestSupport
import Testing

@Suite struct ExchangeRecordTests {
    private let gate = Gate()
    private let proxy: RunningProxy

    init() throws {
        proxy = try RunningProxy("exchanges: { slow: 300ms }", state: try StateFolder())
    }

    /// Lets pass more time than the threshold, of which a quick exchange is far even on a busy machine.
    private func letTimePass() throws {
        let clock = ContinuousClock()
        let start = clock.now
        while clock.now - start < .milliseconds(310) { try proxy.settle() }
    }

    /// The latest that is kept of an origin, and what `explain` draws of it.
    private func latest(_ origin: String) throws -> (report: JSONDocument, drawn: String) {
        let items = try proxy.json("explain", origin)["items"].items
        let id = try #require(items.first?["id"].int, "nothing is kept of \(origin)")
        let drawn = try proxy.connctl("explain", "\(id)")
        #expect(drawn.exitCode == 0, "\(drawn)")
        let one = try proxy.read("/v1/exchanges/\(id)")
        #expect(one == items[0])
        return (one, drawn.output)
    }

    private func phases(_ report: JSONDocument) -> [String: Double] {
        Dictionary(
            uniqueKeysWithValues: report["waterfall"].items.map {
                ($0["phase"].text ?? "", $0["duration_ms"].double ?? -1)
            })
    }

    /// `dns`, `connect` and `tls` lie within the queue; the others follow one another and are the whole.
    private func expectWhole(_ report: JSONDocument, sourceLocation: SourceLocation = #_sourceLocation) {
        var end = 0.0
        var sum = 0.0
        for phase in report["waterfall"].items {
            let (start, length) = (phase["start_ms"].double ?? -1, phase["duration_ms"].double ?? -1)
            #expect(start >= 0 && length >= 0, "\(report)", sourceLocation: sourceLocation)
            if ["dns", "connect", "tls"].contains(phase["phase"].text) { continue }
            #expect(abs(start - end) < 0.01, "\(report)", sourceLocation: sourceLocation)
            end = start + length
            sum += length
        }
        let total = report["total_ms"].double ?? -1
        #expect(abs(sum - total) < 0.5, "\(report)", sourceLocation: sourceLocation)
    }

    private func longest(_ report: JSONDocument) -> String? {
        phases(report).max { $0.value < $1.value }?.key
    }

    @Test("an origin that thinks for long: the time is the first byte's")
    func firstByte() throws {
        let origin = try FakeOrigin.holding(gate)
        let client = try ScriptedClient(proxy)
        try client.send("GET", origin.url("/thinks"))
        try origin.waitToSee("the request") { $0.requests.count == 1 }
        try letTimePass()
        gate.open()
        #expect(try client.response().status == 200)
        // A quick one is not kept.
        #expect(try client.get(origin.url("/quick")).status == 200)
        let (report, drawn) = try latest(origin.name)
        #expect(report["outcome"].text == "slow")
        #expect(report["method"].text == "GET" && report["target"].text == "/thinks")
        #expect(report["status"].int == 200)
        #expect(report["lease_cause"].text == "dialled")
        #expect(report["total_ms"].double ?? 0 >= 300)
        #expect(longest(report) == "first_byte")
        #expect(phases(report).keys.contains("connect"))
        #expect(report["segments"]["unacknowledged"].int == 0 && report["segments"]["rtt_ms"].double ?? 0 > 0)
        #expect(drawn.contains("all that was sent had been acknowledged"), "\(drawn)")
        expectWhole(report)
        for word in ["queue", "first_byte", "body", "headers_timeout", "/thinks"] {
            #expect(drawn.contains(word), "\(drawn)")
        }
        // Most of the axis is the first byte's.
        let bars = drawn.split(separator: "\n").map { $0.count { $0 == "#" || $0 == "█" } }
        #expect(bars.max() ?? 0 > bars.reduce(0, +) / 2, "\(drawn)")
        #expect(try proxy.json("explain", origin.name)["items"].items.count == 1)
    }

    @Test("an origin whose body stands still: the time is the body's")
    func body() throws {
        let origin = try FakeOrigin { [gate] connection in
            while try connection.readRequest() != nil {
                connection.send("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf")
                try gate.pass()
                connection.send("half")
            }
        }
        let client = try ScriptedClient(proxy)
        try client.send("GET", origin.url())
        try origin.waitToSee("the request") { $0.requests.count == 1 }
        try letTimePass()
        gate.open()
        #expect(try client.response().text == "halfhalf")
        let (report, drawn) = try latest(origin.name)
        #expect(longest(report) == "body")
        expectWhole(report)
        #expect(drawn.contains("the body"))
    }

    @Test("a request that waited for a connection: the time is the queue's")
    func queue() throws {
        let origin = try FakeOrigin.holding(gate)
        try proxy.connctl("set", origin.name, "max_connections=1")
        let (first, second) = (try ScriptedClient(proxy), try ScriptedClient(proxy))
        try first.send("GET", origin.url("/first"))
        try origin.waitToSee("the first request") { $0.requests.count == 1 }
        try second.send("GET", origin.url("/second"))
        try letTimePass()
        gate.admit(2)
        #expect(try first.response().status == 200)
        #expect(try second.response().status == 200)
        let items = try proxy.json("explain", origin.name)["items"].items
        let report = try #require(items.first { $0["target"].text == "/second" })
        #expect(report["lease_cause"].text == "returned")
        #expect(report["reused"].flag == true)
        #expect(longest(report) == "queue")
        expectWhole(report)
        let drawn = try proxy.connctl("explain", "\(report["id"].int ?? 0)").output
        #expect(drawn.contains("connctl set \(origin.name) max_connections=N"), "\(drawn)")
    }

    @Test("one that failed is kept however quick it was, with its error")
    func failed() throws {
        let refusing = try RefusingPort()
        try ScriptedClient(proxy).get(refusing.url + "x").expectErrorAnswer(502, "connection_refused")
        let (report, drawn) = try latest("http://127.0.0.1:\(refusing.port)")
        #expect(report["outcome"].text == "failed")
        #expect(report["error"].text == "connection_refused")
        #expect(report["status"].int == 0 || report["status"].int == 502)
        #expect(report["connection"] == .null)
        #expect(report["lease_cause"].text == "none")
        expectWhole(report)
        #expect(drawn.contains("connection_refused"))
    }

    @Test("one that was cut, and one whose client went away")
    func cut() throws {
        let origin = try FakeOrigin { connection in
            guard let request = try connection.readRequest() else { return }
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf")
            if request.target == "/aborted" { _ = try connection.readToEnd() }
        }
        let client = try ScriptedClient(proxy)
        #expect(throws: IncompleteMessage.self) { try client.get(origin.url("/cut")) }
        var (report, _) = try latest(origin.name)
        #expect(report["outcome"].text == "cut")
        #expect(report["error"].text == "http_response_incomplete")
        #expect(report["status"].int == 200)
        expectWhole(report)
        let aborting = try ScriptedClient(proxy)
        try aborting.send("GET", origin.url("/aborted"))
        _ = try aborting.read(4)
        aborting.socket.reset()
        try origin.waitToSee("the end") { $0.openCount == 0 && $0.connections.count == 2 }
        (report, _) = try latest(origin.name)
        #expect(report["outcome"].text == "aborted")
        expectWhole(report)
    }
}
