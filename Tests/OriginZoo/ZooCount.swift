/// What a run did. Value.
package struct ZooCount: Equatable {
    package var requests = 0
    package var posts = 0
    package var seconds = 0.0
    package var reused = 0
    package var reusedByPosts = 0
    package var dials = 0
    /// POSTs that failed visibly, and other requests that were repeated.
    package var lostPosts = 0
    package var repeated = 0
    package var silent = 0
    /// Connection seconds, and those of them after the ordinary time, as a probe.
    package var idle = 0.0
    package var probing = 0.0

    package init() {}

    package var reuse: Double { Double(reused) / Double(max(requests, 1)) }
    package var postReuse: Double { Double(reusedByPosts) / Double(max(posts, 1)) }
    /// Idle connections on average, and probes among them.
    package var held: Double { idle / max(seconds, 1e-9) }
    package var probes: Double { probing / max(seconds, 1e-9) }

    package func since(_ start: ZooCount) -> ZooCount {
        var part = self
        part.add(start, -1)
        return part
    }

    /// The sum over several runs.
    package func plus(_ run: ZooCount) -> ZooCount {
        var sum = self
        sum.add(run, 1)
        return sum
    }

    private mutating func add(_ other: ZooCount, _ sign: Int) {
        requests += sign * other.requests
        posts += sign * other.posts
        reused += sign * other.reused
        reusedByPosts += sign * other.reusedByPosts
        dials += sign * other.dials
        lostPosts += sign * other.lostPosts
        repeated += sign * other.repeated
        silent += sign * other.silent
        seconds += Double(sign) * other.seconds
        idle += Double(sign) * other.idle
        probing += Double(sign) * other.probing
    }
}
