/// Carries an object of a reactor through other threads, for code that comes back to the reactor's own. Shared.
///
/// Unchecked because the object itself is not safe to share: `value` is only reached on the reactor's thread, which is
/// checked at every use.
package struct LoopBound<Value>: @unchecked Sendable {
    private let held: Value
    private let thread: ThreadIdentity

    package init(_ value: Value, on reactor: Reactor) {
        held = value
        thread = reactor.thread
    }

    package var value: Value {
        precondition(thread.isCurrent, "an object of a reactor is used on another thread")
        return held
    }
}
