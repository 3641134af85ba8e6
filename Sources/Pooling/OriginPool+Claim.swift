import ProxyTypes

/// Pools share `max_upstream_connections` fairly. While all of it is taken, each pool that waits for room has a claim,
/// and room that becomes free goes to the earliest claim. A busy pool frees no room by itself, as each of its
/// connections goes from one request to the next. So once a pool's claim is due, the next connection that another pool
/// could use again is closed for it instead.
///
/// A claim is due when none of the pool's requests has been served for `starvedAfter`, or for half of their
/// `queue_timeout`. This bounds how long a pool waits. It also bounds how often connections are closed for others: a
/// pool that is served now and then has no claim that is due. The claim of a retry is due immediately, because the room
/// of its lost connection belongs to it: otherwise it could wait for requests that themselves wait for its response.
extension OriginPool {
    static let starvedAfter = Interval.seconds(1)

    /// When the claim of the requests and CONNECTs that wait now is due.
    var claimOfWaiters: Instant {
        if retryWaits { return .zero }
        let since = min(queue.longestWaiting, tunnelQueue.longestWaiting)
        let longestWait = min(Self.starvedAfter, Interval(nanoseconds: policy.queueTimeout.nanoseconds / 2))
        return max(lastServed, since) + longestWait
    }

    /// Whether the connection, whose lease has ended, must be closed for a starved pool. One with an owner never is, nor is
    /// any while another one is closing. A draining one counts as taken: its lease may last longer than any request waits.
    @inline(__always)
    func mustYield(_ index: Int, now: Instant) -> Bool {
        let earliest = total.earliestClaim
        return earliest <= now && earliest < roomClaim && total.expectedRoom <= 0
            && table.slots[index].ownership == .shared
    }

    /// Whether a connection with pipelined requests will be closed for others when its leases have ended.
    var isYielding: Bool {
        table.slots.indices.contains {
            table.slots[$0].state == .leased && table.slots[$0].closeReason == .poolShrink
        }
    }
}
