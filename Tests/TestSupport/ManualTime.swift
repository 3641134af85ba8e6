package import ProxyTypes

/// A clock that advances only on request. Value.
package struct ManualTime: Sendable {
    package private(set) var now: Instant

    /// Not zero, so that code which takes zero for "never" fails.
    package init(_ now: Instant = Instant(nanoseconds: 1_000_000_000_000)) {
        self.now = now
    }

    package mutating func advance(by interval: Interval) {
        now = now + interval
    }

    /// Does nothing if `instant` has passed.
    package mutating func advance(to instant: Instant) {
        now = max(now, instant)
    }
}
