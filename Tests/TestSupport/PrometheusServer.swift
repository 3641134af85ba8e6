import Foundation

/// A Prometheus for one test, on a port that the kernel chose, with targets that can change. It also scrapes a
/// metronome, which tells the test when a scrape happens. Killed when released. Shared.
package final class PrometheusServer: Sendable {
    /// One series of an answer, with the value that it has. Value.
    package struct Sample: Sendable {
        package let labels: [String: String]
        package let value: Double
    }

    /// The number of scrapes so far.
    package let beats: EventSource<Int>
    private let process: ChildProcess
    private let port: UInt16
    private let folder: ScratchFolder
    private let metronome: FakeOrigin

    /// `rules`: files by name. The targets' job is connd.
    package init(scrapeInterval: String, rules: [String: String] = [:]) throws {
        let beats = EventSource(0)
        self.beats = beats
        metronome = try FakeOrigin { connection in
            while try connection.readRequest() != nil {
                let beat = beats.change { beats in
                    beats += 1
                    return beats
                }
                connection.respond(["Content-Type: text/plain; version=0.0.4"], body: "metronome_beats \(beat)\n")
            }
        }
        folder = try ScratchFolder()
        try folder.write("targets.json", "[]")
        for (name, text) in rules { try folder.write(name, text) }
        let config = try folder.write(
            "prometheus.yml",
            """
            global: { scrape_interval: \(scrapeInterval), scrape_timeout: \(scrapeInterval) }
            rule_files: \(rules.keys.sorted())
            scrape_configs:
              - job_name: connd
                file_sd_configs: [ { files: [targets.json] } ]
              - job_name: metronome
                static_configs: [ { targets: ["\(metronome.authority)"] } ]
            """)
        // Results must not include samples of the last 5 minutes.
        process = try ChildProcess(
            "prometheus",
            [
                "--config.file=\(config)", "--storage.tsdb.path=\(folder.path)/data", "--query.lookback-delta=5s",
                "--web.listen-address=127.0.0.1:0", "--log.format=logfmt",
            ])
        let marker = #"msg="Listening on" address="#
        let ready = #"msg="Server is ready to receive web requests."#
        let started = try process.wait(for: "Prometheus to be ready") { $0.errText.contains(ready) || $0.hasEnded }
        let line = started.errText.split(separator: "\n").first { $0.contains(marker) }
        let address = line.flatMap { line in line.firstRange(of: marker).map { line[$0.upperBound...] } }
        guard let port = address?.prefix(while: { $0 != " " }).split(separator: ":").last.flatMap({ UInt16($0) }) else {
            throw TestFailure("Prometheus did not start: \(started)")
        }
        self.port = port
    }

    /// Sets the targets, which it scrapes shortly after: admin addresses by the value of `instance`.
    package func scrape(_ targets: [String: String]) throws {
        let groups = targets.map { instance, url in
            let address = url.replacingOccurrences(of: "http://", with: "")
            return #"{ "targets": ["\#(address)"], "labels": { "instance": "\#(instance)" } }"#
        }
        try folder.write("targets.json", "[\(groups.joined(separator: ", "))]")
    }

    /// The targets that it scrapes now.
    package func instances() throws -> Set<String> {
        Set(try get("/api/v1/targets?state=active")["activeTargets"].items.compactMap { $0["labels"]["instance"].text })
    }

    package func get(_ path: String) throws -> JSONDocument {
        let client = try ScriptedClient(port: port)
        try client.send("GET \(path) HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\nConnection: close\r\n\r\n")
        let answer = try JSONDocument(parsing: try client.response().text)
        guard answer["status"].text == "success" else { throw TestFailure("GET \(path): \(answer)") }
        return answer["data"]
    }

    /// The current result of a query.
    package func query(_ text: String) throws -> [Sample] {
        try get("/api/v1/query?query=\(RunningProxy.segment(text))")["result"].items.map { series in
            guard let value = series["value"][1].text.flatMap(Double.init) else {
                throw TestFailure("\(text) gives no vector: \(series)")
            }
            return Sample(labels: series["metric"].members.compactMapValues(\.text), value: value)
        }
    }

    /// Repeats a query at each scrape until `rule` holds for the result.
    @discardableResult
    package func wait<Found>(
        for what: String, within milliseconds: Int = TestTimeout.milliseconds,
        _ look: (PrometheusServer) throws -> Found, until rule: (Found) -> Bool
    ) throws -> Found {
        let deadline = Date(timeIntervalSinceNow: Double(milliseconds) / 1000)
        while true {
            let beat = beats.current
            let found = try look(self)
            if rule(found) { return found }
            guard Date() < deadline else { throw TestFailure("waited in vain for \(what); it stands at: \(found)") }
            try beats.wait(for: "a scrape") { $0 > beat }
        }
    }
}
