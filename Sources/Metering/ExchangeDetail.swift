package import ProxyTypes

/// How an exchange got its connection.
package enum LeaseCause: UInt8, CaseIterable, Sendable {
    /// It needed or got none.
    case none
    /// One was idle.
    case idle
    /// It waited until another exchange returned one.
    case returned
    /// It waited for a new one.
    case dialled
    /// A retry, which needs one that has not served.
    case retry
    /// Pipelined on a busy one.
    case pipelined
    case tunnel

    package var name: String {
        switch self {
        case .none: "none"
        case .idle: "idle"
        case .returned: "returned"
        case .dialled: "dialled"
        case .retry: "retry"
        case .pipelined: "pipelined"
        case .tunnel: "tunnel"
        }
    }
}

/// One slow or failed exchange, with the time of each phase. Value; times in microseconds.
package struct ExchangeDetail: Hashable, Sendable {
    package enum Outcome: String, CaseIterable, Sendable {
        case slow, failed, cut, aborted
        /// Answered in time, but only at the second try.
        case raced
    }

    package var origin: Origin
    /// Its start in milliseconds since 1970, UTC.
    package var startedAt: Int64
    package var outcome: Outcome
    package var method: String
    /// As sent to the origin, cut at `maxTarget` bytes.
    package var target: String
    /// 0 without a response head.
    package var status: Int
    package var error: ProxyError.Kind?
    /// The detail given to the client.
    package var errorDetail: String?
    package var client: UInt64
    /// 0: it had none.
    package var connection: UInt64
    package var reused: Bool
    package var leaseCause: LeaseCause
    package var retries: Int
    package var queueTime: Int64 = 0
    /// For opening the connection; parts of `queueTime`, 0 where it was reused.
    package var dnsTime: Int64 = 0
    package var connectTime: Int64 = 0
    package var tlsTime: Int64 = 0
    package var sendTime: Int64 = 0
    package var firstByteTime: Int64 = 0
    package var bodyTime: Int64 = 0
    package var totalTime: Int64 = 0
    package var bytesFromClient = 0
    package var bytesToClient = 0
    /// The gateway by which its client came; nil for the proxy's own port.
    package var gateway: String?

    /// Nil where nothing is known.
    package var segments: SegmentFacts?
    /// Nil where its window had not collapsed, and where that was not looked at.
    package var restart: WindowRestart?
    /// Nil where it has lost none.
    package var race: LostRace?

    package static let maxTarget = 1024

    package init(
        origin: Origin, startedAt: Int64, outcome: Outcome, method: String, target: String, status: Int,
        error: ProxyError.Kind?, errorDetail: String?, client: UInt64, connection: UInt64, reused: Bool,
        leaseCause: LeaseCause, retries: Int
    ) {
        self.origin = origin
        self.startedAt = startedAt
        self.outcome = outcome
        self.method = method
        self.target = target
        self.status = status
        self.error = error
        self.errorDetail = errorDetail
        self.client = client
        self.connection = connection
        self.reused = reused
        self.leaseCause = leaseCause
        self.retries = retries
    }
}

/// What the kernel knew of an exchange's connection when the exchange ended. Value.
package struct SegmentFacts: Hashable, Sendable {
    /// Microseconds.
    package var roundTripTime = 0
    /// Segments sent again since the connection was last looked at: in this exchange or in the 63 before.
    package var retransmits = 0
    /// Segments that the origin's host has not acknowledged.
    package var unacknowledged = 0
    /// Retransmission time-outs in a row.
    package var timeouts = 0

    package init() {}

    /// `before`: how many were sent again until the connection was last looked at.
    package init(_ info: TCPInfo, retransmitsBefore before: Int) {
        roundTripTime = info.roundTripTime
        retransmits = max(info.retransmits - before, 0)
        unacknowledged = info.unacknowledged
        timeouts = max(info.timeouts, info.backoff)
    }
}
