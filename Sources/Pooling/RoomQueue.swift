/// The pools with dials that wait for room in the total budget, and whose turn it is to take room that comes free. A pool
/// that has had its turn comes last. Pools are named by numbers. Value.
package struct RoomQueue {
    private var entries: [(pool: Int, wanted: Int)] = []
    /// Dials that wait, of all pools.
    package private(set) var wanted = 0

    package init() {}

    package var isEmpty: Bool { entries.isEmpty }
    package var count: Int { entries.count }

    /// The pool's number of waiting dials has changed; 0: it leaves.
    package mutating func update(_ pool: Int, wanted: Int) {
        guard let place = entries.firstIndex(where: { $0.pool == pool }) else {
            guard wanted > 0 else { return }
            self.wanted += wanted
            return entries.append((pool, wanted))
        }
        self.wanted += wanted - entries[place].wanted
        entries[place].wanted = wanted
        if wanted == 0 { entries.remove(at: place) }
    }

    /// The pool whose turn it is, which then comes last.
    package mutating func takeTurn() -> Int? {
        guard !entries.isEmpty else { return nil }
        let first = entries.removeFirst()
        entries.append(first)
        return first.pool
    }
}
