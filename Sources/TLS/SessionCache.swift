import ProxyTypes

/// The sessions of each peer that can be resumed, and the handshakes that wait for one. Bounded. Loop-bound.
///
/// A handshake without a session is full. While other handshakes with the same peer are about to bring sessions, it waits for
/// one of them (single flight): of a crowd that starts together only the first handshake is full.
final class SessionCache {
    struct Key: Hashable {
        let peer: TLSPeer
        /// Of the peer's context: files that changed make another.
        let generation: UInt64
    }

    /// What a handshake does next. One that does not wait is a bringer: it calls `add` for each session that it gets, and
    /// `bringerEnded` once, when it has brought its first or will bring none.
    enum Turn {
        case resume(any TLSSession)
        case full
        /// Until `mayEnter`. `ahead`: the number of handshakes that wait already.
        case wait(ahead: Int)
    }

    private struct Entry {
        /// In the order in which they were made.
        let number: UInt64
        var sessions: [any TLSSession] = []
        /// Connections that may still bring their first session.
        var bringers = 0
        var waiting: [any SessionWaiter] = []
        var lastUse = Instant.zero
        /// A handshake waited for a session of this peer and got none in time.
        var givesNone = false
        /// How many of the sessions offered last, in a row, the peer refused.
        var refusals = 0
        /// Handshakes that offered none, since the last one that did.
        var unoffered = 0

        /// The peer gives sessions but resumes none of them, as a server without a session store does. Offering one costs
        /// something, and waiting for one gains nothing.
        var refusesAll: Bool { refusals >= SessionCache.maxRefusals }

        /// To a peer that refuses all, one is still offered now and then: it may have changed.
        mutating func mayOffer() -> Bool {
            guard refusesAll else { return true }
            unoffered = (unoffered + 1) % SessionCache.offerInterval
            return unoffered == 0
        }
    }

    private var entries: [Key: Entry] = [:]
    private var lastNumber: UInt64 = 0
    /// Sessions of all peers.
    private(set) var count = 0
    private static let maxEntries = 4096
    /// A session holds a few kilobytes, with the peer's certificates.
    private static let maxTotal = 8192
    /// Of each peer: as many as a pool dials at once by default, because a ticket of TLS 1.3 is used once.
    static let maxSessions = 32
    private static let maxRefusals = 8
    private static let offerInterval = 32

    func enter(_ key: Key, _ waiter: any SessionWaiter, now: Instant, wallClock: Int64) -> Turn {
        if entries[key] == nil, entries.count >= Self.maxEntries { makeRoom() }
        lastNumber += 1
        var entry = entries[key] ?? Entry(number: lastNumber)
        defer { entries[key] = entry }
        entry.lastUse = now
        guard entry.mayOffer() else {
            entry.bringers += 1
            return .full
        }
        while let session = entry.sessions.last {
            let isGood = session.expires > wallClock
            #if CONND_PLANTED_FAULTS
                let isKept = PlantedFault.isActive(.ticketUsedTwice)
            #else
                let isKept = false
            #endif
            if session.isUsedOnce && !isKept || !isGood {
                entry.sessions.removeLast()
                count -= 1
            }
            guard isGood else { continue }
            entry.bringers += 1
            return .resume(session)
        }
        guard entry.bringers > 0, !entry.givesNone, !entry.refusesAll else {
            entry.bringers += 1
            return .full
        }
        entry.waiting.append(waiter)
        return .wait(ahead: entry.waiting.count - 1)
    }

    /// A bringer has brought its first session, or will bring none.
    func bringerEnded(_ key: Key) {
        guard var entry = entries[key] else { return }
        entry.bringers = max(entry.bringers - 1, 0)
        let next = entry.bringers > 0 || entry.waiting.isEmpty ? nil : entry.waiting.removeFirst()
        entries[key] = entry
        #if CONND_PLANTED_FAULTS
            if PlantedFault.isActive(.sessionWaiterForgotten) { return }
        #endif
        next?.mayEnter()
    }

    func add(_ session: any TLSSession, _ key: Key) {
        guard var entry = entries[key] else { return }
        entry.givesNone = false
        let room = entry.refusesAll ? 1 : Self.maxSessions
        let excess = max(entry.sessions.count + 1 - room, 0)
        entry.sessions.removeFirst(excess)
        entry.sessions.append(session)
        count += 1 - excess
        let served = session.isUsedOnce ? min(1, entry.waiting.count) : entry.waiting.count
        let next = Array(entry.waiting.prefix(served))
        entry.waiting.removeFirst(served)
        entries[key] = entry
        if count > Self.maxTotal { makeRoom() }
        for waiter in next { waiter.mayEnter() }
    }

    /// `waiter` no longer waits.
    func leave(_ key: Key, _ waiter: any SessionWaiter) {
        entries[key]?.waiting.removeAll { $0 === waiter }
    }

    /// It has waited as long as it should and goes on with a full handshake. Later handshakes need not wait.
    func stopWaiting(_ key: Key, _ waiter: any SessionWaiter) {
        leave(key, waiter)
        entries[key]?.givesNone = true
        entries[key]?.bringers += 1
    }

    /// The handshake that offered `session` has succeeded: with that session, or as a full one.
    func answered(_ session: any TLSSession, _ key: Key, isResumed: Bool) {
        if isResumed {
            entries[key]?.refusals = 0
        } else {
            entries[key]?.refusals += 1
            remove(session, key)
        }
    }

    /// After a handshake with it failed, or the peer refused it.
    func remove(_ session: any TLSSession, _ key: Key) {
        guard let index = entries[key]?.sessions.firstIndex(where: { $0 === session }) else { return }
        entries[key]?.sessions.remove(at: index)
        count -= 1
    }

    func removeAll(generation: UInt64) {
        // Waiters go on in an order that follows from the events alone.
        let removed = entries.filter { $0.key.generation == generation }.sorted { $0.value.number < $1.value.number }
        for (key, _) in removed { drop(key) }
        for (_, entry) in removed { for waiter in entry.waiting { waiter.mayEnter() } }
    }

    private func drop(_ key: Key) {
        count -= entries.removeValue(forKey: key)?.sessions.count ?? 0
    }

    var waitingCount: Int { entries.values.reduce(0) { $0 + $1.waiting.count } }
    /// Whether a handshake waits although nothing will bring a session.
    var isAwaitedFromNobody: Bool { entries.values.contains { $0.bringers == 0 && !$0.waiting.isEmpty } }

    /// The least recently used go first; nobody waits for their sessions.
    private func makeRoom() {
        let free = entries.filter { $0.value.waiting.isEmpty && $0.value.bringers == 0 }
        for (key, _) in free.sorted(by: { $0.value.lastUse < $1.value.lastUse }).prefix(Self.maxEntries / 8) {
            drop(key)
        }
    }
}

/// A handshake that waits for a session. Loop-bound.
protocol SessionWaiter: AnyObject {
    /// It is to enter again: there is a session, or no other handshake will bring one.
    func mayEnter()
}
