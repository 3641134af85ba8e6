package import ProxyTypes

/// How many connections are kept to be watched, and for how long. Value.
package struct Parking: Equatable, BitwiseCopyable, Sendable {
    package var most: Int
    /// Since it became idle.
    package var hold: Interval

    package init(most: Int, hold: Interval) {
        self.most = most
        self.hold = hold
    }

    package static let none = Parking(most: 0, hold: .zero)
}

/// A few idle connections whose time is over are not closed but parked: held on to see how long the origin keeps them, which
/// no connection could show that is closed by this side. They serve no request, and are the first to go where their room is
/// needed.
///
///     idle ──its time is over, fewer than `Parking.most` are parked──▶ parked ──the origin closes it, or held long enough──▶ gone
extension OriginPool {
    package mutating func apply(_ parking: Parking, now: Instant, into actions: inout [PoolAction]) {
        guard self.parking != parking else { return }
        self.parking = parking
        var cursor = table.longestDistrusted
        while let index = cursor {
            cursor = table.next(index)
            guard table.slots[index].trust.isParked else { continue }
            table.setTrust(index, .parked(until: table.slots[index].idleSince + parking.hold))
            setIdleBound(index)
        }
        retireAllDue(now: now, into: &actions)
        rebalance(now: now, into: &actions)
    }

    /// False where it is to be closed. `isOld`: because of its lifetime, which is worth an exception only while little is
    /// known. One that has served nothing shows how long the origin waits for a first request, and one
    /// of a client's own is the client's.
    mutating func park(_ index: Int, isOld: Bool, into actions: inout [PoolAction]) -> Bool {
        guard parking.most > 0, table.counts.parked < parking.most, total.hasRoomToPark, policy.idleTimeout == .auto,
            table.slots[index].state == .idle, table.slots[index].trust == .trusted, table.slots[index].granted > 0,
            phase == .serving, !isOld || parking.most > 1
        else { return false }
        let until = table.slots[index].idleSince + parking.hold
        guard until > table.slots[index].idleUntil else { return false }
        table.slots[index].expiresAt = .distantFuture
        table.setTrust(index, .parked(until: until))
        setIdleBound(index)
        idleDue = min(idleDue, until)
        actions.append(.park(table.id(index)))
        return true
    }
}
