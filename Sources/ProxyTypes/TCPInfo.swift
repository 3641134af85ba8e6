/// What the kernel reports about a TCP connection (TCP_INFO). Value; what an older kernel does not report is 0.
package struct TCPInfo: Hashable, Sendable {
    /// What the sender is doing about losses.
    package enum CongestionState: UInt8, CaseIterable, Sendable {
        case open, disorder, reduced, recovery, loss

        package var name: String {
            switch self {
            case .open: "open"
            case .disorder: "disorder"
            case .reduced: "cwr"
            case .recovery: "recovery"
            case .loss: "loss"
            }
        }
    }

    /// Microseconds.
    package var roundTripTime = 0
    package var roundTripVariance = 0
    package var minRoundTripTime = 0
    package var retransmissionTimeout = 0
    /// Segments.
    package var congestionWindow = 0
    /// Segments; 0 while it has never been lowered.
    package var slowStartThreshold = 0
    /// Bytes.
    package var maximumSegment = 0
    /// Bytes that the peer's host takes before it acknowledges.
    package var peerWindow = 0
    package var congestionState = CongestionState.open
    /// Segments sent again, of all that were sent.
    package var retransmits = 0
    package var segmentsSent = 0
    package var segmentsReceived = 0
    /// Retransmission time-outs in a row, without an acknowledgement.
    package var timeouts = 0
    /// How often the retransmission time-out is doubled now.
    package var backoff = 0
    /// Segments that are thought lost, and that are not acknowledged yet.
    package var lost = 0
    package var unacknowledged = 0
    /// Bits a second, the kernel's estimate.
    package var deliveryRate = 0
    /// The estimate says how much there was to send, not what the path can carry.
    package var deliveryIsLimitedByUs = false
    package var bytesAcknowledged = 0
    package var bytesReceived = 0
    /// Microseconds in which something was sent and not acknowledged; and those of them in which the peer's window, or
    /// our own send buffer, was what held it back.
    package var busyTime = 0
    package var windowLimitedTime = 0
    package var bufferLimitedTime = 0
    /// Milliseconds since data was last sent, and since an acknowledgement was last received.
    package var sinceDataSent = 0
    package var sinceAcknowledged = 0

    package init() {}
}
