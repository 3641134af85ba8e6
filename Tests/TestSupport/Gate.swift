import Foundation

/// A gate at which threads wait until it lets them pass. Shared.
package final class Gate: @unchecked Sendable {
    // Both are only touched under the condition's lock.
    private let condition = NSCondition()
    private var permits = 0
    private var isOpen = false

    package init() {}

    /// Lets `count` more threads pass.
    package func admit(_ count: Int = 1) {
        condition.withLock {
            permits += count
            condition.broadcast()
        }
    }

    /// Lets all threads pass from now on.
    package func open() {
        condition.withLock {
            isOpen = true
            condition.broadcast()
        }
    }

    package func pass() throws {
        let deadline = Date(timeIntervalSinceNow: Double(TestTimeout.milliseconds) / 1000)
        try condition.withLock {
            while permits == 0, !isOpen {
                guard condition.wait(until: deadline) else { throw TestFailure("a gate was not opened") }
            }
            if !isOpen { permits -= 1 }
        }
    }
}

/// A value that threads change and others wait for. Shared.
package final class EventSource<Value: Sendable>: @unchecked Sendable {
    // Only touched under the condition's lock.
    private let condition = NSCondition()
    private var value: Value

    package init(_ value: Value) {
        self.value = value
    }

    package var current: Value { condition.withLock { value } }

    @discardableResult
    package func change<Result>(_ body: (inout Value) -> Result) -> Result {
        condition.withLock {
            defer { condition.broadcast() }
            return body(&value)
        }
    }

    /// Waits for a value that fulfils `rule`, and returns it.
    @discardableResult
    package func wait(
        for what: String, within milliseconds: Int = TestTimeout.milliseconds, _ rule: (Value) -> Bool
    ) throws -> Value {
        let deadline = Date(timeIntervalSinceNow: Double(milliseconds) / 1000)
        return try condition.withLock {
            while !rule(value) {
                guard condition.wait(until: deadline) else {
                    throw TestFailure("waited \(milliseconds) ms in vain for \(what); it stands at: \(value)")
                }
            }
            return value
        }
    }
}
