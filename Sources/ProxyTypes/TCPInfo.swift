/// What the kernel reports about a TCP connection (TCP_INFO). Value.
package struct TCPInfo: Hashable, Sendable {
    /// Microseconds.
    package var roundTripTime = 0
    package var roundTripVariance = 0
    package var minRoundTripTime = 0
    /// Segments.
    package var congestionWindow = 0
    /// Bytes.
    package var maximumSegment = 0
    package var retransmits = 0
    /// Bits a second, the kernel's estimate.
    package var deliveryRate = 0

    package init() {}
}
