import ProxyTypes

/// Retries are limited to a share of the requests, so that a failing origin does not receive a multiple of its load.
extension World {
    /// What `RetryBudget` grants in a second without asking for a share, over the two of its seconds that one may
    /// touch, and one more for what is late on its way.
    private static let free = 3 * 3
    /// How long a request counts at most.
    private static let window = Interval.seconds(11)

    func checkRetries() {
        for origin in origins {
            let accounts = ledger.accounts.filter { $0.request.origin == origin.index }
            let resent = accounts.flatMap { $0.sightings.dropFirst().map(\.at) }.sorted()
            guard resent.count > Self.free else { continue }
            var first = 0
            for (place, time) in resent.enumerated() {
                while resent[first] + .seconds(1) < time { first += 1 }
                let retries = place - first + 1
                guard retries > Self.free else { continue }
                let requests = accounts.count { $0.sentAt <= time && time < $0.sentAt + Self.window }
                if retries > Self.free + requests / 5 {
                    return violated(
                        .sentTooOften,
                        "origin \(origin.index) got \(retries) retries in a second, of \(requests) requests")
                }
            }
        }
    }
}
