/// A point on the monotonic clock, in nanoseconds. Value. Code that decides receives it as an argument and never reads
/// a clock.
///
/// Other rooms compare times dozens of times for each request. An operator that is not inlined costs them a call, and the
/// compiler does not inline all that it may; one that `Comparable` supplies costs several.
package struct Instant: Comparable, Hashable, BitwiseCopyable, Sendable {
    package var nanoseconds: Int64

    @inlinable @inline(__always)
    package init(nanoseconds: Int64) {
        self.nanoseconds = nanoseconds
    }

    @inlinable @inline(__always)
    package static var zero: Instant { Instant(nanoseconds: 0) }
    /// Later than any other time.
    @inlinable @inline(__always)
    package static var distantFuture: Instant { Instant(nanoseconds: .max) }

    @inlinable @inline(__always)
    package static func < (a: Instant, b: Instant) -> Bool { a.nanoseconds < b.nanoseconds }
    @inlinable @inline(__always)
    package static func > (a: Instant, b: Instant) -> Bool { a.nanoseconds > b.nanoseconds }
    @inlinable @inline(__always)
    package static func <= (a: Instant, b: Instant) -> Bool { a.nanoseconds <= b.nanoseconds }
    @inlinable @inline(__always)
    package static func >= (a: Instant, b: Instant) -> Bool { a.nanoseconds >= b.nanoseconds }
    @inlinable @inline(__always)
    package static func == (a: Instant, b: Instant) -> Bool { a.nanoseconds == b.nanoseconds }

    /// Saturates, so that "never" plus anything stays never.
    @inlinable @inline(__always)
    package static func + (a: Instant, b: Interval) -> Instant {
        let (sum, overflow) = a.nanoseconds.addingReportingOverflow(b.nanoseconds)
        return overflow ? (b.nanoseconds < 0 ? Instant(nanoseconds: .min) : .distantFuture) : Instant(nanoseconds: sum)
    }

    @inlinable @inline(__always)
    package static func - (a: Instant, b: Instant) -> Interval {
        let (difference, overflow) = a.nanoseconds.subtractingReportingOverflow(b.nanoseconds)
        return overflow ? .infinite : Interval(nanoseconds: difference)
    }
}

/// A length of time, in nanoseconds. Value.
package struct Interval: Comparable, Hashable, BitwiseCopyable, Sendable {
    package var nanoseconds: Int64

    @inlinable @inline(__always)
    package init(nanoseconds: Int64) {
        self.nanoseconds = nanoseconds
    }

    @inlinable @inline(__always)
    package static var zero: Interval { Interval(nanoseconds: 0) }
    @inlinable @inline(__always)
    package static var infinite: Interval { Interval(nanoseconds: .max) }

    @inlinable package static func milliseconds(_ count: Int64) -> Interval { scaled(count, 1_000_000) }
    @inlinable package static func seconds(_ count: Int64) -> Interval { scaled(count, 1_000_000_000) }
    @inlinable package static func minutes(_ count: Int64) -> Interval { scaled(count, 60_000_000_000) }
    @inlinable package static func hours(_ count: Int64) -> Interval { scaled(count, 3_600_000_000_000) }

    /// Rounded down.
    @inlinable package var wholeMilliseconds: Int64 { nanoseconds / 1_000_000 }
    @inlinable package var wholeSeconds: Int64 { nanoseconds / 1_000_000_000 }
    @inlinable @inline(__always)
    package var microseconds: Int64 { nanoseconds / 1000 }

    @inlinable @inline(__always)
    package static func < (a: Interval, b: Interval) -> Bool { a.nanoseconds < b.nanoseconds }
    @inlinable @inline(__always)
    package static func > (a: Interval, b: Interval) -> Bool { a.nanoseconds > b.nanoseconds }
    @inlinable @inline(__always)
    package static func <= (a: Interval, b: Interval) -> Bool { a.nanoseconds <= b.nanoseconds }
    @inlinable @inline(__always)
    package static func >= (a: Interval, b: Interval) -> Bool { a.nanoseconds >= b.nanoseconds }
    @inlinable @inline(__always)
    package static func == (a: Interval, b: Interval) -> Bool { a.nanoseconds == b.nanoseconds }

    @inlinable @inline(__always)
    package static func + (a: Interval, b: Interval) -> Interval {
        let (sum, overflow) = a.nanoseconds.addingReportingOverflow(b.nanoseconds)
        return overflow ? .infinite : Interval(nanoseconds: sum)
    }

    @inlinable @inline(__always)
    package static func - (a: Interval, b: Interval) -> Interval {
        let (difference, overflow) = a.nanoseconds.subtractingReportingOverflow(b.nanoseconds)
        return overflow ? .infinite : Interval(nanoseconds: difference)
    }

    @inlinable package static func scaled(_ count: Int64, _ unit: Int64) -> Interval {
        let (product, overflow) = count.multipliedReportingOverflow(by: unit)
        return overflow ? .infinite : Interval(nanoseconds: product)
    }
}
