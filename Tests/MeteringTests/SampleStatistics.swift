import Metering
import ProxyTypes

/// Statistics with something in every place. Value.
struct SampleStatistics {
    private var random: SeededRandom

    init(seed: UInt64) {
        random = SeededRandom(seed: seed)
    }

    mutating func next() -> OriginStatistics {
        var statistics = OriginStatistics()
        statistics.requests = counters()
        statistics.errors = counters()
        statistics.queued = count()
        statistics.opened = counters()
        statistics.reused = count()
        statistics.closed = counters()
        statistics.pinned = count()
        statistics.dialFailures = counters()
        statistics.retryCauses = counters()
        statistics.retryOutcomes = counters()
        statistics.staleRetried = count()
        statistics.staleSurfaced = count()
        statistics.races.passedOver = count()
        statistics.races.prevented = count()
        statistics.races.lostTime = Int64(count())
        statistics.distrusted = count()
        statistics.bytesSent = count()
        statistics.bytesReceived = count()
        statistics.queueTime = histogram()
        statistics.dnsTime = histogram()
        statistics.connectTime = histogram()
        statistics.tlsTime = histogram()
        statistics.firstByteTime = histogram()
        statistics.totalTime = histogram()
        statistics.connectionAge = histogram()
        statistics.requestsPerConnection = histogram()
        statistics.idleGap = histogram()
        statistics.handshakePaid = Int64(count())
        statistics.handshakeSaved = Int64(count())
        statistics.firstLeases = count()
        statistics.tunnels = tunnels()
        statistics.tls = tls()
        statistics.intercept = intercept()
        statistics.tcp = tcp()
        statistics.handshakeWaits = handshakeWaits()
        statistics.delays = delays()
        statistics.slowStart = slowStart()
        return statistics
    }

    mutating func slowStart() -> SlowStartStatistics {
        var slowStart = SlowStartStatistics()
        (slowStart.uploads, slowStart.collapsed, slowStart.costly) = (count(), count(), count())
        (slowStart.roundTripsLost, slowStart.timeLost) = (count(), Int64(count()))
        (slowStart.widened, slowStart.roundTripsGained, slowStart.timeGained) = (count(), count(), Int64(count()))
        slowStart.answersFresh = firstRoundTrips()
        slowStart.answersKept = firstRoundTrips()
        slowStart.answersIdle = firstRoundTrips()
        return slowStart
    }

    private mutating func firstRoundTrips() -> FirstRoundTrips {
        var trips = FirstRoundTrips()
        (trips.answers, trips.bytes) = (count(), count())
        return trips
    }

    private mutating func handshakeWaits() -> HandshakeWaits {
        var waits = HandshakeWaits()
        (waits.dns, waits.connect, waits.tls) = (Int64(count()), Int64(count()), Int64(count()))
        return waits
    }

    mutating func delays() -> DelayStatistics {
        var delays = DelayStatistics()
        delays.answers = waits()
        delays.answersWithQuickack = waits()
        delays.requestsWithNagle = waits()
        delays.requests = waits()
        return delays
    }

    private mutating func waits() -> WaitPattern {
        var pattern = WaitPattern()
        (pattern.exchanges, pattern.forty, pattern.twoHundred) = (count(), count(), count())
        (pattern.besideForty, pattern.besideTwoHundred) = (count(), count())
        return pattern
    }

    mutating func tcp() -> TCPStatistics {
        var tcp = TCPStatistics()
        tcp.roundTripTime = histogram()
        tcp.minRoundTripTime = histogram()
        tcp.congestionWindow = histogram()
        tcp.deliveryRate = histogram()
        tcp.segmentsSent = count()
        tcp.segmentsRetransmitted = count()
        tcp.busyTime = Int64(count())
        tcp.windowLimitedTime = Int64(count())
        tcp.bufferLimitedTime = Int64(count())
        return tcp
    }

    mutating func intercept() -> InterceptStatistics {
        var intercept = InterceptStatistics()
        intercept.full = count()
        intercept.resumed = count()
        intercept.handshakeTime = histogram()
        for reason in SpliceReason.allCases { intercept.spliced[reason] = count() }
        intercept.refused = count()
        intercept.failed = count()
        intercept.misdirected = count()
        return intercept
    }

    mutating func tls() -> TLSStatistics {
        var tls = TLSStatistics()
        for label in TLSHandshakeClass.allCases { tls.handshakes[label] = count() }
        for reason in TLSFailure.Reason.allCases { tls.failures[reason] = count() }
        tls.uncleanEnds = count()
        tls.fullTime = histogram()
        tls.resumedTime = histogram()
        tls.savedByResumption = Int64(count())
        return tls
    }

    mutating func tunnels() -> TunnelStatistics {
        var tunnels = TunnelStatistics()
        tunnels.opened = count()
        tunnels.closed = count()
        tunnels.failed = count()
        tunnels.bytesSent = count()
        tunnels.bytesReceived = count()
        tunnels.duration = histogram()
        return tunnels
    }

    mutating func gauges() -> OriginGauges {
        var gauges = OriginGauges()
        gauges.dialing = count()
        gauges.idle = count()
        gauges.parked = count()
        gauges.learnedIdleBound = .milliseconds(Int64(count()))
        gauges.leased = count()
        gauges.pinned = count()
        gauges.draining = count()
        gauges.closing = count()
        gauges.waiting = count()
        gauges.active = count()
        gauges.tunnels = count()
        gauges.unverified = count()
        gauges.certificateExpires = Int64(count()) * 1000
        gauges.isPaused = true
        gauges.dialFailures = count()
        return gauges
    }

    mutating func proxy() -> ProxyMetrics {
        var proxy = ProxyMetrics()
        proxy.clientsAccepted = count()
        proxy.clientsClosed = counters()
        proxy.acceptPauses = count()
        proxy.requests = count()
        proxy.tunnels = count()
        proxy.errors = counters()
        proxy.responsesCut = count()
        proxy.trailersDropped = count()
        proxy.exchangesAborted = count()
        proxy.upstreamOpened = count()
        proxy.upstreamReused = count()
        proxy.upstreamClosed = counters()
        proxy.upstreamDistrusted = count()
        proxy.dialsWithoutPort = count()
        proxy.dialFailures = counters()
        proxy.retryCauses = counters()
        proxy.retryOutcomes = counters()
        proxy.droppedLogLines = counters()
        proxy.droppedAccessLogLines = counters()
        proxy.socketSettingsRefused = count()
        proxy.longestRound = Int64(count())
        proxy.slowRounds = count()
        proxy.queueTime = histogram()
        proxy.dnsTime = histogram()
        proxy.connectTime = histogram()
        proxy.firstByteTime = histogram()
        proxy.totalTime = histogram()
        return proxy
    }

    mutating func histogram() -> Histogram {
        var histogram = Histogram()
        for _ in 0..<(1 + random.below(30)) {
            histogram.record(microseconds: Int64(random.next() >> UInt64(24 + random.below(40))))
        }
        return histogram
    }

    mutating func counters<Label>() -> Counters<Label> {
        var counters = Counters<Label>()
        for label in Label.allCases { counters[label] = count() }
        return counters
    }

    mutating func count() -> Int { 1 + random.below(1_000_000_000) }
}
