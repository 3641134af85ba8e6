import Foundation
import TestSupport
import Testing

/// The rules and alerts that connd is shipped with, without a connd.
@Suite struct AlertRuleTests {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../../deploy/prometheus").path

    private func file(_ name: String) throws -> String {
        try String(contentsOfFile: "\(Self.folder)/\(name)", encoding: .utf8)
    }

    @Test(
        "promtool finds nothing to say against what is shipped",
        arguments: [["rules", "connd.rules.yml", "connd.alerts.yml"], ["config", "connd.scrape.yml"]])
    func check(arguments: [String]) throws {
        let run = try Subprocess.run("promtool", ["check"] + arguments, directory: Self.folder)
        #expect(run.exitCode == 0 && !run.output.contains("FAILED"), "\(run)")
    }

    @Test("in simulation each alert fires on its series, not before its time, and none in healthy hours")
    func simulation() throws {
        let run = try Subprocess.run("promtool", ["test", "rules", "connd.tests.yml"], directory: Self.folder)
        #expect(run.exitCode == 0 && run.output.contains("SUCCESS"), "\(run)")
        let tests = try file("connd.tests.yml")
        let alerts = try alerts()
        #expect(alerts.count >= 10)
        for alert in alerts.map(\.name) {
            #expect(tests.contains("alertname=\"\(alert)\"") || tests.contains("alertname: \(alert)"), "\(alert)")
        }
    }

    private func alerts() throws -> [(name: Substring, text: Substring)] {
        try file("connd.alerts.yml").split(separator: "- alert: ").dropFirst().map {
            ($0.prefix { $0 != "\n" }, $0[...])
        }
    }

    @Test("each alert has a severity and says which command to begin with, one that connctl has")
    func commands() throws {
        let help = try Subprocess.run(try RunningProxy.binary("connctl"), ["help"])
        let verbs = Set(help.output.matches(of: #/\n  ([a-z]+)  /#).map { String($0.1) })
        #expect(verbs.contains("status"))
        for alert in try alerts() {
            #expect(alert.text.contains(#/severity: (critical|warning|info) /#), "\(alert.name)")
            let named = alert.text.matches(of: /`connctl\s+([a-z]+)/).map { String($0.1) }
            #expect(!named.isEmpty && named.allSatisfy(verbs.contains), "\(alert.name): \(named)")
        }
    }

    @Test(
        "durations become shorter where they are durations, and nowhere else",
        arguments: [
            ("    for: 5m", "    for: 5s"),
            ("  interval: 1m", "  interval: 1s"),
            ("  interval: 15s", "  interval: 250ms"),
            ("expr: rate(a[5m]) / rate(b[90m])", "expr: rate(a[5s]) / rate(b[90s])"),
            ("x:rate5m[1d] offset 30m) > 5", "x:rate5m[1440s] offset 30s) > 5"),
            ("`connctl set … --try 10m`", "`connctl set … --try 10m`"),
            ("waited for: 5m and more", "waited for: 5m and more"),
            ("record: origin:a:rate5m", "record: origin:a:rate5m"),
            ("{{ $labels.a }} [5]", "{{ $labels.a }} [5]"),
        ])
    func scaling(line: String, expected: String) {
        #expect(DurationScaling.scaled(line, by: 60) == expected)
        #expect(DurationScaling.scaled("a\n\(line)\n", by: 60) == "a\n\(expected)\n")
    }

    @Test("shorter by a factor, the shipped rules are still rules")
    func scaledRules() throws {
        let folder = try ScratchFolder()
        for name in ["connd.rules.yml", "connd.alerts.yml"] {
            let scaled = DurationScaling.scaled(try file(name), by: 60)
            // No range, offset or `for` is left that lasts a minute.
            #expect(!scaled.contains(/(\[|offset |for: |interval: )[0-9]+[mhd]\b/))
            let run = try Subprocess.run("promtool", ["check", "rules", try folder.write(name, scaled)])
            #expect(run.exitCode == 0, "\(run)")
        }
    }
}
