import Pooling
import ProxyTypes

/// The exchanges that their pool has yet to answer, by the ids that it knows them by. Value.
struct WaiterTable {
    enum Waiter {
        case request(any UpstreamExchange, LeaseRequest, isIdempotent: Bool)
        /// A CONNECT.
        case tunnel(any UpstreamExchange)
        /// Wants to know whether a connection can be opened, and does not use it.
        case proof(any ProofWaiter)
    }

    private struct Slot {
        var generation: UInt32 = 0
        var waiter: Waiter?
        var since = Instant.zero
        var isQueued = false
    }

    private var slots: [Slot] = []
    private var free: [UInt32] = []

    var isEmpty: Bool { slots.count == free.count }

    mutating func insert(_ waiter: Waiter, now: Instant) -> WaiterID {
        let slot: UInt32
        if let reused = free.popLast() {
            slot = reused
        } else {
            slot = UInt32(slots.count)
            slots.append(Slot())
        }
        slots[Int(slot)].waiter = waiter
        slots[Int(slot)].since = now
        slots[Int(slot)].isQueued = false
        return WaiterID(slot: slot, generation: slots[Int(slot)].generation)
    }

    /// Nil: it has been answered, or has given up.
    subscript(id: WaiterID) -> Waiter? {
        let slot = Int(id.slot)
        return slot < slots.count && slots[slot].generation == id.generation ? slots[slot].waiter : nil
    }

    /// It waits for a connection that is busy, not for a dial. The id must be of one that waits.
    mutating func noteQueued(_ id: WaiterID) { slots[Int(id.slot)].isQueued = true }

    /// Of one that waits, and gets a connection now.
    func times(of id: WaiterID, now: Instant) -> LeaseTimes {
        let slot = slots[Int(id.slot)]
        return slot.isQueued ? LeaseTimes(occupied: now, queued: now - slot.since) : LeaseTimes(occupied: slot.since)
    }

    mutating func remove(_ id: WaiterID) -> Waiter? {
        guard let waiter = self[id] else { return nil }
        slots[Int(id.slot)].waiter = nil
        slots[Int(id.slot)].generation &+= 1
        free.append(id.slot)
        return waiter
    }
}

/// What a request has taken of its pool. Value.
struct LeaseTimes: BitwiseCopyable {
    /// Since when it has had a connection, or one was being dialled for it.
    var occupied: Instant
    /// Before that, it waited because all were busy.
    var queued = Interval.zero
}
