package import ProxyTypes

/// What silence on connections shows of the path to the origin.
extension OriginPool {
    /// A connection that had been silent for so long was used, and nothing that was sent on it was ever acknowledged.
    /// Connections that have been idle for longer than the path is now thought to keep them are closed at once. Whether the
    /// path drops silent connections or is down altogether shows at the next dial.
    package mutating func pathDropped(after silence: Interval, now: Instant, into actions: inout [PoolAction]) {
        if pathBefore == nil { pathBefore = path }
        path.noteDrop(after: silence, now: now)
        boundIdle(now: now, into: &actions)
        rebalance(now: now, into: &actions)
    }

    /// A connection that had been silent for so long was used, and was alive.
    package mutating func pathSurvived(_ silence: Interval) { path.noteSurvival(after: silence) }

    /// A dial has succeeded, so the path is not down: connections were dropped because they were silent.
    mutating func confirmPath() { pathBefore = nil }

    /// No connection can be opened either: what was taken for the path's limit was an outage.
    mutating func retractPath(now: Instant, into actions: inout [PoolAction]) {
        guard let before = pathBefore else { return }
        path = before
        pathBefore = nil
        boundIdle(now: now, into: &actions)
    }

    /// At this silence idle connections without keep-alive probes are closed; nil where there is no limit.
    package func pathBound(now: Instant) -> Interval? { path.bound(margin: policy.keepAliveMargin, now: now) }

    /// The idle time that the path allows to a connection; nil where it has no limit, or where probes keep it open.
    @inline(__always)
    func pathBound(of index: Int) -> Interval? {
        guard path.isLimited else { return nil }
        let since = table.slots[index].idleSince
        guard let bound = path.bound(margin: policy.keepAliveMargin, now: since) else { return nil }
        let probes = table.slots[index].probesEvery
        return probes > .zero && probes < bound ? nil : bound
    }

    mutating func boundIdle(now: Instant, into actions: inout [PoolAction]) {
        var cursor = table.longestIdle
        while let index = cursor {
            cursor = table.nextIdle(index)
            setIdleBound(index)
        }
        cursor = table.firstPinned
        while let index = cursor {
            cursor = table.next(index)
            setIdleBound(index)
        }
        retireAllDue(now: now, into: &actions)
    }
}
