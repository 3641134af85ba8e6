import AdminClient
import AdminModels
import ArgumentParser

struct HistoryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "history",
        abstract: "Shows the figures of one origin, or of all together, over time.",
        discussion: """
            connctl history example.com
            connctl history --all --since 2d
            connctl history example.com --field first_byte_p99 --field errors
            """)

    @Argument(help: "An origin.", completion: .custom(Completion.origins))
    var origin: String?

    @Flag(help: "All origins together.")
    var all = false

    @Option(help: ArgumentHelp("How far back: 90s, 15m, 1h, 2d, up to 400d.", valueName: "duration"))
    var since = "1h"

    @Option(
        help: ArgumentHelp(
            "Only this field: \(HistoryField.allCases.map(\.rawValue).joined(separator: ", ")). May be repeated.",
            valueName: "field"))
    var field: [HistoryField] = []

    @OptionGroup var global: GlobalOptions

    func validate() throws {
        guard SinceText.milliseconds(since) != nil else {
            throw ValidationError("--since must be a duration such as 90s, 15m, 1h or 2d, not '\(since)'.")
        }
        guard all || origin != nil else { throw ValidationError("Give an origin or --all.") }
        guard !all || origin == nil else { throw ValidationError("Give an origin or --all, not both.") }
    }

    mutating func run() async throws {
        let (text, isAll) = (origin, all || origin.map { OriginName.isAll($0) } == true)
        let fields = field.isEmpty ? HistoryField.usual : field
        let span = SinceText.milliseconds(since) ?? 3_600_000
        try await Session.run(global) { session in
            var query = HistoryQuery()
            if let text, !isAll { query.origin = try await session.origin(text) }
            let output = session.output
            query.to = session.now
            query.from = session.now - span
            query.points = output.isJSON ? query.points : HistoryText.points(columns: output.width ?? 100)
            let answer = try await session.client.history(query)
            if output.isJSON { return output.json(answer.body) }
            let history = answer.content
            output.line(
                "\(history.origin ?? "all origins"), \(Formatting.time(history.from)) to \(Formatting.time(history.to)), "
                    + "\(history.step) per point", .bold)
            guard !history.points.isEmpty else { return output.line("No traffic in that time: try a longer --since.") }
            output.lines(
                HistoryText.lines(
                    history, fields: output.isWide ? HistoryField.allCases : fields,
                    unicode: output.screen.hasUnicode, color: output.screen.hasColor))
        }
    }
}

/// The values of a point of history that can be drawn.
enum HistoryField: String, CaseIterable, ExpressibleByArgument, Sendable {
    case requests, errors, reuse, opened, closed, retries, waiting, active, connections, sent, received
    case queueP50 = "queue_p50"
    case queueP99 = "queue_p99"
    case firstByteP50 = "first_byte_p50"
    case firstByteP99 = "first_byte_p99"
    case totalP50 = "total_p50"
    case totalP99 = "total_p99"
    /// The round trip as the kernel measures it.
    case rttP50 = "rtt_p50"
    case rttP99 = "rtt_p99"

    static let usual: [HistoryField] = [
        .requests, .errors, .reuse, .firstByteP50, .firstByteP99, .queueP99, .connections,
    ]

    /// Nil if unknown for that point. Counts are per second.
    func value(_ point: HistoryPoint, seconds: Double) -> Double? {
        switch self {
        case .requests: Double(point.requests) / seconds
        case .errors: Double(point.errors)
        case .reuse: point.reuseRatio
        case .opened: Double(point.opened)
        case .closed: Double(point.closed)
        case .retries: Double(point.retries)
        case .waiting: Double(point.waitingMax)
        case .active: Double(point.activeMax)
        case .connections: Double(point.connectionsMax)
        case .sent: Double(point.bytesSent) / seconds
        case .received: Double(point.bytesReceived) / seconds
        case .queueP50: point.queueP50Ms
        case .queueP99: point.queueP99Ms
        case .firstByteP50: point.firstByteP50Ms
        case .firstByteP99: point.firstByteP99Ms
        case .totalP50: point.totalP50Ms
        case .totalP99: point.totalP99Ms
        case .rttP50: point.rttP50Ms
        case .rttP99: point.rttP99Ms
        }
    }

    /// The value of a step without traffic.
    var quiet: Double? {
        switch self {
        case .requests, .errors, .opened, .closed, .retries, .sent, .received: 0
        default: nil
        }
    }

    func text(_ value: Double) -> String {
        switch self {
        case .requests: Formatting.short(value) + "/s"
        case .errors, .opened, .closed, .retries, .waiting, .active, .connections: Formatting.short(value)
        case .reuse: Formatting.share(value)
        case .sent, .received: Formatting.size(Int(value)) + "/s"
        case .queueP50, .queueP99, .firstByteP50, .firstByteP99, .totalP50, .totalP99, .rttP50, .rttP99:
            Formatting.duration(ms: value)
        }
    }
}

/// History as sparklines, each with its minimum, maximum and latest value. Pure.
enum HistoryText {
    private static let columnsBeside = 52
    private static let mostSteps = 240

    static func points(columns: Int) -> Int {
        min(max(columns - columnsBeside, 20), 120)
    }

    static func lines(_ history: HistoryReport, fields: [HistoryField], unicode: Bool, color: Bool) -> [String] {
        var table = Table([
            "FIELD", .init(title: "OVER TIME"), .number("MIN"), .number("MAX"), .number("LAST"),
        ])
        for field in fields {
            let values = series(history, field)
            let known = values.compactMap { $0 }
            table.add([
                .init(field.rawValue), .init(Sparkline.draw(values, unicode: unicode)),
                .init(known.min().map { field.text($0) } ?? Formatting.none),
                .init(known.max().map { field.text($0) } ?? Formatting.none),
                .init(known.last.map { field.text($0) } ?? Formatting.none),
            ])
        }
        return table.lines(width: nil, color: color, unicode: unicode)
    }

    /// One value per step between the ends of the history. A missing step had no traffic, except for the last, which is
    /// not over yet.
    static func series(_ history: HistoryReport, _ field: HistoryField) -> [Double?] {
        let step = max(history.stepMs, 1)
        let seconds = Double(step) / 1000
        let first = min(history.fromMs, history.points.first?.timeMs ?? history.fromMs)
        let last = max(history.toMs - step, history.points.last?.timeMs ?? first)
        let count = Int(min(max((last - first) / step + 1, 1), Int64(mostSteps)))
        var values = [Double?](repeating: field.quiet, count: count)
        for point in history.points {
            let index = Int((point.timeMs - first) / step)
            if values.indices.contains(index) { values[index] = field.value(point, seconds: seconds) }
        }
        return values
    }
}

/// `90s`, `15m`, `1h`, `2d`. Pure.
enum SinceText {
    private static let units: [Character: Int64] = ["s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000]
    private static let longest: Int64 = 400 * 86_400_000

    static func milliseconds(_ text: String) -> Int64? {
        guard let unit = text.last.flatMap({ units[$0] }), let count = Int64(text.dropLast()), count > 0,
            count <= longest / unit
        else { return nil }
        return count * unit
    }
}
