package import ProxyTypes

/// What a pool would do under other settings. Value.
package struct GapPrediction: Hashable, BitwiseCopyable, Sendable {
    /// The share of requests for which no connection is dialled.
    package var reuse: Double
    /// New connections, in the time observed.
    package var dials: Double
    /// Idle connections on average.
    package var held: Double
}

/// The settings asked about. Value.
package struct GapQuestion: Hashable, BitwiseCopyable, Sendable {
    /// A request that must not be sent twice takes only a connection that has been idle for less than this; one that may
    /// be repeated takes one up to the other age. At `retire` a connection is gone, whoever closes it.
    package var once: Interval
    package var repeatable: Interval
    package var retire: Interval
    package var maxIdle: Int
    package var maxConnections: Int
    /// How old a connection grows at most, and how many requests it serves at most; 0: any number.
    package var lifetime: Interval
    package var maxRequests: Int
    /// Busy connections on average.
    package var active: Double

    package init(
        idleTimeout: Interval, maxIdle: Int = .max, limit: Interval = .infinite, lifetime: Interval = .infinite,
        active: Double = 0
    ) {
        let age = min(idleTimeout, limit)
        self.init(once: age, repeatable: age, retire: age, maxIdle: maxIdle, lifetime: lifetime, active: active)
    }

    package init(
        once: Interval, repeatable: Interval, retire: Interval, maxIdle: Int = .max, maxConnections: Int = .max,
        lifetime: Interval = .infinite, maxRequests: Int = 0, active: Double = 0
    ) {
        self.once = min(once, retire)
        self.repeatable = min(repeatable, retire)
        self.retire = retire
        self.maxIdle = maxIdle
        self.maxConnections = maxConnections
        self.lifetime = lifetime
        self.maxRequests = maxRequests
        self.active = active
    }

    /// Ages that were learned move a little with most of what is learned: they may differ by one part in twenty.
    package func isNear(_ other: GapQuestion) -> Bool {
        guard Self.isNear(once, other.once), Self.isNear(repeatable, other.repeatable),
            Self.isNear(retire, other.retire)
        else { return false }
        var same = other
        (same.once, same.repeatable, same.retire) = (once, repeatable, retire)
        return self == same
    }

    private static func isNear(_ a: Interval, _ b: Interval) -> Bool {
        let (shorter, longer) = (min(a, b).nanoseconds, max(a, b).nanoseconds)
        return shorter >= longer - longer / 20
    }
}

extension GapSketch {
    /// `onceShare`: of the requests, how many must not be sent twice.
    package func predict(_ question: GapQuestion, onceShare: Double = 0, now: Instant) -> GapPrediction {
        let span = max(Self.ticks(observed(now: now)), 1)
        let requests = Double(max(self.requests, 1))
        // The others wait for a connection, and get it before it is idle, unless it ends.
        let within = min(self.requests(maxConnections: question.maxConnections), requests)
        let kept = min(Double(releases) / requests, 1)
        let retire = min(question.retire, question.lifetime)
        let taken = below(retire, question)
        let found =
            onceShare * reused(below: question.once, question, taken)
            + (1 - onceShare) * reused(below: question.repeatable, question, taken)
        // Whatever ends a connection, another one has to be dialled for it.
        let dials = max(within - found, requests * (1 - kept))
        var held = held(question, retire: retire, taken, now: now)
        let ends = aged(dials / requests, question, held: held, span: span)
        // Those that age ends are replaced by idle ones first, which become fewer.
        let turnover = (ends * requests - dials) / span
        if turnover > 0 {
            let age = Interval(nanoseconds: Int64(min((held + question.active) / (2 * turnover), 1e14) * 1024))
            if age < retire { held = min(held, self.held(question, retire: age, below(age, question), now: now)) }
        }
        return GapPrediction(reuse: 1 - ends, dials: ends * requests, held: held)
    }

    private func below(_ age: Interval, _ question: GapQuestion) -> Taken {
        below(Self.ticks(age), maxIdle: question.maxIdle, maxConnections: question.maxConnections)
    }

    /// Idle connections on average: until they are taken, and those that are not until they are retired.
    private func held(_ question: GapQuestion, retire: Interval, _ taken: Taken, now: Instant) -> Double {
        let span = max(Self.ticks(observed(now: now)), 1)
        let unused = max(below(.infinite, question).count - taken.count, 0)
        let unusedTime = unused > 0 ? unused * Self.ticks(retire) : 0
        let idleNow = idle(now: now, atMost: retire, maxIdle: question.maxIdle)
        let all = (taken.total + unusedTime + Self.ticks(idleNow)) / span
        return min(all, Double(question.maxIdle), max(Double(question.maxConnections) - question.active, 0))
    }

    private func reused(below age: Interval, _ question: GapQuestion, _ taken: Taken) -> Double {
        guard age < min(question.retire, question.lifetime) else { return taken.count }
        return below(age, question).count
    }

    /// A connection that idleness does not end is ended by its age or after so many requests.
    private func aged(_ ends: Double, _ question: GapQuestion, held: Double, span: Double) -> Double {
        let requests = Double(max(self.requests, 1))
        let lifetime = Self.ticks(question.lifetime)
        var uses = 1 + lifetime * requests / span / max(held + question.active, 1e-9)
        if question.maxRequests > 0 { uses = min(uses, Double(question.maxRequests)) }
        guard ends < 1, uses > 1 else { return min(max(ends, 0), 1) }
        guard ends > 1e-12 else { return 1 / uses }
        return min(ends / (1 - Self.power(1 - ends, uses)), 1)
    }

    /// The share of requests sent so shortly before a close at `limit` that they cannot know about it. `share`: of the
    /// connections that come so far, how many are closed there; `reach`: how long before the close it is too late.
    package func exposure(limit: Interval, share: Double, reach: Interval, idleTimeout: Interval) -> Double {
        let early = limit - reach
        guard idleTimeout > early, requests > 0 else { return 0 }
        let late = below(Self.ticks(min(idleTimeout, limit))).count
        return share * (late - below(Self.ticks(early)).count) / Double(requests)
    }

    private static func ticks(_ length: Interval) -> Double { Double(max(length.nanoseconds, 0)) / 1024 }

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
