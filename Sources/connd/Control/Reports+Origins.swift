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
        parked = gauges.parked
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

extension OriginStatistics {
    var requestCount: Int { requests.total }
    var errorCount: Int { errors.total }
}

extension OriginFiguresReport {
    init(_ statistics: OriginStatistics, _ gauges: OriginGauges) {
        self.init()
        for (cell, count) in statistics.requests.nonZero {
            requests[cell.method.name, default: [:]][cell.outcome.name] = count
        }
        errors = Self.words(statistics.errors) { $0.name }
        queued = statistics.queued
        opened = Self.words(statistics.opened) { $0.name }
        reused = statistics.reused
        closed = Self.words(statistics.closed) { $0.name }
        pinned = statistics.pinned
        for (reason, count) in statistics.closed.nonZero { closedBySide[reason.side.name, default: 0] += count }
        dialFailures = Self.words(statistics.dialFailures) { $0.name }
        retryCauses = Self.words(statistics.retryCauses) { $0.name }
        retryOutcomes = Self.words(statistics.retryOutcomes) { $0.name }
        staleRetried = statistics.staleRetried
        staleSurfaced = statistics.staleSurfaced
        passedOver = statistics.races.passedOver
        racesPrevented = statistics.races.prevented
        raceLost = APIFormat.duration(microseconds: statistics.races.lostTime)
        raceLostMs = statistics.races.lostTime / 1000
        distrusted = statistics.distrusted
        bytesSent = statistics.bytesSent
        bytesReceived = statistics.bytesReceived
        queueTime = Distribution(statistics.queueTime)
        dnsTime = Distribution(statistics.dnsTime)
        connectTime = Distribution(statistics.connectTime)
        tlsTime = Distribution(statistics.tlsTime)
        firstByteTime = Distribution(statistics.firstByteTime)
        totalTime = Distribution(statistics.totalTime)
        connectionAge = Distribution(statistics.connectionAge)
        idleGap = Distribution(statistics.idleGap)
        requestsPerConnection = CountDistribution(statistics.requestsPerConnection)
        handshakePaid = APIFormat.duration(microseconds: statistics.handshakePaid)
        handshakePaidMs = statistics.handshakePaid / 1000
        handshakeSaved = APIFormat.duration(microseconds: statistics.handshakeSaved)
        handshakeSavedMs = statistics.handshakeSaved / 1000
        handshakeWaits = HandshakeWaitsReport(statistics)
        slowStart = SlowStartReport(statistics.slowStart)
        tls = TLSHandshakesReport(statistics.tls, gauges)
        intercept = InterceptionReport(statistics.intercept)
        tcp = TCPFiguresReport(statistics.tcp)
        tunnels.open = gauges.tunnels
        tunnels.opened = statistics.tunnels.opened
        tunnels.closed = statistics.tunnels.closed
        tunnels.failed = statistics.tunnels.failed
        tunnels.bytesSent = statistics.tunnels.bytesSent
        tunnels.bytesReceived = statistics.tunnels.bytesReceived
        tunnels.duration = Distribution(statistics.tunnels.duration)
    }

    static func words<Label>(_ counters: Counters<Label>, _ name: (Label) -> String) -> [String: Int] {
        Dictionary(uniqueKeysWithValues: counters.nonZero.map { (name($0.label), $0.count) })
    }
}

extension TLSHandshakesReport {
    init(_ statistics: TLSStatistics, _ gauges: OriginGauges) {
        self.init()
        for (handshake, count) in statistics.handshakes.nonZero {
            if handshake.isResumed { resumed += count } else { full += count }
            versions[handshake.version.name, default: 0] += count
        }
        failures = OriginFiguresReport.words(statistics.failures) { $0.name }
        uncleanCloses = statistics.uncleanEnds
        fullTime = Distribution(statistics.fullTime)
        resumedTime = Distribution(statistics.resumedTime)
        savedByResumption = APIFormat.duration(microseconds: statistics.savedByResumption)
        savedByResumptionMs = statistics.savedByResumption / 1000
        unverifiedConnections = gauges.unverified
        certificateExpires = gauges.certificateExpires.map(APIFormat.time)
        certificateExpiresMs = gauges.certificateExpires
    }
}

extension OriginSummary {
    init(_ entry: OriginEntry, maxConnections: Int, overrides: Int, trials: Int, pause: Pause?, isUnverified: Bool) {
        self.init()
        let snapshot = entry.snapshot
        let statistics = snapshot.statistics
        let lastUsed = entry.lastUsed
        origin = entry.name
        connections = ConnectionCounts(snapshot.gauges)
        self.maxConnections = maxConnections
        requests = statistics.requestCount
        errors = statistics.errorCount
        opened = statistics.opened.total
        reused = statistics.reused
        reuseRatio = statistics.reuseRatio
        bytesSent = statistics.bytesSent
        bytesReceived = statistics.bytesReceived
        firstByteP50Ms = statistics.firstByteTime.milliseconds(at: 0.5)
        firstByteP99Ms = statistics.firstByteTime.milliseconds(at: 0.99)
        totalP99Ms = statistics.totalTime.milliseconds(at: 0.99)
        queueP99Ms = statistics.queueTime.milliseconds(at: 0.99)
        staleSurfaced = statistics.staleSurfaced
        paused = snapshot.gauges.isPaused
        self.pause = paused ? pause.map(PauseReport.init) : nil
        unverified = isUnverified
        tunnelsOnly = snapshot.origin.scheme == .https && statistics.tunnels.opened > 0 && requests == 0
        reached = statistics.reached
        splicedBecause = statistics.intercept.spliced.nonZero.max { $0.count < $1.count }?.label.name
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
