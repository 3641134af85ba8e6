/// What the kernel reports about a connection (TCP_INFO); of a closed one, at its end. Value.
package struct TCPReport: Codable, Sendable {
    package var rttMs: Double = 0
    package var rttVarianceMs: Double = 0
    package var minRttMs: Double = 0
    /// Segments; the threshold is 0 while it has never been lowered.
    package var congestionWindow = 0
    package var slowStartThreshold = 0
    package var maximumSegment = 0
    /// `open`, `disorder`, `cwr`, `recovery` or `loss`.
    package var congestionState = ""
    package var retransmits = 0
    package var segmentsSent = 0
    package var segmentsReceived = 0
    /// Retransmission time-outs in a row without an acknowledgement, and how often the next one is doubled.
    package var timeouts = 0
    package var backoff = 0
    package var lost = 0
    package var unacknowledged = 0
    package var deliveryRateBps = 0
    /// The rate says how much there was to send, not what the path can carry.
    package var deliveryLimitedByUs = false
    package var bytesAcknowledged = 0
    package var bytesReceived = 0
    /// While something was sent and not acknowledged; the other two are parts of it.
    package var busyMs: Double = 0
    package var windowLimitedMs: Double = 0
    package var bufferLimitedMs: Double = 0
    package var sinceDataSentMs: Int64 = 0
    package var sinceAcknowledgedMs: Int64 = 0

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case rttMs = "rtt_ms"
        case rttVarianceMs = "rtt_variance_ms"
        case minRttMs = "min_rtt_ms"
        case congestionWindow = "congestion_window"
        case slowStartThreshold = "slow_start_threshold"
        case maximumSegment = "maximum_segment"
        case congestionState = "congestion_state"
        case retransmits
        case segmentsSent = "segments_sent"
        case segmentsReceived = "segments_received"
        case timeouts
        case backoff
        case lost
        case unacknowledged
        case deliveryRateBps = "delivery_rate_bps"
        case deliveryLimitedByUs = "delivery_limited_by_us"
        case bytesAcknowledged = "bytes_acknowledged"
        case bytesReceived = "bytes_received"
        case busyMs = "busy_ms"
        case windowLimitedMs = "window_limited_ms"
        case bufferLimitedMs = "buffer_limited_ms"
        case sinceDataSentMs = "since_data_sent_ms"
        case sinceAcknowledgedMs = "since_acknowledged_ms"
    }
}

/// The socket options of an open connection, as the kernel has them. Value.
package struct SocketReport: Codable, Sendable {
    package var nodelay = false
    /// At this moment: the kernel forgets it whenever it sends, and connd sets it again after each read.
    package var quickack = false
    /// As the setting is written: `off`, or idle/interval/count.
    package var keepalive = ""
    package var userTimeout = ""
    /// 0: the kernel's.
    package var userTimeoutMs: Int64 = 0
    package var fastOpen = false
    package var congestionControl = ""
    /// Bytes, in the measure of the settings: half of what the kernel reports.
    package var sendBuffer = 0
    package var receiveBuffer = 0

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case nodelay
        case quickack
        case keepalive
        case userTimeout = "user_timeout"
        case userTimeoutMs = "user_timeout_ms"
        case fastOpen = "fast_open"
        case congestionControl = "congestion_control"
        case sendBuffer = "send_buffer"
        case receiveBuffer = "receive_buffer"
    }
}

/// For how long the path to an origin keeps silent connections, as far as it was seen to drop them. Value.
package struct PathReport: Codable, Sendable {
    /// `suspected` after one connection was lost in silence, `confirmed` after another, `forgotten` once its time was over.
    package var state = ""
    /// Idle connections are closed at this age, but for those whose keep-alive probes (`tcp_keepalive`) keep the path open;
    /// null once it is forgotten.
    package var limit: String?
    package var limitMs: Int64?
    /// The shortest silence after which the path carried nothing, and the longest after which it did.
    package var dropped: String?
    package var droppedMs: Int64?
    package var survived: String?
    package var survivedMs: Int64?
    /// Connections that were lost in silence.
    package var drops = 0
    /// When the limit is forgotten, so that a repaired path is found.
    package var forgottenIn: String?
    package var forgottenInMs: Int64?

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case state
        case limit
        case limitMs = "limit_ms"
        case dropped
        case droppedMs = "dropped_ms"
        case survived
        case survivedMs = "survived_ms"
        case drops
        case forgottenIn = "forgotten_in"
        case forgottenInMs = "forgotten_in_ms"
    }
}

/// What the kernel reported about the connections to an origin, at the end of each and at every 64th response. Value.
package struct TCPFiguresReport: Codable, Sendable {
    package var roundTrip = Distribution()
    package var minRoundTrip = Distribution()
    /// Segments.
    package var congestionWindow = CountDistribution()
    /// Bytes a second, of samples in which the path and not connd set the pace.
    package var deliveryRate = CountDistribution()
    package var segmentsSent = 0
    package var segmentsRetransmitted = 0
    package var busyMs: Int64 = 0
    package var windowLimitedMs: Int64 = 0
    package var bufferLimitedMs: Int64 = 0

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case roundTrip = "round_trip"
        case minRoundTrip = "min_round_trip"
        case congestionWindow = "congestion_window"
        case deliveryRate = "delivery_rate"
        case segmentsSent = "segments_sent"
        case segmentsRetransmitted = "segments_retransmitted"
        case busyMs = "busy_ms"
        case windowLimitedMs = "window_limited_ms"
        case bufferLimitedMs = "buffer_limited_ms"
    }
}

/// Exchanges of an origin that wait for acknowledgements which the other host puts off. Value.
package struct DelayReport: Codable, Sendable {
    /// Who writes its messages in two parts, and has the second wait for the acknowledgement of the first: `origin` or
    /// `connd`.
    package var side = ""
    /// The setting that ends it, with the value: `tcp_quickack=on` or `tcp_nodelay=on`.
    package var setting = ""
    /// How long such a wait is, beyond the round trip.
    package var waitMs = 0
    package var waits = 0
    package var exchanges = 0
    package var share: Double = 0
    /// The share of exchanges that waited on connections with the setting; null until 20 have been seen.
    package var shareWithSetting: Double?

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case side
        case setting
        case waitMs = "wait_ms"
        case waits
        case exchanges
        case share
        case shareWithSetting = "share_with_setting"
    }
}
