import Synchronization

/// Counts connections against one limit, across event loops: an origin's `max_connections`, or the daemon's
/// `max_upstream_connections`. It never blocks. Shared.
///
/// A connection that is to be closed still counts as taken until its socket is gone; it is noted as leaving, so that
/// nobody closes another one because of a limit that this one's end will satisfy.
package final class ConnectionBudget: Sendable {
    /// Taken in the low half, leaving in the high half: they change together.
    private let packed = Atomic<UInt64>(0)
    private let bound: Atomic<Int>

    package init(limit: Int) {
        bound = Atomic(max(0, limit))
    }

    /// May be set below what is taken: then nothing more is, until enough were given back.
    package var limit: Int {
        get { bound.load(ordering: .relaxed) }
        set { bound.store(max(0, newValue), ordering: .relaxed) }
    }

    package var taken: Int { Int(packed.load(ordering: .relaxed) & 0xFFFF_FFFF) }

    package var hasRoom: Bool { taken < limit }

    /// More connections stay than the limit allows.
    package var isExceeded: Bool {
        let now = packed.load(ordering: .relaxed)
        return Int(now & 0xFFFF_FFFF) - Int(now >> 32) > limit
    }

    package func tryTake() -> Bool {
        var now = packed.load(ordering: .relaxed)
        while Int(now & 0xFFFF_FFFF) < limit {
            let (done, seen) = packed.weakCompareExchange(expected: now, desired: now + 1, ordering: .relaxed)
            if done { return true }
            now = seen
        }
        return false
    }

    package func giveBack() {
        packed.wrappingSubtract(1, ordering: .relaxed)
    }

    func noteLeaving() {
        packed.wrappingAdd(1 << 32, ordering: .relaxed)
    }

    func giveBackLeaving() {
        packed.wrappingSubtract(1 << 32 | 1, ordering: .relaxed)
    }
}
