import Foundation

/// Work on a thread of its own that a test waits for later. Shared.
package final class Background<Output: Sendable>: Sendable {
    private let result = EventSource<Result<Output, any Error>?>(nil)

    package init(_ body: @escaping @Sendable () throws -> Output) {
        let result = result
        Thread.detachNewThread {
            let made = Result { try body() }
            result.change { $0 = made }
        }
    }

    /// Returns what the work returned, or throws what it threw.
    @discardableResult
    package func wait() throws -> Output {
        guard
            let result = try result.wait(
                for: "background work to end", within: 4 * TestTimeout.milliseconds, { $0 != nil })
        else {
            throw TestFailure("background work ended without a result")
        }
        return try result.get()
    }
}
