/// Why a test failed outside of an expectation, for people. Value.
package struct TestFailure: Error, CustomStringConvertible {
    package let description: String

    package init(_ description: String) {
        self.description = description
    }
}

/// How long a test waits for something before it fails. Long enough for a busy machine; a test that passes never waits
/// this long.
package enum TestTimeout {
    package static let milliseconds = 30_000
}
