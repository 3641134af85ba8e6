import ProxyTypes

/// Pools that share `max_upstream_connections` share it fairly: while all of it is taken, each pool that waits for room has
/// a claim, and room that comes free goes to the earliest one. A busy pool frees none, as each of its connections goes from
/// one request to the next. So once a pool's claim is due, the next connection that another pool could use again is closed
/// for it instead.
///
/// A claim is due when none of the pool's requests was served for `starvedAfter`, or for half of their `queue_timeout`.
/// That bounds the wait of each pool, and how often connections are closed for others: a pool that is served now and then
/// has no claim that is due. Retries claim at once: the room that their lost connection took is theirs, so that they never
/// wait for requests which themselves wait for the retry's response.
extension OriginPool {
    static let starvedAfter = Interval.seconds(1)

    /// The claim of the requests and CONNECTs that wait now.
    var claimOfWaiters: Instant {
        if retryWaits { return .zero }
        let since = min(queue.longestWaiting, tunnelQueue.longestWaiting)
        let patience = min(Self.starvedAfter, Interval(nanoseconds: policy.queueTimeout.nanoseconds / 2))
        return max(lastServed, since) + patience
    }

    /// The connection, whose lease has ended, is closed for a pool that is starved, unless it has an owner.
    @inline(__always)
    func mustYield(_ index: Int, now: Instant) -> Bool {
        let earliest = total.earliestClaim
        return earliest <= now && earliest < roomClaim && !total.expectsRoom && table.slots[index].ownership == .shared
    }
}
