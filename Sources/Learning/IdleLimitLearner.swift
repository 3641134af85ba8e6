package import ProxyTypes

/// Learns from one origin's closes how long an idle connection stays usable. Value; reads no clock.
///
/// Closes of like ages become limits. A limit that almost nothing outlives ends reuse; others keep requests that must
/// not be sent twice away from their ages. Where no limit is known, connections that lived longer vouch for an age, and
/// probes look for more.
///
///     close ──▶ stray ──three of like age, or six within a range──▶ limit ──outlived by all──▶ forgotten
///                 └── closes of unlike ages at one moment are a restart: they teach nothing
///
/// `now` is the wall clock, in milliseconds since 1970, since what is learned outlives the process; setting the clock
/// costs at most what was learned. Ages are exact to the microsecond. It takes 770 bytes, and only `packed` and
/// `text` allocate.
package struct IdleLimitLearner: Sendable {
    /// By age. A place more than there are limits, for one that is being added.
    var limits = InlineVector<4, Limit>(unused: .unused)
    /// The oldest first.
    var strays = InlineVector<8, Stray>(unused: .unused)
    /// Idle periods that ended with the connection still open.
    var ladder = SurvivalLadder()
    /// Whether ages count from the last byte sent instead of the last byte received.
    package internal(set) var countsFromRequest = false
    var path = SilentPath()
    var hint: Microseconds = 0
    /// Of the path as last told; not kept.
    var roundTrip: Microseconds = 0
    var variation: Microseconds = 0
    var retransmission: Microseconds = 0
    /// Fingerprints of the two latest Server fields; 0: none.
    var server: UInt32 = 0
    var previousServer: UInt32 = 0
    /// Limits not confirmed since are not trusted with a POST.
    var doubtedAt: Int64 = 0
    var cap = RequestCap()
    var hazard = Hazard()
    /// Closes seen.
    package internal(set) var closes: Int64 = 0
    /// Times that connections of unlike ages ended at once.
    package internal(set) var restarts = 0
    /// Probes that reached the horizon.
    var fullHolds: UInt8 = 0
    /// Not kept.
    var burst: Burst?

    package init() {}

    /// The age that the bounds are about.
    package func age(_ age: Interval, lag: Interval) -> Interval {
        .learned(self.age(age.learned, lag.learned))
    }

    func age(_ age: Microseconds, _ lag: Microseconds) -> Microseconds { countsFromRequest ? age + lag : age }

    /// A reuse at a smaller age teaches nothing and need not be told.
    package var watermark: Interval {
        var mark = LearningRules.trustedAge
        if path.dead > 0 { mark = min(mark, path.dead) }
        for index in limits.indices { mark = min(mark, edge(limits[index])) }
        for index in strays.indices { mark = min(mark, strays[index].age) }
        return .learned(mark)
    }

    /// Two closes this near to each other have one cause.
    func tolerance(_ age: Microseconds) -> Microseconds {
        max(age >> 5, 25 * LearningRules.millisecond, 2 * variation)
    }

    /// A request sent this long before a close may come too late.
    var reach: Microseconds { roundTrip + variation }
    package var reachOfPath: Interval { .learned(reach) }

    /// Of the range seen, what the path does not explain.
    func surplus(_ limit: Limit) -> Microseconds { max(limit.spread - 2 * variation, 0) }

    /// A connection older than this has outlived the limit.
    func edge(_ limit: Limit) -> Microseconds { limit.high + max(tolerance(limit.high), limit.spread >> 3) }

    func isTight(_ limit: Limit) -> Bool { limit.spread <= 2 * tolerance(limit.mean) }

    /// Whether a close at this age is the limit's. It may widen it, but not without end.
    func explains(_ limit: Limit, _ age: Microseconds) -> Bool {
        let slack = max(tolerance(limit.low), 2 * limit.spread / max(Int64(limit.hits), 8))
        return limit.low - slack <= age && age <= limit.high + slack
            && LearningRules.inReach(low: min(limit.low, age), high: max(limit.high, age))
    }

    /// The sharpest limit that may have been it.
    func explanation(of age: Microseconds) -> Int? {
        var best: Int?
        for index in limits.indices where explains(limits[index], age) {
            if let found = best, limits[found].spread <= limits[index].spread { continue }
            best = index
        }
        return best
    }

    /// The limit that ends reuse.
    var terminal: Int? {
        for index in limits.indices where limits[index].isTerminal { return index }
        return nil
    }

    /// Closes that no age explains are so frequent that no age is safe.
    var isRisky: Bool { hazard.isRisky(reach: reach) }

    /// Whether the limit may be trusted with a POST.
    func isConfirmed(_ limit: Limit, now: Int64) -> Bool {
        limit.last >= doubtedAt && now - limit.last < LearningRules.verified
    }

    func freshStrays(_ now: Int64) -> Int { strays.count { $0.isFresh(now) } }
}
