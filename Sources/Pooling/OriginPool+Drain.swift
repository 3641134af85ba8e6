package import ProxyTypes

/// Connections are ended from outside, softly.
extension OriginPool {
    /// Idle connections close now, leased ones when their lease ends, dialing ones when they have succeeded; who waits
    /// or comes now gets new ones.
    package mutating func drain(_ reason: CloseReason, now: Instant, into actions: inout [PoolAction]) {
        markAll(reason, into: &actions)
        noteFewerDials(now: now)
        settle(now: now, into: &actions)
    }

    /// Like a drain, and nobody gets a connection any more. It ends when `isEmpty`.
    package mutating func shutdown(now: Instant, into actions: inout [PoolAction]) {
        isShutDown = true
        refuseAll(.draining, into: &actions)
        markAll(.shutdown, into: &actions)
        settle(now: now, into: &actions)
    }

    /// Closes up to `count` idle connections, the longest idle first, and returns how many. `min_idle` waits a while
    /// before it dials them again.
    package mutating func shedIdle(
        _ count: Int, _ reason: CloseReason, now: Instant, into actions: inout [PoolAction]
    ) -> Int {
        var shed = 0
        while shed < count, let index = table.longestIdle {
            retire(index, reason, into: &actions)
            shed += 1
        }
        if shed > 0 {
            warmBackoff.failed(begunIn: warmBackoff.era, now: now, random: &random)
            settle(now: now, into: &actions)
        }
        return shed
    }

    private mutating func markAll(_ reason: CloseReason, into actions: inout [PoolAction]) {
        while let index = table.longestIdle { retire(index, reason, into: &actions) }
        for index in table.slots.indices {
            switch table.slots[index].state {
            case .dialing, .leased: mark(index, reason)
            case .free, .idle, .closing: break
            }
        }
    }
}
