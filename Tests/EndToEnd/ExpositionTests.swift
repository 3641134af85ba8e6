import Foundation
import TestSupport
import Testing

@Suite struct ExpositionTests {
    @Test("promtool finds nothing to say about /metrics after all kinds of traffic")
    func promtool() throws {
        let origin = try FakeOrigin { connection in
            while let request = try connection.readRequest() {
                if request.target == "/cut" {
                    return connection.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
                }
                connection.respond(request.method == "POST" ? "500 No" : "200 OK", body: "hello")
            }
        }
        let refusing = try RefusingPort()
        let proxy = try RunningProxy("proxy: { connect_ports: any }", state: try StateFolder())
        let client = try ScriptedClient(proxy)
        for number in 0..<20 { #expect(try client.get(origin.url("/\(number)")).status == 200) }
        try client.send("POST", origin.url(), body: "data")
        #expect(try client.response().status == 500)
        #expect(try client.get(refusing.url).status == 502)
        #expect(throws: IncompleteMessage.self) { try client.get(origin.url("/cut")) }
        let tunnel = try ScriptedClient(proxy)
        try tunnel.send("CONNECT \(origin.authority) HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(try tunnel.response(to: "CONNECT").status == 200)
        try proxy.connctl("set", origin.name, "max_queue=3", "--try", "10m")
        let page = try proxy.curl("GET", "/metrics")
        #expect(page.fields["content-type"]?.hasPrefix("text/plain; version=0.0.4") == true)
        let check = try Subprocess.run("promtool", ["check", "metrics"], input: page.body)
        #expect(check.exitCode == 0 && check.output.isEmpty && check.errors.isEmpty, "\(check)")
        let lines = page.body.split(separator: "\n")
        #expect(lines.contains { $0 == "connd_leases_total{origin=\"\(origin.name)\"} 22" })
    }

    @Test("a real Prometheus scrapes it, and a query gives the reuse ratio of an origin")
    func prometheus() throws {
        let origin = try FakeOrigin.answering()
        let proxy = try RunningProxy(state: try StateFolder())
        let client = try ScriptedClient(proxy)
        for _ in 0..<4 { #expect(try client.get(origin.url()).status == 200) }
        let folder = try ScratchFolder()
        let target = proxy.adminURL.replacingOccurrences(of: "http://", with: "")
        let config = try folder.write(
            "prometheus.yml",
            """
            global: { scrape_interval: 250ms, scrape_timeout: 250ms }
            scrape_configs:
              - job_name: connd
                static_configs: [ { targets: ["\(target)"] } ]
            """)
        let prometheus = try ChildProcess(
            "prometheus",
            [
                "--config.file=\(config)", "--storage.tsdb.path=\(folder.path)/data",
                "--web.listen-address=127.0.0.1:0",
                "--log.format=logfmt",
            ])
        let marker = #"msg="Listening on" address="#
        let started = try prometheus.wait(for: "Prometheus to listen") { $0.errText.contains(marker) || $0.hasEnded }
        let line = try #require(started.errText.split(separator: "\n").first { $0.contains(marker) }, "\(started)")
        let address = try #require(line.firstRange(of: marker).map { line[$0.upperBound...].prefix { $0 != " " } })

        /// One value, or nil where there is none yet.
        func query(_ text: String) throws -> Double? {
            let run = try Subprocess.run(
                "curl",
                [
                    "-sS", "--max-time", "10", "--get", "--data-urlencode", "query=\(text)",
                    "http://\(address)/api/v1/query",
                ])
            let result = (try? JSONDocument(parsing: run.output))?["data"]["result"][0]["value"][1].text
            return result.flatMap(Double.init)
        }
        func wait(for what: String, _ text: String, _ rule: (Double) -> Bool) throws {
            try proxy.wait(for: what) { _ in
                // What the rate is of goes on.
                #expect(try client.get(origin.url()).status == 200)
                return try query(text)
            } until: {
                $0.map(rule) == true
            }
        }
        let labels = #"{origin="\#(origin.name)"}"#
        try wait(for: "the ratio since the start", "connd_reuse_ratio\(labels)") { $0 >= 0.75 && $0 < 1 }
        // All that happens between two scrapes reuses the connection.
        try wait(
            for: "the ratio of late",
            "rate(connd_leases_reused_total\(labels)[2s]) / rate(connd_leases_total\(labels)[2s])"
        ) { $0 > 0.75 && $0 <= 1 }
        #expect(try query("up") == 1)
    }
}
