/// `GET /v1/history`: points of equal length for charts, oldest first; points without traffic are omitted. Value.
package struct HistoryReport: Codable, Sendable {
    /// Null: all origins together.
    package var origin: String?
    package var from = ""
    package var fromMs: Int64 = 0
    package var to = ""
    package var toMs: Int64 = 0
    /// Of one point.
    package var step = ""
    package var stepMs: Int64 = 0
    package var points: [HistoryPoint] = []

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case origin
        case from
        case fromMs = "from_ms"
        case to
        case toMs = "to_ms"
        case step
        case stepMs = "step_ms"
        case points
    }
}

/// The traffic of one step. Value.
package struct HistoryPoint: Codable, Sendable {
    package var time = ""
    package var timeMs: Int64 = 0
    package var requests = 0
    package var errors = 0
    package var opened = 0
    package var reused = 0
    package var reuseRatio: Double?
    package var closed = 0
    package var retries = 0
    package var staleSurfaced = 0
    /// Requests that were kept from an idle connection as it was too old for them, and losses that this has prevented.
    package var passedOver = 0
    package var racesPrevented = 0
    /// How long requests were held up by reused connections that were dead.
    package var raceLostMs: Int64 = 0
    package var bytesSent = 0
    package var bytesReceived = 0
    package var handshakePaidMs: Int64 = 0
    package var handshakeSavedMs: Int64 = 0
    /// How long requests waited for handshakes, and how much longer uploads took because congestion windows had collapsed.
    package var handshakeWaitedMs: Int64 = 0
    package var slowStartLostMs: Int64 = 0
    package var waitingMax = 0
    package var activeMax = 0
    package var connectionsMax = 0
    package var queueP50Ms: Double?
    package var queueP99Ms: Double?
    package var firstByteP50Ms: Double?
    package var firstByteP99Ms: Double?
    package var totalP50Ms: Double?
    package var totalP99Ms: Double?
    /// Of connections as they were sampled, and the segments sent to the origin until then.
    package var rttP50Ms: Double?
    package var rttP99Ms: Double?
    package var segmentsSent = 0
    package var segmentsRetransmitted = 0

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case time
        case timeMs = "time_ms"
        case requests
        case errors
        case opened
        case reused
        case reuseRatio = "reuse_ratio"
        case closed
        case retries
        case staleSurfaced = "stale_surfaced"
        case passedOver = "passed_over"
        case racesPrevented = "races_prevented"
        case raceLostMs = "race_lost_ms"
        case bytesSent = "bytes_sent"
        case bytesReceived = "bytes_received"
        case handshakePaidMs = "handshake_paid_ms"
        case handshakeSavedMs = "handshake_saved_ms"
        case handshakeWaitedMs = "handshake_waited_ms"
        case slowStartLostMs = "slow_start_lost_ms"
        case waitingMax = "waiting_max"
        case activeMax = "active_max"
        case connectionsMax = "connections_max"
        case queueP50Ms = "queue_p50_ms"
        case queueP99Ms = "queue_p99_ms"
        case firstByteP50Ms = "first_byte_p50_ms"
        case firstByteP99Ms = "first_byte_p99_ms"
        case totalP50Ms = "total_p50_ms"
        case totalP99Ms = "total_p99_ms"
        case rttP50Ms = "rtt_p50_ms"
        case rttP99Ms = "rtt_p99_ms"
        case segmentsSent = "segments_sent"
        case segmentsRetransmitted = "segments_retransmitted"
    }
}

/// The parameters of `GET /v1/history`. Value.
package struct HistoryQuery: Sendable {
    package static let points = 1...2000

    package var origin: String?
    /// Milliseconds since 1970; nil: an hour before `to`.
    package var from: Int64?
    /// Nil: now.
    package var to: Int64?
    package var points = 120

    package init() {}
}
