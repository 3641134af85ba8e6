import Foundation
import TestSupport
import Testing

/// The Grafana dashboard that connd is shipped with, against what a real Prometheus has scraped of a connd under load.
@Suite struct DashboardTests {
    private struct Query: CustomStringConvertible {
        let panel: String
        /// As it stands in the file.
        let text: String

        var description: String { "\(panel): \(text)" }

        /// As Grafana sends it where all is chosen.
        var substituted: String {
            text.replacing("$job", with: "connd").replacing("$instance", with: ".*").replacing("$origin", with: ".*")
                .replacing("$__rate_interval", with: "2s")
        }
    }

    private static let deploy = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../deploy")

    private static func file(_ name: String) throws -> String {
        try String(contentsOf: deploy.appending(path: name), encoding: .utf8)
    }

    private let dashboard: JSONDocument
    private let state: StateFolder

    init() throws {
        dashboard = try JSONDocument(parsing: Self.file("grafana/connd.json"))
        state = try StateFolder()
    }

    private var panels: [JSONDocument] {
        dashboard["panels"].items.flatMap { [$0] + $0["panels"].items }.filter { $0["type"].text != "row" }
    }

    private var queries: [Query] {
        panels.flatMap { panel in
            panel["targets"].items.map { Query(panel: panel["title"].text ?? "", text: $0["expr"].text ?? "") }
        }
    }

    @Test("each panel has a title, an id and a place of its own, and a data source that can be chosen")
    func form() {
        #expect(panels.count >= 30)
        #expect(Set(dashboard["panels"].items.map { $0["id"].int }).count == dashboard["panels"].items.count)
        var taken: Set<[Int]> = []
        for panel in dashboard["panels"].items {
            #expect(panel["title"].text?.isEmpty == false)
            let place = panel["gridPos"]
            guard let x = place["x"].int, let y = place["y"].int, let w = place["w"].int, let h = place["h"].int else {
                Issue.record("\(panel["title"]) has no place")
                continue
            }
            #expect(x + w <= 24)
            for cell in (x..<x + w).flatMap({ column in (y..<y + h).map { [column, $0] } }) {
                #expect(taken.insert(cell).inserted, "\(panel["title"]) lies over another")
            }
            for target in panel["targets"].items { #expect(target["datasource"]["uid"].text == "${datasource}") }
        }
        for query in queries { #expect(query.text.contains("$job") && query.text.contains("$instance"), "\(query)") }
        let variables = dashboard["templating"]["list"].items.map { $0["name"].text }
        #expect(variables == ["datasource", "job", "instance", "origin"])
    }

    @Test("each query of each panel returns data, and no query, rule or alert names a metric that connd has not")
    func queriesReturnData() throws {
        let rules = ["connd.rules.yml", "connd.alerts.yml"]
        let prometheus = try PrometheusServer(
            scrapeInterval: "250ms",
            rules: Dictionary(uniqueKeysWithValues: rules.map { ($0, try Self.file("prometheus/\($0)")) }))
        let (slow, racing) = (try slowOrigin(prometheus.beats), try racingOrigin())
        let authority = try TestAuthority.common.get()
        let encrypted = try FakeOrigin(tls: try ServerTLS(try authority.identity())) { connection in
            if try connection.readRequest() != nil { connection.respond(["Connection: close"], body: "once") }
        }
        let proxy = try RunningProxy(
            """
            proxy: { connect_ports: any }
            settings: { tls_ca_file: \(authority.certificate) }
            hosts: { "\(slow.name)": { max_connections: 1 } }
            """, state: state)
        try prometheus.scrape(["web-1": proxy.adminURL])
        let load = PacedLoad(port: EventSource(proxy.port), beats: prometheus.beats)
        defer { load.stop() }
        let steady = try mostlySteadyOrigin()
        load.add(PacedLoad.asking(steady, 10))
        load.add(clients: 3, PacedLoad.asking(slow, 1))
        load.add(PacedLoad.asking(racing, 4))
        let closing = try closingOrigin()
        load.add(PacedLoad.asking(closing, 1))
        load.add(PacedLoad.asking(racing, 4, "POST"))
        load.add(PacedLoad.asking(encrypted, 1))
        let plain = try FakeOrigin { connection in
            connection.send("this is not TLS")
            _ = try connection.readToEnd()
        }
        load.add { _ = try $0.get("https://\(plain.authority)/") }
        let refusing = try RefusingPort()
        load.add { _ = try $0.get(refusing.url) }
        let echo = try FakeOrigin { connection in
            while true { connection.send(try connection.read(4)) }
        }
        let tunnel = try ScriptedClient(proxy)
        try tunnel.send("CONNECT \(echo.authority) HTTP/1.1\r\nHost: \(echo.authority)\r\n\r\n")
        #expect(try tunnel.response(to: "CONNECT").status == 200)

        for query in queries {
            try prometheus.wait(for: "data of \(query)") { prometheus in
                try tunnel.send("ping")
                return try prometheus.query(query.substituted)
            } until: { samples in
                samples.contains { $0.value.isFinite }
            }
        }
        // Some metrics are there only with an authority.
        #expect(try proxy.connctl("ca", "create", "--for", "a.example").exitCode == 0)
        try expectOnlyKnownMetrics(prometheus, proxy)
    }

    private func expectOnlyKnownMetrics(_ prometheus: PrometheusServer, _ proxy: RunningProxy) throws {
        let page = try proxy.curl("GET", "/metrics").body
        let types = page.matches(of: /# TYPE (\w+) (\w+)\n/)
        let known = types.reduce(into: Set(["up"])) { known, match in
            let name = String(match.1)
            known.insert(name)
            if match.2 == "histogram" { known.formUnion(["_bucket", "_sum", "_count"].map { name + $0 }) }
        }
        var named: [(String, String)] = queries.map { ("the panel \($0.panel)", $0.substituted) }
        let annotations = dashboard["annotations"]["list"].items.compactMap { $0["expr"].text }
        named += annotations.map { ("an annotation", $0) }
        for variable in dashboard["templating"]["list"].items {
            guard let match = variable["definition"].text?.wholeMatch(of: /label_values\((.*), \w+\)/) else { continue }
            named.append(("the variable \(variable["name"])", String(match.1)))
        }
        let rules = try prometheus.get("/api/v1/rules")["groups"].items.flatMap { $0["rules"].items }
        #expect(rules.count >= 20)
        named += rules.map { ("the rule \($0["name"])", $0["query"].text ?? "") }
        let recorded = Set(rules.filter { $0["type"].text == "recording" }.compactMap { $0["name"].text })
        for (place, query) in named {
            let metrics = QueryText.metrics(in: query)
            #expect(!metrics.isEmpty, "\(place): \(query)")
            let unknown = metrics.subtracting(known).subtracting(recorded)
            #expect(unknown.isEmpty, "\(place) names \(unknown)")
        }
    }

    /// Closes some of its connections after a response, and cuts one now and then.
    private func mostlySteadyOrigin() throws -> FakeOrigin {
        try FakeOrigin { connection in
            while let request = try connection.readRequest() {
                switch request.target {
                case "/7": return connection.respond("200 OK", ["Connection: close"])
                case "/9": return connection.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
                default: connection.respond()
                }
            }
        }
    }

    private func slowOrigin(_ beats: EventSource<Int>) throws -> FakeOrigin {
        try FakeOrigin { connection in
            while try connection.readRequest() != nil {
                let beat = beats.current
                try beats.wait(for: "a beat") { $0 > beat }
                connection.respond()
            }
        }
    }

    /// Ends each connection on which nothing came for 150 ms.
    private func closingOrigin() throws -> FakeOrigin {
        try FakeOrigin { connection in
            while try connection.readRequest() != nil {
                connection.respond()
                if connection.socket.isSilent(forMilliseconds: 150) { return connection.finishSending() }
            }
        }
    }

    /// Resets each connection when it is used again.
    private func racingOrigin() throws -> FakeOrigin {
        try FakeOrigin { connection in
            guard try connection.readRequest() != nil else { return }
            connection.respond()
            guard try connection.readRequest() != nil else { return }
            connection.reset()
        }
    }

    @Test(
        "the metrics of a query are told from its functions, labels and words",
        arguments: [
            ("up", ["up"]),
            (#"sum by (le) (rate(a_bucket{origin=~"x{y"}[5m])) / 2 > 0"#, ["a_bucket"]),
            ("a:b:rate5m offset 30m and on (job) b_total or on() vector(0)", ["a:b:rate5m", "b_total"]),
            (#"topk(10, c) or label_replace(vector(0), "x", "y", "", "")"#, ["c"]),
            ("time() - min(d{a=\"b\"}) > bool 1", ["d"]),
        ])
    func metricsOfQuery(query: String, expected: [String]) {
        #expect(QueryText.metrics(in: query) == Set(expected))
    }
}
