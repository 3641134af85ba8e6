package import ProxyTypes

/// Decides which pools close idle connections when `max_upstream_connections` or file descriptors run short. The order of
/// its input does not matter. Pure.
///
/// First come distrusted connections, the longest idle first. Then come idle ones that any request may use, from the pool
/// that has the most of them: an origin keeps its last connection as long as another has several. Connections pinned to a
/// client come last, as their owner would have to log in again.
package enum ShedPolicy {
    /// What a pool could close. Value.
    package struct Candidate: Equatable, BitwiseCopyable, Sendable {
        /// Names the pool. Of pools that are equal otherwise, the one with the lowest number comes first.
        package var pool: Int
        package var distrusted: Int
        /// Idle and trusted.
        package var shared: Int
        /// Without those in the middle of a login.
        package var pinned: Int
        /// Of the connection that the pool would close first.
        package var idleSince: Instant

        package init(pool: Int, distrusted: Int = 0, shared: Int = 0, pinned: Int = 0, idleSince: Instant) {
            self.pool = pool
            self.distrusted = distrusted
            self.shared = shared
            self.pinned = pinned
            self.idleSince = idleSince
        }

        /// The higher comes first.
        private var rank: Int { distrusted > 0 ? 2 : shared > 0 ? 1 : 0 }

        func precedes(_ other: Candidate) -> Bool {
            if rank != other.rank { return rank > other.rank }
            if rank == 1, shared != other.shared { return shared > other.shared }
            if rank == 0, pinned != other.pinned { return pinned > other.pinned }
            if idleSince != other.idleSince { return idleSince < other.idleSince }
            return pool < other.pool
        }

        fileprivate var isEmpty: Bool { distrusted + shared + pinned == 0 }

        fileprivate mutating func takeOne() {
            if distrusted > 0 {
                distrusted -= 1
            } else if shared > 0 {
                shared -= 1
            } else {
                pinned -= 1
            }
        }
    }

    /// How many idle connections a pool closes: its distrusted ones first, then by how long they are idle, pinned ones last.
    package struct Share: Equatable, BitwiseCopyable, Sendable {
        package let pool: Int
        package var count: Int

        package init(pool: Int, count: Int) {
            self.pool = pool
            self.count = count
        }
    }

    /// `count` connections, or as many as there are, one by one in the order above.
    package static func choose(_ count: Int, of candidates: [Candidate]) -> [Share] {
        var left = candidates.filter { !$0.isEmpty }
        var shares: [Share] = []
        for _ in 0..<max(0, count) {
            guard let first = left.indices.min(by: { left[$0].precedes(left[$1]) }) else { break }
            let pool = left[first].pool
            if let known = shares.firstIndex(where: { $0.pool == pool }) {
                shares[known].count += 1
            } else {
                shares.append(Share(pool: pool, count: 1))
            }
            left[first].takeOne()
            if left[first].isEmpty { left.remove(at: first) }
        }
        return shares
    }

    /// Out of file descriptors: a quarter of all idle connections that are not pinned, at least one, and at most a quarter of
    /// each pool, rounded up. Where all are pinned, the same of those.
    package static func underDescriptorPressure(_ candidates: [Candidate]) -> [Share] {
        let idle = candidates.reduce(0) { $0 + $1.distrusted + $1.shared }
        let takesPinned = idle == 0
        var left = takesPinned ? candidates.reduce(0) { $0 + $1.pinned } : idle
        left = (left + 3) / 4
        var shares: [Share] = []
        for candidate in candidates.sorted(by: { $0.precedes($1) }) where left > 0 {
            let held = takesPinned ? candidate.pinned : candidate.distrusted + candidate.shared
            guard held > 0 else { continue }
            let count = min((held + 3) / 4, left)
            left -= count
            shares.append(Share(pool: candidate.pool, count: count))
        }
        return shares
    }
}
