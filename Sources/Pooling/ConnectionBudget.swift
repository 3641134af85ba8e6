import Synchronization

/// Counts connections against one limit, across event loops: an origin's `max_connections`, or the daemon's
/// `max_upstream_connections`. It never blocks. Shared.
///
/// A connection that is to be closed counts as taken until its socket is closed. It also counts as draining, so that no
/// other connection is closed because of a limit that the end of this one will satisfy.
package final class ConnectionBudget: Sendable {
    /// Taken in the low half, draining in the high half: they change together.
    private let packed = Atomic<UInt64>(0)
    private let bound: Atomic<Int>

    package init(limit: Int) {
        bound = Atomic(max(0, limit))
    }

    /// May be set below what is taken: then `tryTake` fails until enough is given back.
    package var limit: Int {
        get { bound.load(ordering: .relaxed) }
        set { bound.store(max(0, newValue), ordering: .relaxed) }
    }

    package var taken: Int { Int(packed.load(ordering: .relaxed) & 0xFFFF_FFFF) }

    package var hasRoom: Bool { taken < limit }

    /// The limit is exceeded even when all draining connections are gone.
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

    func noteDraining() {
        packed.wrappingAdd(1 << 32, ordering: .relaxed)
    }

    func giveBackDraining() {
        packed.wrappingSubtract(1 << 32 | 1, ordering: .relaxed)
    }
}
