/// Why a test could not go on, for a human. Value.
package struct TestFailure: Error, CustomStringConvertible {
    package let description: String

    package init(_ description: String) {
        self.description = description
    }
}

/// How long a test waits for what must happen before it fails: long enough for a busy machine, since no test waits this
/// long when all is well.
package enum Patience {
    package static let milliseconds = 30_000
}
