package import Metering

/// What is counted of an origin, in roll-ups and over its lifetime; named as its column.
package enum TrafficCount: UInt8, CaseIterable, Sendable {
    case informational, success, redirection, clientError, serverError, proxyError, cut, aborted
    case errors, reused, firstLeases, opened, closed, dialFailures, retries, staleRetried, staleSurfaced
    case bytesSent, bytesReceived
    /// Microseconds.
    case handshakePaid, handshakeSaved
    case tunnels, tunnelBytesSent, tunnelBytesReceived
    case segmentsSent, segmentsRetransmitted
    /// Microseconds.
    case handshakeWaited, slowStartLost
    case passedOver, racesPrevented
    /// Microseconds.
    case raceLost

    package var name: String {
        switch self {
        case .informational: "informational"
        case .success: "success"
        case .redirection: "redirection"
        case .clientError: "client_error"
        case .serverError: "server_error"
        case .proxyError: "proxy_error"
        case .cut: "cut"
        case .aborted: "aborted"
        case .errors: "errors"
        case .reused: "reused"
        case .firstLeases: "first_leases"
        case .opened: "opened"
        case .closed: "closed"
        case .dialFailures: "dial_failures"
        case .retries: "retries"
        case .staleRetried: "stale_retried"
        case .staleSurfaced: "stale_surfaced"
        case .bytesSent: "bytes_sent"
        case .bytesReceived: "bytes_received"
        case .handshakePaid: "handshake_paid"
        case .handshakeSaved: "handshake_saved"
        case .tunnels: "tunnels"
        case .tunnelBytesSent: "tunnel_bytes_sent"
        case .tunnelBytesReceived: "tunnel_bytes_received"
        case .segmentsSent: "segments_sent"
        case .segmentsRetransmitted: "segments_retransmitted"
        case .handshakeWaited: "handshake_waited"
        case .slowStartLost: "slow_start_lost"
        case .passedOver: "passed_over"
        case .racesPrevented: "races_prevented"
        case .raceLost: "race_lost"
        }
    }

    /// The columns whose sum is the number of exchanges.
    static let requestNames = OutcomeClass.allCases.map { ended($0).name }

    /// Exchanges that ended this way.
    package static func ended(_ outcome: OutcomeClass) -> TrafficCount {
        switch outcome {
        case .informational: .informational
        case .success: .success
        case .redirection: .redirection
        case .clientError: .clientError
        case .serverError: .serverError
        case .proxyError: .proxyError
        case .cut: .cut
        case .aborted: .aborted
        }
    }
}

extension Counters where Label == TrafficCount {
    init(_ statistics: OriginStatistics) {
        self.init()
        for (cell, count) in statistics.requests.nonZero { self[.ended(cell.outcome)] += count }
        self[.errors] = statistics.errors.total
        self[.reused] = statistics.reused
        self[.firstLeases] = statistics.firstLeases
        self[.opened] = statistics.opened.total
        self[.closed] = statistics.closed.total
        self[.dialFailures] = statistics.dialFailures.total
        self[.retries] = statistics.retryOutcomes[.sent]
        self[.staleRetried] = statistics.staleRetried
        self[.staleSurfaced] = statistics.staleSurfaced
        self[.bytesSent] = statistics.bytesSent
        self[.bytesReceived] = statistics.bytesReceived
        self[.handshakePaid] = Int(statistics.handshakePaid)
        self[.handshakeSaved] = Int(statistics.handshakeSaved)
        self[.tunnels] = statistics.tunnels.opened
        self[.tunnelBytesSent] = statistics.tunnels.bytesSent
        self[.tunnelBytesReceived] = statistics.tunnels.bytesReceived
        self[.segmentsSent] = statistics.tcp.segmentsSent
        self[.segmentsRetransmitted] = statistics.tcp.segmentsRetransmitted
        self[.handshakeWaited] = Int(statistics.handshakeWaits.all)
        self[.slowStartLost] = Int(statistics.slowStart.timeLost)
        self[.passedOver] = statistics.races.passedOver
        self[.racesPrevented] = statistics.races.prevented
        self[.raceLost] = Int(statistics.races.lostTime)
    }

    /// All exchanges that ended.
    package var requests: Int {
        OutcomeClass.allCases.reduce(0) { $0 + self[.ended($1)] }
    }
}
