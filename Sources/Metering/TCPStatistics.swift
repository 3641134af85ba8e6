package import ProxyTypes

/// What the kernel reported about the connections of one origin. Value; adds up as `OriginStatistics` does.
///
/// A connection is sampled at its end and, while it lives, at every 64th response. The histograms hold one value for each
/// sample; the sums hold what happened between two samples of a connection.
package struct TCPStatistics: Hashable, Sendable {
    /// Microseconds.
    package var roundTripTime = Histogram()
    package var minRoundTripTime = Histogram()
    /// Segments.
    package var congestionWindow = Histogram()
    /// Bytes a second, of samples in which the path and not the sender set the pace.
    package var deliveryRate = Histogram()
    package var segmentsSent = 0
    package var segmentsRetransmitted = 0
    /// Microseconds, as in `TCPInfo`.
    package var busyTime: Int64 = 0
    package var windowLimitedTime: Int64 = 0
    package var bufferLimitedTime: Int64 = 0

    package init() {}

    /// `before`: the last sample of the same connection.
    package mutating func record(_ sample: TCPInfo, since before: TCPInfo) {
        if sample.roundTripTime > 0 { roundTripTime.record(microseconds: Int64(sample.roundTripTime)) }
        if sample.minRoundTripTime > 0 { minRoundTripTime.record(microseconds: Int64(sample.minRoundTripTime)) }
        if sample.congestionWindow > 0 { congestionWindow.record(microseconds: Int64(sample.congestionWindow)) }
        if sample.deliveryRate > 0, !sample.deliveryIsLimitedByUs {
            deliveryRate.record(microseconds: Int64(sample.deliveryRate / 8))
        }
        segmentsSent += max(sample.segmentsSent - before.segmentsSent, 0)
        segmentsRetransmitted += max(sample.retransmits - before.retransmits, 0)
        busyTime += Int64(max(sample.busyTime - before.busyTime, 0))
        windowLimitedTime += Int64(max(sample.windowLimitedTime - before.windowLimitedTime, 0))
        bufferLimitedTime += Int64(max(sample.bufferLimitedTime - before.bufferLimitedTime, 0))
    }

    package static func += (a: inout TCPStatistics, b: TCPStatistics) {
        a.roundTripTime += b.roundTripTime
        a.minRoundTripTime += b.minRoundTripTime
        a.congestionWindow += b.congestionWindow
        a.deliveryRate += b.deliveryRate
        a.segmentsSent += b.segmentsSent
        a.segmentsRetransmitted += b.segmentsRetransmitted
        a.busyTime += b.busyTime
        a.windowLimitedTime += b.windowLimitedTime
        a.bufferLimitedTime += b.bufferLimitedTime
    }

    package static func - (a: TCPStatistics, b: TCPStatistics) -> TCPStatistics {
        var made = TCPStatistics()
        made.roundTripTime = a.roundTripTime - b.roundTripTime
        made.minRoundTripTime = a.minRoundTripTime - b.minRoundTripTime
        made.congestionWindow = a.congestionWindow - b.congestionWindow
        made.deliveryRate = a.deliveryRate - b.deliveryRate
        made.segmentsSent = a.segmentsSent - b.segmentsSent
        made.segmentsRetransmitted = a.segmentsRetransmitted - b.segmentsRetransmitted
        made.busyTime = a.busyTime - b.busyTime
        made.windowLimitedTime = a.windowLimitedTime - b.windowLimitedTime
        made.bufferLimitedTime = a.bufferLimitedTime - b.bufferLimitedTime
        return made
    }
}
