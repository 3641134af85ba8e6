package import ProxyTypes
import Reactor
import Upstream

/// Stops the data path in order: listeners, then clients, then pools. Loop-bound.
///
/// ```
///   draining ◀──▶ lingering ──▶ closingPools ──▶ over
///       └─────────────┴──────────────┴── out of time, or at once ──▶ over
/// ```
package final class Shutdown {
    package enum Outcome: Equatable {
        case complete
        /// `shutdown_grace` ended with so many clients left.
        case graceIsOver(clients: Int)
        case atOnce
    }

    private enum State {
        /// Some client has something under way.
        case draining
        /// No client has; those that do not close by themselves get a moment for the last bytes.
        case lingering(since: Instant)
        /// No client is left, and connections to origins end.
        case closingPools
        case over
    }

    private let loop: ProxyLoop
    private let schedule: ShutdownSchedule
    private let ended: (Outcome) -> Void
    private let deadline = Deadline()
    private var state = State.draining

    /// How long clients may take for the last bytes.
    private static let lingerTime = Interval.milliseconds(250)
    /// How often to check whether all connections are gone.
    private static let checkInterval = Interval.milliseconds(10)

    /// `ended` is called once, when no connection is left.
    package init(of loop: ProxyLoop, grace: Interval, ended: @escaping (Outcome) -> Void) {
        self.loop = loop
        schedule = ShutdownSchedule(grace: grace, now: loop.now)
        self.ended = ended
        deadline.owner = self
    }

    deinit {
        deadline.owner = nil
    }

    package func begin() {
        loop.drain()
        loop.timer.wake(deadline, at: loop.now)
    }

    /// Cuts whatever is under way.
    package func stopAtOnce() {
        guard !isOver else { return }
        loop.kill()
        end(.atOnce)
    }

    package var isOver: Bool {
        switch state {
        case .draining, .lingering, .closingPools: false
        case .over: true
        }
    }

    private func end(_ outcome: Outcome) {
        state = .over
        ended(outcome)
    }

    // MARK: Steps

    private func advance(now: Instant) {
        switch state {
        case .draining: waitForClients(lingeringSince: now, now: now)
        case .lingering(let since): waitForClients(lingeringSince: since, now: now)
        case .closingPools: waitForPools()
        case .over: break
        }
    }

    private func waitForClients(lingeringSince: Instant, now: Instant) {
        guard loop.continueDrain(now: now, schedule) else {
            state = .draining
            return
        }
        guard loop.clientCount == 0 || now - lingeringSince >= Self.lingerTime else {
            state = .lingering(since: lingeringSince)
            return
        }
        loop.closeClients()
        // Not earlier: requests of remaining clients needed the pools.
        loop.upstream.shutdown()
        state = .closingPools
        waitForPools()
    }

    private func waitForPools() {
        if loop.upstream.openConnections == 0 { end(.complete) }
    }
}

extension Shutdown: DeadlineOwner {
    package func deadlineReached(now: Instant) -> Instant {
        advance(now: now)
        guard !isOver else { return .distantFuture }
        guard now >= schedule.graceEnds else { return min(now + Self.checkInterval, schedule.graceEnds) }
        let clients = loop.clientCount
        loop.kill()
        end(.graceIsOver(clients: clients))
        return .distantFuture
    }
}

/// When each part of a stop ends at the latest. Value.
struct ShutdownSchedule: Equatable {
    /// New clients are left to the successor from then on, so that requests under way can end.
    let handoverEnds: Instant
    /// Requests that wait for a connection are refused from then on, so that their clients still get the answer.
    let waitingEnds: Instant
    let graceEnds: Instant

    /// Time to answer requests that will not be sent any more.
    private static let lastReplies = Interval.seconds(1)

    init(grace: Interval, now: Instant) {
        handoverEnds = now + Interval(nanoseconds: grace.nanoseconds / 4 * 3)
        waitingEnds = max(handoverEnds, now + (grace - Self.lastReplies))
        graceEnds = now + grace
    }
}
