import TestSupport
import Testing

/// What the admin API says of an origin is what the origin saw.
@Suite struct OriginStatisticsReportTests {
    private let state: StateFolder

    init() throws {
        state = try StateFolder()
    }

    /// The figures once `name` is what it must be: what ends a connection may be counted after its client has its answer.
    private func figures(
        _ proxy: RunningProxy, _ origin: FakeOrigin, once name: String, _ expected: [String: Int]
    ) throws -> JSONDocument {
        try proxy.wait(for: "\(name) to be \(expected)") {
            try $0.detail(origin)["figures"]
        } until: {
            $0[name].counts == expected
        }
    }

    @Test("a request whose body goes wrong on the way is one request, and one that is remembered")
    func countedOnce() throws {
        let origin = try FakeOrigin { connection in
            _ = try? connection.readRequest()
        }
        let proxy = try RunningProxy(state: state)
        let client = try ScriptedClient(proxy)
        try client.send(
            "PUT \(origin.url()) HTTP/1.1\r\nHost: \(origin.authority)\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"
        )
        try proxy.settle()
        try client.send("zz\r\n")
        #expect(try client.response().status == 400)
        try proxy.wait(for: "the request to be counted") {
            try $0.detail(origin)["figures"]["requests"]["idempotent"].counts
        } until: {
            $0 == ["proxy_error": 1]
        }
        #expect(try proxy.json("explain")["items"].items.count == 1)
    }

    @Test("requests by method and status, leases and bytes")
    func requests() throws {
        let sent = EventSource(0)
        let origin = try FakeOrigin { connection in
            while let request = try connection.readRequest() {
                let status = request.target.dropFirst()
                let body = request.method == "HEAD" || status == "204" ? "" : "hello"
                let length = request.method == "HEAD" ? 5 : body.utf8.count
                let fields = status == "204" ? "" : "Content-Length: \(length)\r\n"
                let answer = "HTTP/1.1 \(status) Word\r\n\(fields)\r\n\(body)"
                sent.change { $0 += answer.utf8.count }
                connection.send(answer)
            }
        }
        let proxy = try RunningProxy(state: state)
        let client = try ScriptedClient(proxy)
        let requests = [
            ("GET", "200"), ("GET", "204"), ("HEAD", "200"), ("GET", "302"), ("OPTIONS", "404"), ("PUT", "201"),
            ("DELETE", "500"), ("POST", "200"), ("POST", "403"), ("PATCH", "503"), ("BREW", "418"),
        ]
        for (method, status) in requests {
            try client.send(method, origin.url("/\(status)"), body: method == "PUT" || method == "POST" ? "data" : nil)
            #expect(try client.response(to: method).status == Int(status))
        }
        let record = origin.record
        let detail = try proxy.detail(origin)
        let (figures, summary) = (detail["figures"], detail["summary"])
        #expect(figures["requests"]["safe"].counts == ["2xx": 3, "3xx": 1, "4xx": 1])
        #expect(figures["requests"]["idempotent"].counts == ["2xx": 1, "5xx": 1])
        #expect(figures["requests"]["unsafe"].counts == ["2xx": 1, "4xx": 2, "5xx": 1])
        #expect(figures["errors"].counts == [:])
        #expect(summary["requests"].int == record.requests.count)
        #expect(figures["opened"].counts == ["demand": record.connections.count])
        #expect(figures["reused"].int == record.requests.count - record.connections.count)
        #expect(summary["reuse_ratio"].double == 10.0 / 11)
        #expect(figures["bytes_sent"].int == record.requests.reduce(0) { $0 + $1.head.bytes.count + $1.body.count })
        #expect(figures["bytes_received"].int == sent.current)
        for name in ["total_time", "first_byte_time", "queue_time"] {
            #expect(figures[name]["count"].int == requests.count, "\(name)")
        }
        #expect(figures["connect_time"]["count"].int == 1)
        #expect(figures["idle_gap"]["count"].int == requests.count - 1)
        #expect(summary["connections"].counts.filter { $0.value > 0 } == ["idle": 1])
        let totals = try proxy.read("/v1/status")["totals"]
        #expect(totals["requests"].int == requests.count)
        #expect(totals["bytes_sent"] == figures["bytes_sent"])
    }

    @Test("closed connections by reason and by the side that caused it")
    func closes() throws {
        let origin = try FakeOrigin { connection in
            while let request = try connection.readRequest() {
                switch request.target {
                case "/close": return connection.respond("200 OK", ["Connection: close"])
                case "/junk": connection.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\njunk")
                case "/fin":
                    connection.respond()
                    return
                case "/cut": return connection.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
                case "/aborted": connection.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
                default: connection.respond()
                }
            }
        }
        let proxy = try RunningProxy("settings: { idle_timeout: 1m }", state: state)
        for target in ["/close", "/junk", "/fin"] {
            #expect(try ScriptedClient(proxy).get(origin.url(target)).status == 200)
            try origin.waitToSee("\(target) to end") { $0.openCount == 0 }
        }
        let cut = try ScriptedClient(proxy)
        #expect(throws: IncompleteMessage.self) { try cut.get(origin.url("/cut")) }
        let aborting = try ScriptedClient(proxy)
        try aborting.send("GET", origin.url("/aborted"))
        _ = try aborting.read(4)
        aborting.socket.reset()
        try origin.waitToSee("the aborted one to end") { $0.openCount == 0 }
        #expect(try ScriptedClient(proxy).get(origin.url()).status == 200)
        try proxy.connctl("drain", origin.name)
        let figures = try figures(
            proxy, origin, once: "closed",
            [
                "origin_connection_close": 1, "unsolicited_bytes": 1, "origin_fin_idle": 1,
                "origin_closed_mid_response": 1, "client_aborted": 1, "drained": 1,
            ])
        #expect(figures["closed_by_side"].counts == ["origin": 4, "client": 1, "connd": 1])
        #expect(figures["requests"]["safe"].counts == ["2xx": 4, "cut": 1, "aborted": 1])
        #expect(figures["errors"].counts == ["http_response_incomplete": 1])
        #expect(figures["opened"].counts == ["demand": origin.record.connections.count])
        #expect(figures["connection_age"]["count"].int == origin.record.connections.count)
    }

    @Test("retries, and what a reused connection that was dead did to requests")
    func retries() throws {
        // The keep-alive race: each connection ends when its second request has come.
        let origin = try FakeOrigin { connection in
            guard try connection.readRequest() != nil else { return }
            connection.respond()
            _ = try connection.readRequest()
        }
        let proxy = try RunningProxy(state: state)
        let client = try ScriptedClient(proxy)
        #expect(try client.get(origin.url("/first")).status == 200)
        #expect(try client.get(origin.url("/retried")).status == 200)
        try client.send("POST", origin.url("/surfaced"), body: "data")
        try client.response().expectErrorAnswer(502, "connection_terminated")
        let record = origin.record
        #expect(record.requests.map(\.target) == ["/first", "/retried", "/retried", "/surfaced"])
        let figures = try proxy.detail(origin)["figures"]
        #expect(figures["stale_retried"].int == 1)
        #expect(figures["stale_surfaced"].int == 1)
        #expect(figures["retry_causes"].counts == ["closed_before_response": 2])
        #expect(figures["retry_outcomes"].counts == ["sent": 1, "succeeded": 1, "refused_method": 1])
        #expect(figures["opened"].counts == ["demand": 1, "replacement": 1])
        #expect(figures["reused"].int == 2)
        #expect(figures["requests"]["safe"].counts == ["2xx": 2])
        #expect(figures["requests"]["unsafe"].counts == ["proxy_error": 1])
        #expect(figures["errors"].counts == ["connection_terminated": 1])
        let kept = try #require(try proxy.json("explain", origin.name)["items"].items.first)
        #expect(kept["outcome"].text == "failed" && kept["method"].text == "POST" && kept["reused"].flag == true)
        let races = try proxy.json("races", origin.name)["items"].items
        #expect(races.map { $0["outcome"].text } == ["failed", "raced"])
        for (race, retried) in zip(races.map { $0["race"] }, [false, true]) {
            #expect(race["sign"].text == "fin" && race["served"].int == 1 && race["retried"].flag == retried)
            #expect(race["acknowledged"].flag == true)
            #expect(race["cost_ms"].double ?? 0 > 0 && race["idle_ms"].double ?? 0 > 0)
        }
        #expect(figures["race_lost_ms"].int != nil && figures["passed_over"].int == 0)
        let text = try proxy.connctl("races", origin.name).output
        #expect(text.contains("1 sent again, 1 seen by clients") && text.contains("connection_terminated"))
    }

    @Test("failed dials by error type")
    func dialFailures() throws {
        let refusing = try RefusingPort()
        let proxy = try RunningProxy(state: state)
        try ScriptedClient(proxy).get(refusing.url).expectErrorAnswer(502, "connection_refused")
        let name = RunningProxy.segment("http://127.0.0.1:\(refusing.port)")
        let detail = try proxy.read("/v1/origins/\(name)")
        #expect(detail["figures"]["errors"].counts == ["connection_refused": 1])
        #expect(detail["figures"]["requests"]["safe"].counts == ["proxy_error": 1])
        let failures = detail["figures"]["dial_failures"].counts
        #expect(Array(failures.keys) == ["connection_refused"])
        #expect(detail["dial_failures_in_a_row"].int == failures["connection_refused"])
        #expect(detail["figures"]["opened"].counts == [:])
    }

    @Test("tunnels have figures of their own")
    func tunnels() throws {
        let origin = try FakeOrigin { connection in
            _ = try connection.read(5)
            connection.send("hello back")
            _ = try connection.readToEnd()
        }
        let proxy = try RunningProxy("proxy: { connect_ports: any }", state: state)
        let client = try ScriptedClient(proxy)
        try client.send("CONNECT \(origin.authority) HTTP/1.1\r\nHost: \(origin.authority)\r\n\r\n")
        #expect(try client.response(to: "CONNECT").status == 200)
        try client.send("hello")
        #expect(try client.read(10) == Array("hello back".utf8))
        let listed = try proxy.json("list")["items"].items
        #expect(listed.count == 1)
        let name = try #require(listed.first?["origin"].text)
        func figures() throws -> JSONDocument { try proxy.json("show", name)["figures"] }
        let open = try figures()["tunnels"]
        #expect(open["open"].int == 1 && open["opened"].int == 1 && open["closed"].int == 0)
        #expect(try proxy.json("conns", "--state", "tunnel")["items"].items.count == 1)
        client.close()
        try proxy.wait(for: "the tunnel to end") { _ in
            try figures()["tunnels"]["closed"].int
        } until: {
            $0 == 1
        }
        let ended = try figures()
        #expect(ended["tunnels"]["open"].int == 0)
        #expect(ended["tunnels"]["bytes_sent"].int == 5)
        #expect(ended["tunnels"]["bytes_received"].int == 10)
        #expect(ended["tunnels"]["failed"].int == 0)
        // Opaque bytes are no requests.
        #expect(ended["requests"].members.isEmpty)
        #expect(ended["bytes_sent"].int == 0)
    }
}
