package import ProxyTypes

/// Names one upstream connection of a pool, from its dial to the end of its socket. The pool assigns it; the generation
/// tells a late event of a dead connection from one of the connection that has its slot now. Value.
package struct ConnectionID: Hashable, BitwiseCopyable, Sendable {
    package let slot: UInt32
    package let generation: UInt32

    package init(slot: UInt32, generation: UInt32) {
        self.slot = slot
        self.generation = generation
    }
}

/// Names one exchange that asks for a connection. The driver assigns it, unique among those that wait. Value.
package struct WaiterID: Hashable, BitwiseCopyable, Sendable {
    package let slot: UInt32
    package let generation: UInt32

    package init(slot: UInt32, generation: UInt32) {
        self.slot = slot
        self.generation = generation
    }
}

/// Whose turn it is: requests of one client share one turn in the queue. Value.
package struct ClientID: Hashable, BitwiseCopyable, Sendable {
    package let rawValue: UInt64

    package init(rawValue: UInt64) {
        self.rawValue = rawValue
    }
}

/// Why a request got no connection.
package enum Refusal: UInt8, BitwiseCopyable, Sendable {
    /// `max_queue` others wait already.
    case queueFull
    /// `queue_timeout` passed.
    case waitedTooLong
    /// No dial gets through, and nothing else could serve it.
    case dialFailing
    /// The pool shuts down.
    case draining
    /// `queue_timeout` passed while `max_upstream_connections`, not this origin's limit, stood in the way.
    case connectionLimit
    /// The pool is paused, and `queue_timeout` passed or `max_queue` others wait already.
    case paused
}

/// What `Keep-Alive: timeout=N, max=M` of a response said. Value.
package struct KeepAliveHint: Equatable, BitwiseCopyable, Sendable {
    package var timeout: Interval?
    /// How many more requests the origin will take on this connection.
    package var max: Int?

    package init(timeout: Interval? = nil, max: Int? = nil) {
        self.timeout = timeout
        self.max = max
    }
}

/// What an exchange leaves behind when it ends. Value.
package enum Disposition: Equatable, BitwiseCopyable, Sendable {
    /// `window` is the congestion window, which `ReuseOrder.widest` compares.
    case reusable(KeepAliveHint?, window: UInt32)
    /// Nothing was sent on it, so that it proved nothing.
    case unused
    case mustClose(CloseReason)
}

/// One pool's connections by state, each in exactly one, and its waiting requests. Value.
package struct PoolCounts: Equatable, BitwiseCopyable, Sendable {
    package var dialing = 0
    package var idle = 0
    package var leased = 0
    package var pinned = 0
    package var draining = 0
    package var closing = 0
    package var waiting = 0

    package init() {}

    package var connections: Int { dialing + idle + leased + pinned + draining + closing }
}

/// What a connection's record says of it. Value.
package struct ConnectionFacts: Equatable, BitwiseCopyable, Sendable {
    package let state: ConnectionState
    /// Requests granted to it, the running ones included.
    package let requests: Int
    package let leases: Int
    /// When its dial ended; while dialing, when that began.
    package let openedAt: Instant
    /// When it last became idle; nil when it is not.
    package let idleSince: Instant?
    /// The client that it belongs to, where it is pinned to one.
    package let owner: ClientID?
    /// Its owner has been challenged and has yet to answer.
    package let isLoggingIn: Bool
}
