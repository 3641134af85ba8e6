import ProxyTypes
import Reactor
import Systemd

/// Gives the service manager its signs of life from the data loop itself: a loop that hangs gives none, and is restarted.
/// Loop-bound.
final class WatchdogFeeder: DeadlineOwner {
    private let notifier: ServiceNotifier
    private let interval: Interval
    private let deadline = Deadline()

    /// Nil where no signs are wanted.
    init?(_ notifier: ServiceNotifier?, on reactor: Reactor) {
        guard let notifier, let limit = notifier.watchdogInterval else { return nil }
        self.notifier = notifier
        // A sign or two may be late.
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
