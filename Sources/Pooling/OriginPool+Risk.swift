package import ProxyTypes

/// Idle connections are reused by the risk of the request. The origin may close one in the moment in which a request is sent
/// on it. A request that may be repeated is sent again then; one that must not be sent twice would fail. Such a request
/// takes only a connection well inside what was learned of the origin (`LearnedBounds`), else one that has just answered,
/// else a new one: it waits no longer than a dial takes. Where there is no room for that dial, an idle connection that no
/// waiting request may have makes it. While there is no local port for a dial, it takes any: to wait in vain would fail it for
/// certain.
extension OriginPool {
    /// Nil: nothing is known that would bound reuse beside the settings. Idle connections are bound by it at once.
    package mutating func apply(_ bounds: LearnedBounds?, now: Instant, into actions: inout [PoolAction]) {
        guard learned != bounds else { return }
        learned = bounds
        noteBounds()
        boundIdle(now: now, into: &actions)
        updateAllSharing()
        if !isPaused { offerIdle(now: now, into: &actions) }
        rebalance(now: now, into: &actions)
    }

    /// After the settings or what was learned have changed.
    mutating func noteBounds() { isBounded = learned != nil && policy.idleTimeout == .auto }

    // Mutating, though they change nothing: otherwise the compiler copies all of a non-copyable `self` for each call.

    /// What counts now.
    @inline(__always)
    var activeBounds: LearnedBounds? { isBounded ? learned : nil }

    @inline(__always)
    func idleAge(_ index: Int, _ bounds: LearnedBounds, _ now: Instant) -> Interval {
        let age = now - table.slots[index].idleSince
        return bounds.countsFromRequest ? age + table.slots[index].lag : age
    }

    /// Whether the idle connection is young enough for a request.
    @inline(__always)
    mutating func permits(_ index: Int, isRetryable: Bool, _ now: Instant) -> Bool {
        !isBounded || hasNoPort || isYoungEnough(index, isRetryable: isRetryable, now)
    }

    private mutating func isYoungEnough(_ index: Int, isRetryable: Bool, _ now: Instant) -> Bool {
        guard let bounds = learned else { return true }
        // The origin may be closing one that has served as many as it usually lets one.
        if !isRetryable, bounds.maxRequests > 0, table.slots[index].granted >= bounds.maxRequests { return false }
        return bounds.permits(idleAge(index, bounds, now), isRetryable: isRetryable)
    }

    /// Of the trusted ones that are young enough, the one that comes first in the reuse order.
    mutating func candidate(isRetryable: Bool, _ now: Instant) -> Int? {
        switch policy.reuseOrder {
        case .lifo: youngestPermitted(isRetryable: isRetryable, now)
        case .fifo: oldestPermitted(isRetryable: isRetryable, now)
        case .widest: widestIdle(isRetryable: isRetryable, now)
        }
    }

    @inline(__always)
    private mutating func youngestPermitted(isRetryable: Bool, _ now: Instant) -> Int? {
        guard let last = table.lastTrusted else { return nil }
        if permits(last, isRetryable: isRetryable, now) { return last }
        guard let bounds = activeBounds else { return nil }
        return older(than: last, bounds, isRetryable: isRetryable, now)
    }

    private mutating func older(than first: Int, _ bounds: LearnedBounds, isRetryable: Bool, _ now: Instant) -> Int? {
        var cursor: Int? = first
        while let index = cursor {
            let age = idleAge(index, bounds, now)
            if isYoungEnough(index, isRetryable: isRetryable, now) { return index }
            // Where ages count from the request, those before it in the list may be younger.
            if !bounds.countsFromRequest, bounds.isBeyond(age, isRetryable: isRetryable) { return nil }
            cursor = table.previous(index)
        }
        return nil
    }

    private mutating func oldestPermitted(isRetryable: Bool, _ now: Instant) -> Int? {
        var cursor = table.longestTrusted
        while let index = cursor, !permits(index, isRetryable: isRetryable, now) { cursor = table.next(index) }
        return cursor
    }

    /// Waiting requests get what is idle and they may have, clients in turn.
    mutating func offerIdle(now: Instant, into actions: inout [PoolAction]) {
        var cursor = queue.head(after: nil)
        while let next = cursor, !table.trusted.isEmpty || !table.distrusted.isEmpty {
            if let index = takeIdle(for: next.request, now: now, into: &actions),
                let waiter = queue.takeOrdinary(of: next.request.client)
            {
                serve(waiter, index, now: now, into: &actions)
                cursor = queue.head(after: nil)
            } else {
                cursor = queue.head(after: next)
            }
        }
    }

    /// Without learned bounds the request would have been sent on the connection that became idle last.
    mutating func notePassedOver(_ request: LeaseRequest, now: Instant) {
        guard phase == .serving, !request.needsFresh, let index = table.lastTrusted else { return }
        passedOver += 1
        table.slots[index].passedOverAt = now
    }

    /// How many requests idle connections were too old for since this was last called.
    package mutating func takePassedOver() -> Int {
        defer { passedOver = 0 }
        return passedOver
    }

    /// How long ago the idle connection was too old for a request; nil where it was not.
    package mutating func timePassedOver(_ id: ConnectionID, now: Instant) -> Interval? {
        guard let index = table.index(of: id), table.slots[index].passedOverAt > table.slots[index].idleSince else {
            return nil
        }
        return now - table.slots[index].passedOverAt
    }

    /// Idle connections that no waiting request may have take up the room of a dial.
    mutating func closeIdleForWaiters(into actions: inout [PoolAction]) {
        guard isBounded else { return }
        while waitersNeedRoom, let index = table.longestTrusted {
            // Its room is coming, as that of a distrusted one.
            table.setTrust(index, .distrusted(until: .zero))
            retire(index, .poolShrink, into: &actions)
        }
    }
}
