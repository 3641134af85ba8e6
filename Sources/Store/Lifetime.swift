package import Metering

/// The lifetime totals of an origin, across restarts. Value.
package struct Lifetime: Hashable, Sendable {
    /// Milliseconds since 1970, UTC.
    package var firstSeen: Int64
    package var lastSeen: Int64
    package var counts = Counters<TrafficCount>()

    package init(firstSeen: Int64, lastSeen: Int64) {
        self.firstSeen = firstSeen
        self.lastSeen = lastSeen
    }

    /// The clock may have been set back since.
    mutating func add(_ more: Counters<TrafficCount>, at time: Int64) {
        firstSeen = min(firstSeen, time)
        lastSeen = time
        counts += more
    }

    /// Totals of the same origin, counted elsewhere.
    static func += (a: inout Lifetime, b: Lifetime) {
        a.firstSeen = min(a.firstSeen, b.firstSeen)
        a.lastSeen = max(a.lastSeen, b.lastSeen)
        a.counts += b.counts
    }
}
