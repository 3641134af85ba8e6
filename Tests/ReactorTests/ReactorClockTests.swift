import ProxyTypes
import Reactor
import Testing

#if canImport(Glibc)
    import Glibc
#endif

/// A clock that stands still until it is told to move. Loop-bound.
private final class StillClock {
    var now = Instant(nanoseconds: 1_000_000_000_000)
}

/// Stops the reactor when it is due. Loop-bound.
private final class Alarm: DeadlineOwner {
    let reactor: Reactor
    let due: Instant
    var firedAt: Instant?

    init(_ reactor: Reactor, due: Instant) {
        self.reactor = reactor
        self.due = due
    }

    func deadlineReached(now: Instant) -> Instant {
        guard now >= due else { return due }
        firedAt = now
        reactor.stop()
        return .distantFuture
    }
}

@Suite("The reactor's clock")
struct ReactorClockTests {
    @Test("after a suspend, what came due meanwhile fires with the first wake-up")
    func suspend() throws {
        let clock = StillClock()
        let reactor = Reactor(kernel: try LinuxKernel(clock: { clock.now }))
        let alarm = Alarm(reactor, due: clock.now + .minutes(10))
        let deadline = Deadline(owner: alarm)
        reactor.timer.wake(deadline, at: alarm.due)
        let woken = LoopBoundClock(clock)
        reactor.mailbox.execute { woken.clock.now = woken.clock.now + .hours(1) }
        // The job is what wakes it; it does not look at its clock in between.
        reactor.mailbox.execute {}
        let again = reactor.mailbox
        reactor.mailbox.execute { again.execute {} }
        reactor.run()
        #expect(alarm.firedAt == clock.now)
    }

    @Test("the clock counts the time that the machine was suspended, and cannot be set")
    func bootTime() {
        var time = timespec()
        clock_gettime(CLOCK_BOOTTIME, &time)
        let before = Instant(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
        let now = SystemClock.now()
        #expect(now.instant >= before && now.instant < before + .minutes(10))
        clock_gettime(CLOCK_REALTIME, &time)
        #expect((Int64(time.tv_sec) * 1000 - now.wall).magnitude < 600_000)
    }

    @Test("a timer of the kernel wakes the loop when the machine wakes, which is a change of the wall clock's offset")
    func wakes() throws {
        let reactor = try Reactor()
        var flags: [String] = []
        for descriptor in 3..<65536 {
            guard let file = fopen("/proc/self/fdinfo/\(descriptor)", "r") else { continue }
            defer { fclose(file) }
            var bytes = [UInt8](repeating: 0, count: 4096)
            let count = fread(&bytes, 1, bytes.count, file)
            let lines = String(decoding: bytes[..<count], as: UTF8.self).split(separator: "\n")
            guard lines.contains("clockid: 0") else { continue }
            flags += lines.filter { $0.hasPrefix("settime flags:") }.map(String.init)
        }
        // TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET
        #expect(flags.contains("settime flags: 03"))
        withExtendedLifetime(reactor) {}
    }
}

/// Only the reactor's thread, which is the test's, looks at it.
private struct LoopBoundClock: @unchecked Sendable {
    let clock: StillClock

    init(_ clock: StillClock) { self.clock = clock }
}
