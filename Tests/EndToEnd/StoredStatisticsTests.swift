import TestSupport
import Testing

@Suite struct StoredStatisticsTests {
    private let state: StateFolder

    init() throws {
        state = try StateFolder()
    }

    private func ask(_ proxy: RunningProxy, _ origins: [FakeOrigin], _ count: Int) throws {
        let client = try ScriptedClient(proxy)
        for origin in origins {
            for number in 0..<count { #expect(try client.get(origin.url("/\(number)")).status == 200) }
        }
    }

    /// A start dials what was busy; these count connections.
    private static let cold = "warm_start: { origins: 0 }"

    @Test("totals, history and connections add up over a restart")
    func restart() throws {
        let origins = try (0..<2).map { _ in try FakeOrigin.answering() }
        let first = try RunningProxy(state: state)
        try ask(first, origins, 5)
        first.terminate()
        #expect(try first.waitForEnd() == 0)
        let proxy = try RunningProxy(Self.cold, state: state)
        // Known before the first request.
        #expect(try proxy.detail(origins[0])["lifetime"]["requests"].int == 5)
        try ask(proxy, origins, 3)
        let points = try proxy.json("history", "--all")["points"].items
        #expect(points.reduce(0) { $0 + ($1["requests"].int ?? 0) } == 16)
        #expect(points.reduce(0) { $0 + ($1["opened"].int ?? 0) } == 4)
        #expect(points.reduce(0) { $0 + ($1["reused"].int ?? 0) } == 12)
        let own = try proxy.json("history", origins[0].name)["points"].items
        #expect(own.reduce(0) { $0 + ($1["requests"].int ?? 0) } == 8)
        let detail = try proxy.detail(origins[0])
        #expect(detail["summary"]["requests"].int == 3)
        #expect(detail["lifetime"]["requests"].int == 8)
        #expect(detail["lifetime"]["opened"].int == 2)
        #expect(detail["lifetime"]["reused"].int == 6)
        let received = (detail["lifetime"]["bytes_received"].int, detail["figures"]["bytes_received"].int)
        #expect(received.0 == received.1.map { $0 / 3 * 8 })
        let drawn = try proxy.connctl("history", "--all")
        #expect(drawn.exitCode == 0 && drawn.output.contains("requests"), "\(drawn)")
    }

    @Test("a connection that ended is remembered: 4-tuple, reason, counts; and why says it in words")
    func closedConnections() throws {
        let origin = try FakeOrigin.answering()
        let first = try RunningProxy("settings: { max_requests_per_connection: 2 }", state: state)
        try ask(first, [origin], 5)
        let living = try first.json("conns")["items"].items
        #expect(living.count == 1)
        #expect(living[0]["state"].text == "idle" && living[0]["requests"].int == 1)
        try first.wait(for: "two closed connections") {
            try $0.json("conns", "--state", "closed")["items"].items.count
        } until: {
            $0 == 2
        }
        first.terminate()
        #expect(try first.waitForEnd() == 0)

        let proxy = try RunningProxy(Self.cold, state: state)
        let closed = try proxy.json("conns", origin.name, "--state", "closed")["items"].items
        // Newest first.
        #expect(closed.map { $0["reason"].text } == ["shutdown", "max_requests", "max_requests"])
        #expect(closed.reversed().map { $0["requests"].int } == origin.record.connections.map(\.requestCount))
        let received = (0..<5).reduce(0) { sum, _ in
            sum + "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello".utf8.count
        }
        #expect(closed.reduce(0) { $0 + ($1["bytes_received"].int ?? 0) } == received)
        let sent = origin.record.requests.reduce(0) { $0 + $1.head.bytes.count }
        #expect(closed.reduce(0) { $0 + ($1["bytes_sent"].int ?? 0) } == sent)
        var ports: Set<String> = []
        for connection in closed {
            #expect(connection["origin"].text == origin.name)
            #expect(connection["remote"].text == origin.authority)
            let local = try #require(connection["local"].text)
            #expect(local.hasPrefix("127.0.0.1:"))
            ports.insert(local)
            #expect(connection["closed_by"].text == "connd")
            #expect(connection["cause"].text == "demand")
            let (opened, ended) = (connection["opened_ms"].int ?? 0, connection["closed_ms"].int ?? 0)
            #expect(opened > 0 && ended >= opened && connection["age_ms"].int == ended - opened)
            #expect(connection["tcp"]["rtt_ms"].double ?? 0 > 0)
        }
        #expect(ports.count == 3)
        let number = try #require(closed.last?["number"].int)
        let why = try proxy.connctl("why", "\(number)")
        #expect(why.exitCode == 0)
        for word in ["max_requests_per_connection", origin.authority, "2 requests", "by connd"] {
            #expect(why.output.contains(word), "\(why)")
        }
        // Numbers go on over the restart.
        try ask(proxy, [origin], 1)
        let next = try #require(try proxy.json("conns")["items"][0]["number"].int)
        #expect(next > closed.compactMap { $0["number"].int }.max() ?? .max)
    }

    @Test("each request is counted once: in one series of /metrics, in the lifetime, in the history")
    func onceEach() throws {
        let origins = try (0..<2).map { _ in try FakeOrigin.answering() }
        let proxy = try RunningProxy("metrics: { max_origins: 1 }", state: state)
        var last: [String: Int] = [:]
        var increase = 0
        func scrape() throws {
            let page = try proxy.curl("GET", "/metrics").body
            for line in page.split(separator: "\n") where line.hasPrefix("connd_requests_total{") {
                let words = line.split(separator: " ")
                let (series, value) = (String(words[0]), try #require(Int(words[1])))
                increase += value >= last[series] ?? 0 ? value - (last[series] ?? 0) : value
                last[series] = value
            }
        }
        // They overtake each other, and each is folded and comes back.
        let counts = [(0, 10), (1, 40), (0, 90), (1, 160)]
        for (index, count) in counts {
            try ask(proxy, [origins[index]], count)
            try scrape()
        }
        #expect(increase == 300)
        #expect(try proxy.connctl("drain", origins[1].name).exitCode == 0)
        #expect(try proxy.change("DELETE", "/v1/origins/\(RunningProxy.segment(origins[1].name))").status == 204)
        try scrape()
        try ask(proxy, [origins[1]], 250)
        try scrape()
        #expect(increase == 550)
        #expect(try proxy.read("/v1/status")["totals"]["requests"].int == 550)
        let points = try proxy.json("history", "--all")["points"].items
        #expect(points.reduce(0) { $0 + ($1["requests"].int ?? 0) } == 550)
        #expect(try proxy.detail(origins[0])["lifetime"]["requests"].int == 100)
        #expect(try proxy.detail(origins[1])["lifetime"]["requests"].int == 250)
    }
}
