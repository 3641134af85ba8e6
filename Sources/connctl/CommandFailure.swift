/// The exit status of connctl.
enum CommandStatus: Int32, Sendable {
    case ok = 0
    case failed = 1
    case usage = 2
    case preconditionFailed = 3
    case notReachable = 4
}

/// Why a verb failed, and what to do next. Value.
struct CommandFailure: Error, Hashable, Sendable {
    var status = CommandStatus.failed
    var message: String
    /// One line each, below the message.
    var details: [String] = []
    /// What to do next; never empty.
    var next: [String]

    init(_ message: String, details: [String] = [], status: CommandStatus = .failed, next: [String]) {
        self.message = message
        self.details = details
        self.status = status
        self.next = next
    }

    var text: String {
        var lines = ["connctl: \(SafeText.line(message))"]
        lines += details.map { "  \(SafeText.line($0))" }
        lines += next.map { "Next: \(SafeText.line($0))" }
        return lines.map { $0 + "\n" }.joined()
    }
}
