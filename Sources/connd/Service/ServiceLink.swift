import ProxyTypes
import Synchronization
import Systemd

/// Tells systemd how the service fares: ready, reloading, stopping, and one line for `systemctl status`. Says nothing where
/// nobody listens. Shared.
final class ServiceLink: Sendable {
    let notifier: ServiceNotifier?
    private let summary = Mutex("starting")
    private let isStopping = Mutex(false)

    init(_ notifier: ServiceNotifier?) {
        self.notifier = notifier
    }

    /// Else nothing need be worked out for it.
    var isHeard: Bool { notifier != nil }

    func ready() { notifier?.ready(status: current) }

    func reloading() {
        guard !isStopping.withLock({ $0 }) else { return }
        notifier?.reloading()
    }

    /// `problem`: why the running configuration stays.
    func reloaded(problem: String? = nil) {
        guard !isStopping.withLock({ $0 }) else { return }
        notifier?.ready(status: problem.map { "config refused, the old one holds: \($0)" } ?? current)
    }

    /// The manager is told how long this may take, whatever the unit's TimeoutStopSec= says.
    func stopping(grace seconds: Int64) {
        isStopping.withLock { $0 = true }
        notifier?.stopping(status: "stopping: what runs has \(seconds)s")
        notifier?.extendTimeout(by: .seconds(seconds + Self.margin))
    }

    /// One line; sent where it differs from the last.
    func update(_ text: String) {
        let isNew = summary.withLock { summary in
            defer { summary = text }
            return summary != text
        }
        guard isNew, !isStopping.withLock({ $0 }) else { return }
        notifier?.status(text)
    }

    /// For the last figures, and for the database.
    private static let margin: Int64 = 15

    private var current: String { summary.withLock { $0 } }
}
