import ProxyTypes

/// The slots of the clients, and which client is evicted for a newcomer when all are taken: of those that linger the one that
/// has been silent longest, then the one that has been idle longest, then the oldest that has sent nothing yet. Never one with
/// an exchange or a part of a head. Pure; owns its memory.
///
/// Each queue is in the order in which its members joined it. A client that becomes busy stays where it is and is taken out
/// when a search meets it, so that a request on a kept connection costs one move to the end of the idle queue, and the cost of
/// a search is amortised over the requests before it.
struct ClientSlots: ~Copyable {
    enum Candidate: Equatable {
        /// None, as things stand.
        case none
        /// None before then.
        case later(Instant)
        case slot(UInt32)
    }

    private enum State: UInt8 {
        case free, silent, busy, idle, lingering
    }

    private enum Queue: UInt8 {
        case none, silent, idle, lingering
    }

    private struct Slot: BitwiseCopyable {
        var since: Instant
        var previous = Self.nowhere
        var next = Self.nowhere
        var state = State.silent
        var queue = Queue.none

        static let nowhere = UInt32.max
    }

    private struct Ends: BitwiseCopyable {
        var first = Slot.nowhere
        var last = Slot.nowhere
        var count = 0
    }

    private var slots: [Slot] = []
    private var freeSlots: [UInt32] = []
    private var silent = Ends()
    private var idle = Ends()
    private var lingering = Ends()

    /// A client that became idle, or was heard while it lingers, more recently than this is spared: its next bytes may be on
    /// their way.
    static let idleGrace = Interval.milliseconds(100)
    /// So is a newcomer: its first request may take a moment.
    static let silentGrace = Interval.seconds(1)
    /// Up to this many lingering connections do not count against the limit; the others do, so that all are bounded.
    static let maxExempt = 64

    var taken: Int { slots.count - freeSlots.count }

    func isFull(_ limit: Int) -> Bool { taken - min(lingering.count, Self.maxExempt) >= limit }

    // MARK: What clients do

    mutating func take(now: Instant) -> UInt32 {
        let slot: UInt32
        if let reused = freeSlots.popLast() {
            slot = reused
            slots[Int(slot)] = Slot(since: now)
        } else {
            slot = UInt32(truncatingIfNeeded: slots.count)
            slots.append(Slot(since: now))
        }
        append(slot, to: .silent)
        return slot
    }

    mutating func free(_ slot: UInt32) {
        unlink(slot)
        slots[Int(slot)].state = .free
        freeSlots.append(slot)
    }

    /// A head has begun, or bytes have come.
    mutating func markBusy(_ slot: UInt32) {
        slots[Int(slot)].state = .busy
    }

    /// Between two requests.
    mutating func markIdle(_ slot: UInt32, now: Instant) {
        move(slot, to: .idle, .idle, now: now)
    }

    /// Only its end is awaited; called again whenever bytes come from it.
    mutating func markLingering(_ slot: UInt32, now: Instant) {
        move(slot, to: .lingering, .lingering, now: now)
    }

    private mutating func move(_ slot: UInt32, to queue: Queue, _ state: State, now: Instant) {
        slots[Int(slot)].state = state
        slots[Int(slot)].since = now
        if slots[Int(slot)].queue == queue, slots[Int(slot)].next == Slot.nowhere { return }
        unlink(slot)
        append(slot, to: queue)
    }

    // MARK: Eviction

    /// The caller closes it or marks it busy; until then it is named again.
    mutating func evictionCandidate(now: Instant) -> Candidate {
        // Beyond the bound they hold places that others need more, whatever they go on sending.
        if lingering.count > Self.maxExempt { return .slot(lingering.first) }
        let ending = firstLingering(now: now)
        let quiet = firstQuiet(now: now)
        guard case .slot = quiet, lingering.count >= Self.maxExempt else { return quiet }
        // Once closed it lingers too, for which another has to end first.
        return ending
    }

    private func firstLingering(now: Instant) -> Candidate {
        lingering.count == 0 ? .none : candidate(lingering.first, after: Self.idleGrace, now: now)
    }

    private mutating func firstQuiet(now: Instant) -> Candidate {
        while idle.count > 0, slots[Int(idle.first)].state != .idle { unlink(idle.first) }
        while silent.count > 0, slots[Int(silent.first)].state != .silent { unlink(silent.first) }
        let first = idle.count == 0 ? .none : candidate(idle.first, after: Self.idleGrace, now: now)
        if case .slot = first { return first }
        let waiting = silent.count == 0 ? .none : candidate(silent.first, after: Self.silentGrace, now: now)
        switch (first, waiting) {
        case (_, .slot): return waiting
        case (.later(let one), .later(let other)): return .later(min(one, other))
        case (.none, _): return waiting
        case (_, .none), (.slot, _): return first
        }
    }

    private func candidate(_ slot: UInt32, after moment: Interval, now: Instant) -> Candidate {
        let when = slots[Int(slot)].since + moment
        return when <= now ? .slot(slot) : .later(when)
    }

    // MARK: Queues

    private mutating func append(_ slot: UInt32, to queue: Queue) {
        var ends = self[queue]
        slots[Int(slot)].queue = queue
        slots[Int(slot)].previous = ends.last
        slots[Int(slot)].next = Slot.nowhere
        if ends.last == Slot.nowhere { ends.first = slot } else { slots[Int(ends.last)].next = slot }
        ends.last = slot
        ends.count += 1
        self[queue] = ends
    }

    private mutating func unlink(_ slot: UInt32) {
        let own = slots[Int(slot)]
        guard own.queue != .none else { return }
        var ends = self[own.queue]
        if own.previous == Slot.nowhere { ends.first = own.next } else { slots[Int(own.previous)].next = own.next }
        if own.next == Slot.nowhere { ends.last = own.previous } else { slots[Int(own.next)].previous = own.previous }
        ends.count -= 1
        self[own.queue] = ends
        slots[Int(slot)].queue = .none
    }

    private subscript(queue: Queue) -> Ends {
        get {
            switch queue {
            case .none: Ends()
            case .silent: silent
            case .idle: idle
            case .lingering: lingering
            }
        }
        set {
            switch queue {
            case .none: break
            case .silent: silent = newValue
            case .idle: idle = newValue
            case .lingering: lingering = newValue
            }
        }
    }
}
