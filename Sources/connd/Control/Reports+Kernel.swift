import AdminModels
import Metering
import Pooling
import ProxyTypes

/// What the kernel knows, in the API's terms.
extension TCPReport {
    init(_ facts: TCPInfo) {
        self.init()
        rttMs = APIFormat.milliseconds(Int64(facts.roundTripTime))
        rttVarianceMs = APIFormat.milliseconds(Int64(facts.roundTripVariance))
        minRttMs = APIFormat.milliseconds(Int64(facts.minRoundTripTime))
        congestionWindow = facts.congestionWindow
        slowStartThreshold = facts.slowStartThreshold
        maximumSegment = facts.maximumSegment
        congestionState = facts.congestionState.name
        retransmits = facts.retransmits
        segmentsSent = facts.segmentsSent
        segmentsReceived = facts.segmentsReceived
        timeouts = facts.timeouts
        backoff = facts.backoff
        lost = facts.lost
        unacknowledged = facts.unacknowledged
        deliveryRateBps = facts.deliveryRate
        deliveryLimitedByUs = facts.deliveryIsLimitedByUs
        bytesAcknowledged = facts.bytesAcknowledged
        bytesReceived = facts.bytesReceived
        busyMs = APIFormat.milliseconds(Int64(facts.busyTime))
        windowLimitedMs = APIFormat.milliseconds(Int64(facts.windowLimitedTime))
        bufferLimitedMs = APIFormat.milliseconds(Int64(facts.bufferLimitedTime))
        sinceDataSentMs = Int64(facts.sinceDataSent)
        sinceAcknowledgedMs = Int64(facts.sinceAcknowledged)
    }
}

extension SegmentReport {
    init(_ facts: SegmentFacts) {
        self.init()
        rttMs = APIFormat.milliseconds(Int64(facts.roundTripTime))
        retransmits = facts.retransmits
        unacknowledged = facts.unacknowledged
        timeouts = facts.timeouts
    }
}

extension SocketReport {
    init(_ facts: SocketFacts) {
        self.init()
        nodelay = facts.noDelay
        quickack = facts.quickAcknowledgement
        keepalive = facts.keepAlive.map { "\($0.idle)s/\($0.interval)s/\($0.count)" } ?? "off"
        userTimeoutMs = Int64(facts.userTimeout)
        userTimeout = APIFormat.duration(milliseconds: userTimeoutMs)
        fastOpen = facts.fastOpen
        congestionControl = facts.congestionControl
        sendBuffer = facts.sendBuffer
        receiveBuffer = facts.receiveBuffer
    }
}

extension TCPFiguresReport {
    init(_ statistics: TCPStatistics) {
        self.init()
        roundTrip = Distribution(statistics.roundTripTime)
        minRoundTrip = Distribution(statistics.minRoundTripTime)
        congestionWindow = CountDistribution(statistics.congestionWindow)
        deliveryRate = CountDistribution(statistics.deliveryRate)
        segmentsSent = statistics.segmentsSent
        segmentsRetransmitted = statistics.segmentsRetransmitted
        busyMs = statistics.busyTime / 1000
        windowLimitedMs = statistics.windowLimitedTime / 1000
        bufferLimitedMs = statistics.bufferLimitedTime / 1000
    }
}

extension PathReport {
    /// Nil where nothing was ever lost.
    init?(_ path: PathLimit, bound: Interval?, now: Instant) {
        guard path.drops > 0 else { return nil }
        self.init()
        drops = path.drops
        state = bound == nil ? "forgotten" : path.isConfirmed ? "confirmed" : "suspected"
        limitMs = bound?.wholeMilliseconds
        droppedMs = path.dropped.wholeMilliseconds
        if path.survived > .zero { survivedMs = path.survived.wholeMilliseconds }
        if bound != nil, case .limited(let until) = path.state { forgottenInMs = (until - now).wholeMilliseconds }
        limit = limitMs.map(APIFormat.duration(milliseconds:))
        dropped = droppedMs.map(APIFormat.duration(milliseconds:))
        survived = survivedMs.map(APIFormat.duration(milliseconds:))
        forgottenIn = forgottenInMs.map(APIFormat.duration(milliseconds:))
    }
}

extension DelayReport {
    init(_ finding: DelayStatistics.Finding) {
        self.init()
        switch finding.side {
        case .origin: (side, setting) = ("origin", "tcp_quickack=on")
        case .ours: (side, setting) = ("connd", "tcp_nodelay=on")
        }
        waitMs = finding.length
        waits = finding.waits
        exchanges = finding.exchanges
        share = finding.share
        shareWithSetting = finding.shareWithSetting
    }
}
