import ProxyTypes

/// The idle connections of a pool that closes none: since when each is idle, and how many lay above it at most. Value.
struct IdleStack: BitwiseCopyable, Sendable {
    private struct Entry: BitwiseCopyable, Sendable {
        var since = Instant.zero
        var above: UInt8 = 0
    }

    /// Only the latest so many connections are looked at: a ring, whose oldest is overwritten. A power of two: places are
    /// masked with it, so that they need not be checked.
    private static let depth = 128

    private var entries = InlineArray<128, Entry>(repeating: Entry())
    /// One behind the top.
    private var top = 0
    private var count = 0

    @inline(__always)
    mutating func push(_ now: Instant) {
        entries[unchecked: top] = Entry(since: now)
        top = (top &+ 1) & (Self.depth - 1)
        if count < Self.depth { count &+= 1 }
    }

    @inline(__always)
    mutating func pop() -> (since: Instant, above: UInt8)? {
        guard count > 0 else { return nil }
        count &-= 1
        top = (top &- 1) & (Self.depth - 1)
        let entry = entries[unchecked: top]
        if count > 0 {
            let next = (top &- 1) & (Self.depth - 1)
            if entries[unchecked: next].above <= entry.above {
                entries[unchecked: next].above = entry.above < .max ? entry.above &+ 1 : .max
            }
        }
        return (entry.since, entry.above)
    }

    /// How long those that are idle now and had fewer than `maxIdle` above them have been idle together, each for at most
    /// `longest`.
    func idle(now: Instant, atMost longest: Interval, maxIdle: Int) -> Interval {
        var time = Interval.zero
        for offset in 0..<count {
            let entry = entries[(top &- 1 &- offset) & (Self.depth - 1)]
            guard offset < maxIdle, entry.above < maxIdle else { continue }
            time = time + min(max(now - entry.since, .zero), longest)
        }
        return time
    }
}
