import AdminClient
import AdminModels
import ArgumentParser

struct PortsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ports",
        abstract: "Shows how many local ports are left for connections to origins, and how long they last.",
        discussion: """
            connctl ports
            connctl ports --watch
            connctl ports -o wide                     with the origins behind each destination

            Each connection from one address to one address and port needs a local port of its own, also for a minute after \
            its end where this side closed it (TIME_WAIT). The connections of all programs of the host count. When few ports \
            are left, connd lets requests wait for the connections that it has rather than open more.

            USED also counts the ports on which something listens, and leaves out what may be taken from TIME_WAIT. \
            NEW/S and WAITS/S are connections a second, opened and gone into TIME_WAIT. STATE is ample, running out \
            (none is left within minutes) or short.

            What helps: longer-lived connections (connctl conns --state closed shows why they were closed), a wider \
            range (sysctl net.ipv4.ip_local_port_range), or more addresses to connect from (connctl set ORIGIN \
            source_address=...).
            """)

    @Flag(help: "Show it live; q quits. Without a terminal it prints and exits.")
    var watch = false

    @Option(help: ArgumentHelp("With --watch: seconds between updates, 1 to 3600.", valueName: "seconds"))
    var interval = 1

    @Option(
        help: ArgumentHelp(
            "With --watch: exit after this many updates. Default without a terminal: 1.", valueName: "count"))
    var count: Int?

    @OptionGroup var global: GlobalOptions

    func validate() throws {
        guard (1...3600).contains(interval) else { throw ValidationError("--interval must be 1 to 3600 seconds.") }
        if let count, count < 1 { throw ValidationError("--count must be 1 or more.") }
        guard watch || count == nil && interval == 1 else {
            throw ValidationError("--interval and --count are for --watch: connctl ports --watch --interval 5")
        }
    }

    mutating func run() async throws {
        let (watch, interval, count) = (watch, interval, count)
        try await Session.run(global) { session in
            let (client, output) = (session.client, session.output)
            guard watch else {
                let answer = try await client.ports()
                if output.isJSON { return output.json(answer.body) }
                let report = answer.content
                output.lines(
                    PortsText.lines(report, isWide: output.isWide)(
                        output.width, output.screen.hasColor, output.screen.hasUnicode))
                return
            }
            guard !output.isJSON else {
                throw CommandFailure(
                    "ports --watch has no JSON", status: .usage, next: ["connctl ports -o json    repeatedly"])
            }
            let isWide = output.isWide
            let view = LiveView(output: output, interval: interval) { () throws(AdminFailure) in
                PortsText.lines(try await client.ports().content, isWide: isWide)
            }
            try await view.run(count: count)
        }
    }
}

/// Local ports as text. Pure.
enum PortsText {
    static func lines(_ report: PortsReport, isWide: Bool) -> LiveView.Drawing {
        { columns, color, unicode in
            let heading = heading(report).map { line in
                columns.map { DisplayWidth.cut(line, to: $0, sign: unicode ? "…" : "~") } ?? line
            }
            guard !report.paths.isEmpty else {
                return heading + ["", "No connection to an origin now, and none within two minutes."]
            }
            let more = report.omitted > 0 ? ["… and \(report.omitted) more with more ports left"] : []
            return heading + [""] + table(report, isWide: isWide).lines(width: columns, color: color, unicode: unicode)
                + more
        }
    }

    static func heading(_ report: PortsReport) -> [String] {
        var range = "\(Formatting.count(report.usable)) local ports (\(report.rangeFirst)-\(report.rangeLast)"
        if report.reserved > 0 { range += ", \(Formatting.count(report.reserved)) reserved" }
        range += ") for each path; fewer than \(Formatting.count(report.few)) free are few"
        var lines = [range]
        switch report.timeWaitReuse {
        case "always": lines.append("TIME_WAIT keeps a port for 1s (net.ipv4.tcp_tw_reuse)")
        case "on_loopback": lines.append("TIME_WAIT keeps a port for 60s, on loopback for 1s (net.ipv4.tcp_tw_reuse)")
        default: lines.append("TIME_WAIT keeps a port for 60s (net.ipv4.tcp_tw_reuse)")
        }
        if report.dialsWithoutPort > 0 {
            lines.append(
                "! \(Formatting.plural(report.dialsWithoutPort, "dial")) found no port since connd was started")
        }
        return lines
    }

    static func table(_ report: PortsReport, isWide: Bool) -> Table {
        var columns: [Table.Column] = [
            .flexible("FROM"), .flexible("TO"), .number("OPEN"), .number("TIME_WAIT"), .number("USED"), .number("FREE"),
            .number("NEW/S"), .number("NONE LEFT IN"), "STATE",
        ]
        if isWide { columns += [.number("WAITS/S"), .flexible("ORIGINS")] }
        var table = Table(columns)
        for path in report.paths {
            let style = style(path)
            var cells: [Table.Cell] = [
                .init(path.source), .init(path.destination), .init(Formatting.count(path.open)),
                .init(Formatting.count(path.timeWait)), .init(Formatting.count(path.used)),
                .init(Formatting.count(path.free), style), .init(Formatting.short(path.newPerSecond)),
                .init(path.exhaustion ?? "", style), .init(word(path), style),
            ]
            if isWide {
                cells += [
                    .init(Formatting.short(path.timeWaitPerSecond)), .init(path.origins.joined(separator: ", ")),
                ]
            }
            table.add(cells)
        }
        return table
    }

    private static func word(_ path: PortPathReport) -> String {
        path.state == "running_out" ? "running out" : path.state
    }

    private static func style(_ path: PortPathReport) -> TextStyle {
        switch path.state {
        case "short": .bad
        case "running_out": .warning
        default: .plain
        }
    }
}
