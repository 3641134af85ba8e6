package import ProxyTypes
import Synchronization

/// Counts the lost lines of a log, across all its destinations. Shared.
package final class LossTally: Sendable {
    private let counts = Mutex([Int](repeating: 0, count: LineLoss.allCases.count))

    package init() {}

    package subscript(loss: LineLoss) -> Int { counts.withLock { $0[Int(loss.rawValue)] } }

    package var total: Int { counts.withLock { $0.reduce(0, +) } }

    func add(_ count: Int, _ loss: LineLoss) {
        guard count > 0 else { return }
        counts.withLock { $0[Int(loss.rawValue)] += count }
    }
}
