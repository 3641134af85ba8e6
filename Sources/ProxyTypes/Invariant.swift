import Synchronization

/// What must never happen: a bug of ours. Debug builds trap; release builds count, tell one sink once, and go on, and the
/// caller closes the connection concerned.
package enum Invariant {
    private static let count = Atomic<Int>(0)
    private static let sink = Mutex<(@Sendable (String) -> Void)?>(nil)

    /// How many were broken since the start.
    package static var brokenCount: Int { count.load(ordering: .relaxed) }

    /// Where the first broken one is told, once.
    package static func onFirstBroken(_ report: @escaping @Sendable (String) -> Void) {
        sink.withLock { $0 = report }
    }

    package static func broken(_ what: @autoclosure () -> String, file: StaticString = #fileID, line: UInt = #line) {
        let message = "\(what()) (\(file):\(line))"
        assertionFailure(message)
        count.add(1, ordering: .relaxed)
        let report = sink.withLock { held -> (@Sendable (String) -> Void)? in
            defer { held = nil }
            return held
        }
        report?(message)
    }

    package static func check(
        _ holds: @autoclosure () -> Bool, _ what: @autoclosure () -> String, file: StaticString = #fileID,
        line: UInt = #line
    ) {
        assert(holds(), what())
    }
}
