package import Learning
package import ProxyTypes

/// Obeys a learner, and tells it what happens.
///
/// As the design has it, or as the daemon does (`Upstream/IdleLearning`, `Pooling/OriginPool+Risk`): until a close was seen
/// only the settings and the origin's hint count, probes serve nothing, what tests a request cap is used at once, but not for
/// POSTs, and without exploring connections stay at least as long as without a learner.
package final class ZooLearnedPolicy: ZooPolicy {
    package enum Pool: Sendable { case design, daemon }

    package private(set) var learner: IdleLimitLearner
    package private(set) var bounds: IdleBounds
    private let start: Int64
    private let pool: Pool
    private let explores: Bool
    private var origin = ZooOrigin("", .never)
    private var post = 0.0
    private var retire = 0.0
    private(set) var hold = 0.0
    private(set) var milestone = 0.0
    private(set) var keepAliveAt = 0.0
    private(set) var parked = 0
    private var wornOut = 0
    private var repeatableAt = -1e9
    /// When each state was first reached.
    package private(set) var reached: [IdleLimitState: Double] = [:]
    /// What was told of the limit after each close: closes, seconds.
    package private(set) var history: [(closes: Int64, at: Double, estimate: Double?)] = []

    /// `wall`: of its beginning, in milliseconds.
    package init(
        _ learner: IdleLimitLearner = IdleLimitLearner(), wall: Int64 = ZooLearnedPolicy.wall(0), pool: Pool = .design,
        explores: Bool = true
    ) {
        self.learner = learner
        self.pool = pool
        self.explores = explores
        start = wall
        bounds = learner.bounds(now: wall)
    }

    package var learned: ZooLearnedPolicy? { self }

    package func start(_ origin: ZooOrigin) {
        self.origin = origin
        learner.measured(
            PathDelays(
                roundTrip: .zoo(origin.roundTrip + 2 * origin.jitter), variation: .zoo(6 * origin.jitter),
                retransmission: .zoo(origin.loss > 0 ? 0.2 + origin.roundTrip : 0)))
        if let hint = origin.hint { learner.hinted(.zoo(hint), now: wall(0)) }
        refresh(0)
    }

    package func retireAfter(_ connection: ZooConnection) -> Double {
        guard isObeyed else { return ZooHintPolicy.timeout(origin.hint) }
        // What only repeatable requests may use is not held where none come.
        let end: Double
        switch pool {
        case .design: end = connection.since - repeatableAt < 600 ? retire : min(retire, post)
        case .daemon: end = explores ? retire : max(retire, ZooHintPolicy.timeout(origin.hint))
        }
        return end - (bounds.countsFromRequest ? connection.lag : 0)
    }

    package func pick(_ idle: [ZooConnection], isPost: Bool, now: Double) -> ZooConnection? {
        if !isPost { repeatableAt = now }
        for connection in idle.reversed() where isUsable(connection, now: now) {
            guard isObeyed else {
                return now - connection.since < ZooHintPolicy.timeout(origin.hint) ? connection : nil
            }
            let age = bounds.age(.zoo(now - connection.since), lag: .zoo(connection.lag))
            let isYoung = age < (isPost ? bounds.post : bounds.repeat)
            if !isYoung, !bounds.countsFromRequest { return nil }
            if isYoung, !isPost || bounds.isSafe(age) && !isBeyondCap(connection) { return connection }
        }
        return nil
    }

    private func isBeyondCap(_ connection: ZooConnection) -> Bool {
        pool == .daemon && bounds.maxRequests > 0 && connection.requests >= bounds.maxRequests
    }

    private func isUsable(_ connection: ZooConnection, now: Double) -> Bool {
        now < connection.expires && now >= connection.usableFrom && !(pool == .daemon && connection.isProbe)
    }

    /// Where enough is known, what only ran out of lifetime is not held.
    package func probes(_ connection: ZooConnection, now: Double) -> Double? {
        guard explores, parked < bounds.park, bounds.park > 1 || now < connection.expires else { return nil }
        connection.isProbe = true
        parked += 1
        return hold
    }

    /// After so many requests the origin ends it; one in eight finds out whether that still holds.
    func wearsOut(_ connection: ZooConnection) -> Bool {
        guard isObeyed, bounds.maxRequests > 0, connection.requests >= bounds.maxRequests else { return false }
        wornOut += 1
        guard wornOut % 8 == 0 else { return true }
        if pool == .design { connection.usableFrom = connection.since + 0.1 + origin.roundTripBound }
        return false
    }

    func unpark(_ connection: ZooConnection) {
        guard connection.isProbe else { return }
        connection.isProbe = false
        parked -= 1
    }

    // MARK: What happened

    func closed(_ connection: ZooConnection, age: Double, now: Double) {
        learner.closed(period(connection, age), requests: connection.requests, now: wall(now))
        refresh(now)
        note(now)
    }

    func reused(_ connection: ZooConnection, age: Double, now: Double) {
        learner.served(requests: connection.requests + 1)
        let period = period(connection, age)
        guard bounds.age(period.age, lag: period.lag) >= bounds.watermark else { return learner.rested(period.age) }
        learner.reused(period)
        refresh(now)
    }

    func kept(_ connection: ZooConnection, age: Double, now: Double) {
        learner.kept(period(connection, age))
        refresh(now)
    }

    func outlived(_ connection: ZooConnection, age: Double, now: Double) {
        connection.told = learner.outlived(period(connection, age + 1e-5)).microseconds
        refresh(now)
    }

    func lost(_ connection: ZooConnection, age: Double, elapsed: Double, _ sign: FailedReuse.Sign, now: Double) {
        let failure = FailedReuse(sign, elapsed: .zoo(elapsed), shortestRoundTrip: .zoo(origin.roundTrip))
        learner.lost(period(connection, age), failure, requests: connection.requests, now: wall(now))
        refresh(now)
        if sign == .closed { note(now) }
    }

    func probed(age: Double, isAnswered: Bool, now: Double) {
        learner.probed(.zoo(age), answered: isAnswered, now: wall(now))
        refresh(now)
    }

    // MARK: Answers

    /// Closes until the estimate is within 5 % of `truth` and stays there; nil: never.
    package func closesNeeded(_ truth: Double, from start: Double = 0, to end: Double = .infinity) -> Int? {
        let part = history.filter { start <= $0.at && $0.at < end }
        guard let first = part.first, let last = part.last, isNear(last.estimate, truth) else { return nil }
        let bad = part.last { !isNear($0.estimate, truth) }?.closes ?? first.closes - 1
        return Int(bad - first.closes) + 2
    }

    /// When the estimate came within 5 % of `truth` to stay there; nil: never.
    package func timeNeeded(_ truth: Double, from start: Double = 0, to end: Double = .infinity) -> Double? {
        let part = history.filter { start <= $0.at && $0.at < end }
        guard let first = part.lastIndex(where: { !isNear($0.estimate, truth) }) else { return part.first?.at }
        return first + 1 < part.count ? part[first + 1].at : nil
    }

    private func isNear(_ estimate: Double?, _ truth: Double) -> Bool {
        estimate.map { abs($0 - truth) <= 0.05 * truth } ?? false
    }

    package static func wall(_ now: Double) -> Int64 { 1_700_000_000_000 + Int64(now * 1000) }
    private func wall(_ now: Double) -> Int64 { start + Int64(now * 1000) }

    private func period(_ connection: ZooConnection, _ age: Double) -> IdlePeriod {
        IdlePeriod(age: .zoo(age), lag: .zoo(connection.lag), told: .scaled(connection.told, 1000))
    }

    private func note(_ now: Double) {
        history.append((learner.closes, now, learner.estimate().map { $0.limit.zoo }))
    }

    /// Whether something was seen that counts.
    private var isObeyed: Bool {
        switch (pool, bounds.state) {
        case (.daemon, .unknown), (.daemon, .hinted): false
        case (.design, _), (.daemon, _): true
        }
    }

    private func refresh(_ now: Double) {
        bounds = learner.bounds(now: wall(now))
        if reached[bounds.state] == nil { reached[bounds.state] = now }
        post = bounds.post.zoo
        retire = bounds.retire.zoo
        hold = bounds.hold.zoo
        milestone = bounds.milestone.zoo
        keepAliveAt = bounds.keepAliveAt.zoo
    }
}

extension Interval {
    /// Seconds, to the microsecond.
    package static func zoo(_ seconds: Double) -> Interval { .scaled(Int64(seconds * 1e6), 1000) }
    package var zoo: Double { Double(microseconds) / 1e6 }
}
