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
    /// It has to prove alive: in the list of distrusted ones while idle, and so marked until it answers or goes.
    fileprivate(set) var isDistrusted = false
    /// It has lain idle at least once.
    var hasLainIdle = false
    /// Every lease it has now may share it.
    var allMayPipeline = false
    /// The idle bound came from the origin's hint.
    var idleByHint = false
    var leases: UInt32 = 0
    var granted: UInt32 = 0
    var completed: UInt32 = 0
    /// Its owner has been challenged and has yet to answer; what ends it now ends that login.
    var isLoggingIn = false
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
    /// Until when a distrusted one may prove alive.
    var proveBy = Instant.distantFuture
}

/// The connections of one pool by slot, the lists that some states are, and how many are in each. It moves them and
/// decides nothing. Owns its memory.
struct ConnectionTable: ~Copyable {
    var slots = Slab<ConnectionSlot>()
    private var links = Slab<Links>()
    private var free = Slab<UInt32>()
    /// Idle ones by trust, the longest idle first.
    private(set) var trusted = IndexList()
    private(set) var distrusted = IndexList()
    /// Leased ones with room for one more pipelined request, in the order they got it.
    private(set) var open = IndexList()
    /// Those between requests of their owners, the longest idle first.
    private(set) var pinned = IndexList()
    private(set) var counts = PoolCounts()
    private(set) var drainingDials = 0
    /// Of those that `counts.dialing` counts.
    private(set) var demandDials = 0
    private(set) var replacementDials = 0
    /// Idle trusted ones that have not served yet.
    private(set) var idleUnserved = 0
    /// Those that belong to a client, in whatever state.
    private(set) var owned = 0
    /// Distrusted ones that are leased, and that are closing.
    private(set) var distrustedLeases = 0
    private(set) var distrustedClosing = 0

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
        slots[index].isDistrusted = false
        slots[index].generation &+= 1
        free.append(UInt32(truncatingIfNeeded: index))
    }

    /// The one place where a state changes.
    mutating func move(_ index: Int, to state: ConnectionSlot.State) {
        count(index, -1)
        let number = UInt32(truncatingIfNeeded: index)
        if slots[index].state == .idle { unlink(number, distrusted: slots[index].isDistrusted) }
        if slots[index].state == .pinned { pinned.remove(number, &links) }
        setOpen(index, false)
        slots[index].state = state
        if state == .idle { link(number, distrusted: slots[index].isDistrusted) }
        if state == .pinned { pinned.append(number, &links) }
        count(index, 1)
    }

    /// Distrusts an idle one, or trusts one in any state again.
    mutating func setDistrusted(_ index: Int, _ isDistrusted: Bool) {
        guard slots[index].isDistrusted != isDistrusted else { return }
        count(index, -1)
        let number = UInt32(truncatingIfNeeded: index)
        if slots[index].state == .idle {
            unlink(number, distrusted: slots[index].isDistrusted)
            link(number, distrusted: isDistrusted)
        }
        slots[index].isDistrusted = isDistrusted
        count(index, 1)
    }

    @inline(__always)
    private mutating func link(_ number: UInt32, distrusted isDistrusted: Bool) {
        if isDistrusted { distrusted.append(number, &links) } else { trusted.append(number, &links) }
    }

    @inline(__always)
    private mutating func unlink(_ number: UInt32, distrusted isDistrusted: Bool) {
        if isDistrusted { distrusted.remove(number, &links) } else { trusted.remove(number, &links) }
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

    var firstPinned: Int? { Self.valid(pinned.first) }
    /// Of those that are not in the middle of a login.
    var firstSettledPinned: Int? {
        var cursor = firstPinned
        while let index = cursor, slots[index].isLoggingIn { cursor = next(index) }
        return cursor
    }
    /// Nothing lies unused, so that nothing's time can come.
    var nothingLiesIdle: Bool { counts.idle == 0 && pinned.isEmpty }
    /// The idle one after `index`, whatever its trust.
    func nextIdle(_ index: Int) -> Int? {
        next(index) ?? (slots[index].isDistrusted ? longestTrusted : nil)
    }

    /// Distrusted ones count as the longest idle: nothing was heard from them since those that are trusted.
    var longestIdle: Int? { longestDistrusted ?? longestTrusted }
    var longestTrusted: Int? { Self.valid(trusted.first) }
    var lastTrusted: Int? { Self.valid(trusted.last) }
    var longestDistrusted: Int? { Self.valid(distrusted.first) }
    var lastDistrusted: Int? { Self.valid(distrusted.last) }
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
            if slots[index].granted == 0, !slots[index].isDistrusted { idleUnserved += change }
        case (.leased, let isLeaving):
            if isLeaving { counts.draining += change } else { counts.leased += change }
            if slots[index].isDistrusted { distrustedLeases += change }
        case (.pinned, _): counts.pinned += change
        case (.closing, _):
            counts.closing += change
            if slots[index].isDistrusted { distrustedClosing += change }
        }
    }
}
