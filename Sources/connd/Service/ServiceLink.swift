import ProxyTypes
import Synchronization
import Systemd

/// Notifies systemd of the service's state: ready, reloading, stopping, and the status line of `systemctl status`. Does
/// nothing without systemd. Shared.
final class ServiceLink: Sendable {
    let notifier: ServiceNotifier?
    private let summary = Mutex("starting")
    private let isStopping = Mutex(false)

    init(_ notifier: ServiceNotifier?) {
        self.notifier = notifier
    }

    /// Whether there is a manager. Without one no summary needs to be computed.
    var isEnabled: Bool { notifier != nil }

    func ready() { notifier?.ready(status: current) }

    func reloading() {
        guard !isStopping.withLock({ $0 }) else { return }
        notifier?.reloading()
    }

    /// `problem`: why the running configuration stays.
    func reloaded(problem: String? = nil) {
        guard !isStopping.withLock({ $0 }) else { return }
        notifier?.ready(status: problem.map { "config refused, the previous one still applies: \($0)" } ?? current)
    }

    /// Extends the manager's timeout as needed, whatever the unit's TimeoutStopSec= is.
    func stopping(grace seconds: Int64) {
        isStopping.withLock { $0 = true }
        notifier?.stopping(status: "stopping: running exchanges have \(seconds)s")
        notifier?.extendTimeout(by: .seconds(seconds + Self.margin))
    }

    /// One line, sent only if it has changed.
    func update(_ text: String) {
        let isNew = summary.withLock { summary in
            defer { summary = text }
            return summary != text
        }
        guard isNew, !isStopping.withLock({ $0 }) else { return }
        notifier?.status(text)
    }

    /// Time for the last statistics and for the database.
    private static let margin: Int64 = 15

    private var current: String { summary.withLock { $0 } }
}
