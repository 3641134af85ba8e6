package import ProxyTypes

/// Connections to the origin that are not the pool's own, such as those that examine it. They count in both budgets, and
/// come last.
extension OriginPool {
    /// Takes room for one. False where the pool itself may want it.
    package func takeForGuest() -> Bool {
        guard phase == .serving, dialsForAllWaiting, tunnelQueue.isEmpty, !isTryingForPort, case .ample = ports,
            !total.isContended, total.tryTake()
        else { return false }
        guard origin.tryTake() else {
            total.giveBack()
            return false
        }
        guard hasRoomForGuests else {
            origin.giveBack()
            total.giveBack()
            return false
        }
        return true
    }

    /// Whether guests may stay. They give way to requests that wait; where those may not wait so long, a request that finds
    /// no room is refused at once, so that half of all room has to be free.
    package var hasRoomForGuests: Bool {
        if policy.maxQueue > 0, policy.queueTimeout >= Self.guestsGiveWayWithin { return true }
        return origin.taken <= origin.limit / 2 && total.taken <= total.limit / 2
    }

    /// Until a guest has closed and a request has the connection dialled instead, with plenty to spare.
    private static var guestsGiveWayWithin: Interval { .seconds(1) }

    /// Its socket is closed, or was not opened.
    package mutating func guestLeft(now: Instant, into actions: inout [PoolAction]) {
        origin.giveBack()
        total.giveBack()
        // Somebody may have begun to wait.
        deadlineReached(now: now, into: &actions)
    }
}
