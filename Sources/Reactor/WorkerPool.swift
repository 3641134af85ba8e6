import Dispatch
import Synchronization

/// Runs what would block a loop (name look-ups, files) on other threads, at most `limit` jobs at a time. Shared.
package final class WorkerPool: Sendable {
    private struct State {
        var waiting: [@Sendable () -> Void] = []
        var running = 0
    }

    private let state = Mutex(State())
    private let limit: Int
    private let queue = DispatchQueue(label: "connd.workers", attributes: .concurrent)

    package init(limit: Int) {
        self.limit = limit
    }

    package func run(_ work: @escaping @Sendable () -> Void) {
        let starts = state.withLock { state -> Bool in
            guard state.running < limit else {
                state.waiting.append(work)
                return false
            }
            state.running += 1
            return true
        }
        if starts { queue.async { self.workOff(work) } }
    }

    private func workOff(_ first: @escaping @Sendable () -> Void) {
        var next: (@Sendable () -> Void)? = first
        while let work = next {
            work()
            next = state.withLock { state in
                if state.waiting.isEmpty {
                    state.running -= 1
                    return nil
                }
                return state.waiting.removeFirst()
            }
        }
    }
}
