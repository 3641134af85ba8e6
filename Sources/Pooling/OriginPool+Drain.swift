package import ProxyTypes

/// Connections are ended from outside, softly.
extension OriginPool {
    /// Idle connections close now, and pinned ones unless they are in the middle of a login; leased ones when their
    /// lease ends, dialing ones when the dial has succeeded. Requests that wait or arrive later get new connections.
    /// Returns how many connections this affects, not counting those that were already due to close.
    @discardableResult
    package mutating func drain(_ reason: CloseReason, now: Instant, into actions: inout [PoolAction]) -> Int {
        let concerned = markAll(reason, now: now, into: &actions)
        noteFewerDials(now: now)
        settle(now: now, into: &actions)
        return concerned
    }

    /// Ends one connection: an idle one now, a leased or dialing one when that ends.
    package mutating func close(
        _ id: ConnectionID, _ reason: CloseReason, now: Instant, into actions: inout [PoolAction]
    ) {
        // A dead generation, or one that is ending already: the order crossed with the news.
        guard let index = table.index(of: id), !table.slots[index].isLeaving || table.slots[index].state == .pinned
        else { return }
        switch table.slots[index].state {
        case .idle, .pinned: retire(index, reason, into: &actions)
        case .free, .dialing, .leased, .closing: mark(index, reason)
        }
        noteFewerDials(now: now)
        settle(now: now, into: &actions)
    }

    /// Like a drain, and nobody gets a connection any more. It ends when `isEmpty`.
    package mutating func shutdown(now: Instant, into actions: inout [PoolAction]) {
        phase = .shutDown
        refuseAll(.draining, into: &actions)
        _ = markAll(.shutdown, now: now, into: &actions)
        settle(now: now, into: &actions)
    }

    /// Closes up to `count` idle connections, the longest idle first, then pinned ones, and returns how many. `min_idle`
    /// waits a while before it dials them again.
    package mutating func shedIdle(
        _ count: Int, _ reason: CloseReason, now: Instant, into actions: inout [PoolAction]
    ) -> Int {
        var shed = 0
        while shed < count, let index = table.longestIdle ?? table.firstSettledPinned {
            retire(index, reason, into: &actions)
            shed += 1
        }
        if shed > 0 {
            warmBackoff.failed(begunIn: warmBackoff.era, now: now, random: &random)
            settle(now: now, into: &actions)
        }
        return shed
    }

    /// How many were not leaving already.
    private mutating func markAll(_ reason: CloseReason, now: Instant, into actions: inout [PoolAction]) -> Int {
        var concerned = table.counts.idle + table.counts.dialing + table.counts.leased
        while let index = table.longestIdle { retire(index, reason, into: &actions) }
        var cursor = table.firstPinned
        while let index = cursor {
            cursor = table.next(index)
            if !table.slots[index].isLeaving { concerned += 1 }
            drainPinned(index, reason, now: now, into: &actions)
        }
        for index in table.slots.indices {
            switch table.slots[index].state {
            case .dialing, .leased: mark(index, reason)
            case .free, .idle, .pinned, .closing: break
            }
        }
        return concerned
    }
}
