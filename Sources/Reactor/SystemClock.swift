package import ProxyTypes

#if canImport(Glibc)
    import Glibc
#endif

/// The machine's clocks.
package enum SystemClock {
    /// For durations: CLOCK_BOOTTIME, which no one can set and which goes on while the machine is suspended. So do the
    /// clocks of origins, NATs and people: a connection that lay idle through an hour's suspend is an hour older, and a
    /// trial of ten minutes is over.
    package static func instant() -> Instant {
        var time = timespec()
        clock_gettime(CLOCK_BOOTTIME, &time)
        return Instant(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    }

    /// For records and for people: milliseconds since 1970, UTC.
    package static func wall() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }

    package static func now() -> Moment { Moment(wall: wall(), instant: instant()) }
}
