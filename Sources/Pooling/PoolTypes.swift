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

/// Names one exchange that asks for a connection. The driver assigns it; it is unique among those that wait. Value.
package struct WaiterID: Hashable, BitwiseCopyable, Sendable {
    package let slot: UInt32
    package let generation: UInt32

    package init(slot: UInt32, generation: UInt32) {
        self.slot = slot
        self.generation = generation
    }
}

/// Names a client. Requests of one client share one turn in the queue. Value.
package struct ClientID: Hashable, BitwiseCopyable, Sendable {
    package let rawValue: UInt64

    package init(rawValue: UInt64) {
        self.rawValue = rawValue
    }
}

/// What a request needs of a connection. Value.
package struct LeaseRequest: Equatable, BitwiseCopyable, Sendable {
    package var client: ClientID
    /// It is a retry, which needs a connection that has served no request yet.
    package var needsFresh: Bool
    /// It is sent again if its connection is lost, so it may have a distrusted connection.
    package var isRetryable: Bool
    /// It may be sent behind others on one connection.
    package var mayPipeline: Bool

    package init(client: ClientID, needsFresh: Bool = false, isRetryable: Bool = false, mayPipeline: Bool = false) {
        self.client = client
        self.needsFresh = needsFresh
        self.isRetryable = isRetryable
        self.mayPipeline = mayPipeline
    }
}

/// A CONNECT that is dialled for. Value.
struct TunnelRequest: Equatable, BitwiseCopyable {
    let waiter: WaiterID
    /// What it waits with if it has to wait again.
    let client: ClientID
    let since: Instant
    let deadline: Instant
}

/// Whether local ports are left for dials to the origin. Value.
package enum PortSupply: Equatable, BitwiseCopyable, Sendable {
    case ample
    /// So many dials may begin until more is known.
    case few(dials: Int)
}

/// Why a request got no connection.
package enum Refusal: UInt8, BitwiseCopyable, Sendable {
    /// `max_queue` requests wait already.
    case queueFull
    /// `queue_timeout` passed.
    case waitedTooLong
    /// The CONNECT's own dial failed; or no dial succeeds, and no other connection could serve the request.
    case dialFailing
    /// The pool shuts down.
    case draining
    /// `queue_timeout` passed, or `max_queue` CONNECTs wait already, while `max_upstream_connections` and not a limit
    /// of this origin prevented the dial.
    case connectionLimit
    /// `max_tunnels` are open, being dialled or waiting.
    case tunnelLimit
    /// Too few local ports are left for a dial, and `queue_timeout` passed or `max_queue` others wait already.
    case portsShort
    /// The pool is paused, and `queue_timeout` passed or `max_queue` others wait already.
    case paused
}

/// The `Keep-Alive: timeout=N, max=M` of a response. Value.
package struct KeepAliveHint: Equatable, BitwiseCopyable, Sendable {
    package var timeout: Interval?
    /// How many more requests the origin will take on this connection.
    package var max: Int?

    package init(timeout: Interval? = nil, max: Int? = nil) {
        self.timeout = timeout
        self.max = max
    }
}

/// The state in which an exchange leaves its connection. Value.
package enum Disposition: Equatable, BitwiseCopyable, Sendable {
    /// `ReuseOrder.widest` compares the windows. `lag`: from the last byte sent to the last byte received.
    case reusable(KeepAliveHint?, window: SendWindow, lag: Interval = .zero)
    /// Nothing was sent, so the connection is not shown to be alive.
    case unused
    case mustClose(CloseReason)

    @inline(__always)
    package var isKept: Bool {
        switch self {
        case .reusable, .unused: true
        case .mustClose: false
        }
    }

    /// Where it would be used again, it closes instead.
    @inline(__always)
    package func closing(_ reason: CloseReason) -> Disposition {
        switch self {
        case .reusable, .unused: .mustClose(reason)
        case .mustClose: self
        }
    }
}

/// Which clients' requests a connection carries. Value.
package enum Ownership: Equatable, BitwiseCopyable, Sendable {
    case shared
    /// The owner has been challenged and has yet to answer; closing the connection now would end that login.
    case loggingIn(ClientID)
    /// Only those of its owner.
    case pinned(ClientID)

    @inline(__always)
    package var owner: ClientID? {
        switch self {
        case .shared: nil
        case .loggingIn(let client), .pinned(let client): client
        }
    }

    @inline(__always)
    package var isLoggingIn: Bool {
        switch self {
        case .loggingIn: true
        case .shared, .pinned: false
        }
    }
}

/// One pool's connections by state, each in exactly one, and what waits for one. Value.
package struct PoolCounts: Equatable, BitwiseCopyable, Sendable {
    package var dialing = 0
    package var idle = 0
    /// Of the idle ones: those that are only watched.
    package var parked = 0
    package var leased = 0
    package var pinned = 0
    package var draining = 0
    package var closing = 0
    /// Connections for CONNECT that are being dialled, and that are open.
    package var tunnelDials = 0
    package var tunnels = 0
    /// Waiting requests, and waiting CONNECTs.
    package var waiting = 0
    package var waitingTunnels = 0

    package init() {}

    /// The pool's connections, which `max_connections` bounds.
    package var connections: Int { dialing + idle + leased + pinned + draining + closing }
    /// All connections that `max_upstream_connections` counts.
    package var sockets: Int { connections + tunnelDials + tunnels }
}
