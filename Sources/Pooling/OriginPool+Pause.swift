package import ProxyTypes

/// An operator holds the requests of one origin back for a while.
extension OriginPool {
    /// From now on nobody is granted a connection and no dial begins. Leases that run go on; what they return, and dials
    /// that were under way, become idle. Who asks waits, under `max_queue` and `queue_timeout`.
    package mutating func pause(now: Instant, into actions: inout [PoolAction]) {
        guard phase == .serving else { return }
        phase = .paused
        noteFewerDials(now: now)
        settle(now: now, into: &actions)
    }

    /// Serves those that wait as if every idle connection came back now, and dials for the others.
    package mutating func resume(now: Instant, into actions: inout [PoolAction]) {
        guard phase == .paused else { return }
        phase = .serving
        servePinned(now: now, into: &actions)
        while queue.freshCount > 0, let index = takeIdle(fresh: true, mayRepeat: false, now: now, into: &actions),
            let waiter = queue.takeFresh()
        {
            grant(waiter.id, index, mayPipeline: waiter.mayPipeline, into: &actions)
        }
        while usefulDials < queue.freshCount, tryDial(now: now, into: &actions) {}
        makeRoomForRetries(into: &actions)
        while let next = queue.nextOrdinary,
            let index = takeIdle(fresh: false, mayRepeat: next.mayRepeat, now: now, into: &actions),
            let waiter = queue.takeOrdinary()
        {
            grant(waiter.id, index, mayPipeline: waiter.mayPipeline, into: &actions)
        }
        settle(now: now, into: &actions)
    }
}
