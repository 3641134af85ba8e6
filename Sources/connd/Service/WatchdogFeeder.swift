import ProxyTypes
import Reactor
import Systemd

/// Feeds systemd's watchdog from the data loop itself: connd is restarted when the loop hangs.
/// Loop-bound.
final class WatchdogFeeder: DeadlineOwner {
    private let notifier: ServiceNotifier
    private let interval: Interval
    private let deadline = Deadline()

    /// Nil where the watchdog is off.
    init?(_ notifier: ServiceNotifier?, on reactor: Reactor) {
        guard let notifier, let limit = notifier.watchdogInterval else { return nil }
        self.notifier = notifier
        // Leaves room for one or two delayed notifications.
        interval = Interval(nanoseconds: max(limit.nanoseconds / 4, 1_000_000))
        deadline.owner = self
        reactor.timer.wake(deadline, at: reactor.now)
    }

    deinit {
        deadline.owner = nil
    }

    func deadlineReached(now: Instant) -> Instant {
        notifier.watchdog()
        return now + interval
    }
}
