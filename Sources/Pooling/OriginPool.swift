package import ProxyTypes

/// Decides which request gets which connection of one origin on one event loop, and when to dial, wait, retire and
/// drain. It opens and closes nothing, reads no clock and has no callbacks: the driver reports events and performs the
/// resulting actions in order. Loop-bound value.
///
///     dial ─> dialing ──> idle <──> leased <──> pinned (to one client)
///                │          │         │           │       drain, shutdown: dialing and leased become draining,
///                └──────────┴─────────┴───────────┴─> closing ─> gone    and close when the dial or lease ends
///
///     dialTunnel ─> tunnelDialing ──> tunnel ─> gone      for one CONNECT each: `OriginPool+Tunnels`
///     While local ports are short, dials are few: `OriginPool+Ports`
///
/// What holds after every event:
/// - Connections from their dial to their `closed` never exceed the two budgets. Tunnels count in the total one only.
/// - While a trusted connection is idle, no request waits except retries, which need a connection that has served none, and
///   those for which it has been idle too long: `OriginPool+Risk`.
///   A paused pool is the exception: it grants and dials nothing until it resumes. Distrusted connections serve retryable
///   requests only, and are closed where they take up room that a waiting request needs: `OriginPool+Trust`.
/// - A new connection goes to the first retry, else to the next request in turn, else it becomes idle. A used one goes to
///   the next request in turn; but it is closed to make room while a retry waits for which no dial is under way and no
///   connection is closing. So a retry waits for at most one lease to end.
/// - While dials fail, one at a time is tried, after `Backoff`'s delay.
package struct OriginPool: ~Copyable {
    /// One enum rather than two booleans, so that `leaseIdle` needs one comparison.
    enum Phase: UInt8 { case serving, paused, shutDown }

    package internal(set) var policy: PoolPolicy
    let origin: ConnectionBudget
    let total: ConnectionBudget
    var random: SeededRandom
    var table: ConnectionTable
    var queue = WaiterQueue()
    /// CONNECTs that cannot be dialled yet because of the total budget or a pause.
    var tunnelQueue = WaiterQueue()
    var backoff = Backoff()
    var ports = PortSupply.ample
    /// After a dial for which there was no local port.
    var portBackoff = Backoff()
    /// Delays the dials of `min_idle` when the origin closes connections that were dialled ahead, or descriptors run
    /// short.
    var warmBackoff = Backoff()
    /// The path to the origin, as silent connections fared on it.
    package internal(set) var path = PathLimit()
    /// As it was before what may have been an outage; nil where nothing is in doubt.
    var pathBefore: PathLimit?
    /// Nil: nothing was learned.
    package internal(set) var learned: LearnedBounds?
    /// Something was learned, and no setting of an operator's is obeyed instead. Kept, as the bounds are large.
    package internal(set) var isBounded = false
    package internal(set) var parking = Parking.none
    /// Requests that idle connections were too old for, since the driver last asked.
    var passedOver = 0
    /// Connections that have served as many requests as their origin lets them, as was learned.
    var wornOut: UInt32 = 0
    /// The latest one.
    var widestChoice: WidestChoice?
    /// `min_idle` applies from the first request on.
    var hasBeenUsed = false
    var phase = Phase.serving

    /// How many dials wait only because `max_upstream_connections` is reached, as of the last event. The driver should
    /// close as many idle connections, of any pool, and call `budgetFreed` when they are gone.
    package private(set) var totalRoomWanted = 0

    /// When this pool's claim on room in the total budget is due: from then on the pool is starved, and other pools
    /// close connections for it (`OriginPool+Claim`). Room that becomes free goes to the earliest claim, due or not.
    /// `distantFuture` while the pool waits for no room.
    package private(set) var roomClaim = Instant.distantFuture
    /// When this pool last took room for a dial, or a waiting request got a connection.
    var lastServed = Instant.zero

    /// Lower bounds of the next deadline of an idle connection and of a waiting request, and the time of a delayed
    /// dial.
    var idleDue = Instant.distantFuture
    var waiterDue = Instant.distantFuture
    var dialDue = Instant.distantFuture

    /// `origin` counts the connections to this origin across event loops, `total` those to all origins.
    package init(policy: PoolPolicy, origin: ConnectionBudget, total: ConnectionBudget, seed: UInt64) {
        self.policy = policy
        self.origin = origin
        self.total = total
        random = SeededRandom(seed: seed)
        table = ConnectionTable(total: total)
    }

    package var counts: PoolCounts {
        var counts = table.counts
        counts.waiting = queue.count
        counts.waitingTunnels = tunnelQueue.count
        return counts
    }

    package var isShutDown: Bool { phase == .shutDown }

    @inline(__always)
    package var isPaused: Bool { phase == .paused }

    /// No connection exists, nothing waits, and the pool is not paused: the driver may drop it.
    package var isEmpty: Bool { queue.isEmpty && tunnelQueue.isEmpty && table.counts.sockets == 0 && !isPaused }

    /// A dial is under way for each request that waits, so that none needs room that others hold.
    package var dialsForAllWaiting: Bool { queue.count <= dialsForWaiters }

    /// Of all connections, including those that are closing.
    package var leases: Int {
        var leases = 0
        for index in table.slots.indices where table.slots[index].state != .free {
            leases += Int(table.slots[index].leases)
        }
        return leases
    }

    /// Consecutive failed dials.
    package var dialFailures: Int { backoff.failures }

    /// Whether the pool may take from the total budget now, although it is not its turn.
    var totalHasRoom: Bool { !total.isContended && total.hasRoom }

    /// `inTurn`: this pool's claim is the earliest.
    mutating func takeFromTotal(inTurn: Bool, now: Instant) -> Bool {
        guard inTurn || !total.isContended, total.tryTake() else { return false }
        lastServed = now
        return true
    }

    /// How many waiting requests only the total budget keeps from a dial.
    @inline(__always)
    var requestsBlockedByTotal: Int {
        guard phase == .serving, !backoff.isFailing, !queue.isEmpty, !totalHasRoom, portsPermitDials else { return 0 }
        return max(0, permittedByPorts(min(queue.count - table.counts.dialing, origin.limit - origin.taken)))
    }

    @inline(__always)
    private var tunnelsBlockedByTotal: Int {
        phase == .serving && !totalHasRoom && portsPermitTunnels ? tunnelsPermittedByPorts(tunnelQueue.count) : 0
    }

    /// When to call `deadlineReached` next. It may be early, never late.
    package var nextDeadline: Instant {
        // Not that it changes anything: otherwise the driver copies all of the pool for each call.
        mutating get { min(idleDue, min(waiterDue, dialDue)) }
    }

    /// The state as the API shows it; nil if the connection is gone.
    package func state(of id: ConnectionID) -> ConnectionState? {
        guard let index = table.index(of: id) else { return nil }
        let slot = table.slots[index]
        switch slot.state {
        case .free: return nil
        case .dialing: return slot.closeReason != nil ? .draining : .dialing
        case .idle:
            switch slot.trust {
            case .trusted: return .idle
            case .distrusted: return .distrusted
            case .withdrawn: return .draining
            case .parked: return .parked
            }
        case .leased: return slot.closeReason != nil ? .draining : .leased
        case .pinned: return .pinned
        case .closing: return .closing
        case .tunnelDialing: return .dialing
        case .tunnel: return .tunnel
        }
    }

    /// Nil if the connection is gone.
    package func ownership(of id: ConnectionID) -> Ownership? {
        table.index(of: id).map { table.slots[$0].ownership }
    }

    // Inlined, here and below: otherwise the compiler copies all of a non-copyable `self` for each call that only reads
    // it.

    /// Dials under way whose connection may serve a request.
    @inline(__always)
    var usefulDials: Int { table.counts.dialing }

    /// How many of them will serve waiting requests: none while the pool is paused.
    @inline(__always)
    var dialsForWaiters: Int { isPaused ? 0 : table.counts.dialing }

    @inline(__always)
    var allDials: Int { table.counts.dialing + table.drainingDials }

    /// Whether some connection can serve any waiting request, now or when its lease ends. Where bounds hold, what is idle was
    /// offered to those that wait, and is too old for them.
    @inline(__always)
    var hasUsable: Bool {
        (isBounded ? 0 : table.trusted.count) + table.counts.leased > (table.owned == 0 ? 0 : leasedToOwners)
    }

    /// The end of every event: restores what holds between events, by granting, dialling and closing.
    mutating func rebalance(now: Instant, into actions: inout [PoolAction]) {
        if !isPaused {
            if isBounded, hasNoPort, !queue.isEmpty { offerIdle(now: now, into: &actions) }
            offerDistrusted(now: now, into: &actions)
            dialAsWanted(now: now, into: &actions)
            closeIdleForRetries(into: &actions)
            closeDistrustedForWaiters(into: &actions)
            closeIdleForWaiters(into: &actions)
            closePinnedForWaiters(now: now, into: &actions)
            pipelineWaiters(now: now, into: &actions)
        }
        if queue.isEmpty, tunnelQueue.isEmpty { waiterDue = .distantFuture }
        dialDue = isPaused ? .distantFuture : nextDialTime(now: now)
        totalRoomWanted = requestsBlockedByTotal + tunnelsBlockedByTotal
        roomClaim = totalRoomWanted > 0 ? claimOfWaiters : .distantFuture
    }

    /// The connection will be closed when its current dial, lease or login ends.
    mutating func markDraining(_ index: Int, _ reason: CloseReason) {
        // The first reason to close a connection is kept.
        guard table.slots[index].closeReason == nil else { return }
        table.setCloseReason(index, reason)
        if table.slots[index].sharing == .open { table.setSharing(index, .full) }
        origin.noteDraining()
        total.noteDraining()
    }

    /// Closes a connection that is not leased.
    mutating func retire(_ index: Int, _ reason: CloseReason, into actions: inout [PoolAction]) {
        markDraining(index, reason)
        beginClosing(index)
        actions.append(.close(table.id(index), table.slots[index].closeReason ?? reason))
    }

    mutating func beginClosing(_ index: Int) {
        table.move(index, to: .closing)
        origin.noteClosing()
        total.noteClosing()
        if table.hasNoneUnleased { idleDue = .distantFuture }
    }

    /// Its socket is closed: its slot and its share of the budgets are free.
    mutating func forget(_ index: Int) {
        let stage: ConnectionBudget.Stage
        switch (table.slots[index].state, table.slots[index].closeReason) {
        case (.closing, _): stage = .closing
        case (_, .some): stage = .draining
        case (_, nil): stage = .used
        }
        total.giveBack(stage)
        switch table.slots[index].purpose {
        case .requests: origin.giveBack(stage)
        case .tunnel: break
        }
        table.remove(index)
        if table.hasNoneUnleased { idleDue = .distantFuture }
    }
}
