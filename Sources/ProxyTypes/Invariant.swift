import Synchronization

/// Reports a bug in connd: a state or event that must not occur. Debug builds trap. Release builds count it, report the
/// first one and continue; the caller closes the affected connection.
package enum Invariant {
    private static let count = Atomic<Int>(0)
    private static let sink = Mutex<(@Sendable (String) -> Void)?>(nil)

    /// The number of broken invariants since the start.
    package static var brokenCount: Int { count.load(ordering: .relaxed) }

    /// Sets the function that reports the first one.
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
