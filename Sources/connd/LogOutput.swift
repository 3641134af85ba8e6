import ConfigurationFile
import ForwardProxy
import Logging
import ProcessOutput
import ProxyTypes
import Reactor
import Synchronization
import Systemd

#if canImport(Glibc)
    import Glibc
#endif

/// The destination and level of log messages. Shared; may change with a reload.
final class LogTarget: Sendable {
    /// Writes to standard error on a separate thread: a reader that hangs must not block whoever logs.
    let standardError: LineWriter
    let losses = LossTally()

    enum Form: Sendable {
        case text, json
        /// With the priority prefix that journald understands.
        case prefixed
        case journal(Journal)
    }

    private struct State {
        var level: Logger.Level
        var form: Form
    }

    /// Shared with the writer, which reports lost lines in the current form.
    private final class Shared: Sendable {
        let state: Mutex<State>

        init(_ state: State) { self.state = Mutex(state) }

        var current: State { state.withLock { $0 } }
    }

    private let shared: Shared
    private let environment: [String: String]

    /// The limit of one batch; a `LineQueue` holds up to two.
    private static let limit = LineLimit(bytes: 512 * 1024, lines: 8192)
    /// How long to wait at exit for the last lines.
    private static let flushTimeout = Interval.seconds(1)

    init(_ log: Configuration.Log, environment: [String: String]) {
        self.environment = environment
        let shared = Shared(State(level: Self.level(log.level), form: Self.form(log.format, environment)))
        self.shared = shared
        // One write per line, so that lines of several processes do not mix.
        standardError = LineWriter(
            .descriptor(STDERR_FILENO, chunk: 0), name: "connd.log", limit: Self.limit, tally: losses,
            notice: .line { count in
                let message = count == 1 ? "1 log line was lost" : "\(count) log lines were lost"
                return Array(LogText.line(message, .warning, [], shared.current.form).utf8)
            })
    }

    var level: Logger.Level { shared.current.level }
    var form: Form { shared.current.form }

    func set(_ log: Configuration.Log) {
        let new = State(level: Self.level(log.level), form: Self.form(log.format, environment))
        shared.state.withLock { $0 = new }
    }

    /// `line` ends with a line break.
    func write(_ line: String) {
        standardError.add { $0 += line.utf8 }
    }

    /// To be called before the process ends; gives up on a reader that does not read.
    func flush() {
        standardError.flush(within: Self.flushTimeout)
    }

    private static func level(_ level: LogLevel) -> Logger.Level { Logger.Level(rawValue: level.rawValue) ?? .info }

    private static func form(_ format: LogFormat, _ environment: [String: String]) -> Form {
        switch format {
        case .text: .text
        case .json: .json
        case .journald: Journal().map { .journal($0) } ?? .prefixed
        case .auto: Journal.isStandardError(environment: environment) ? form(.journald, environment) : .text
        }
    }
}

/// Writes log messages to standard error, as text or JSON, or to the journal, where each metadata value is a field
/// (`CONND_ORIGIN=…`) that `journalctl` can match. Shared.
struct LogOutput: LogHandler {
    var metadata: Logger.Metadata = [:]
    private let target: LogTarget

    init(_ target: LogTarget) {
        self.target = target
    }

    /// The same for all copies, since a reload may change it.
    var logLevel: Logger.Level {
        get { target.level }
        set {}
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let all = event.metadata.map { metadata.merging($0) { $1 } } ?? metadata
        let pairs = all.sorted { $0.key < $1.key }.map { ($0.key, "\($0.value)") }
        let (message, form) = ("\(event.message)", target.form)
        // A journal that refuses an entry may still accept a line.
        if case .journal(let journal) = form, journal.send(LogText.entry(message, event.level, pairs)) { return }
        target.write(LogText.line(message, event.level, pairs, form))
    }
}

/// Log messages as text, in each form. Pure except for the timestamp.
enum LogText {
    typealias Pairs = [(key: String, value: String)]

    /// Ends with a line break.
    static func line(_ message: String, _ level: Logger.Level, _ pairs: Pairs, _ form: LogTarget.Form) -> String {
        switch form {
        case .text: return "\(timestamp()) \(level) \(message)\(text(pairs))\n"
        case .prefixed, .journal: return "<\(priority(level))>\(message)\(text(pairs))\n"
        case .json:
            var line = "{\"time\":\"\(timestamp())\",\"level\":\"\(level)\",\"message\":\(JSONText.quoted(message))"
            for (key, value) in pairs { line += ",\(JSONText.quoted(key)):\(JSONText.quoted(value))" }
            return line + "}\n"
        }
    }

    static func entry(_ message: String, _ level: Logger.Level, _ pairs: Pairs) -> JournalEntry {
        var entry = JournalEntry(message: message + text(pairs), priority: priority(level))
        entry.add("SYSLOG_IDENTIFIER", "connd")
        for (key, value) in pairs { entry.add("CONND_\(fieldName(key))", value) }
        return entry
    }

    private static func text(_ pairs: Pairs) -> String {
        var text = ""
        for (key, value) in pairs {
            // A value must not break the line.
            let line = String(value.map { $0.isNewline || $0.asciiValue.map { $0 < 0x20 } == true ? " " : $0 })
            text += " \(key)=\(line.contains(" ") ? "\"\(line)\"" : line)"
        }
        return text
    }

    /// `needRestart` is NEED_RESTART.
    private static func fieldName(_ key: String) -> String {
        key.reduce(into: "") { name, character in
            if character.isUppercase { name += "_" }
            name.append(character)
        }
    }

    private static func timestamp() -> String {
        DateText.rfc3339(milliseconds: SystemClock.wall())
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
}
