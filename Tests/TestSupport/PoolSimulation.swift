import Pooling
package import ProxyTypes

/// Where a simulation's choices come from: a seed, or the bytes of a fuzzer. Value.
package enum Choices {
    case seeded(SeededRandom)
    case bytes([UInt8], next: Int)

    package var isExhausted: Bool {
        switch self {
        case .seeded: false
        case .bytes(let bytes, let next): next >= bytes.count
        }
    }

    /// Below `bound`; 0 when the bytes have run out.
    package mutating func pick(_ bound: Int) -> Int {
        switch self {
        case .seeded(var random):
            let picked = random.below(bound)
            self = .seeded(random)
            return picked
        case .bytes(let bytes, let next):
            guard next < bytes.count, bound > 1 else { return 0 }
            self = .bytes(bytes, next: next + 1)
            return Int(bytes[next]) % bound
        }
    }

    package mutating func chance(_ one: Int, in many: Int) -> Bool { pick(many) < one }
}

/// Plays an origin, its clients and a driver over an `OriginPool` and a `PoolModel` side by side, and reports where the
/// two differ or where a rule that needs no model is broken.
package struct PoolSimulation: ~Copyable {
    var choices: Choices
    var pool: OriginPool
    var model: PoolModel
    let origin: ConnectionBudget
    let total: ConnectionBudget
    var time = ManualTime()
    private var actions: [PoolAction] = []
    private var brokenBefore = Invariant.brokenCount

    /// The state of the driver. `leases` has one entry for each lease.
    var serials: [ConnectionID: Int] = [:]
    var dialing: [ConnectionID] = []
    /// For which CONNECT each is dialled; and those that are open.
    var tunnelDials: [ConnectionID: WaiterID] = [:]
    var tunnels: [ConnectionID] = []
    var leases: [ConnectionID] = []
    /// The owner of each connection as the driver knows it, and the client of each waiter.
    var owners: [ConnectionID: ClientID] = [:]
    var clients: [WaiterID: ClientID] = [:]
    var holders: [ConnectionID: [ClientID]] = [:]
    var closing: [ConnectionID] = []
    var idle: [ConnectionID] = []
    var waiting: [WaiterID] = []
    /// Requests that may take a connection on which nothing was received since another was lost; and those connections.
    var retryable: Set<WaiterID> = []
    var unproven: Set<ConnectionID> = []
    var parkedOnes: Set<ConnectionID> = []
    var dead: [ConnectionID] = []
    var nextWaiter: UInt32 = 0
    var dialsSucceed = true
    /// The earliest claim of other pools on room in the total.
    var othersClaim = Instant.distantFuture
    package private(set) var events = 0
    /// What went wrong first.
    package private(set) var failure: String?
    /// The last events, for a failure's report.
    var recent: [String] = []
    let keepsRecent: Bool
    /// After how many events the whole state is compared: rarely with a seed, so that more events run.
    private let comparesEvery: Int

    /// `keepsRecent`: the failure includes the events before it.
    package init(seed: UInt64, keepsRecent: Bool = false) {
        self.init(.seeded(SeededRandom(seed: ~seed)), seed: seed, keepsRecent: keepsRecent)
    }

    package init(_ choices: Choices, seed: UInt64, keepsRecent: Bool = false) {
        self.choices = choices
        self.keepsRecent = keepsRecent
        if case .bytes = choices { comparesEvery = 1 } else { comparesEvery = 4 }
        let policy = Self.policy(&self.choices)
        let totalLimit = 1 + self.choices.pick(8)
        origin = ConnectionBudget(limit: policy.maxConnections)
        total = ConnectionBudget(limit: totalLimit)
        pool = OriginPool(policy: policy, origin: origin, total: total, seed: seed)
        model = PoolModel(
            policy: policy, originLimit: policy.maxConnections, totalLimit: totalLimit, seed: seed)
    }

    /// Runs until `count` events have happened, the choices end, or something is wrong.
    package mutating func run(_ count: Int) {
        while events < count, failure == nil, !choices.isExhausted { step() }
    }

    mutating func fail(_ what: String) {
        guard failure == nil else { return }
        failure = "event \(events): \(what)" + (keepsRecent ? "\n" + recent.joined(separator: "\n") : "")
    }

    mutating func note(_ event: @autoclosure () -> String) {
        guard keepsRecent else { return }
        if recent.count > 400 { recent.removeFirst(200) }
        recent.append("\(events) at \(time.now.nanoseconds / 1_000): \(event())")
    }

    // MARK: After an event

    /// Passes the same event to the pool and to the model, and compares their results. Room that is left is given to
    /// the pool if its claim is the earliest.
    mutating func both(
        _ event: (inout OriginPool, inout [PoolAction], Instant) -> Void, _ same: (inout PoolModel, Instant) -> Void
    ) {
        one(event, same)
        while failure == nil, pool.totalRoomWanted > 0, total.hasRoom, pool.roomClaim <= othersClaim {
            let taken = total.taken
            one({ $0.budgetFreed(now: $2, into: &$1) }, { $0.budgetFreed(now: $1) })
            if total.taken == taken { fail("it is this pool's turn, and it takes no room") }
        }
        compareRoom()
    }

    private mutating func one(
        _ event: (inout OriginPool, inout [PoolAction], Instant) -> Void, _ same: (inout PoolModel, Instant) -> Void
    ) {
        events += 1
        actions.removeAll(keepingCapacity: true)
        event(&pool, &actions, time.now)
        same(&model, time.now)
        perform(model.takeActions())
        compare()
        claimRoom()
    }

    /// As the event loop does for the pools that share the total.
    mutating func claimRoom() {
        total.earliestClaim = min(pool.roomClaim, othersClaim)
        model.earliestClaim = min(model.roomClaim, othersClaim)
    }

    private mutating func perform(_ expected: [PoolModel.Action]) {
        if actions.count != expected.count {
            return fail("the pool does \(actions), the model \(expected)")
        }
        for (action, same) in zip(actions, expected) {
            note("    \(action)")
            switch (action, same) {
            case (.dial(let id, let cause), .dial(let serial, let sameCause)) where cause == sameCause:
                if serials[id] != nil { fail("\(id) is dialled and not gone") }
                serials[id] = serial
                dialing.append(id)
            case (.dialTunnel(let id, let waiter), .dialTunnel(let serial, let same)) where waiter == same:
                if serials[id] != nil { fail("\(id) is dialled and not gone") }
                if !waiting.contains(waiter) { fail("\(waiter) is dialled for and does not wait") }
                serials[id] = serial
                tunnelDials[id] = waiter
            case (.cancelDial(let id), .cancelDial(let serial)) where serials[id] == serial && tunnelDials[id] != nil:
                gone(id)
            case (.grant(let waiter, let id, let reused), .grant(let same, let serial, let sameReused))
            where waiter == same && serials[id] == serial && reused == sameReused:
                granted(waiter, id)
            case (.refuse(let waiter, let refusal), .refuse(let same, let sameRefusal))
            where waiter == same && refusal == sameRefusal:
                answered(waiter)
            case (.park(let id), .park(let serial)) where serials[id] == serial:
                if !idle.contains(id) { fail("\(id) is parked and not idle") }
                parkedOnes.insert(id)
            case (.close(let id, let reason), .close(let serial, let sameReason))
            where serials[id] == serial && reason == sameReason:
                if leases.contains(id) { fail("\(id) is closed and leased") }
                dialing.removeAll { $0 == id }
                idle.removeAll { $0 == id }
                closing.append(id)
            default:
                return fail("the pool does \(actions), the model \(expected); the driver knows \(serials)")
            }
        }
    }

    private mutating func granted(_ waiter: WaiterID, _ id: ConnectionID) {
        let client = clients[waiter] ?? ClientID(rawValue: .max)
        defer { answered(waiter) }
        if let asked = tunnelDials.removeValue(forKey: id) {
            if asked != waiter { fail("\(id) was dialled for \(asked) and is granted to \(waiter)") }
            return tunnels.append(id)
        }
        if tunnels.contains(id) { fail("\(id) is a tunnel and granted again") }
        if let owner = owners[id], owner != client { fail("\(id) is \(owner)'s and granted to \(client)") }
        holders[id, default: []].append(client)
        if closing.contains(id) { fail("\(id) is granted and closing") }
        if parkedOnes.contains(id) { fail("\(id) is granted and parked") }
        if unproven.contains(id), !retryable.contains(waiter) {
            fail("\(waiter) may not be repeated, \(id) may be dead")
        }
        var held = 0
        for lease in leases where lease == id { held += 1 }
        if held >= max(1, pool.policy.pipelineDepth) { fail("\(id) is granted once too often") }
        dialing.removeAll { $0 == id }
        idle.removeAll { $0 == id }
        leases.append(id)
    }

    private mutating func answered(_ waiter: WaiterID) {
        guard let place = waiting.firstIndex(of: waiter) else { return fail("\(waiter) is answered and did not ask") }
        waiting.remove(at: place)
        clients[waiter] = nil
        if waiting.isEmpty { retryable.removeAll() }
    }

    private mutating func compareDeadlines() {
        let latest = model.latestDeadline(now: time.now)
        if pool.nextDeadline > max(latest, time.now) { fail("wakes at \(pool.nextDeadline), too late for \(latest)") }
    }

    private mutating func compare() {
        let counts = pool.counts
        if counts != model.counts { fail("the pool counts \(counts), the model \(model.counts)") }
        if counts.waiting + counts.waitingTunnels + counts.tunnelDials != waiting.count {
            fail("\(waiting.count) were not answered, the pool knows \(counts)")
        }
        if counts.sockets != serials.count { fail("\(serials.count) connections live, \(counts) are known") }
        if origin.taken != counts.connections { fail("the origin's budget leaks: \(origin.taken), \(counts)") }
        if total.taken != counts.sockets + model.takenByOthers {
            fail("the total budget leaks: \(total.taken), \(counts) and \(model.takenByOthers) of others")
        }
        if pool.isPaused != model.isPaused { fail("paused is \(pool.isPaused)") }
        if pool.totalRoomWanted != model.totalRoomWanted { fail("totalRoomWanted is \(pool.totalRoomWanted)") }
        if pool.roomClaim != model.roomClaim { fail("claims room at \(pool.roomClaim), the model \(model.roomClaim)") }
        if events % comparesEvery == 0 {
            pool.checkInvariants()
            compareDeadlines()
        }
        if Invariant.brokenCount != brokenBefore { fail("an invariant is broken") }
    }

    /// No room is left unused that this pool may take.
    private mutating func compareRoom() {
        guard total.hasRoom, pool.roomClaim <= othersClaim, !model.isPaused else { return }
        let counts = pool.counts
        if counts.waitingTunnels > 0, model.portsLetTunnelsDial {
            fail("a CONNECT waits, and is not dialled for: \(counts)")
        }
        if counts.waiting > counts.dialing, pool.dialFailures == 0, origin.hasRoom, model.portsLetRequestsDial {
            fail("a request waits, and no dial is under way: \(counts)")
        }
    }
}
