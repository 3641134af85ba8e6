import AdminClient
import AdminModels

/// Examinations as text. Pure, but for `show`.
enum DoctorText {
    static func show(_ answer: AdminAnswer<DoctorReport>, in output: Output) {
        if output.isJSON { return output.json(answer.body) }
        let report = answer.content
        output.line(heading(report), .bold)
        output.lines([""])
        output.lines(findings(report, width: output.width, color: output.screen.hasColor))
        guard !report.remarks.isEmpty else { return }
        output.lines([""])
        for remark in report.remarks {
            output.line("\(mark(remark, unicode: output.screen.hasUnicode)) \(remark.text)", style(remark))
            if let setting = remark.setting { output.line("    connctl set \(report.origin) \(setting)", .dim) }
        }
    }

    static func heading(_ report: DoctorReport) -> String {
        let used =
            "\(Formatting.plural(report.requests, "request")) on \(Formatting.plural(report.connections, "connection"))"
        switch report.state {
        case "running": return "\(report.origin) is being examined: \(used) so far"
        case "stopped": return "\(report.origin): stopped (\(report.stoppedBecause ?? "")) after \(used)"
        case "unreachable": return "\(report.origin) cannot be reached"
        default: return "\(report.origin): \(used)"
        }
    }

    /// Each beside its name, in as many lines as it takes.
    static func findings(_ report: DoctorReport, width: Int?, color: Bool) -> [String] {
        let labels = report.findings.map { label(SafeText.line($0.name)) }
        let column = (labels.map(\.count).max() ?? 0) + Table.gap
        return zip(labels, report.findings).flatMap { label, finding in
            wrapped(SafeText.line(finding.text), to: width.map { max($0 - column, leastWidth) }).enumerated().map {
                let heading = $0.offset == 0 ? label : ""
                let style = finding.measured ? style(finding) : .dim
                return heading + String(repeating: " ", count: column - heading.count)
                    + style.apply($0.element, color: color)
            }
        }
    }

    private static let leastWidth = 30

    /// Between words. Nil: one line.
    static func wrapped(_ text: String, to width: Int?) -> [String] {
        guard let width else { return [text] }
        var lines = [""]
        for word in text.split(separator: " ") {
            let last = lines[lines.count - 1]
            if last.isEmpty {
                lines[lines.count - 1] = String(word)
            } else if last.count + 1 + word.count <= width {
                lines[lines.count - 1] = last + " " + word
            } else {
                lines.append(String(word))
            }
        }
        return lines
    }

    private static func label(_ name: String) -> String {
        switch name {
        case "contact": "answer"
        case "persistence_http11": "kept, HTTP/1.1"
        case "persistence_http10": "kept, HTTP/1.0"
        case "keep_alive_hints": "Keep-Alive field"
        case "idle_limit": "idle limit"
        case "max_requests": "requests each"
        case "half_close": "half-close"
        case "expect_continue": "100-continue"
        case "tls_resumption": "TLS sessions"
        case "delayed_ack": "acknowledgement"
        default: name
        }
    }

    static func progress(_ report: DoctorReport) -> String {
        var parts: [String] = []
        if let doing = report.doing { parts.append("measuring \(label(doing))") }
        if report.idleConnections > 0 {
            let rest = report.doing == nil ? "" : "also "
            let connections = Formatting.plural(report.idleConnections, "idle connection")
            parts.append("\(rest)watching \(connections) for \(report.idleFor) of \(report.wait)")
        }
        let line = parts.isEmpty ? "connecting" : parts.joined(separator: "; ")
        return "\(line) (\(Formatting.plural(report.requests, "request")))"
    }

    /// When another line is worth it where lines cannot be written over. Value.
    struct LinePace {
        private var doing: String?
        private var mostIdle = 0
        private var idleSaid: Int64 = 0

        /// Milliseconds, while only idle connections are watched.
        private static let pause: Int64 = 15_000

        mutating func isDue(_ report: DoctorReport) -> Bool {
            let isNew = report.doing != nil && report.doing != doing || report.idleConnections > mostIdle
            guard isNew || report.idleForMs - idleSaid >= Self.pause else { return false }
            (doing, mostIdle) = (report.doing, max(mostIdle, report.idleConnections))
            idleSaid = report.idleForMs
            return true
        }
    }

    static func checkEnd(_ report: DoctorReport) throws(CommandFailure) {
        switch report.state {
        case "unreachable":
            let why = report.findings.first?.text ?? "it did not answer"
            throw CommandFailure(
                "\(report.origin) cannot be examined: \(why)",
                next: ["connctl explain \(report.origin)    shows what became of requests to it"])
        case "stopped":
            throw CommandFailure(
                "the examination of \(report.origin) was stopped: \(report.stoppedBecause ?? "")",
                next: ["connctl doctor \(report.origin)    when it is less busy"])
        default: break
        }
    }

    private static func mark(_ remark: RemarkReport, unicode: Bool) -> String {
        switch remark.kind {
        case "agrees": unicode ? "✓" : "ok:"
        case "warns": "!"
        default: unicode ? "→" : "->"
        }
    }

    private static func style(_ remark: RemarkReport) -> TextStyle {
        switch remark.kind {
        case "agrees": .good
        case "warns": .warning
        default: .plain
        }
    }

    private static func style(_ finding: FindingReport) -> TextStyle {
        switch finding.verdict {
        case "closes_unannounced", "path_forgets", "sometimes_closes": .warning
        default: .plain
        }
    }
}
