package import ProxyTypes

/// One request that was served, for a replay. Value.
package struct ServedRequest: Hashable, BitwiseCopyable, Sendable {
    /// When it wanted a connection.
    package var wanted: Instant
    /// How long it had one, or one was dialled for it.
    package var occupied: Interval
    /// Before that, it waited because `max_connections` were busy.
    package var waited: Interval

    package init(wanted: Instant, occupied: Interval, waited: Interval) {
        self.wanted = wanted
        self.occupied = occupied
        self.waited = waited
    }

    var end: Instant { wanted + waited + occupied }
}

/// The latest requests to an origin. Value.
struct RecentRequests: BitwiseCopyable, Sendable {
    /// In ticks of 1,024 ns: since the end of the one before, and as in `ServedRequest`.
    private struct Entry: BitwiseCopyable, Sendable {
        var sinceLast: UInt32 = 0
        var occupied: UInt32 = 0
        var waited: UInt32 = 0
    }

    /// A power of two: places are masked with it, so that they need not be checked.
    static let most = 2048

    private var entries = InlineArray<2048, Entry>(repeating: Entry())
    private var next = 0
    private(set) var count = 0
    /// The end of the latest; before the first, when it began to look.
    private(set) var last: Instant

    init(since now: Instant) { last = now }

    /// Adds those of another loop.
    mutating func merge(_ other: RecentRequests) {
        let served = (all + other.all).sorted { $0.end < $1.end }
        self = RecentRequests(since: max(last, other.last))
        for request in served.suffix(Self.most) {
            append(occupied: request.occupied, waited: request.waited, now: request.end)
        }
    }

    @inline(__always)
    mutating func append(occupied: Interval, waited: Interval, now: Instant) {
        entries[unchecked: next] = Entry(
            sinceLast: Self.ticks(now.nanoseconds &- last.nanoseconds), occupied: Self.ticks(occupied.nanoseconds),
            waited: Self.ticks(waited.nanoseconds))
        last = now
        next = (next &+ 1) & (Self.most - 1)
        if count < Self.most { count &+= 1 }
    }

    /// By the time at which they came.
    var all: [ServedRequest] {
        var served: [ServedRequest] = []
        served.reserveCapacity(count)
        var end = last
        for offset in 0..<count {
            let entry = entries[(next &- 1 &- offset) & (Self.most - 1)]
            let (occupied, waited) = (Self.interval(entry.occupied), Self.interval(entry.waited))
            let begin = Instant(nanoseconds: end.nanoseconds - occupied.nanoseconds - waited.nanoseconds)
            served.append(ServedRequest(wanted: begin, occupied: occupied, waited: waited))
            end = Instant(nanoseconds: end.nanoseconds - Self.interval(entry.sinceLast).nanoseconds)
        }
        return served.sorted { $0.wanted < $1.wanted }
    }

    @inline(__always)
    private static func ticks(_ nanoseconds: Int64) -> UInt32 { UInt32(clamping: nanoseconds >> 10) }

    private static func interval(_ ticks: UInt32) -> Interval { Interval(nanoseconds: Int64(ticks) << 10) }
}
