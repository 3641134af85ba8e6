import ConfigurationFile
import ForwardProxy
import Logging
import Synchronization

#if canImport(Glibc)
    import Glibc
#endif

/// The least severe messages that are shown. Shared.
final class LogThreshold: Sendable {
    private let level: Mutex<Logger.Level>

    init(_ level: LogLevel) {
        self.level = Mutex(Logger.Level(rawValue: level.rawValue) ?? .info)
    }

    var current: Logger.Level { level.withLock { $0 } }

    func set(_ new: LogLevel) { level.withLock { $0 = Logger.Level(rawValue: new.rawValue) ?? .info } }
}

/// Writes log lines to standard error, one write each so that lines never mix: as text for people, as JSON for programs, or
/// with the priority that journald reads off a line's head. Shared.
struct LogOutput: LogHandler {
    var metadata: Logger.Metadata = [:]
    private let format: LogFormat
    private let threshold: LogThreshold

    init(_ format: LogFormat, _ threshold: LogThreshold) {
        self.format = format
        self.threshold = threshold
    }

    /// All copies have the daemon's: it may change while it runs.
    var logLevel: Logger.Level {
        get { threshold.current }
        set {}
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let all = event.metadata.map { metadata.merging($0) { $1 } } ?? metadata
        let pairs = all.sorted { $0.key < $1.key }.map { ($0.key, "\($0.value)") }
        var line: String
        switch format {
        case .text:
            line = "\(Self.timestamp()) \(event.level) \(event.message)"
            for (key, value) in pairs { line += " \(key)=\(value.contains(" ") ? "\"\(value)\"" : value)" }
        case .journald:
            line = "<\(Self.priority(event.level))>\(event.message)"
            for (key, value) in pairs { line += " \(key)=\(value)" }
        case .json:
            line =
                "{\"time\":\"\(Self.timestamp())\",\"level\":\"\(event.level)\",\"message\":\(Self.quoted("\(event.message)"))"
            for (key, value) in pairs { line += ",\(Self.quoted(key)):\(Self.quoted(value))" }
            line += "}"
        }
        line += "\n"
        _ = line.withUTF8 { write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }

    private static func timestamp() -> String {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return HTTPDate.timestamp(milliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
    }

    /// syslog(3)'s numbers.
    private static func priority(_ level: Logger.Level) -> Int {
        switch level {
        case .trace, .debug: 7
        case .info: 6
        case .notice: 5
        case .warning: 4
        case .error: 3
        case .critical: 2
        }
    }

    private static func quoted(_ text: String) -> String {
        var out = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": out += "\\\(scalar)"
            case "\n": out += "\\n"
            case "\u{0}"..."\u{1F}": out += " "
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out + "\""
    }
}
