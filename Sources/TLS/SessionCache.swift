import ProxyTypes

/// The sessions of each peer that connections may be resumed with, and the handshakes that wait for one. Bounded. Loop-bound.
///
/// A handshake without a session is full. While connections are opened that will bring sessions, further handshakes with the
/// same peer wait for them, so that of a crowd only the first pays the full price.
final class SessionCache {
    struct Key: Hashable {
        let peer: TLSPeer
        /// Of the peer's context: files that changed make another.
        let generation: UInt64
    }

    /// What a handshake does. Whoever goes ahead brings sessions, and says when it has, or never will.
    enum Turn {
        case resume(any TLSSession)
        case full
        /// Until `mayEnter`, behind so many others.
        case wait(ahead: Int)
    }

    private struct Entry {
        /// In the order in which they were made.
        let number: UInt64
        var sessions: [any TLSSession] = []
        /// Connections that have yet to bring a session.
        var bringers = 0
        var waiting: [any SessionWaiter] = []
        var lastUse = Instant.zero
        /// Waiting for a session of this peer was in vain.
        var givesNone = false
        /// The latest sessions that were offered in a row and refused.
        var refusals = 0
        /// Handshakes that offered none since then.
        var unoffered = 0

        /// The peer gives sessions that it resumes nothing with, such as a server that keeps none. Offering them costs, and
        /// waiting for them is in vain.
        var refusesAll: Bool { refusals >= SessionCache.maxRefusals }

        /// Now and then one is offered though: the peer may have changed.
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
    /// Of each peer: as many as a pool dials at once by default, as each is used once.
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

    /// A connection that went ahead has brought its first session, or will not bring any.
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

    /// It waits no longer.
    func leave(_ key: Key, _ waiter: any SessionWaiter) {
        entries[key]?.waiting.removeAll { $0 === waiter }
    }

    /// It has waited as long as it should, which later ones need not do, and goes on with a full handshake.
    func stopWaiting(_ key: Key, _ waiter: any SessionWaiter) {
        leave(key, waiter)
        entries[key]?.givesNone = true
        entries[key]?.bringers += 1
    }

    /// The handshake that offered `session` is done, and was resumed with it or was full.
    func answered(_ session: any TLSSession, _ key: Key, isResumed: Bool) {
        if isResumed {
            entries[key]?.refusals = 0
        } else {
            entries[key]?.refusals += 1
            remove(session, key)
        }
    }

    /// The handshake with it failed, or it was refused.
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
    /// A waiter has been forgotten.
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
    /// It is to enter again: there is a session, or nobody is left who would bring one.
    func mayEnter()
}
