import AdminModels
import Metering
import ProxyTypes
import Store
import Tuning

/// Statistics in the API's terms.
extension ConnectionCounts {
    init(_ gauges: OriginGauges) {
        self.init()
        dialing = gauges.dialing
        idle = gauges.idle
        leased = gauges.leased
        pinned = gauges.pinned
        draining = gauges.draining
        closing = gauges.closing
        tunnels = gauges.tunnels
        waiting = gauges.waiting
        active = gauges.active
    }
}

extension Distribution {
    init(_ histogram: Histogram) {
        self.init()
        count = histogram.count
        guard count > 0 else { return }
        let average = Int64(histogram.mean)
        mean = APIFormat.duration(microseconds: average)
        meanMs = APIFormat.milliseconds(average)
        let (a, b, c) = (histogram.quantile(0.5), histogram.quantile(0.9), histogram.quantile(0.99))
        p50 = APIFormat.duration(microseconds: a)
        p50Ms = APIFormat.milliseconds(a)
        p90 = APIFormat.duration(microseconds: b)
        p90Ms = APIFormat.milliseconds(b)
        p99 = APIFormat.duration(microseconds: c)
        p99Ms = APIFormat.milliseconds(c)
    }
}

extension CountDistribution {
    init(_ histogram: Histogram) {
        self.init()
        count = histogram.count
        mean = histogram.mean
        p50 = Int(histogram.quantile(0.5))
        p90 = Int(histogram.quantile(0.9))
        p99 = Int(histogram.quantile(0.99))
    }
}

extension Histogram {
    /// In milliseconds; nil where nothing was recorded.
    func milliseconds(at share: Double) -> Double? { isEmpty ? nil : APIFormat.milliseconds(quantile(share)) }
}

extension OriginFigures {
    var requestCount: Int { requests.total }
    var errorCount: Int { errors.total }
}

extension OriginFiguresReport {
    init(_ figures: OriginFigures, openTunnels: Int) {
        self.init()
        for (cell, count) in figures.requests.nonZero {
            requests[cell.method.name, default: [:]][cell.outcome.name] = count
        }
        errors = Self.words(figures.errors) { $0.name }
        queued = figures.queued
        opened = Self.words(figures.opened) { $0.name }
        reused = figures.reused
        closed = Self.words(figures.closed) { $0.name }
        pinned = figures.pinned
        for (reason, count) in figures.closed.nonZero { closedBySide[reason.side.name, default: 0] += count }
        dialFailures = Self.words(figures.dialFailures) { $0.name }
        retryCauses = Self.words(figures.retryCauses) { $0.name }
        retryOutcomes = Self.words(figures.retryOutcomes) { $0.name }
        staleRetried = figures.staleRetried
        staleSurfaced = figures.staleSurfaced
        distrusted = figures.distrusted
        bytesSent = figures.bytesSent
        bytesReceived = figures.bytesReceived
        queueTime = Distribution(figures.queueTime)
        dnsTime = Distribution(figures.dnsTime)
        connectTime = Distribution(figures.connectTime)
        tlsTime = Distribution(figures.tlsTime)
        firstByteTime = Distribution(figures.firstByteTime)
        totalTime = Distribution(figures.totalTime)
        connectionAge = Distribution(figures.connectionAge)
        idleGap = Distribution(figures.idleGap)
        requestsPerConnection = CountDistribution(figures.requestsPerConnection)
        handshakePaid = APIFormat.duration(microseconds: figures.handshakePaid)
        handshakePaidMs = figures.handshakePaid / 1000
        handshakeSaved = APIFormat.duration(microseconds: figures.handshakeSaved)
        handshakeSavedMs = figures.handshakeSaved / 1000
        tunnels.open = openTunnels
        tunnels.opened = figures.tunnels.opened
        tunnels.closed = figures.tunnels.closed
        tunnels.failed = figures.tunnels.failed
        tunnels.bytesSent = figures.tunnels.bytesSent
        tunnels.bytesReceived = figures.tunnels.bytesReceived
        tunnels.duration = Distribution(figures.tunnels.duration)
    }

    private static func words<Label>(_ counters: Counters<Label>, _ name: (Label) -> String) -> [String: Int] {
        Dictionary(uniqueKeysWithValues: counters.nonZero.map { (name($0.label), $0.count) })
    }
}

extension OriginSummary {
    init(_ entry: OriginEntry, maxConnections: Int, overrides: Int, trials: Int, pause: Pause?) {
        self.init()
        let snapshot = entry.snapshot
        let figures = snapshot.figures
        let lastUsed = entry.lastUsed
        origin = entry.name
        connections = ConnectionCounts(snapshot.gauges)
        self.maxConnections = maxConnections
        requests = figures.requestCount
        errors = figures.errorCount
        opened = figures.opened.total
        reused = figures.reused
        reuseRatio = figures.reuseRatio
        bytesSent = figures.bytesSent
        bytesReceived = figures.bytesReceived
        firstByteP50Ms = figures.firstByteTime.milliseconds(at: 0.5)
        firstByteP99Ms = figures.firstByteTime.milliseconds(at: 0.99)
        totalP99Ms = figures.totalTime.milliseconds(at: 0.99)
        queueP99Ms = figures.queueTime.milliseconds(at: 0.99)
        staleSurfaced = figures.staleSurfaced
        paused = snapshot.gauges.isPaused
        self.pause = paused ? pause.map(PauseReport.init) : nil
        self.overrides = overrides
        self.trials = trials
        self.lastUsed = lastUsed.map(APIFormat.time)
        lastUsedMs = lastUsed
    }
}

extension PauseReport {
    init(_ pause: Pause) {
        self.init()
        origin = pause.origin.description
        actor = pause.actor
        reason = pause.reason
        time = APIFormat.time(pause.time)
        timeMs = pause.time
    }
}

extension LifetimeReport {
    init(_ lifetime: Lifetime) {
        self.init()
        firstSeen = APIFormat.time(lifetime.firstSeen)
        firstSeenMs = lifetime.firstSeen
        lastSeen = APIFormat.time(lifetime.lastSeen)
        lastSeenMs = lifetime.lastSeen
        requests = lifetime.counts.requests
        errors = lifetime.counts[.errors]
        opened = lifetime.counts[.opened]
        reused = lifetime.counts[.reused]
        bytesSent = lifetime.counts[.bytesSent]
        bytesReceived = lifetime.counts[.bytesReceived]
        handshakeSavedMs = Int64(lifetime.counts[.handshakeSaved]) / 1000
    }
}
