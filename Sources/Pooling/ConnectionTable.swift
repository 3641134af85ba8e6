import ProxyTypes

/// What a pool knows of one connection. Value.
struct ConnectionSlot: BitwiseCopyable {
    enum State: UInt8 { case free, dialing, idle, leased, pinned, closing }

    var generation: UInt32 = 0
    fileprivate(set) var state = State.free
    /// To be closed, now or when what it does ends; noted so in the budgets.
    fileprivate(set) var isLeaving = false
    var leaveReason = CloseReason.drained
    /// In the list of those that take one more pipelined request.
    fileprivate(set) var isOpen = false
    /// Every lease it has now may share it.
    var allMayPipeline = false
    /// The idle bound came from the origin's hint.
    var idleByHint = false
    var leases: UInt32 = 0
    var granted: UInt32 = 0
    var completed: UInt32 = 0
    /// Whose requests alone it carries.
    fileprivate(set) var owner: ClientID?
    /// How many more requests the origin's hint allows; `.max`: it named no number.
    var allowed = UInt32.max
    var window: UInt32 = 0
    /// Why it was dialled.
    var cause = DialCause.demand
    /// `Backoff.era` when its dial began.
    var era: UInt32 = 0
    var openedAt = Instant.zero
    var expiresAt = Instant.distantFuture
    var idleSince = Instant.zero
    var idleUntil = Instant.distantFuture
    var hintedTimeout: Interval?
}

/// The connections of one pool by slot, the lists that some states are, and how many are in each. It moves them and
/// decides nothing. Owns its memory.
struct ConnectionTable: ~Copyable {
    var slots = Slab<ConnectionSlot>()
    private var links = Slab<Links>()
    private var free = Slab<UInt32>()
    /// Longest idle first.
    private(set) var idle = IndexList()
    /// Leased ones with room for one more pipelined request, in the order they got it.
    private(set) var open = IndexList()
    /// Those between requests of their owners, the longest idle first.
    private(set) var pinned = IndexList()
    private(set) var counts = PoolCounts()
    private(set) var drainingDials = 0
    /// Of those that `counts.dialing` counts.
    private(set) var demandDials = 0
    private(set) var replacementDials = 0
    /// Idle ones that have not served yet.
    private(set) var idleUnserved = 0
    /// Those that belong to a client, in whatever state.
    private(set) var owned = 0

    /// Nil for a connection that is gone: its slot has another generation, or none.
    func index(of id: ConnectionID) -> Int? {
        let index = Int(id.slot)
        guard index < slots.count, slots[index].generation == id.generation, slots[index].state != .free else {
            return nil
        }
        return index
    }

    func id(_ index: Int) -> ConnectionID {
        ConnectionID(slot: UInt32(truncatingIfNeeded: index), generation: slots[index].generation)
    }

    /// When an idle one is due. Here, as a property of the slot would copy all of it for two of its fields.
    func deadline(_ index: Int) -> Instant {
        let expiresAt = slots[index].expiresAt
        let idleUntil = slots[index].idleUntil
        return expiresAt < idleUntil ? expiresAt : idleUntil
    }

    /// A slot in state dialing.
    mutating func add(_ cause: DialCause, era: UInt32, now: Instant) -> Int {
        let index: Int
        if let reused = free.popLast() {
            index = Int(reused)
        } else {
            index = slots.count
            slots.append(ConnectionSlot())
            links.append(Links())
        }
        var slot = ConnectionSlot()
        slot.generation = slots[index].generation
        slot.cause = cause
        slot.era = era
        slot.openedAt = now
        slots[index] = slot
        move(index, to: .dialing)
        return index
    }

    mutating func remove(_ index: Int) {
        move(index, to: .free)
        setOwner(index, nil)
        slots[index].isLeaving = false
        slots[index].generation &+= 1
        free.append(UInt32(truncatingIfNeeded: index))
    }

    /// The one place where a state changes.
    mutating func move(_ index: Int, to state: ConnectionSlot.State) {
        count(index, -1)
        let number = UInt32(truncatingIfNeeded: index)
        if slots[index].state == .idle { idle.remove(number, &links) }
        if slots[index].state == .pinned { pinned.remove(number, &links) }
        setOpen(index, false)
        slots[index].state = state
        if state == .idle { idle.append(number, &links) }
        if state == .pinned { pinned.append(number, &links) }
        count(index, 1)
    }

    mutating func setLeaving(_ index: Int) {
        count(index, -1)
        slots[index].isLeaving = true
        count(index, 1)
    }

    mutating func setOwner(_ index: Int, _ owner: ClientID?) {
        if slots[index].owner != nil { owned -= 1 }
        if owner != nil { owned += 1 }
        slots[index].owner = owner
    }

    mutating func setOpen(_ index: Int, _ isOpen: Bool) {
        guard slots[index].isOpen != isOpen else { return }
        slots[index].isOpen = isOpen
        let number = UInt32(truncatingIfNeeded: index)
        if isOpen { open.append(number, &links) } else { open.remove(number, &links) }
    }

    /// The one after `index` in its list; nil at the end.
    func next(_ index: Int) -> Int? { Self.valid(links[index].next) }

    func previous(_ index: Int) -> Int? { Self.valid(links[index].previous) }

    var longestIdle: Int? { Self.valid(idle.first) }
    var lastIdle: Int? { Self.valid(idle.last) }
    var firstPinned: Int? { Self.valid(pinned.first) }
    /// Nothing lies unused, so that nothing's time can come.
    var nothingLiesIdle: Bool { idle.isEmpty && pinned.isEmpty }
    var firstOpen: Int? { Self.valid(open.first) }

    var freeCount: Int { free.count }

    private static func valid(_ index: UInt32) -> Int? { index == Links.none ? nil : Int(index) }

    private mutating func count(_ index: Int, _ change: Int) {
        switch (slots[index].state, slots[index].isLeaving) {
        case (.free, _): break
        case (.dialing, false):
            counts.dialing += change
            switch slots[index].cause {
            case .demand: demandDials += change
            case .replacement: replacementDials += change
            case .warmUp: break
            }
        case (.dialing, true):
            counts.draining += change
            drainingDials += change
        case (.idle, _):
            counts.idle += change
            if slots[index].granted == 0 { idleUnserved += change }
        case (.leased, false): counts.leased += change
        case (.leased, true): counts.draining += change
        case (.pinned, _): counts.pinned += change
        case (.closing, _): counts.closing += change
        }
    }
}
