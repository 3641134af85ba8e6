package import Learning
import Pooling
package import ProxyTypes
import Tuning

/// What the connections of one pool teach of how long their origin keeps idle ones, and what the pool is to obey for it.
/// Value.
package struct IdleLearning: Sendable {
    package private(set) var learner: IdleLimitLearner
    package private(set) var bounds: IdleBounds
    /// Idle ages below the watermark, which the learner has not been told.
    private var rested = Interval.zero
    var hints = HintPair()
    /// The bound that was last told to people.
    var toldBound: Interval?
    /// What the path takes is not kept.
    private(set) var isWithoutPath = true
    private var isUnsaved = false
    /// What changes with each reuse alone is not worth a row each time.
    private var isWorthSaving = false
    private var saved: Int64 = 0
    /// When the state or the limit last changed, in milliseconds since 1970; nil: never.
    package private(set) var changed: Int64?

    private static let savingPause: Int64 = 60_000

    init(now: Int64, margin: Interval) {
        learner = IdleLimitLearner()
        bounds = learner.bounds(now: now, margin: margin)
    }

    /// As it was kept. Nil where those bytes are not what this version keeps.
    package init?(packed: [UInt8], changed: Int64?, now: Int64, margin: Interval) {
        guard let learner = IdleLimitLearner(packed: packed, now: now) else { return nil }
        self.learner = learner
        self.changed = changed
        bounds = learner.bounds(now: now, margin: margin)
    }

    /// A reuse at a smaller age only counts.
    @inline(__always)
    mutating func reuseTeaches(at age: Interval) -> Bool {
        guard age < bounds.watermark else { return true }
        rested = rested + age
        return false
    }

    /// The next request is beyond what the origin was seen to answer on one connection.
    @inline(__always)
    func testsRequestCap(after requests: Int) -> Bool { bounds.maxRequests > 0 && requests >= bounds.maxRequests }

    mutating func learn(now: Int64, margin: Interval, _ event: (inout IdleLimitLearner) -> Void) {
        if rested > .zero {
            learner.rested(rested)
            rested = .zero
        }
        let before = learner.estimate()?.limit
        let state = bounds.state
        let closesThen = learner.closes
        event(&learner)
        isUnsaved = true
        bounds = learner.bounds(now: now, margin: margin)
        if bounds.state != state || learner.estimate()?.limit != before { changed = now }
        if bounds.state != state || learner.closes != closesThen { isWorthSaving = true }
    }

    /// True once for each time that there is something to save.
    mutating func takeUnsaved(now clock: @autoclosure () -> Int64) -> Bool {
        guard isUnsaved else { return false }
        let now = clock()
        guard isWorthSaving || now - saved >= Self.savingPause else { return false }
        (isUnsaved, isWorthSaving, saved) = (false, false, now)
        return true
    }

    /// The settings or the path have changed.
    mutating func refresh(now: Int64, margin: Interval) { bounds = learner.bounds(now: now, margin: margin) }

    /// Whether the bounds are other ones now.
    mutating func measured(_ delays: PathDelays, now: Int64, margin: Interval) -> Bool {
        learner.measured(delays)
        guard isWithoutPath else { return false }
        isWithoutPath = false
        refresh(now: now, margin: margin)
        return true
    }

    /// Nothing was seen that is worth keeping.
    var isEmpty: Bool { bounds.state == .unknown && learner.closes == 0 }

    /// Whether something was seen that counts.
    package var isObeyed: Bool { learned != nil }

    /// What is obeyed where `idle_timeout` is `auto`. Nil as long as nothing was seen: then the settings and the origin's
    /// hints bound each connection.
    var learned: LearnedBounds? {
        switch bounds.state {
        case .unknown, .hinted: return nil
        case .tentative, .partial, .learned, .doubtful, .erratic, .path, .unlimited: break
        }
        return LearnedBounds(
            once: bounds.post, repeatable: bounds.repeat, retire: bounds.retire,
            zones: (zone(0), zone(1), zone(2), zone(3)), countsFromRequest: bounds.countsFromRequest,
            maxRequests: UInt32(clamping: bounds.maxRequests))
    }

    private func zone(_ index: Int) -> LearnedBounds.Zone {
        guard bounds.zones.indices.contains(index) else { return .none }
        return LearnedBounds.Zone(low: bounds.zones[index].low, high: bounds.zones[index].high)
    }

    var parking: Parking { Parking(most: bounds.park, hold: bounds.hold) }
}

/// The two time-outs that an origin's Keep-Alive fields named last: backends of one origin may differ. Value.
struct HintPair: BitwiseCopyable, Sendable {
    private var latest = Interval.zero
    private var previous: Interval?

    @inline(__always)
    func isKnown(_ timeout: Interval) -> Bool { timeout == latest || timeout == previous }

    mutating func note(_ timeout: Interval) {
        previous = previous == nil && latest == .zero ? timeout : latest
        latest = timeout
    }

    /// The shorter of the two; zero where one names none.
    var inForce: Interval { min(latest, previous ?? latest) }
    /// The same; nil where one names none.
    var named: Interval? { inForce > .zero ? inForce : nil }
}

/// What one pooled connection has to tell the learner. Value.
struct IdleWatch: BitwiseCopyable {
    /// When the request that ran last had been written in full.
    var asked = Instant.zero
    /// From then to the end of its response.
    var lag = Interval.zero
    /// How long it had been idle when its lease began, where an answer then teaches something; else zero.
    private(set) var unproven = Interval.zero
    /// `lag` of that idle time.
    private(set) var unprovenLag = Interval.zero
    /// While it is parked: the idle age that it has told already, and when it is to tell the next one.
    var told = Interval.zero
    var tells = Instant.distantFuture

    mutating func beginProof(at age: Interval) {
        // Zero: nothing is to be proven.
        unproven = max(age, Interval(nanoseconds: 1))
        unprovenLag = lag
    }

    mutating func endProof() { unproven = .zero }
}
