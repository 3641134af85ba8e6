package import ProxyTypes

/// An operator holds the requests of one origin back for a while.
extension OriginPool {
    /// No dial begins and no pooled connection is granted until `resume`. Leases and dials under way continue, and
    /// their connections become idle; tunnels that are open or being dialled continue. Requests and CONNECTs wait, within
    /// `max_queue` and `queue_timeout`.
    package mutating func pause(now: Instant, into actions: inout [PoolAction]) {
        guard phase == .serving else { return }
        phase = .paused
        noteFewerDials(now: now)
        rebalance(now: now, into: &actions)
    }

    /// Serves waiting requests as if every idle connection were released now, and dials for the others.
    package mutating func resume(now: Instant, into actions: inout [PoolAction]) {
        guard phase == .paused else { return }
        phase = .serving
        servePinned(now: now, into: &actions)
        while let next = queue.nextFresh, let index = takeIdle(for: next.request, now: now, into: &actions),
            let waiter = queue.takeFresh()
        {
            serve(waiter, index, now: now, into: &actions)
        }
        while usefulDials < queue.freshCount, tryDial(now: now, into: &actions) {}
        closeIdleForRetries(into: &actions)
        offerIdle(now: now, into: &actions)
        rebalance(now: now, into: &actions)
    }
}
