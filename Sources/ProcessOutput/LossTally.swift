package import ProxyTypes
import Synchronization

/// Counts the lines of a log that were lost, over all the places that it went to. Shared.
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
