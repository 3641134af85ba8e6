package import ProxyTypes

/// What a pool would do under other settings. Value.
package struct GapPrediction: Hashable, BitwiseCopyable, Sendable {
    /// The share of requests that find an idle connection.
    package var reuse: Double
    /// New connections, in the time observed.
    package var dials: Double
    /// Idle connections on average.
    package var held: Double
}

/// The settings asked about. Value.
package struct GapQuestion: Hashable, BitwiseCopyable, Sendable {
    package var idleTimeout: Interval
    package var maxIdle: Int
    /// At which idle age the origin closes connections.
    package var limit: Interval
    /// How old a connection grows at most.
    package var lifetime: Interval
    /// Busy connections on average.
    package var active: Double

    package init(
        idleTimeout: Interval, maxIdle: Int = .max, limit: Interval = .infinite, lifetime: Interval = .infinite,
        active: Double = 0
    ) {
        self.idleTimeout = idleTimeout
        self.maxIdle = maxIdle
        self.limit = limit
        self.lifetime = lifetime
        self.active = active
    }
}

extension GapSketch {
    package func predict(_ question: GapQuestion, now: Instant) -> GapPrediction {
        let age = Self.microseconds(min(question.idleTimeout, question.limit, question.lifetime))
        let span = max(Self.microseconds(observed(now: now)), 1)
        let requests = Double(max(self.requests, 1))
        let (count, total) = below(age, maxIdle: question.maxIdle)
        let held = (total + (requests - count) * age) / span
        var ends = 1 - count / requests
        // A connection that idleness does not end is ended by its age, after so many requests.
        let uses = Self.microseconds(question.lifetime) * requests / span / max(held + question.active, 1e-9)
        if ends > 0, ends < 1, uses > 1 { ends = min(ends / (1 - Self.power(1 - ends, uses)), 1) }
        return GapPrediction(reuse: 1 - ends, dials: ends * requests, held: held)
    }

    /// The share of requests sent so shortly before a close at `limit` that they cannot know about it. `share`: of the
    /// connections that come so far, how many are closed there; `reach`: how long before the close it is too late.
    package func exposure(limit: Interval, share: Double, reach: Interval, idleTimeout: Interval) -> Double {
        let early = limit - reach
        guard idleTimeout > early, requests > 0 else { return 0 }
        let late = below(Self.microseconds(min(idleTimeout, limit))).count
        return share * (late - below(Self.microseconds(early)).count) / Double(requests)
    }

    private static func microseconds(_ length: Interval) -> Double { Double(max(length.nanoseconds, 0)) / 1000 }

    /// Of a base and an exponent that are not negative, the base at most 1.
    private static func power(_ base: Double, _ exponent: Double) -> Double {
        guard exponent < 1e9 else { return base < 1 ? 0 : 1 }
        var (result, square, whole) = (1.0, base, UInt64(exponent))
        var (root, fraction) = (base, exponent - Double(whole))
        while whole > 0 {
            if whole & 1 == 1 { result *= square }
            square *= square
            whole >>= 1
        }
        for _ in 0..<24 where fraction > 0 {
            root = root.squareRoot()
            fraction *= 2
            if fraction >= 1 {
                result *= root
                fraction -= 1
            }
        }
        return result
    }
}
