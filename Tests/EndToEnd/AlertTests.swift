import Foundation
import Glibc
import TestSupport
import Testing

/// The shipped rules and alerts in a real Prometheus that scrapes a real connd: an hour of theirs is a minute here.
@Suite struct AlertTests {
    private struct Alert: Hashable {
        let name: String
        let instance: String
        var origin = ""
    }

    private let prometheus: PrometheusServer
    private let state: StateFolder
    private let proxy: EventSource<RunningProxy>
    /// Asked like `steady`, until it closes each connection after one response.
    private let closing = EventSource(false)
    /// Answers at once, until it takes its time: a beat.
    private let slow = EventSource(false)
    /// Answers, until it resets connections when they are used again.
    private let racing = EventSource(false)

    init() throws {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../deploy/prometheus")
        let names = ["connd.rules.yml", "connd.alerts.yml"]
        let rules = try names.map { name in
            let text = try String(contentsOf: folder.appending(path: name), encoding: .utf8)
            return (name, DurationScaling.scaled(text, by: 60))
        }
        // 15 s of theirs.
        prometheus = try PrometheusServer(scrapeInterval: "250ms", rules: Dictionary(uniqueKeysWithValues: rules))
        state = try StateFolder()
        proxy = EventSource(try RunningProxy("settings: { max_queue: 100 }", state: state))
    }

    private func firing() throws -> Set<Alert> {
        Set(
            try prometheus.query(#"ALERTS{alertstate="firing"}"#).map {
                Alert(
                    name: $0.labels["alertname"] ?? "", instance: $0.labels["instance"] ?? "",
                    origin: $0.labels["origin"] ?? "")
            })
    }

    private func wait(beats count: Int) throws {
        let end = prometheus.beats.current + count
        // 4 beats a second, when there is time for them.
        try prometheus.beats.wait(for: "\(count) beats", within: 2 * count * 250 + TestTimeout.milliseconds) {
            $0 >= end
        }
    }

    /// What it scrapes as `name` goes away and comes back as another process with the same state.
    private func restart(
        _ name: String, _ proxy: EventSource<RunningProxy>, beside other: [String: String],
        ending: (RunningProxy) throws -> Void
    ) throws {
        // Discovery takes some seconds, which are as many minutes of theirs: connd would be down for as long.
        try prometheus.scrape(other)
        try prometheus.wait(for: "\(name) to be no target") {
            try $0.instances()
        } until: {
            !$0.contains(name)
        }
        let old = proxy.current
        try ending(old)
        let new = try RunningProxy(
            try String(contentsOfFile: old.configPath, encoding: .utf8), state: old.state)
        proxy.change { $0 = new }
        try prometheus.scrape(other.merging([name: new.adminURL]) { $1 })
    }

    private func closingOrigin() throws -> FakeOrigin {
        try FakeOrigin { [closing] connection in
            while try connection.readRequest() != nil {
                if closing.current { return connection.respond("200 OK", ["Connection: close"]) }
                connection.respond()
            }
        }
    }

    private func slowOrigin() throws -> FakeOrigin {
        try FakeOrigin { [slow, beats = prometheus.beats] connection in
            while try connection.readRequest() != nil {
                let beat = beats.current
                if slow.current { try beats.wait(for: "a beat") { $0 > beat } }
                connection.respond()
            }
        }
    }

    private func racingOrigin() throws -> FakeOrigin {
        try FakeOrigin { [racing] connection in
            var count = 0
            while try connection.readRequest() != nil {
                count += 1
                if racing.current, count > 1 { return connection.reset() }
                connection.respond()
            }
        }
    }

    private func holdDatabase() throws -> ChildProcess {
        let program = """
            import signal, sqlite3, sys
            connection = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30)
            connection.execute("BEGIN IMMEDIATE")
            print("held", flush=True)
            signal.pause()
            """
        let holder = try ChildProcess("python3", ["-c", program, state.database])
        try holder.wait(for: "the lock") { $0.outText == "held\n" || $0.hasEnded }
        return holder
    }

    /// What the load asks.
    private struct Origins {
        let steady: FakeOrigin
        let closing: FakeOrigin
        let slow: FakeOrigin
        let racing: FakeOrigin
    }

    @Test("a healthy hour is quiet, and each fault fires its alert, for what is at fault and nothing else")
    func hour() throws {
        let origins = Origins(
            steady: try FakeOrigin.answering(), closing: try closingOrigin(), slow: try slowOrigin(),
            racing: try racingOrigin())
        let other = EventSource(try RunningProxy(state: try StateFolder()))
        try prometheus.scrape(["web-1": proxy.current.adminURL, "web-2": other.current.adminURL])
        #expect(try ScriptedClient(other.current).get(origins.steady.url()).status == 200)
        // Asked once, and idle from then on.
        let idle = try FakeOrigin.answering()
        #expect(try ScriptedClient(proxy.current).get(idle.url()).status == 200)

        let port = EventSource(proxy.current.port)
        let load = PacedLoad(port: port, beats: prometheus.beats)
        defer { load.stop() }
        for origin in [origins.steady, origins.closing] { load.add(PacedLoad.asking(origin, 10)) }
        load.add(clients: 6, PacedLoad.asking(origins.slow, 1))
        load.add(PacedLoad.asking(origins.racing, 4, "POST"))
        try liveThroughQuietHour(port, beside: other)
        try expectQuietHour()

        let holder = try causeFaults(origins, other)
        try expectAlerts(of: origins)
        try expectReadableAnnotations()

        holder.signal(SIGKILL)
        try other.current.killAtOnce()
        try prometheus.wait(for: "ConndDown to fire, and the database to be well again") { _ in
            try firing()
        } until: {
            $0.contains(Alert(name: "ConndDown", instance: "web-2"))
                && !$0.contains(Alert(name: "ConndStoreFailing", instance: "web-1"))
        }
    }

    /// A new origin comes, settings change, and connd is restarted: none of it is a fault.
    private func liveThroughQuietHour(_ port: EventSource<UInt16>, beside other: EventSource<RunningProxy>) throws {
        try wait(beats: 60)
        let coming = PacedLoad(port: port, beats: prometheus.beats)
        let comes = try FakeOrigin.answering()
        coming.add(PacedLoad.asking(comes, 10))
        try "settings: { max_queue: 200, max_lifetime: 10m }"
            .write(toFile: proxy.current.configPath, atomically: true, encoding: .utf8)
        #expect(try proxy.current.connctl("reload").exitCode == 0)
        try wait(beats: 40)
        coming.stop()
        try restart("web-1", proxy, beside: ["web-2": other.current.adminURL]) {
            $0.terminate()
            try $0.waitForEnd()
        }
        port.change { $0 = proxy.current.port }
        try wait(beats: 140)
    }

    /// Returns what holds the database.
    private func causeFaults(_ origins: Origins, _ other: EventSource<RunningProxy>) throws -> ChildProcess {
        closing.change { $0 = true }
        try proxy.current.connctl("set", origins.slow.name, "max_connections=1")
        slow.change { $0 = true }
        racing.change { $0 = true }
        let holder = try holdDatabase()
        try restart("web-2", other, beside: ["web-1": proxy.current.adminURL]) {
            try $0.killAtOnce()
            // As the unit's ExecStopPost leaves it.
            let folder = try #require($0.state).path + "/connd"
            try "watchdog killed ABRT\n".write(toFile: "\(folder)/last-end", atomically: true, encoding: .utf8)
        }
        return holder
    }

    private func expectAlerts(of origins: Origins) throws {
        let due: Set<Alert> = [
            Alert(name: "ConndReuseCollapsed", instance: "web-1", origin: origins.closing.name),
            Alert(name: "ConndQueueWaiting", instance: "web-1", origin: origins.slow.name),
            Alert(name: "ConndStaleReuseSurfacing", instance: "web-1", origin: origins.racing.name),
            Alert(name: "ConndStoreFailing", instance: "web-1"),
            Alert(name: "ConndWatchdogRestarts", instance: "web-2"),
        ]
        try prometheus.wait(for: "the alerts \(due)", within: 2 * TestTimeout.milliseconds) { _ in
            try firing()
        } until: {
            $0.isSuperset(of: due)
        }
        // Half of what the racing origin is asked for fails, which is told too.
        let related = Alert(name: "ConndErrorsHigh", instance: "web-1", origin: origins.racing.name)
        let reuse = Alert(name: "ConndReuseCollapsed", instance: "web-1", origin: origins.racing.name)
        #expect(try firing().subtracting(due).subtracting([related, reuse]).isEmpty)
    }

    private func expectQuietHour() throws {
        let fired = try prometheus.query(#"count_over_time(ALERTS{alertstate="firing"}[10m])"#)
        #expect(fired.isEmpty, "\(fired)")
        // It could have fired: every rule was evaluated without an error, and there was something to compare.
        let rules = try prometheus.get("/api/v1/rules")["groups"].items.flatMap { $0["rules"].items }
        #expect(rules.count >= 20)
        for rule in rules { #expect(rule["health"].text == "ok", "\(rule)") }
        let compared = try prometheus.query("origin:connd_reuse:ratio5m > 0.9 and origin:connd_reuse:ratio1d > 0.9")
        #expect(compared.count >= 4, "\(compared)")
        #expect(try prometheus.query(#"up{job="connd"} == 1"#).count == 2)
    }

    private func expectReadableAnnotations() throws {
        let alerts = try prometheus.get("/api/v1/alerts")["alerts"].items
        #expect(alerts.count >= 5)
        for alert in alerts {
            for text in alert["annotations"].members.values.map({ $0.text ?? "" }) {
                #expect(!text.isEmpty && !text.contains("<no value>") && !text.contains("error expanding"), "\(text)")
                #expect(!text.contains("{{"), "\(text)")
            }
        }
    }
}
