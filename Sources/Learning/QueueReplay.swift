import ProxyTypes

/// Plays requests again, first come, first served, with so many connections, and tells who would have waited. A request
/// occupies a connection for as long as it did. Value.
struct QueueReplay {
    /// Requests that would wait, in all that long, and those that would be refused because they would wait too long.
    private(set) var waiting = 0
    private(set) var waited = Interval.zero
    private(set) var refused = 0
    private(set) var requests = 0

    /// When each connection is free, the earliest first (a binary heap).
    private var free: [Instant]

    /// `patience`: `queue_timeout`.
    init(_ served: [ServedRequest], connections: Int, patience: Interval) {
        free = Array(repeating: Instant(nanoseconds: .min), count: min(max(connections, 1), max(served.count, 1)))
        for request in served { play(request, patience: patience) }
    }

    private mutating func play(_ request: ServedRequest, patience: Interval) {
        requests += 1
        guard free[0] > request.wanted else { return occupy(until: request.wanted + request.occupied) }
        let wait = free[0] - request.wanted
        waiting += 1
        guard wait <= patience else {
            refused += 1
            return waited = waited + patience
        }
        waited = waited + wait
        occupy(until: free[0] + request.occupied)
    }

    /// The connection that is free first.
    private mutating func occupy(until end: Instant) {
        var place = 0
        while true {
            var child = 2 * place + 1
            guard child < free.count else { break }
            if child + 1 < free.count, free[child + 1] < free[child] { child += 1 }
            guard free[child] < end else { break }
            free[place] = free[child]
            place = child
        }
        free[place] = end
    }
}
