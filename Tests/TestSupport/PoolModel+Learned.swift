import Pooling
import ProxyTypes

/// What was learned of the origin: which idle connections a request may have, and which are only watched.
extension PoolModel {
    /// The first request of each client, clients in turn, as long as one of them finds what it may have.
    mutating func offerIdle(_ now: Instant) {
        var heads = headsInTurn
        while let waiter = heads.first {
            heads.removeFirst()
            guard !idle.isEmpty, let serial = reusable(for: waiter.request, now) else { continue }
            serve(waiter, serial, now)
            heads = headsInTurn
        }
    }

    private var headsInTurn: [Waiter] {
        turns.compactMap { client in waiters.first { $0.request.client == client && !$0.request.needsFresh } }
    }

    func isTooOld(_ connection: Connection, _ isRetryable: Bool, _ now: Instant) -> Bool {
        guard policy.idleTimeout == .auto, let learned, portsLeft != 0, portDelay.failures == 0 else { return false }
        if !isRetryable, learned.maxRequests > 0, connection.granted >= learned.maxRequests { return true }
        var age = now - connection.idleSince
        if learned.countsFromRequest { age = age + connection.lag }
        if isRetryable { return age >= learned.repeatable }
        let zones = [learned.zones.0, learned.zones.1, learned.zones.2, learned.zones.3]
        return age >= learned.once || zones.contains { $0.low <= age && age < $0.high }
    }

    func isTooUsed(_ connection: Connection, for waiter: Waiter) -> Bool {
        guard policy.idleTimeout == .auto, let learned, portsLeft != 0, portDelay.failures == 0 else { return false }
        return learned.maxRequests > 0 && connection.granted >= learned.maxRequests && !waiter.request.isRetryable
    }

    func isParked(_ serial: Int) -> Bool { place(serial).map { connections[$0].isParked } ?? false }

    mutating func park(_ connection: Connection) -> Bool {
        let until = connection.idleSince + parking.hold
        let isOld = connection.expiresAt <= min(connection.idleUntil, connection.distrustedUntil ?? .distantFuture)
        guard let place = place(connection.serial), policy.idleTimeout == .auto, connection.state == .idle,
            connection.distrustedUntil == nil, connection.granted > 0, !isPaused, !isShutDown,
            until > connection.idleUntil, connections.count(where: { $0.isParked && $0.state == .idle }) < parking.most,
            !isOld || parking.most > 1
        else { return false }
        noteDistrusted(place)
        connections[place].isParked = true
        connections[place].expiresAt = .distantFuture
        setIdleBound(place)
        actions.append(.park(connection.serial))
        return true
    }
}
