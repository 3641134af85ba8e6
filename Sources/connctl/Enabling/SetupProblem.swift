import Glibc

/// Why one kind of program could not be told of connd, or to forget it. Value.
struct SetupProblem: Error, Hashable, Sendable {
    var reason: String
    /// Nil where the reason says it.
    var next: String?

    init(_ reason: String, next: String? = nil) {
        self.reason = reason
        self.next = next
    }

    static func system(_ path: String, _ code: Int32 = errno) -> SetupProblem {
        SetupProblem("\(path): \(String(cString: strerror(code)))")
    }
}

/// What came of one kind of program. Value.
enum SetupOutcome: Hashable, Sendable {
    case changed(String)
    case unchanged(String)
    /// It could not be done, and need not be unless it was asked for by name.
    case skipped(String, next: String?)

    var text: String {
        switch self {
        case .changed(let text), .unchanged(let text): text
        case .skipped(let text, _): "skipped: \(text)"
        }
    }
}
