/// A point on the monotonic clock, in nanoseconds. Value. Code that decides receives it as an argument and never reads
/// a clock.
package struct Instant: Comparable, Hashable, BitwiseCopyable, Sendable {
    package var nanoseconds: Int64

    package init(nanoseconds: Int64) {
        self.nanoseconds = nanoseconds
    }

    package static let zero = Instant(nanoseconds: 0)
    /// Later than any other time.
    package static let distantFuture = Instant(nanoseconds: .max)

    package static func < (a: Instant, b: Instant) -> Bool { a.nanoseconds < b.nanoseconds }

    /// Saturates, so that "never" plus anything stays never.
    package static func + (a: Instant, b: Interval) -> Instant {
        let (sum, overflow) = a.nanoseconds.addingReportingOverflow(b.nanoseconds)
        return overflow ? (b.nanoseconds < 0 ? Instant(nanoseconds: .min) : .distantFuture) : Instant(nanoseconds: sum)
    }

    package static func - (a: Instant, b: Instant) -> Interval {
        let (difference, overflow) = a.nanoseconds.subtractingReportingOverflow(b.nanoseconds)
        return overflow ? .infinite : Interval(nanoseconds: difference)
    }
}

/// A length of time, in nanoseconds. Value.
package struct Interval: Comparable, Hashable, BitwiseCopyable, Sendable {
    package var nanoseconds: Int64

    package init(nanoseconds: Int64) {
        self.nanoseconds = nanoseconds
    }

    package static let zero = Interval(nanoseconds: 0)
    package static let infinite = Interval(nanoseconds: .max)

    package static func milliseconds(_ count: Int64) -> Interval { scaled(count, 1_000_000) }
    package static func seconds(_ count: Int64) -> Interval { scaled(count, 1_000_000_000) }
    package static func minutes(_ count: Int64) -> Interval { scaled(count, 60_000_000_000) }
    package static func hours(_ count: Int64) -> Interval { scaled(count, 3_600_000_000_000) }

    /// Rounded down.
    package var wholeMilliseconds: Int64 { nanoseconds / 1_000_000 }
    package var wholeSeconds: Int64 { nanoseconds / 1_000_000_000 }
    package var microseconds: Int64 { nanoseconds / 1000 }

    package static func < (a: Interval, b: Interval) -> Bool { a.nanoseconds < b.nanoseconds }

    package static func + (a: Interval, b: Interval) -> Interval {
        let (sum, overflow) = a.nanoseconds.addingReportingOverflow(b.nanoseconds)
        return overflow ? .infinite : Interval(nanoseconds: sum)
    }

    package static func - (a: Interval, b: Interval) -> Interval {
        let (difference, overflow) = a.nanoseconds.subtractingReportingOverflow(b.nanoseconds)
        return overflow ? .infinite : Interval(nanoseconds: difference)
    }

    private static func scaled(_ count: Int64, _ unit: Int64) -> Interval {
        let (product, overflow) = count.multipliedReportingOverflow(by: unit)
        return overflow ? .infinite : Interval(nanoseconds: product)
    }
}
