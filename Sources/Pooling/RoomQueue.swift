package import ProxyTypes

/// The pools whose dials wait for room in the total budget (`max_upstream_connections`), and when their claims on it
/// are due. Pools are identified by the driver's numbers. Value.
package struct RoomQueue {
    private struct Entry {
        let pool: Int
        var wanted: Int
        var claim: Instant
    }

    /// In the order in which the pools began to wait or had their last turn.
    private var entries: [Entry] = []
    /// The waiting dials of all pools.
    package private(set) var wanted = 0

    package init() {}

    package var isEmpty: Bool { entries.isEmpty }

    /// The pool's number of waiting dials or its claim has changed. With 0 dials it leaves the queue.
    package mutating func update(_ pool: Int, wanted: Int, claim: Instant) {
        guard let place = entries.firstIndex(where: { $0.pool == pool }) else {
            guard wanted > 0 else { return }
            self.wanted += wanted
            return entries.append(Entry(pool: pool, wanted: wanted, claim: claim))
        }
        self.wanted += wanted - entries[place].wanted
        entries[place].wanted = wanted
        entries[place].claim = claim
        if wanted == 0 { entries.remove(at: place) }
    }

    /// `distantFuture` if no pool waits.
    package var earliestClaim: Instant {
        var earliest = Instant.distantFuture
        for entry in entries { earliest = min(earliest, entry.claim) }
        return earliest
    }

    /// Returns the pool with the earliest claim, and puts it behind others with the same claim.
    package mutating func takeTurn() -> Int? {
        guard let place = entries.indices.min(by: { entries[$0].claim < entries[$1].claim }) else { return nil }
        let entry = entries.remove(at: place)
        entries.append(entry)
        return entry.pool
    }
}
