import FoundationEssentials
import Glibc
import ProcessOutput

/// Everything outside connctl that a run reads and writes; tests replace it. Value.
struct CommandEnvironment: Sendable {
    @TaskLocal static var current = CommandEnvironment()

    var variables: [String: String] = ProcessInfo.processInfo.environment
    var systemSocket = "/run/connd/admin.sock"
    var systemToken = "/etc/connd/admin.token"
    /// Exists if the host was booted with systemd.
    var systemdFolder = "/run/systemd/system"
    /// The paths of the script that apt runs to find its proxy.
    var aptScripts = aptScriptsOfProcess
    var isRoot = geteuid() == 0
    var user = geteuid()
    var listeners = ListenerTable()
    var output: any TextSink = CommandOutput(STDOUT_FILENO)
    var errors: any TextSink = CommandOutput(STDERR_FILENO)
    var screen = Screen.ofProcess
    /// Milliseconds since 1970, UTC.
    var now: @Sendable () -> Int64 = { Int64(Date().timeIntervalSince1970 * 1000) }

    /// The package's script, else the one from the same `make install` as this connctl.
    private static var aptScriptsOfProcess: [String] {
        let standard = "/usr/share/connd/apt-proxy"
        guard let program = realpath("/proc/self/exe", nil) else { return [standard] }
        defer { free(program) }
        let folders = String(cString: program).split(separator: "/").dropLast(2)
        let own = "/" + folders.joined(separator: "/") + "/share/connd/apt-proxy"
        // apt's configuration cannot express these within quotes.
        return own.contains { $0 == "\"" || $0.isNewline } ? [standard] : [standard, own]
    }

    /// The state directory of the user's own connd, by the same rule as in connd.
    var stateDirectory: String? {
        if let list = variables["STATE_DIRECTORY"], let first = list.split(separator: ":").first {
            return String(first)
        }
        if let base = variables["XDG_STATE_HOME"], base.hasPrefix("/") { return base + "/connd" }
        return variables["HOME"].flatMap { $0.isEmpty ? nil : $0 + "/.local/state/connd" }
    }
}

/// The properties of standard output. Value.
struct Screen: Sendable {
    var isTerminal: Bool
    /// It supports moving the cursor and the alternate screen.
    var movesCursor: Bool
    var columns: Int
    var rows: Int
    var hasColor: Bool
    var hasUnicode: Bool

    static let plain = Screen(
        isTerminal: false, movesCursor: false, columns: 80, rows: 24, hasColor: false, hasUnicode: true)

    static var ofProcess: Screen {
        let variables = ProcessInfo.processInfo.environment
        let isTerminal = isatty(STDOUT_FILENO) == 1
        let size = sizeOfTerminal
        let movesCursor = isTerminal && !isDumb(variables)
        return Screen(
            isTerminal: isTerminal, movesCursor: movesCursor, columns: size.columns, rows: size.rows,
            hasColor: movesCursor && (variables["NO_COLOR"] ?? "").isEmpty, hasUnicode: isUnicode(variables))
    }

    /// TERM is unset, empty or `dumb`.
    static func isDumb(_ variables: [String: String]) -> Bool {
        ["", "dumb"].contains(variables["TERM"] ?? "")
    }

    static var sizeOfTerminal: (columns: Int, rows: Int) {
        var size = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else {
            return (80, 24)
        }
        return (Int(size.ws_col), Int(size.ws_row))
    }

    /// The first non-empty of the three variables decides, as in setlocale(3).
    static func isUnicode(_ variables: [String: String]) -> Bool {
        let names = ["LC_ALL", "LC_CTYPE", "LANG"]
        guard let value = names.lazy.compactMap({ variables[$0] }).first(where: { !$0.isEmpty }) else { return false }
        let lowered = value.lowercased()
        return lowered.contains("utf-8") || lowered.contains("utf8")
    }
}

/// A destination for text. Shared.
protocol TextSink: Sendable {
    /// Does nothing once `end` is set.
    func write(_ text: String)
    /// Why nothing more can be written; nil while it can.
    var end: CommandOutput.End? { get }
}

extension CommandOutput: TextSink {}
