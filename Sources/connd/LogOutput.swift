import ConfigurationFile
import ForwardProxy
import Logging
import Synchronization
import Systemd

#if canImport(Glibc)
    import Glibc
#endif

/// Where log messages go, and the least severe that does. Shared; a reload changes it.
final class LogTarget: Sendable {
    enum Form: Sendable {
        case text, json
        /// With the priority that journald reads off a line's head.
        case prefixed
        case journal(Journal)
    }

    private struct State {
        var level: Logger.Level
        var form: Form
    }

    private let state: Mutex<State>
    private let environment: [String: String]

    init(_ log: Configuration.Log, environment: [String: String]) {
        self.environment = environment
        state = Mutex(State(level: Self.level(log.level), form: Self.form(log.format, environment)))
    }

    var level: Logger.Level { state.withLock { $0.level } }
    var form: Form { state.withLock { $0.form } }

    func set(_ log: Configuration.Log) {
        let new = State(level: Self.level(log.level), form: Self.form(log.format, environment))
        state.withLock { $0 = new }
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

/// Writes log messages: to standard error, one write each so that lines never mix, as text for people or as JSON for programs;
/// or to the journal, each part of the message a field (`CONND_ORIGIN=…`) that `journalctl` can match. Shared.
struct LogOutput: LogHandler {
    var metadata: Logger.Metadata = [:]
    private let target: LogTarget

    init(_ target: LogTarget) {
        self.target = target
    }

    /// All copies have the daemon's: it may change while it runs.
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
        switch target.form {
        case .text: Self.write("\(Self.timestamp()) \(event.level) \(event.message)\(Self.text(pairs))")
        case .prefixed: Self.write("<\(Self.priority(event.level))>\(event.message)\(Self.text(pairs))")
        case .json:
            var line =
                "{\"time\":\"\(Self.timestamp())\",\"level\":\"\(event.level)\",\"message\":\(Self.quoted("\(event.message)"))"
            for (key, value) in pairs { line += ",\(Self.quoted(key)):\(Self.quoted(value))" }
            Self.write(line + "}")
        case .journal(let journal):
            let message = "\(event.message)\(Self.text(pairs))"
            var entry = JournalEntry(message: message, priority: Self.priority(event.level))
            entry.add("SYSLOG_IDENTIFIER", "connd")
            for (key, value) in pairs { entry.add("CONND_\(Self.fieldName(key))", value) }
            if !journal.send(entry) { Self.write("<\(Self.priority(event.level))>\(message)") }
        }
    }

    private static func text(_ pairs: [(String, String)]) -> String {
        var text = ""
        for (key, value) in pairs {
            // A value is on its line, and makes none of its own.
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

    private static func write(_ line: String) {
        var line = line + "\n"
        _ = line.withUTF8 { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
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
