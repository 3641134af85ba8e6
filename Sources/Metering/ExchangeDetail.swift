package import ProxyTypes

/// Why an exchange got the connection that it got.
package enum LeaseCause: UInt8, CaseIterable, Sendable {
    /// None was needed or none was had.
    case none
    /// One lay idle.
    case idle
    /// It waited, and another exchange gave one back.
    case returned
    /// It waited, and was given a new one.
    case dialled
    /// A retry wants one that has served nothing.
    case retry
    /// Sent behind others on a busy one.
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

/// One exchange that was slow or failed, with the time each of its phases took. Value; times in microseconds.
package struct ExchangeDetail: Hashable, Sendable {
    package enum Outcome: String, CaseIterable, Sendable {
        case slow, failed, cut, aborted
    }

    package var origin: Origin
    /// When it began: milliseconds since 1970, UTC.
    package var startedAt: Int64
    package var outcome: Outcome
    package var method: String
    /// As the origin sees it, cut at `maxTarget` bytes.
    package var target: String
    /// 0 where no response head came.
    package var status: Int
    package var error: ProxyError.Kind?
    /// What the client was told.
    package var errorDetail: String?
    package var client: UInt64
    /// 0: it had none.
    package var connection: UInt64
    package var reused: Bool
    package var leaseCause: LeaseCause
    package var retries: Int
    package var queueTime: Int64 = 0
    /// Of the connection's opening; parts of `queueTime`, 0 where it was reused.
    package var dnsTime: Int64 = 0
    package var connectTime: Int64 = 0
    package var tlsTime: Int64 = 0
    package var sendTime: Int64 = 0
    package var firstByteTime: Int64 = 0
    package var bodyTime: Int64 = 0
    package var totalTime: Int64 = 0
    package var bytesFromClient = 0
    package var bytesToClient = 0

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
