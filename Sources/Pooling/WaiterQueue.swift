import ProxyTypes

/// Requests that wait for a connection, and their order: clients are served in turn, and each client's requests in the
/// order they came. With one request per client that is first come, first served. Retries that need a new connection
/// are in a separate lane, in the order they came. Knows nothing about connections. Owns its memory.
///
/// Everything but `expire`, and the return of one that waits again, is O(1), and allocates only to grow.
struct WaiterQueue: ~Copyable {
    struct Waiter: BitwiseCopyable {
        let id: WaiterID
        let request: LeaseRequest
        let since: Instant
        let deadline: Instant
        fileprivate let lane: UInt32
    }

    // Not private: a private element type of a Slab crashes the compiler (6.3.1, debug builds).
    struct Lane: BitwiseCopyable {
        var client = ClientID(rawValue: 0)
        var waiters = IndexList()
    }

    private static let freshLane: UInt32 = 0

    private var waiters = Slab<Waiter>()
    private var freeWaiters = Slab<UInt32>()
    private var indexOfWaiter = IndexMap()
    private var arrivals = IndexList()
    private var arrivalLinks = Slab<Links>()
    private var laneLinks = Slab<Links>()

    /// The first is the lane of retries, the others are one per waiting client.
    private var lanes = Slab<Lane>()
    private var freeLanes = Slab<UInt32>()
    private var laneOfClient = IndexMap()
    private var turns = IndexList()
    private var turnLinks = Slab<Links>()

    /// False once a later arrival has an earlier deadline; true again when nothing waits.
    private var deadlinesInOrder = true

    init() {
        lanes.append(Lane())
        turnLinks.append(Links())
    }

    var count: Int { arrivals.count }
    var freshCount: Int { lanes[Int(Self.freshLane)].waiters.count }
    var isEmpty: Bool { arrivals.isEmpty }

    /// A lower bound of the deadlines.
    func earliestDeadline(now: Instant) -> Instant {
        if isEmpty { return .distantFuture }
        return deadlinesInOrder ? waiters[Int(arrivals.first)].deadline : now
    }

    func contains(_ id: WaiterID) -> Bool { indexOfWaiter.find(id.key) != Links.none }

    /// When the request that has waited longest came; `distantFuture` if none waits.
    var longestWaiting: Instant { isEmpty ? .distantFuture : waiters[Int(arrivals.first)].since }

    mutating func append(_ id: WaiterID, _ request: LeaseRequest, since: Instant, deadline: Instant) {
        if !isEmpty, waiters[Int(arrivals.last)].deadline > deadline { deadlinesInOrder = false }
        let lane = request.needsFresh ? Self.freshLane : laneOf(request.client)
        let waiter = Waiter(id: id, request: request, since: since, deadline: deadline, lane: lane)
        let index: UInt32
        if let reused = freeWaiters.popLast() {
            index = reused
            waiters[Int(index)] = waiter
        } else {
            index = UInt32(truncatingIfNeeded: waiters.count)
            waiters.append(waiter)
            arrivalLinks.append(Links())
            laneLinks.append(Links())
        }
        indexOfWaiter.insert(id.key, index)
        let before = last(of: arrivals, arrivalLinks, upTo: since)
        if before != arrivals.last { deadlinesInOrder = false }
        arrivals.insert(index, after: before, &arrivalLinks)
        let previous = last(of: lanes[Int(lane)].waiters, laneLinks, upTo: since)
        lanes[Int(lane)].waiters.insert(index, after: previous, &laneLinks)
    }

    /// One that waits again came before others of its client, and has waited longest.
    private func last(of list: IndexList, _ links: borrowing Slab<Links>, upTo since: Instant) -> UInt32 {
        var index = list.last
        while index != Links.none, waiters[Int(index)].since > since { index = links[Int(index)].previous }
        return index
    }

    var nextFresh: Waiter? {
        freshCount == 0 ? nil : waiters[Int(lanes[Int(Self.freshLane)].waiters.first)]
    }

    /// The next in turn of those that take a used connection.
    var nextOrdinary: Waiter? {
        turns.isEmpty ? nil : waiters[Int(lanes[Int(turns.first)].waiters.first)]
    }

    /// The first request of the client whose turn is after that of `waiter`; nil: of the client whose turn is first.
    func head(after waiter: Waiter?) -> Waiter? {
        let lane = waiter.map { turnLinks[Int($0.lane)].next } ?? turns.first
        return lane == Links.none ? nil : waiters[Int(lanes[Int(lane)].waiters.first)]
    }

    /// Removes it. The other requests of its client have their turn after every other client.
    mutating func takeOrdinary() -> Waiter? {
        #if CONND_PLANTED_FAULTS
            if PlantedFault.isActive(.lastComeFirstServed), !turns.isEmpty { return takeFirst(ofLane: turns.last) }
        #endif
        return turns.isEmpty ? nil : takeFirst(ofLane: turns.first)
    }

    /// The first request of this client, out of turn. Its others have their turn after every other client.
    mutating func takeOrdinary(of client: ClientID) -> Waiter? {
        let lane = laneOfClient.find(client.rawValue)
        return lane == Links.none ? nil : takeFirst(ofLane: lane)
    }

    private mutating func takeFirst(ofLane lane: UInt32) -> Waiter {
        let waiter = remove(lanes[Int(lane)].waiters.first)
        if !lanes[Int(lane)].waiters.isEmpty {
            turns.remove(lane, &turnLinks)
            turns.append(lane, &turnLinks)
        }
        return waiter
    }

    mutating func takeFresh() -> Waiter? {
        freshCount == 0 ? nil : remove(lanes[Int(Self.freshLane)].waiters.first)
    }

    /// False when it does not wait.
    mutating func remove(_ id: WaiterID) -> Bool {
        let index = indexOfWaiter.find(id.key)
        guard index != Links.none else { return false }
        _ = remove(index)
        return true
    }

    /// Removes those whose deadline has passed, except the `sparing` longest waiting, and calls `onExpired` for each in
    /// the order they came. Returns the next deadline of those left.
    mutating func expire(sparing: Int, now: Instant, _ onExpired: (WaiterID) -> Void) -> Instant {
        var next = Instant.distantFuture
        var index = arrivals.first
        var spared = 0
        while index != Links.none {
            let following = arrivalLinks[Int(index)].next
            let waiter = waiters[Int(index)]
            if spared < sparing {
                spared += 1
            } else if waiter.deadline <= now {
                _ = remove(index)
                onExpired(waiter.id)
            } else {
                next = min(next, waiter.deadline)
                if deadlinesInOrder { break }
            }
            index = following
        }
        return next
    }

    private mutating func remove(_ index: UInt32) -> Waiter {
        let waiter = waiters[Int(index)]
        indexOfWaiter.remove(waiter.id.key)
        arrivals.remove(index, &arrivalLinks)
        lanes[Int(waiter.lane)].waiters.remove(index, &laneLinks)
        freeWaiters.append(index)
        if isEmpty { deadlinesInOrder = true }
        if waiter.lane != Self.freshLane, lanes[Int(waiter.lane)].waiters.isEmpty { endLane(waiter.lane) }
        return waiter
    }

    private mutating func laneOf(_ client: ClientID) -> UInt32 {
        var lane = laneOfClient.find(client.rawValue)
        if lane != Links.none { return lane }
        if let reused = freeLanes.popLast() {
            lane = reused
        } else {
            lane = UInt32(truncatingIfNeeded: lanes.count)
            lanes.append(Lane())
            turnLinks.append(Links())
        }
        lanes[Int(lane)].client = client
        laneOfClient.insert(client.rawValue, lane)
        turns.append(lane, &turnLinks)
        return lane
    }

    private mutating func endLane(_ lane: UInt32) {
        turns.remove(lane, &turnLinks)
        laneOfClient.remove(lanes[Int(lane)].client.rawValue)
        freeLanes.append(lane)
    }

    func checkInvariants() {
        check(indexOfWaiter.count == count, "a waiting request is not found by its id")
        check(waiters.count == count + freeWaiters.count, "a slot of the queue leaks")
        check(lanes.count == 1 + turns.count + freeLanes.count, "a lane leaks")
        check(laneOfClient.count == turns.count, "a client without a turn")
        var inLanes = freshCount
        var lane = turns.first
        while lane != Links.none {
            inLanes += lanes[Int(lane)].waiters.count
            check(laneOfClient.find(lanes[Int(lane)].client.rawValue) == lane, "a client is not found by its id")
            check(!lanes[Int(lane)].waiters.isEmpty, "a turn without a request")
            lane = turnLinks[Int(lane)].next
        }
        check(inLanes == count, "a waiting request in no lane")
    }
}

extension WaiterID {
    fileprivate var key: UInt64 { UInt64(generation) << 32 | UInt64(slot) }
}
