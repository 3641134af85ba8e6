package import ProxyTypes

/// The state of an origin's pool at one moment. Value.
package struct OriginGauges: Hashable, Sendable {
    package var dialing = 0
    package var idle = 0
    /// Idle and only watched.
    package var parked = 0
    package var leased = 0
    /// Pinned to a client and between its requests.
    package var pinned = 0
    /// Leased or dialing; closed when that ends.
    package var draining = 0
    package var closing = 0
    /// Requests in the queue.
    package var waiting = 0
    /// Exchanges that hold a connection.
    package var active = 0
    package var tunnels = 0
    package var isPaused = false
    /// Consecutive failed dials.
    package var dialFailures = 0
    /// Open connections whose origin's certificate is not verified.
    package var unverified = 0
    /// When the certificate that the origin showed last expires, in milliseconds since 1970; nil where it showed none. Of
    /// several origins the earliest.
    package var certificateExpires: Int64?
    /// At which age idle connections are closed for what was learned of the origin. Of several origins the shortest.
    package var learnedIdleBound: Interval?

    package init() {}

    package var connections: Int { dialing + idle + parked + leased + pinned + draining + closing }

    package static func += (a: inout OriginGauges, b: OriginGauges) {
        a.dialing += b.dialing
        a.idle += b.idle
        a.parked += b.parked
        a.leased += b.leased
        a.pinned += b.pinned
        a.draining += b.draining
        a.closing += b.closing
        a.waiting += b.waiting
        a.active += b.active
        a.tunnels += b.tunnels
        a.isPaused = a.isPaused || b.isPaused
        a.dialFailures = max(a.dialFailures, b.dialFailures)
        a.unverified += b.unverified
        a.certificateExpires = [a.certificateExpires, b.certificateExpires].compactMap { $0 }.min()
        a.learnedIdleBound = [a.learnedIdleBound, b.learnedIdleBound].compactMap { $0 }.min()
    }
}

/// One origin's statistics since the start, and the state of its pool. Value.
package struct OriginSnapshot: Sendable {
    package let origin: Origin
    package var statistics: OriginStatistics
    package var gauges: OriginGauges

    package init(origin: Origin, statistics: OriginStatistics, gauges: OriginGauges) {
        self.origin = origin
        self.statistics = statistics
        self.gauges = gauges
    }
}
