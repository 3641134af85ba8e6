import CLinux

#if canImport(Glibc)
    import Glibc
#endif

/// Wakes the loop when the machine wakes from a suspend. epoll's own wait stands still meanwhile, on CLOCK_MONOTONIC, while
/// what is due goes by `SystemClock.instant`: without this a timer would fire late by as long as the wait still had to run.
/// Loop-bound.
final class ClockChanges: Watched {
    /// Below 0 where the kernel has no such timer: then timers fire with the next event.
    let descriptor: CInt

    override init() {
        descriptor = clinux_clock_changes()
        super.init()
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
    }

    /// It has done its work by waking the loop, which reads its clock at every wake-up.
    override func ready(_ events: UInt32) {
        var expirations: UInt64 = 0
        _ = read(descriptor, &expirations, 8)
    }
}
