import ProxyTypes

/// The places of the clients, and who gives way to a newcomer when all are taken: of those whose end is under way the one
/// that has been silent longest, then the client that has been idle longest, then the one that came first and has not said
/// a word. Never one with an exchange or a part of a head. Pure; owns its memory.
///
/// Each queue is in the order in which its members came to be so. A client that becomes busy stays where it is and is taken
/// out when a search meets it, so that a request on a kept connection costs one move to the end of the idle queue and a
/// search is amortised over the requests before it.
struct ClientPlaces: ~Copyable {
    /// Who gives way.
    enum Choice: Equatable {
        /// Nobody, as things stand.
        case nobody
        /// Nobody before then.
        case later(Instant)
        case place(UInt32)
    }

    private enum State: UInt8 {
        case free, unspoken, busy, idle, lingering
    }

    private enum Queue: UInt8 {
        case none, unspoken, idle, lingering
    }

    private struct Place: BitwiseCopyable {
        var since: Instant
        var previous = Self.nowhere
        var next = Self.nowhere
        var state = State.unspoken
        var queue = Queue.none

        static let nowhere = UInt32.max
    }

    private struct Ends: BitwiseCopyable {
        var first = Place.nowhere
        var last = Place.nowhere
        var count = 0
    }

    private var places: [Place] = []
    private var free: [UInt32] = []
    private var unspoken = Ends()
    private var idle = Ends()
    private var lingering = Ends()

    /// A client that became idle or silent more recently than this is spared: its next bytes may be on their way.
    static let settled = Interval.milliseconds(100)
    /// A newcomer's first request, too, may take a moment.
    static let patience = Interval.seconds(1)
    /// Up to this many connections that are being closed hold no place; any others do, so that all are bounded.
    static let mostBeyond = 64

    var taken: Int { places.count - free.count }

    func isFull(_ limit: Int) -> Bool { taken - min(lingering.count, Self.mostBeyond) >= limit }

    // MARK: What clients do

    mutating func enter(now: Instant) -> UInt32 {
        let place: UInt32
        if let reused = free.popLast() {
            place = reused
            places[Int(place)] = Place(since: now)
        } else {
            place = UInt32(truncatingIfNeeded: places.count)
            places.append(Place(since: now))
        }
        append(place, to: .unspoken)
        return place
    }

    mutating func leave(_ place: UInt32) {
        unlink(place)
        places[Int(place)].state = .free
        free.append(place)
    }

    /// A head has begun, or bytes have come.
    mutating func busy(_ place: UInt32) {
        places[Int(place)].state = .busy
    }

    /// Between two requests.
    mutating func idle(_ place: UInt32, now: Instant) {
        move(place, to: .idle, .idle, now: now)
    }

    /// Only its end is awaited; said again whenever it is heard of.
    mutating func lingers(_ place: UInt32, now: Instant) {
        move(place, to: .lingering, .lingering, now: now)
    }

    private mutating func move(_ place: UInt32, to queue: Queue, _ state: State, now: Instant) {
        places[Int(place)].state = state
        places[Int(place)].since = now
        if places[Int(place)].queue == queue, places[Int(place)].next == Place.nowhere { return }
        unlink(place)
        append(place, to: queue)
    }

    // MARK: Who gives way

    /// Whoever it names is then closed, or found to be busy after all; until that is said it would be named again.
    mutating func choose(now: Instant) -> Choice {
        // Beyond the bound they hold places that others need more, whatever they go on sending.
        if lingering.count > Self.mostBeyond { return .place(lingering.first) }
        let ending = firstLingering(now: now)
        let silent = firstSilent(now: now)
        guard case .place = silent, lingering.count >= Self.mostBeyond else { return silent }
        // It will linger, for which another has to end.
        return ending
    }

    private func firstLingering(now: Instant) -> Choice {
        lingering.count == 0 ? .nobody : choice(lingering.first, after: Self.settled, now: now)
    }

    private mutating func firstSilent(now: Instant) -> Choice {
        while idle.count > 0, places[Int(idle.first)].state != .idle { unlink(idle.first) }
        while unspoken.count > 0, places[Int(unspoken.first)].state != .unspoken { unlink(unspoken.first) }
        let settled = idle.count == 0 ? .nobody : choice(idle.first, after: Self.settled, now: now)
        if case .place = settled { return settled }
        let waiting = unspoken.count == 0 ? .nobody : choice(unspoken.first, after: Self.patience, now: now)
        switch (settled, waiting) {
        case (_, .place): return waiting
        case (.later(let one), .later(let other)): return .later(min(one, other))
        case (.nobody, _): return waiting
        case (_, .nobody), (.place, _): return settled
        }
    }

    private func choice(_ place: UInt32, after moment: Interval, now: Instant) -> Choice {
        let when = places[Int(place)].since + moment
        return when <= now ? .place(place) : .later(when)
    }

    // MARK: Queues

    private mutating func append(_ place: UInt32, to queue: Queue) {
        var ends = self[queue]
        places[Int(place)].queue = queue
        places[Int(place)].previous = ends.last
        places[Int(place)].next = Place.nowhere
        if ends.last == Place.nowhere { ends.first = place } else { places[Int(ends.last)].next = place }
        ends.last = place
        ends.count += 1
        self[queue] = ends
    }

    private mutating func unlink(_ place: UInt32) {
        let own = places[Int(place)]
        guard own.queue != .none else { return }
        var ends = self[own.queue]
        if own.previous == Place.nowhere { ends.first = own.next } else { places[Int(own.previous)].next = own.next }
        if own.next == Place.nowhere { ends.last = own.previous } else { places[Int(own.next)].previous = own.previous }
        ends.count -= 1
        self[own.queue] = ends
        places[Int(place)].queue = .none
    }

    private subscript(queue: Queue) -> Ends {
        get {
            switch queue {
            case .none: Ends()
            case .unspoken: unspoken
            case .idle: idle
            case .lingering: lingering
            }
        }
        set {
            switch queue {
            case .none: break
            case .unspoken: unspoken = newValue
            case .idle: idle = newValue
            case .lingering: lingering = newValue
            }
        }
    }
}
