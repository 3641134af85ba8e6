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
        return true
    }

    /// Its socket is closed, or was not opened.
    package mutating func guestLeft(now: Instant, into actions: inout [PoolAction]) {
        origin.giveBack()
        total.giveBack()
        // Somebody may have begun to wait.
        deadlineReached(now: now, into: &actions)
    }
}
