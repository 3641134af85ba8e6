package import ProxyTypes
import Synchronization

/// Counts connections against one limit, across event loops: an origin's `max_connections`, or the daemon's
/// `max_upstream_connections`. It never blocks. Shared.
///
/// A connection that is to be closed counts as taken until its socket is closed. It also counts as draining, and from
/// the order to close it on as closing, so that no other connection is closed because of a limit that its end will
/// satisfy.
package final class ConnectionBudget: Sendable {
    /// How far a connection has come towards its end.
    package enum Stage: Sendable {
        case used, draining, closing
    }

    /// Taken, draining and closing in 21 bits each, from the lowest on: they change together. The closing ones are
    /// among the draining ones, and those among the taken ones.
    private let packed = Atomic<UInt64>(0)
    private let bound: Atomic<Int>
    private let claim = Atomic<Int64>(Instant.distantFuture.nanoseconds)
    private let parked = Atomic<Int>(0)
    private let parkedBound = Atomic<Int>(.max)

    private static let one: UInt64 = 1
    private static let oneDraining: UInt64 = 1 << 21
    private static let oneClosing: UInt64 = 1 << 42
    private static let mask: UInt64 = 1 << 21 - 1
    /// Larger limits are reduced to this.
    package static let maxLimit = Int(mask) - 1

    package init(limit: Int) {
        bound = Atomic(Self.clamped(limit))
    }

    /// May be set below what is taken: then `tryTake` fails until enough is given back.
    package var limit: Int {
        get { bound.load(ordering: .relaxed) }
        set { bound.store(Self.clamped(newValue), ordering: .relaxed) }
    }

    private static func clamped(_ limit: Int) -> Int { min(max(0, limit), maxLimit) }

    package var taken: Int { Int(packed.load(ordering: .relaxed) & Self.mask) }

    package var hasRoom: Bool { taken < limit }

    /// How many more can be taken when all that are closing are gone. Negative where the limit is exceeded even then.
    package var expectedRoom: Int {
        let now = packed.load(ordering: .relaxed)
        return limit - Int(now & Self.mask) + Int(now >> 42)
    }

    /// Whether the limit is exceeded even once all draining connections are gone.
    package var isExceeded: Bool {
        let now = packed.load(ordering: .relaxed)
        return Int(now & Self.mask) - Int(now >> 21 & Self.mask) > limit
    }

    /// The earliest `OriginPool.roomClaim` of the pools that wait for room; `distantFuture` while none waits. Kept by
    /// the event loop whose pools share this budget.
    package var earliestClaim: Instant {
        get { Instant(nanoseconds: claim.load(ordering: .relaxed)) }
        set { claim.store(newValue.nanoseconds, ordering: .relaxed) }
    }

    /// Whether a pool waits for room. Room that becomes free is then given to the waiting pools in turn; no pool takes
    /// it out of turn.
    var isContended: Bool { earliestClaim < .distantFuture }

    /// How many connections may be parked at a time: they serve nobody.
    package var parkingLimit: Int {
        get { parkedBound.load(ordering: .relaxed) }
        set { parkedBound.store(newValue, ordering: .relaxed) }
    }

    var hasRoomToPark: Bool { parked.load(ordering: .relaxed) < parkingLimit }

    func noteParked(_ change: Int) { parked.wrappingAdd(change, ordering: .relaxed) }

    package func tryTake() -> Bool {
        var now = packed.load(ordering: .relaxed)
        while Int(now & Self.mask) < limit {
            let (done, seen) = packed.weakCompareExchange(
                expected: now, desired: now + Self.one, ordering: .relaxed)
            if done { return true }
            now = seen
        }
        return false
    }

    /// The connection's socket is closed, or was not opened.
    package func giveBack(_ stage: Stage = .used) {
        switch stage {
        case .used: packed.wrappingSubtract(Self.one, ordering: .relaxed)
        case .draining: packed.wrappingSubtract(Self.one + Self.oneDraining, ordering: .relaxed)
        #if CONND_PLANTED_FAULTS
            case .closing where PlantedFault.isActive(.budgetNotGivenBack): break
        #endif
        case .closing: packed.wrappingSubtract(Self.one + Self.oneDraining + Self.oneClosing, ordering: .relaxed)
        }
    }

    func noteDraining() {
        packed.wrappingAdd(Self.oneDraining, ordering: .relaxed)
    }

    /// The connection must be noted as draining already.
    func noteClosing() {
        packed.wrappingAdd(Self.oneClosing, ordering: .relaxed)
    }
}
