import Pooling
import ProxyTypes
import TestSupport

/// One pool, its budgets and its clock; each event returns what the pool then wants done. Loop-bound.
final class PoolFixture {
    private var pool: OriginPool
    let origin: ConnectionBudget
    let total: ConnectionBudget
    var time = ManualTime()
    let start: Instant
    var policy: PoolPolicy

    init(total limit: Int = 100, _ change: (inout PoolPolicy) -> Void = { _ in }) {
        var policy = PoolPolicy()
        policy.lifetimeJitterPercent = 0
        change(&policy)
        self.policy = policy
        start = time.now
        origin = ConnectionBudget(limit: policy.maxConnections)
        total = ConnectionBudget(limit: limit)
        pool = OriginPool(policy: policy, origin: origin, total: total, seed: 7)
    }

    var counts: PoolCounts { pool.counts }
    var nextDeadline: Instant { pool.nextDeadline }
    /// From now.
    var untilDeadline: Interval { pool.nextDeadline - time.now }
    var totalRoomWanted: Int { pool.totalRoomWanted }
    var roomClaim: Instant { pool.roomClaim }
    var isEmpty: Bool { pool.isEmpty }
    var isPaused: Bool { pool.isPaused }
    var dialFailures: Int { pool.dialFailures }
    /// What the last `prewarm`, `drain` or `lostWithoutNotice` returned.
    private(set) var affected = 0
    func state(_ id: ConnectionID) -> ConnectionState? { pool.state(of: id) }
    func owner(_ id: ConnectionID) -> ClientID? { pool.ownership(of: id)?.owner }

    private func event(_ event: (inout OriginPool, inout [PoolAction]) -> Void) -> [PoolAction] {
        var actions: [PoolAction] = []
        event(&pool, &actions)
        pool.checkInvariants()
        return actions
    }

    /// Each waiter is a client of its own unless `client` says otherwise.
    @discardableResult
    func lease(
        _ number: UInt32, client: UInt64? = nil, fresh: Bool = false, isRetryable: Bool = false,
        mayPipeline: Bool = false
    ) -> [PoolAction] {
        event {
            let request = LeaseRequest(
                client: ClientID(rawValue: client ?? 1_000 + UInt64(number)), needsFresh: fresh,
                isRetryable: isRetryable || mayPipeline, mayPipeline: mayPipeline)
            $0.lease(waiter(number), request, now: time.now, into: &$1)
        }
    }

    /// Each is a client of its own unless `client` says otherwise.
    @discardableResult
    func openTunnel(_ number: UInt32, client: UInt64? = nil) -> [PoolAction] {
        let client = ClientID(rawValue: client ?? 1_000 + UInt64(number))
        return event { $0.openTunnel(waiter(number), client: client, now: time.now, into: &$1) }
    }

    /// Who was granted what without a list of actions.
    func leaseIdle(isRetryable: Bool = true) -> ConnectionID? {
        let granted = pool.leaseIdle(mayPipeline: false, isRetryable: isRetryable, now: time.now)
        pool.checkInvariants()
        return granted?.id
    }

    @discardableResult
    func cancel(_ number: UInt32) -> [PoolAction] { event { $0.cancel(waiter(number), now: time.now, into: &$1) } }

    @discardableResult
    func dialSucceeded(_ id: ConnectionID) -> [PoolAction] {
        event { $0.dialSucceeded(id, now: time.now, into: &$1) }
    }

    @discardableResult
    func dialFailed(_ id: ConnectionID) -> [PoolAction] { event { $0.dialFailed(id, now: time.now, into: &$1) } }

    @discardableResult
    func release(_ id: ConnectionID, _ disposition: Disposition = .reusable(nil, window: .unknown)) -> [PoolAction] {
        event { $0.release(id, disposition, now: time.now, into: &$1) }
    }

    /// A leased connection ends before its answer, and its lease with it.
    @discardableResult
    func lose(_ id: ConnectionID) -> [PoolAction] {
        let first = event { affected = $0.lostWithoutNotice(id, now: time.now, into: &$1) }
        return first + release(id, .mustClose(.originClosedMidResponse))
    }

    @discardableResult
    func pathDropped(after silence: Interval) -> [PoolAction] {
        event { $0.pathDropped(after: silence, now: time.now, into: &$1) }
    }

    @discardableResult
    func learn(_ bounds: LearnedBounds?) -> [PoolAction] { event { $0.apply(bounds, now: time.now, into: &$1) } }

    @discardableResult
    func withdraw(_ id: ConnectionID, in wait: Interval = .seconds(5)) -> [PoolAction] {
        event { $0.withdraw(id, until: time.now + wait, now: time.now, into: &$1) }
    }

    @discardableResult
    func restore(_ id: ConnectionID) -> [PoolAction] { event { $0.restore(id, now: time.now, into: &$1) } }

    @discardableResult
    func park(_ parking: Parking) -> [PoolAction] { event { $0.apply(parking, now: time.now, into: &$1) } }

    func takeForGuest() -> Bool { pool.takeForGuest() }
    var hasRoomForGuests: Bool { pool.hasRoomForGuests }

    @discardableResult
    func guestLeft() -> [PoolAction] { event { $0.guestLeft(now: time.now, into: &$1) } }

    func takePassedOver() -> Int { pool.takePassedOver() }
    func timePassedOver(_ id: ConnectionID) -> Interval? { pool.timePassedOver(id, now: time.now) }

    var pathBound: Interval? { pool.pathBound(now: time.now) }

    @discardableResult
    func closed(_ id: ConnectionID, portIsFree: Bool = false) -> [PoolAction] {
        event { $0.closed(id, portIsFree: portIsFree, now: time.now, into: &$1) }
    }

    @discardableResult
    func apply(_ supply: PortSupply) -> [PoolAction] { event { $0.apply(supply, now: time.now, into: &$1) } }

    @discardableResult
    func dialFoundNoPort(_ id: ConnectionID) -> [PoolAction] {
        event { $0.dialFoundNoPort(id, now: time.now, into: &$1) }
    }

    @discardableResult
    func noteClosing(_ id: ConnectionID) -> [PoolAction] { event { $0.noteClosing(id, now: time.now, into: &$1) } }

    @discardableResult
    func deadlineReached() -> [PoolAction] { event { $0.deadlineReached(now: time.now, into: &$1) } }

    func drain(_ reason: CloseReason) -> [PoolAction] {
        event { affected = $0.drain(reason, now: time.now, into: &$1) }
    }

    @discardableResult
    func close(_ id: ConnectionID, _ reason: CloseReason = .killed) -> [PoolAction] {
        event { $0.close(id, reason, now: time.now, into: &$1) }
    }

    @discardableResult
    func pause() -> [PoolAction] { event { $0.pause(now: time.now, into: &$1) } }

    func resume() -> [PoolAction] { event { $0.resume(now: time.now, into: &$1) } }

    @discardableResult
    func pin(_ id: ConnectionID, to client: UInt64, isLoggingIn: Bool = false) -> [PoolAction] {
        event { pool, _ in pool.pin(id, to: ClientID(rawValue: client), isLoggingIn: isLoggingIn) }
    }

    func endPins(of client: UInt64) -> [PoolAction] {
        event { $0.endPins(of: ClientID(rawValue: client), now: time.now, into: &$1) }
    }

    func windowPassedOver(_ id: ConnectionID) -> UInt32? { pool.windowPassedOver(for: id) }

    func isPinned(to client: UInt64) -> Bool { pool.isPinned(to: ClientID(rawValue: client)) }

    func shutdown() -> [PoolAction] { event { $0.shutdown(now: time.now, into: &$1) } }

    func shedIdle(_ count: Int) -> [PoolAction] {
        event { _ = $0.shedIdle(count, .fdPressure, now: time.now, into: &$1) }
    }

    func shedCandidate() -> ShedPolicy.Candidate? { pool.shedCandidate(7) }

    func prewarm(_ count: Int) -> [PoolAction] { event { affected = $0.prewarm(count, now: time.now, into: &$1) } }

    func budgetFreed() -> [PoolAction] { event { $0.budgetFreed(now: time.now, into: &$1) } }

    func apply(_ change: (inout PoolPolicy) -> Void) -> [PoolAction] {
        change(&policy)
        return event { $0.apply(policy, now: time.now, into: &$1) }
    }

    /// Lets time pass and, when that is due, tells the pool.
    @discardableResult
    func pass(_ interval: Interval) -> [PoolAction] {
        time.advance(by: interval)
        return pool.nextDeadline <= time.now ? deadlineReached() : []
    }

    /// `count` connections that have served once each, idle a millisecond apart, the first the longest.
    func becomeIdle(_ count: Int, hint: KeepAliveHint? = nil) -> [ConnectionID] {
        var ids: [ConnectionID] = []
        for number in 0..<count {
            for case .dial(let id, _) in lease(900_000 + UInt32(number)) {
                ids.append(id)
            }
        }
        for id in ids { dialSucceeded(id) }
        for id in ids {
            release(id, .reusable(hint, window: .unknown))
            time.advance(by: .milliseconds(1))
        }
        return ids
    }
}

func waiter(_ number: UInt32) -> WaiterID { WaiterID(slot: number, generation: 0) }

func connection(_ slot: UInt32, _ generation: UInt32 = 0) -> ConnectionID {
    ConnectionID(slot: slot, generation: generation)
}

extension PoolAction {
    /// For somebody who takes any connection, as most are.
    static func dial(_ id: ConnectionID) -> PoolAction { .dial(id, .demand) }
}
