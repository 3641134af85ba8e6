package import ProxyTypes

/// How long a silent connection to an origin survives on its path, as far as connections were lost there. Value; reads no
/// clock.
///
/// An origin that ends an idle connection says so: a FIN or a RST comes. A NAT, firewall or balancer on the way that has
/// dropped its entry says nothing: what is sent is never acknowledged. That limit belongs to the path and not to the
/// origin, and is kept apart from the origin's own.
///
///     open ──dropped──▶ limited ──its time is over──▶ forgotten ──dropped──▶ limited, for twice as long
///      ▲                    │                             │
///      └────────────────────┴──two longer silences were survived
///
/// A drop may have been an outage rather than the path's limit: the driver takes it back where no new connection can be
/// opened either (`OriginPool+Path`). The limit is forgotten after a time, since only a connection that is used beyond it
/// can show that the path was repaired.
package struct PathLimit: Equatable, BitwiseCopyable, Sendable {
    package enum State: Equatable, BitwiseCopyable, Sendable {
        case open
        case limited(until: Instant)
        /// Connections are used beyond it again, and the next drop restores it.
        case forgotten
    }

    package private(set) var state = State.open
    /// The shortest silence after which nothing was carried; zero where there was none.
    package private(set) var dropped = Interval.zero
    /// The longest below it that a connection survived.
    package private(set) var survived = Interval.zero
    /// Connections that were lost in silence: one makes the limit suspected, two confirm it.
    package private(set) var drops = 0
    private var refutations: UInt8 = 0
    private var memory = Self.shortestMemory

    static let shortestMemory = Interval.hours(1)
    static let longestMemory = Interval.hours(24)
    /// So many connections must survive more than the limit before it is given up.
    private static let refutationsWanted: UInt8 = 2

    package init() {}

    package var isConfirmed: Bool { drops > 1 }

    /// Whether there is a limit to obey. Its time may be over: `bound` looks.
    @inline(__always)
    package var isLimited: Bool { if case .limited = state { true } else { false } }

    /// Connections are to be closed after such a silence; nil where there is no limit. Half of the silence that was not
    /// survived, as the path's limit may be anywhere below, or the longest that was survived where that is more.
    package func bound(margin: Interval, now: Instant) -> Interval? {
        guard case .limited(let until) = state, now < until else { return nil }
        let half = Interval(nanoseconds: dropped.nanoseconds / 2)
        return max(min(max(survived, half), dropped - margin), .zero)
    }

    /// A connection was used after such a silence, and nothing that was sent was acknowledged.
    package mutating func noteDrop(after silence: Interval, now: Instant) {
        _ = forget(now: now)
        switch state {
        case .open: dropped = silence
        case .limited: dropped = min(dropped, silence)
        case .forgotten:
            dropped = min(dropped, silence)
            memory = min(Interval(nanoseconds: memory.nanoseconds * 2), Self.longestMemory)
        }
        // What was survived under other circumstances proves nothing now.
        if survived >= dropped { survived = .zero }
        drops += 1
        refutations = 0
        state = .limited(until: now + memory)
    }

    /// A connection was used after such a silence, and an answer came.
    package mutating func noteSurvival(after silence: Interval) {
        switch state {
        case .open: survived = max(survived, silence)
        case .limited, .forgotten:
            guard silence >= dropped else { return survived = max(survived, silence) }
            refutations += 1
            guard refutations >= Self.refutationsWanted else { return }
            self = PathLimit()
            survived = silence
        }
    }

    /// True where the time of the limit is over and it was forgotten in this moment.
    package mutating func forget(now: Instant) -> Bool {
        guard case .limited(let until) = state, until <= now else { return false }
        state = .forgotten
        return true
    }
}
