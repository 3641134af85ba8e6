package import ProxyTypes

/// A clock that stands still until it is told to move. Value.
package struct ManualTime: Sendable {
    package private(set) var now: Instant

    /// Not zero: a rule that takes zero for "never" shows.
    package init(_ now: Instant = Instant(nanoseconds: 1_000_000_000_000)) {
        self.now = now
    }

    package mutating func advance(by interval: Interval) {
        now = now + interval
    }

    /// Stays where it is when `instant` has passed.
    package mutating func advance(to instant: Instant) {
        now = max(now, instant)
    }
}
