import ProxyTypes

/// What a pool knows about one connection. Value.
struct ConnectionSlot: BitwiseCopyable {
    enum State: UInt8 { case free, dialing, idle, leased, pinned, closing, tunnelDialing, tunnel }

    enum Purpose: Equatable {
        case requests(DialCause)
        /// This CONNECT. The connection is never pooled.
        case tunnel(TunnelRequest)
    }

    /// Whether an idle one may carry any request.
    enum Trust: Equatable {
        case trusted
        /// Only retryable requests may have it. It is trusted again once it has answered one, and closed if it is still
        /// idle and distrusted at this time.
        case distrusted(until: Instant)
        /// No request may have it, as its address is not the origin's any more. It is closed if it still is idle at this
        /// time.
        case withdrawn(until: Instant)
        /// No request may have it: it is only watched, to learn when the origin closes it. It is closed at this time, or
        /// sooner where its room is needed.
        case parked(until: Instant)

        /// Not every request may have it.
        @inline(__always)
        var isDistrusted: Bool {
            switch self {
            case .trusted: false
            case .distrusted, .withdrawn, .parked: true
            }
        }

        @inline(__always)
        var isWithdrawn: Bool {
            switch self {
            case .trusted, .distrusted, .parked: false
            case .withdrawn: true
            }
        }

        @inline(__always)
        var isParked: Bool {
            switch self {
            case .trusted, .distrusted, .withdrawn: false
            case .parked: true
            }
        }

        /// No request may have it.
        @inline(__always)
        var isUnusable: Bool { isWithdrawn || isParked }
    }

    /// Whether a leased one may carry further requests, sent behind those under way.
    enum Sharing: UInt8 {
        /// A request under way must not share its connection.
        case exclusive
        /// All may share, and there is no room for one more.
        case full
        /// There is room for one more. The connection is in `ConnectionTable.open`.
        case open
    }

    var generation: UInt32 = 0
    fileprivate(set) var state = State.free
    fileprivate(set) var trust = Trust.trusted
    fileprivate(set) var ownership = Ownership.shared
    fileprivate(set) var sharing = Sharing.exclusive
    /// Set once it is to be closed, now or when its dial or lease ends. The budgets count it as draining from then on.
    fileprivate(set) var closeReason: CloseReason?
    /// It has been idle at least once.
    var hasBeenIdle = false
    var leases: UInt32 = 0
    var granted: UInt32 = 0
    var completed: UInt32 = 0
    /// How many more requests the origin's hint allows; `.max`: no limit was named.
    var allowed = UInt32.max
    var window = SendWindow.unknown
    /// What it was dialled for.
    var purpose = Purpose.requests(.demand)
    /// `Backoff.epoch` when its dial began.
    var epoch: UInt32 = 0
    var openedAt = Instant.zero
    var expiresAt = Instant.distantFuture
    var idleSince = Instant.zero
    /// Before it became idle: from the last byte sent to the last byte received.
    var lag = Interval.zero
    /// While idle or pinned: when to close it, and the reason then.
    var idleUntil = Instant.distantFuture
    var idleReason = CloseReason.idleTimeout
    var hintedTimeout: Interval?
    /// When a request was last kept from it since it is idle, as it was too old for that request.
    var passedOverAt = Instant.zero
    /// How often the kernel probes it while it is idle; zero: never.
    var probesEvery = Interval.zero
}

/// The connections of one pool by slot, the lists of those in some states, and how many are in each. It moves them and
/// decides nothing. Owns its memory.
struct ConnectionTable: ~Copyable {
    var slots = Slab<ConnectionSlot>()
    private var links = Slab<Links>()
    /// Parked ones are counted there over all pools.
    private let total: ConnectionBudget
    private var free = Slab<UInt32>()
    /// Idle ones by trust, the longest idle first.
    private(set) var trusted = IndexList()
    private(set) var distrusted = IndexList()
    /// Leased ones with room for one more pipelined request, in the order they got it.
    private(set) var open = IndexList()
    /// Those between requests of their owners, the longest idle first.
    private(set) var pinned = IndexList()
    /// Those being dialled for a CONNECT, in the order the dials began.
    private(set) var tunnelDials = IndexList()
    private(set) var counts = PoolCounts()
    private(set) var drainingDials = 0
    /// Of those that `counts.dialing` counts.
    private(set) var demandDials = 0
    private(set) var replacementDials = 0
    /// Idle trusted ones that have served no request yet.
    private(set) var idleUnused = 0
    /// Those that belong to a client, in any state.
    private(set) var owned = 0
    /// Distrusted ones that are leased, and that are closing.
    private(set) var distrustedLeases = 0
    private(set) var distrustedClosing = 0

    init(total: ConnectionBudget) {
        self.total = total
    }

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

    /// When an idle one is to be closed. Not a property of the slot, which would copy all of it for two of its fields.
    func deadline(_ index: Int) -> Instant {
        let expiresAt = slots[index].expiresAt
        let idleUntil = slots[index].idleUntil
        return expiresAt < idleUntil ? expiresAt : idleUntil
    }

    /// A slot in state dialing or tunnelDialing.
    mutating func add(_ purpose: ConnectionSlot.Purpose, epoch: UInt32, now: Instant) -> Int {
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
        slot.purpose = purpose
        slot.epoch = epoch
        slot.openedAt = now
        slots[index] = slot
        switch purpose {
        case .requests: move(index, to: .dialing)
        case .tunnel: move(index, to: .tunnelDialing)
        }
        return index
    }

    mutating func remove(_ index: Int) {
        move(index, to: .free)
        setOwnership(index, .shared)
        slots[index].generation &+= 1
        free.append(UInt32(truncatingIfNeeded: index))
    }

    /// The one place where a state changes.
    mutating func move(_ index: Int, to state: ConnectionSlot.State) {
        count(index, -1)
        let number = UInt32(truncatingIfNeeded: index)
        if slots[index].state == .idle { unlink(number, distrusted: slots[index].trust.isDistrusted) }
        if slots[index].state == .pinned { pinned.remove(number, &links) }
        if slots[index].state == .tunnelDialing { tunnelDials.remove(number, &links) }
        if slots[index].sharing == .open { setSharing(index, .full) }
        slots[index].state = state
        if state == .idle { link(number, distrusted: slots[index].trust.isDistrusted) }
        if state == .pinned { pinned.append(number, &links) }
        if state == .tunnelDialing { tunnelDials.append(number, &links) }
        count(index, 1)
    }

    /// Distrusts an idle one, or trusts one in any state again.
    mutating func setTrust(_ index: Int, _ trust: ConnectionSlot.Trust) {
        let wasDistrusted = slots[index].trust.isDistrusted
        count(index, -1)
        guard wasDistrusted != trust.isDistrusted else {
            slots[index].trust = trust
            count(index, 1)
            return
        }
        let number = UInt32(truncatingIfNeeded: index)
        if slots[index].state == .idle {
            unlink(number, distrusted: wasDistrusted)
            link(number, distrusted: trust.isDistrusted)
        }
        slots[index].trust = trust
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

    /// Trusts an idle one again that was withdrawn, and puts it back among the trusted ones by how long it is idle.
    mutating func restore(_ index: Int) {
        count(index, -1)
        unlink(UInt32(truncatingIfNeeded: index), distrusted: true)
        slots[index].trust = .trusted
        insertByAge(index)
        count(index, 1)
    }

    /// Puts an idle trusted one, which came last, where it belongs by how long it is idle.
    mutating func sortIn(_ index: Int) {
        unlink(UInt32(truncatingIfNeeded: index), distrusted: false)
        insertByAge(index)
    }

    private mutating func insertByAge(_ index: Int) {
        let number = UInt32(truncatingIfNeeded: index)
        var cursor = lastTrusted
        while let other = cursor, slots[other].idleSince > slots[index].idleSince { cursor = previous(other) }
        trusted.insert(number, after: cursor.map { UInt32(truncatingIfNeeded: $0) } ?? Links.none, &links)
    }

    mutating func setCloseReason(_ index: Int, _ reason: CloseReason) {
        count(index, -1)
        slots[index].closeReason = reason
        count(index, 1)
    }

    mutating func setOwnership(_ index: Int, _ ownership: Ownership) {
        if slots[index].ownership.owner != nil { owned -= 1 }
        if ownership.owner != nil { owned += 1 }
        slots[index].ownership = ownership
    }

    mutating func setSharing(_ index: Int, _ sharing: ConnectionSlot.Sharing) {
        let previous = slots[index].sharing
        slots[index].sharing = sharing
        guard (previous == .open) != (sharing == .open) else { return }
        let number = UInt32(truncatingIfNeeded: index)
        if sharing == .open { open.append(number, &links) } else { open.remove(number, &links) }
    }

    /// The one after `index` in its list; nil at the end.
    func next(_ index: Int) -> Int? { Self.valid(links[index].next) }

    func previous(_ index: Int) -> Int? { Self.valid(links[index].previous) }

    /// The dial under way for this CONNECT.
    func tunnelDial(for waiter: WaiterID) -> Int? {
        var cursor = Self.valid(tunnelDials.first)
        while let index = cursor {
            if case .tunnel(let request) = slots[index].purpose, request.waiter == waiter { return index }
            cursor = next(index)
        }
        return nil
    }

    var firstPinned: Int? { Self.valid(pinned.first) }
    /// Of those whose owner is not in the middle of a login.
    var firstPinnedLoggedIn: Int? {
        var cursor = firstPinned
        while let index = cursor, slots[index].ownership.isLoggingIn { cursor = next(index) }
        return cursor
    }
    /// No connection is idle or pinned, so none has an idle deadline.
    var hasNoneUnleased: Bool { counts.idle == 0 && pinned.isEmpty }
    /// The idle one after `index`, whatever its trust.
    func nextIdle(_ index: Int) -> Int? {
        next(index) ?? (slots[index].trust.isDistrusted ? longestTrusted : nil)
    }

    /// Distrusted ones come first: nothing was received on them since it was on the trusted ones.
    var longestIdle: Int? { longestDistrusted ?? longestTrusted }
    var longestTrusted: Int? { Self.valid(trusted.first) }
    var lastTrusted: Int? { Self.valid(trusted.last) }
    var longestDistrusted: Int? { Self.valid(distrusted.first) }
    /// Of those that a request may have.
    var lastDistrusted: Int? {
        var cursor = Self.valid(distrusted.last)
        while let index = cursor, slots[index].trust.isUnusable { cursor = previous(index) }
        return cursor
    }
    var firstOpen: Int? { Self.valid(open.first) }

    var freeCount: Int { free.count }

    private static func valid(_ index: UInt32) -> Int? { index == Links.none ? nil : Int(index) }

    private mutating func count(_ index: Int, _ change: Int) {
        switch (slots[index].state, slots[index].closeReason != nil) {
        case (.free, _): break
        case (.dialing, false):
            counts.dialing += change
            switch slots[index].purpose {
            case .requests(.demand): demandDials += change
            case .requests(.replacement): replacementDials += change
            case .requests(.warmUp), .tunnel: break
            }
        case (.dialing, true):
            counts.draining += change
            drainingDials += change
        case (.idle, _):
            counts.idle += change
            if !slots[index].trust.isDistrusted {
                if slots[index].granted == 0 { idleUnused += change }
            } else if slots[index].trust.isParked {
                counts.parked += change
                total.noteParked(change)
            }
        case (.leased, let isDraining):
            if isDraining { counts.draining += change } else { counts.leased += change }
            if slots[index].trust.isDistrusted { distrustedLeases += change }
        case (.pinned, _): counts.pinned += change
        case (.closing, _):
            counts.closing += change
            if slots[index].trust.isDistrusted { distrustedClosing += change }
        case (.tunnelDialing, _): counts.tunnelDials += change
        case (.tunnel, _): counts.tunnels += change
        }
    }
}
