package import ProxyTypes

/// Decides who gets which connection of one origin on one event loop, when to dial, wait, retire and drain. It opens and
/// closes nothing itself, reads no clock, and never calls out: the driver feeds it events and does its actions in order.
/// Loop-bound value.
///
///     dial ─> dialing ──> idle <──> leased <──> pinned (to one client)
///                │          │         │           │       drain, shutdown: dialing and leased become draining,
///                └──────────┴─────────┴───────────┴─> closing ─> gone    and close when the dial or lease ends
///
/// What holds after every event:
/// - Connections from their `.dial` to their `closed` never exceed the two budgets.
/// - While a connection is idle nobody waits, but for retries, and those only for connections that have not served. A
///   paused pool is the exception: it grants nothing and dials nothing, until it resumes and all of this holds again.
///   Distrusted ones are idle for few, and give way to who waits: `OriginPool+Trust`.
/// - A new connection goes to the first retry, else to whose turn it is, else it stays idle. A used one goes to whose
///   turn it is; but while a retry waits that no dial and no closing connection makes room for, it is closed to make
///   room. So a retry waits for at most one lease to end, and others for as many more dials as there are retries.
/// - While dials fail, one at a time is tried, after `Backoff`'s delay.
package struct OriginPool: ~Copyable {
    /// One field, so that the short way of a lease asks one question.
    enum Phase: UInt8 { case serving, paused, shutDown }

    package internal(set) var policy: PoolPolicy
    let origin: ConnectionBudget
    let total: ConnectionBudget
    var random: SeededRandom
    var table = ConnectionTable()
    var queue = WaiterQueue()
    var backoff = Backoff()
    /// Slows the dials of `min_idle` when the origin ends what was dialled ahead, or descriptors are short.
    var warmBackoff = Backoff()
    /// Warmth is kept for an origin only once somebody has used it.
    var wasUsed = false
    var phase = Phase.serving

    /// Lower bounds of when an idle connection is due, and when a waiter is; and when a dial that had to wait may begin.
    var idleDue = Instant.distantFuture
    var waiterDue = Instant.distantFuture
    var dialDue = Instant.distantFuture

    /// `origin` counts this origin's connections across loops, `total` all origins' ones.
    package init(policy: PoolPolicy, origin: ConnectionBudget, total: ConnectionBudget, seed: UInt64) {
        self.policy = policy
        self.origin = origin
        self.total = total
        random = SeededRandom(seed: seed)
    }

    package var counts: PoolCounts {
        var counts = table.counts
        counts.waiting = queue.count
        return counts
    }

    package var isShutDown: Bool { phase == .shutDown }

    @inline(__always)
    package var isPaused: Bool { phase == .paused }

    /// It holds nothing, nor an order to pause: the driver may forget it.
    package var isEmpty: Bool { queue.isEmpty && table.counts.connections == 0 && !isPaused }

    /// Consecutive failed dials.
    package var dialFailures: Int { backoff.failures }

    /// Somebody waits only because `max_upstream_connections` is reached: idle connections of other origins should be
    /// shed, and `budgetFreed` told when one is gone.
    package var wantsTotalRoom: Bool {
        queue.count > dialsForWaiters && phase == .serving && !backoff.isFailing && origin.hasRoom && !total.hasRoom
    }

    /// When `deadlineReached` is due next. It may be early, never late.
    package var nextDeadline: Instant { min(idleDue, min(waiterDue, dialDue)) }

    package func facts(of id: ConnectionID) -> ConnectionFacts? {
        guard let index = table.index(of: id) else { return nil }
        let slot = table.slots[index]
        let state: ConnectionState
        switch slot.state {
        case .free: return nil
        case .dialing: state = slot.isLeaving ? .draining : .dialing
        case .idle: state = slot.isDistrusted ? .distrusted : .idle
        case .leased: state = slot.isLeaving ? .draining : .leased
        case .pinned: state = .pinned
        case .closing: state = .closing
        }
        return ConnectionFacts(
            state: state, requests: Int(slot.granted), leases: Int(slot.leases), openedAt: slot.openedAt,
            idleSince: slot.state == .idle || slot.state == .pinned ? slot.idleSince : nil, owner: slot.owner,
            isLoggingIn: slot.isLoggingIn)
    }

    // Inlined, here and below: the compiler copies all of a non-copyable `self` for each call that only reads it.

    /// Dials under way whose connection somebody may get.
    @inline(__always)
    var usefulDials: Int { table.counts.dialing }

    /// Those of them that bound the wait of who waits: a paused pool grants what they open to nobody.
    @inline(__always)
    var dialsForWaiters: Int { isPaused ? 0 : table.counts.dialing }

    @inline(__always)
    var allDials: Int { table.counts.dialing + table.drainingDials }

    /// A connection lives that can serve another request.
    @inline(__always)
    var hasLive: Bool { table.trusted.count + table.counts.leased > (table.owned == 0 ? 0 : leasedToOwners) }

    /// What every event ends with: dials that are wanted now, room for retries, shared leases for who may have them.
    mutating func settle(now: Instant, into actions: inout [PoolAction]) {
        if !isPaused {
            offerDistrusted(now: now, into: &actions)
            dialAsWanted(now: now, into: &actions)
            makeRoomForRetries(into: &actions)
            makeRoomOfDistrusted(into: &actions)
            makeRoomOfPinned(now: now, into: &actions)
            pipelineWaiters(now: now, into: &actions)
        }
        if queue.isEmpty { waiterDue = .distantFuture }
        dialDue = isPaused ? .distantFuture : nextDialTime(now: now)
    }

    /// From here on the connection only goes away, when what it does now ends.
    mutating func mark(_ index: Int, _ reason: CloseReason) {
        // The first reason to close a connection is the one that stands.
        guard !table.slots[index].isLeaving else { return }
        table.slots[index].leaveReason = reason
        table.setLeaving(index)
        table.setOpen(index, false)
        origin.noteLeaving()
        total.noteLeaving()
    }

    /// Closes now a connection that nobody holds.
    mutating func retire(_ index: Int, _ reason: CloseReason, into actions: inout [PoolAction]) {
        mark(index, reason)
        table.move(index, to: .closing)
        if table.nothingLiesIdle { idleDue = .distantFuture }
        actions.append(.close(table.id(index), table.slots[index].leaveReason))
    }

    /// Its socket is gone: its slot and its share of the budgets are free.
    mutating func forget(_ index: Int) {
        if table.slots[index].isLeaving {
            origin.giveBackLeaving()
            total.giveBackLeaving()
        } else {
            origin.giveBack()
            total.giveBack()
        }
        table.remove(index)
        if table.nothingLiesIdle { idleDue = .distantFuture }
    }
}
