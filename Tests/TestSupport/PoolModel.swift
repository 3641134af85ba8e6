package import Pooling
package import ProxyTypes

/// A slow and obviously correct `OriginPool`: plain arrays, in which everything is found and counted by a scan.
/// Connections are named by the order of their dials. Value.
package struct PoolModel {
    package enum Action: Equatable {
        case dial(Int, DialCause)
        case dialTunnel(Int, WaiterID)
        case cancelDial(Int)
        case grant(WaiterID, Int, reused: Bool)
        case refuse(WaiterID, Refusal)
        case close(Int, CloseReason)
        case park(Int)
    }

    package enum State { case dialing, idle, leased, pinned, closing }

    package struct Connection {
        package let serial: Int
        package var state = State.dialing
        /// If set, it will be closed and serves no further request.
        package var closeReason: CloseReason?
        let cause: DialCause
        var epoch: Int
        package var leases = 0
        package var granted = 0
        var completed = 0
        var allMayPipeline = false
        var allowed: Int?
        /// The client that it belongs to.
        package var owner: ClientID?
        var isLoggingIn = false
        var hint: Interval?
        var window = SendWindow.unknown
        var expiresAt = Instant.distantFuture
        var idleSince = Instant.zero
        var idleBound = Interval.infinite
        var idleByHint = false
        var idleByLearning = false
        var lag = Interval.zero
        var hasBeenIdle = false
        /// Set: it is distrusted, and may prove alive until then.
        var distrustedUntil: Instant?
        /// It is distrusted because its address has left: no request may have it.
        var isWithdrawn = false
        /// It is distrusted because it is only watched.
        var isParked = false
        /// Among the idle ones that are distrusted: when it came to be one.
        var distrustOrder = 0

        var idleUntil: Instant { idleSince + idleBound }
        var deadline: Instant { min(idleUntil, min(expiresAt, distrustedUntil ?? .distantFuture)) }
    }

    package struct Waiter {
        package let id: WaiterID
        let request: LeaseRequest
        let since: Instant
        let deadline: Instant
    }

    struct Tunnel {
        let serial: Int
        let waiter: Waiter
        var isOpen = false
    }

    package struct Delay {
        static let table: [Int64] = [50, 100, 200, 400, 800, 1600, 2000]
        var failures = 0
        var notBefore = Instant.zero
        var epoch = 0

        mutating func failed(_ dialEpoch: Int, _ now: Instant, _ random: inout SeededRandom) {
            if dialEpoch != epoch { return }
            epoch += 1
            failures += 1
            let base = Self.table[min(failures, 7) - 1] * 1_000_000
            let drawn = base * 4 / 5 + Int64(random.below(Int(base * 2 / 5) + 1))
            notBefore = now + min(Interval(nanoseconds: drawn), .seconds(2))
        }
    }

    package internal(set) var policy: PoolPolicy
    package internal(set) var learned: LearnedBounds?
    package internal(set) var parking = Parking.none
    package var originLimit: Int
    package var totalLimit: Int
    /// Connections of others that count against the total.
    package var takenByOthers = 0
    package internal(set) var actions: [Action] = []
    package internal(set) var connections: [Connection] = []
    package internal(set) var waiters: [Waiter] = []
    /// Whose turn is next, of the clients that wait for any connection.
    var turns: [ClientID] = []
    /// Being dialled or open; and CONNECTs that wait to be dialled for, and whose turn is next of their clients.
    var tunnels: [Tunnel] = []
    var tunnelWaiters: [Waiter] = []
    var tunnelTurns: [ClientID] = []
    /// By serial, the longest idle first; and those open to a pipelined request, the longest open first.
    var idle: [Int] = []
    var open: [Int] = []
    /// Those between requests of their owners, the longest idle first.
    var pinned: [Int] = []
    var dialDelay = Delay()
    var warmDelay = Delay()
    /// After a dial that found no local port.
    var portDelay = Delay()
    /// How many dials local ports allow; nil: any number.
    package internal(set) var portsLeft: Int?
    var random: SeededRandom
    var wornOut = 0
    var dials = 0
    var distrustings = 0
    var hasBeenUsed = false
    package internal(set) var isShutDown = false
    package internal(set) var isPaused = false
    /// Of all pools that wait for room in the total, as of the last event.
    package var earliestClaim = Instant.distantFuture
    package internal(set) var roomClaim = Instant.distantFuture
    var lastServed = Instant.zero

    package init(policy: PoolPolicy, originLimit: Int, totalLimit: Int, seed: UInt64) {
        self.policy = policy
        self.originLimit = originLimit
        self.totalLimit = totalLimit
        random = SeededRandom(seed: seed)
    }

    package mutating func takeActions() -> [Action] {
        defer { actions.removeAll(keepingCapacity: true) }
        return actions
    }

    // MARK: Queries

    func place(_ serial: Int) -> Int? {
        for place in connections.indices where connections[place].serial == serial { return place }
        return nil
    }

    func count(_ state: State, draining: Bool = false) -> Int {
        var count = 0
        for connection in connections where connection.state == state && (connection.closeReason != nil) == draining {
            count += 1
        }
        return count
    }

    var usefulDials: Int { count(.dialing) }
    /// How many of the longest waiting will be served by dials under way.
    var servedByDials: Int { isPaused ? 0 : usefulDials }
    func dials(_ cause: DialCause) -> Int {
        var count = 0
        for connection in connections
        where connection.state == .dialing && connection.closeReason == nil && connection.cause == cause {
            count += 1
        }
        return count
    }
    var freshCount: Int {
        var count = 0
        for waiter in waiters where waiter.request.needsFresh { count += 1 }
        return count
    }
    var isFailing: Bool { dialDelay.failures > 0 }
    var totalTaken: Int { connections.count + tunnels.count + takenByOthers }
    /// None in the total while pools wait for it, but in turn.
    var room: Int { room(inTurn: false) }
    func room(inTurn: Bool) -> Int { min(originLimit - connections.count, totalRoom(inTurn: inTurn)) }
    var totalRoom: Int { totalRoom(inTurn: false) }
    func totalRoom(inTurn: Bool) -> Int {
        inTurn || earliestClaim == .distantFuture ? totalLimit - totalTaken : 0
    }

    var staying: Int {
        var count = 0
        for connection in connections where connection.closeReason == nil { count += 1 }
        return count
    }
    var originExceeded: Bool { staying > originLimit }
    var totalExceeded: Bool { staying + tunnels.count + takenByOthers > totalLimit }

    var missingWarm: Int {
        hasBeenUsed && !isShutDown ? max(0, min(policy.minIdle, policy.maxIdle) - trusted.count) : 0
    }

    func isDistrusted(_ serial: Int) -> Bool { place(serial).map { connections[$0].distrustedUntil != nil } ?? false }
    var trusted: [Int] { idle.filter { !isDistrusted($0) } }
    var distrusted: [Int] {
        let order = Dictionary(uniqueKeysWithValues: connections.map { ($0.serial, $0.distrustOrder) })
        return idle.filter { isDistrusted($0) }.sorted { order[$0, default: 0] < order[$1, default: 0] }
    }
    /// In the order in which they are closed.
    var oldestFirst: [Int] { distrusted + trusted }
    func countDistrusted(_ state: State) -> Int {
        var count = 0
        for connection in connections where connection.state == state && connection.distrustedUntil != nil {
            count += 1
        }
        return count
    }

    package var counts: PoolCounts {
        var counts = PoolCounts()
        for connection in connections {
            switch (connection.state, connection.closeReason != nil) {
            case (.dialing, false): counts.dialing += 1
            case (.leased, false): counts.leased += 1
            case (.dialing, true), (.leased, true): counts.draining += 1
            case (.idle, _):
                counts.idle += 1
                if connection.isParked { counts.parked += 1 }
            case (.pinned, _): counts.pinned += 1
            case (.closing, _): counts.closing += 1
            }
        }
        counts.waiting = waiters.count
        counts.waitingTunnels = tunnelWaiters.count
        for tunnel in tunnels {
            if tunnel.isOpen { counts.tunnels += 1 } else { counts.tunnelDials += 1 }
        }
        return counts
    }

    var blockedByTotal: Bool { requestsBlockedByTotal > 0 }

    private var requestsBlockedByTotal: Int {
        if isPaused || isShutDown || isFailing || totalRoom > 0 || !portsLetRequestsDial { return 0 }
        var wanted = min(waiters.count - usefulDials, originLimit - connections.count)
        if let portsLeft { wanted = min(wanted, portsLeft, max(1, freshCount - dials(.replacement))) }
        return max(0, wanted)
    }

    package var totalRoomWanted: Int {
        if isPaused || totalRoom > 0 { return 0 }
        return requestsBlockedByTotal + (portsLetTunnelsDial ? min(tunnelWaiters.count, portsLeft ?? .max) : 0)
    }

    /// Retries claim at once; others when none of them was served for a second, or for half of their time in the queue.
    private var currentClaim: Instant {
        if retryWaits { return .zero }
        var oldest = Instant.distantFuture
        for waiter in waiters + tunnelWaiters { oldest = min(oldest, waiter.since) }
        return max(oldest, lastServed) + min(.seconds(1), Interval(nanoseconds: policy.queueTimeout.nanoseconds / 2))
    }

    var retryWaits: Bool { freshCount > dials(.replacement) }

    mutating func setClaim() {
        roomClaim = totalRoomWanted > 0 ? currentClaim : .distantFuture
    }

    /// Another pool is starved, no connection is closing that makes room, and this one has no owner.
    func mustYield(_ connection: Connection, _ now: Instant) -> Bool {
        earliestClaim <= now && earliestClaim < roomClaim && connection.owner == nil
            && totalTaken - connections.count { $0.state == .closing } >= totalLimit
    }

    var isYielding: Bool { connections.contains { $0.state == .leased && $0.closeReason == .poolShrink } }

    /// The pool must want to be woken by then at the latest.
    package func latestDeadline(now: Instant) -> Instant {
        var latest = Instant.distantFuture
        for serial in idle + pinned {
            if let place = place(serial) { latest = min(latest, connections[place].deadline) }
        }
        for waiter in waiters.dropFirst(servedByDials) + tunnelWaiters { latest = min(latest, waiter.deadline) }
        if isPaused { return latest }
        if pinnedMustYield {
            for serial in pinned {
                if let place = place(serial) { latest = min(latest, yieldsAt(connections[place])) }
            }
        }
        let probing = isFailing && count(.dialing) + count(.dialing, draining: true) > 0
        let delayedByPorts = portDelay.failures > 0 ? portDelay.notBefore : .zero
        if portDelay.failures > 0, allDials > 0 { return latest }
        if portDelay.failures > 0, !tunnelWaiters.isEmpty, totalRoom > 0, portsLeft != 0, delayedByPorts > now {
            latest = min(latest, delayedByPorts)
        }
        if room > 0, !probing, portsAreLeftForRequests {
            let delayed = max(isFailing ? dialDelay.notBefore : .zero, delayedByPorts)
            if waiters.count > usefulDials {
                if delayed > now { latest = min(latest, delayed) }
            } else if waiters.count + missingWarm > usefulDials {
                let due = max(delayed, warmDelay.notBefore)
                if due > now { latest = min(latest, due) }
            }
        }
        return latest
    }
}
