import Metering
import ProxyTypes

/// Figures with something in every place. Value.
struct SampleFigures {
    private var random: SeededRandom

    init(seed: UInt64) {
        random = SeededRandom(seed: seed)
    }

    mutating func next() -> OriginFigures {
        var figures = OriginFigures()
        figures.requests = counters()
        figures.errors = counters()
        figures.queued = count()
        figures.opened = counters()
        figures.reused = count()
        figures.closed = counters()
        figures.pinned = count()
        figures.dialFailures = counters()
        figures.retryCauses = counters()
        figures.retryOutcomes = counters()
        figures.staleRetried = count()
        figures.staleSurfaced = count()
        figures.distrusted = count()
        figures.bytesSent = count()
        figures.bytesReceived = count()
        figures.queueTime = histogram()
        figures.dnsTime = histogram()
        figures.connectTime = histogram()
        figures.tlsTime = histogram()
        figures.firstByteTime = histogram()
        figures.totalTime = histogram()
        figures.connectionAge = histogram()
        figures.requestsPerConnection = histogram()
        figures.idleGap = histogram()
        figures.handshakePaid = Int64(count())
        figures.handshakeSaved = Int64(count())
        figures.firstLeases = count()
        figures.tunnels = tunnels()
        return figures
    }

    mutating func tunnels() -> TunnelFigures {
        var tunnels = TunnelFigures()
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
        gauges.leased = count()
        gauges.pinned = count()
        gauges.draining = count()
        gauges.closing = count()
        gauges.waiting = count()
        gauges.active = count()
        gauges.tunnels = count()
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
        proxy.dialFailures = counters()
        proxy.retryCauses = counters()
        proxy.retryOutcomes = counters()
        proxy.droppedLogLines = counters()
        proxy.droppedAccessLogLines = counters()
        proxy.socketSettingsRefused = count()
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
