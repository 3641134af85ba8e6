import Glibc

/// Why one kind of program could not be configured. Value.
struct SetupProblem: Error, Hashable, Sendable {
    var reason: String
    /// Nil if the reason says it already.
    var next: String?

    init(_ reason: String, next: String? = nil) {
        self.reason = reason
        self.next = next
    }

    static func system(_ path: String, _ code: Int32 = errno) -> SetupProblem {
        SetupProblem("\(path): \(String(cString: strerror(code)))")
    }
}

/// The outcome for one kind of program. Value.
enum SetupOutcome: Hashable, Sendable {
    case changed(String)
    case unchanged(String)
    /// Not possible, which is a failure only if it was requested by name.
    case skipped(String, next: String?)

    var text: String {
        switch self {
        case .changed(let text), .unchanged(let text): text
        case .skipped(let text, _): "skipped: \(text)"
        }
    }
}
