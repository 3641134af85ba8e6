import Learning
import Metering
import Pooling
package import ProxyTypes
import Reactor
import Tuning

/// The pool tells its learner what idle connections show, and obeys what follows from it.
extension UpstreamPool {
    /// It was idle, and the origin has ended it.
    func originEnded(_ connection: UpstreamConnection, idle age: Interval, now: Instant) {
        let period = connection.idlePeriod(age)
        let requests = connection.requestsServed
        learn(now: now) { learner, wall in learner.closed(period, requests: requests, now: wall) }
    }

    /// It is idle, and the origin is ending it: to be called while the pool and the kernel still know it. What a request sends
    /// meets a close that began less than a round trip later.
    func countPreventedRace(_ connection: UpstreamConnection, now: Instant) {
        guard let since = machine.timePassedOver(connection.id, now: now),
            since.microseconds < connection.leastRoundTrip
        else { return }
        statistics.races.prevented += 1
    }

    /// It was idle, and is closed by this side.
    func closedIdle(_ connection: UpstreamConnection, idle age: Interval, now: Instant) {
        let period = connection.idlePeriod(age)
        learn(now: now) { learner, _ in learner.kept(period) }
    }

    /// An answer has come on a connection that had been idle.
    func reuseSucceeded(_ period: IdlePeriod, requests: Int, now: Instant) {
        learn(now: now) { learner, _ in
            learner.reused(period)
            learner.served(requests: requests)
        }
    }

    /// A request was sent on a connection that had been idle, and no byte of an answer has come.
    func reuseFailed(
        _ connection: UpstreamConnection, idle age: Interval, _ failure: FailedReuse, now: Instant
    ) {
        let period = connection.idlePeriod(age)
        let requests = connection.requestsServed
        learn(now: now) { learner, wall in learner.lost(period, failure, requests: requests, now: wall) }
    }

    /// A parked one is as old as was to be told. Returns the age that it has told.
    func outlived(_ connection: UpstreamConnection, idle age: Interval, now: Instant) -> Interval {
        let period = connection.idlePeriod(age)
        var told = Interval.zero
        learn(now: now) { learner, _ in told = learner.outlived(period) }
        return told
    }

    func hinted(_ timeout: Interval, now: Instant) {
        learning.hints.note(timeout)
        let hint = learning.hints.inForce
        learn(now: now) { learner, wall in learner.hinted(hint, now: wall) }
    }

    func measured(_ delays: PathDelays) {
        guard learning.measured(delays, now: loop.wallClock, margin: settings.keepAliveMargin) else { return }
        applyLearning(now: loop.now)
    }

    /// Before the kernel was asked.
    func measured(connect time: Interval) {
        guard learning.isWithoutPath, time > .zero else { return }
        measured(PathDelays(roundTrip: time, variation: Interval(nanoseconds: time.nanoseconds / 2)))
    }

    func learn(now: Instant, _ event: (inout IdleLimitLearner, _ wall: Int64) -> Void) {
        let wall = loop.wallClock
        learning.learn(now: wall, margin: settings.keepAliveMargin) { event(&$0, wall) }
        tellChange(wall)
        hasUnreportedChanges = true
        obeyLearning(now: now)
    }

    /// Each close moves the bound a little; people are told of what they would notice.
    private func tellChange(_ wall: Int64) {
        let bound = learnedIdleBound
        guard LearnedChange.isWorthTelling(from: learning.toldBound, to: bound) else { return }
        loop.ended.note(
            LearnedChange(
                origin: origin, before: learning.toldBound, after: bound, evidence: learning.learner.text(now: wall)))
        learning.toldBound = bound
    }

    func obeyLearning(now: Instant) {
        applyLearning(now: now)
        perform(now: now)
    }

    /// `perform` follows.
    func applyLearning(now: Instant) {
        machine.apply(obeyedBounds, now: now, into: &actions.pending)
        let explores = settings.idleTimeout == .auto && settings.idleExploration
        machine.apply(explores ? learning.parking : .none, now: now, into: &actions.pending)
    }

    /// As it was kept by an earlier pool or process.
    func restore(_ kept: LearnedLimit, now: Instant) {
        let (wall, margin) = (loop.wallClock, settings.keepAliveMargin)
        guard let kept = IdleLearning(packed: kept.state, changed: kept.changed, now: wall, margin: margin) else {
            return
        }
        learning = kept
        learning.toldBound = learnedIdleBound
        obeyLearning(now: now)
    }

    /// Nil where nothing was learned.
    var keptLearning: LearnedLimit? {
        learning.isEmpty ? nil : LearnedLimit(origin: origin, state: learning.learner.packed, changed: learning.changed)
    }

    /// Nil where it has not changed since the last time.
    func takeUnsavedLearning() -> LearnedLimit? {
        learning.takeUnsaved(now: loop.wallClock) ? keptLearning : nil
    }

    /// Where no connection is held on to be watched, a bound could only ever become shorter if connections ended at it: they
    /// stay as long as without it, though they are reused no longer than was learned.
    var obeyedBounds: LearnedBounds? {
        guard var bounds = learning.learned else { return nil }
        if !settings.idleExploration {
            bounds.retire = max(bounds.retire, machine.policy.autoIdleBound(hint: learning.hints.named))
        }
        return bounds
    }

    /// At which age idle connections are closed for what was learned; nil where nothing is, or an operator says otherwise.
    var learnedIdleBound: Interval? {
        settings.idleTimeout == .auto ? obeyedBounds?.retire : nil
    }

    /// Nothing is known of the origin any more.
    package func forgetLearned(now: Instant) {
        learning = IdleLearning(now: loop.wallClock, margin: settings.keepAliveMargin)
        hasUnreportedChanges = true
        obeyLearning(now: now)
    }
}

extension LearnedChange {
    /// By a fifth and more.
    static func isWorthTelling(from before: Interval?, to after: Interval?) -> Bool {
        guard let before, let after else { return before != after }
        let change = after > before ? after - before : before - after
        return change.nanoseconds >= before.nanoseconds / 5
    }
}

extension TCPInfo {
    var pathDelays: PathDelays {
        PathDelays(
            roundTrip: Interval(nanoseconds: 1_000 * Int64(roundTripTime)),
            variation: Interval(nanoseconds: 4_000 * Int64(roundTripVariance)),
            retransmission: retransmits > 0 ? Interval(nanoseconds: 1_000 * Int64(retransmissionTimeout)) : .zero)
    }
}

extension UpstreamConnection {
    /// Of the idle time that has lasted so long.
    func idlePeriod(_ age: Interval) -> IdlePeriod { IdlePeriod(age: age, lag: watch.lag, told: watch.told) }

    /// It has been idle since then, and ends.
    func tellIdleEnd(_ reason: CloseReason, since: Instant, now: Instant) {
        guard requestsServed > 0, case .requests = purpose else { return }
        let age = now - since
        pool.endedIdle(after: age)
        switch reason {
        case .originFinIdle, .originRstIdle: pool.originEnded(self, idle: age, now: now)
        case .idleTimeout, .learnedIdleBound, .keepAliveHint, .maxLifetime, .maxRequests, .poolShrink, .fdPressure,
            .drained, .dnsDrain, .settingsChanged, .shutdown, .killed, .pinned:
            // Nobody looked at it for a while, as after a sleep: whether it was open all the time is not known.
            if age > .zero, !pool.closesLate { pool.closedIdle(self, idle: age, now: now) }
        // It may not have been open any more, or its end says nothing of idle time.
        case .distrusted, .tlsFailed, .unsolicitedBytes, .pathBlackHole, .originConnectionClose,
            .originClosedMidResponse,
            .responseUntilClose, .framingError, .clientAborted, .headersTimeout, .bodyTimeout, .writeTimeout,
            .dialFailed,
            .earlyResponse:
            break
        }
    }

    /// A request that was sent after an idle time has been answered.
    func tellReused(now: Instant) {
        let period = IdlePeriod(age: watch.unproven, lag: watch.unprovenLag)
        watch.endProof()
        pool.reuseSucceeded(period, requests: requestsServed, now: now)
    }

    /// The response named this time-out; zero: none.
    @inline(__always)
    func tellHint(_ timeout: Interval, now: Instant) {
        if !pool.learning.hints.isKnown(timeout) { pool.hinted(timeout, now: now) }
    }

    /// No byte of the answer has come.
    func tellReuseLost(_ end: InputEnd, now: Instant) {
        guard requestsServed > 1, !isShared, leasedAt > idleBefore else { return }
        let (elapsed, roundTrip) = (now - leasedAt, Interval(nanoseconds: 1_000 * leastRoundTrip))
        let sign: FailedReuse.Sign
        switch end {
        case .fin: sign = .closed
        // A whole round trip later it answers the request: whoever forgot the connection, that is no idle limit, and what the
        // path forgets is learned apart (`PathLimit`).
        case .reset:
            guard elapsed < roundTrip - Interval(nanoseconds: roundTrip.nanoseconds / 8) else { return }
            sign = .reset
        case .silence: return
        }
        let failure = FailedReuse(sign, elapsed: elapsed, shortestRoundTrip: roundTrip)
        pool.reuseFailed(self, idle: leasedAt - idleBefore, failure, now: now)
    }

    /// It is held on to be watched.
    func park(now: Instant) {
        guard case .idle(let since) = state else { return }
        watch.tells = since + pool.learning.bounds.milestone
        loop.timer.wake(timer, at: watch.tells)
    }

    func tellOutlived(now: Instant) {
        guard case .idle(let since) = state else { return }
        watch.tells = .distantFuture
        watch.told = pool.outlived(self, idle: now - since, now: now)
    }
}
