import CLinux
import ProxyTypes

extension TCPInfo {
    init(_ known: clinux_known_tcp_info) {
        self.init()
        roundTripTime = Int(known.rtt)
        roundTripVariance = Int(known.rtt_variance)
        minRoundTripTime = Int(known.min_rtt)
        congestionWindow = Int(known.congestion_window)
        slowStartThreshold = Int(known.slow_start_threshold)
        maximumSegment = Int(known.maximum_segment)
        peerWindow = Int(known.peer_window)
        retransmissionTimeout = Int(known.retransmission_timeout)
        congestionState = CongestionState(rawValue: UInt8(truncatingIfNeeded: known.congestion_state)) ?? .open
        retransmits = Int(known.retransmits)
        segmentsSent = Int(known.segments_sent)
        segmentsReceived = Int(known.segments_received)
        timeouts = Int(known.timeouts)
        backoff = Int(known.backoff)
        lost = Int(known.lost)
        unacknowledged = Int(known.unacknowledged)
        deliveryRate = Int(clamping: known.delivery_rate &* 8)
        deliveryIsLimitedByUs = known.delivery_is_application_limited != 0
        bytesAcknowledged = Int(clamping: known.bytes_acknowledged)
        bytesReceived = Int(clamping: known.bytes_received)
        busyTime = Int(clamping: known.busy_time)
        windowLimitedTime = Int(clamping: known.window_limited_time)
        bufferLimitedTime = Int(clamping: known.buffer_limited_time)
        sinceDataSent = Int(known.since_data_sent)
        sinceAcknowledged = Int(known.since_acknowledged)
    }
}
