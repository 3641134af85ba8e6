package import ProxyTypes

/// The statistics of one origin on one loop since its start: plain integers that only the loop writes. Value; those of
/// several loops or periods add up, and the difference of two snapshots is what happened in between.
///
/// Histograms are in microseconds unless noted otherwise.
package struct OriginStatistics: Hashable, Sendable {
    /// Exchanges that ended.
    package var requests = Counters<RequestClass>()
    /// Local replies and truncated responses, by reason.
    package var errors = Counters<ProxyError.Kind>()
    /// Requests that had to wait for a connection or a dial.
    package var queued = 0
    package var opened = Counters<DialCause>()
    /// Leases of connections that had served before.
    package var reused = 0
    package var closed = Counters<CloseReason>()
    /// Connections pinned to one client by authentication.
    package var pinned = 0
    package var dialFailures = Counters<ProxyError.Kind>()
    package var retryCauses = Counters<RetryCause>()
    package var retryOutcomes = Counters<RetryOutcome>()
    /// Reused connections that turned out to be dead: the request was retried, or its client got an error.
    package var staleRetried = 0
    package var staleSurfaced = 0
    package var races = RaceStatistics()
    /// Idle connections that became distrusted after another was lost without notice.
    package var distrusted = 0
    /// To and from the origin, heads included.
    package var bytesSent = 0
    package var bytesReceived = 0

    package var queueTime = Histogram()
    package var dnsTime = Histogram()
    package var connectTime = Histogram()
    package var tlsTime = Histogram()
    /// From the lease to the response's first byte.
    package var firstByteTime = Histogram()
    package var totalTime = Histogram()
    package var connectionAge = Histogram()
    /// Counts requests, not microseconds.
    package var requestsPerConnection = Histogram()
    /// How long a connection had been idle when it was reused.
    package var idleGap = Histogram()

    /// DNS, connect and TLS time of all opened connections, and the time saved by reuse: per reuse, what its connection
    /// had cost.
    package var handshakePaid: Int64 = 0
    package var handshakeSaved: Int64 = 0
    /// How much of that requests waited for, of those whose time `totalTime` holds.
    package var handshakeWaits = HandshakeWaits()

    package var tunnels = TunnelStatistics()
    package var tls = TLSStatistics()
    package var intercept = InterceptStatistics()
    package var tcp = TCPStatistics()
    package var delays = DelayStatistics()
    package var slowStart = SlowStartStatistics()

    package init() {}

    /// The share of leases that reused a connection; nil without leases.
    package var reuseRatio: Double? {
        let leases = reused + firstLeases
        return leases == 0 ? nil : Double(reused) / Double(leases)
    }

    /// The share of the requests' time that they waited for handshakes; nil without requests.
    package var handshakeShare: Double? {
        totalTime.sum > 0 ? Double(handshakeWaits.all) / Double(totalTime.sum) : nil
    }

    /// Leases of connections that had not served yet.
    package var firstLeases = 0

    package static func += (a: inout OriginStatistics, b: OriginStatistics) {
        a.requests += b.requests
        a.errors += b.errors
        a.queued += b.queued
        a.opened += b.opened
        a.reused += b.reused
        a.closed += b.closed
        a.pinned += b.pinned
        a.dialFailures += b.dialFailures
        a.retryCauses += b.retryCauses
        a.retryOutcomes += b.retryOutcomes
        a.staleRetried += b.staleRetried
        a.staleSurfaced += b.staleSurfaced
        a.races += b.races
        a.distrusted += b.distrusted
        a.bytesSent += b.bytesSent
        a.bytesReceived += b.bytesReceived
        a.queueTime += b.queueTime
        a.dnsTime += b.dnsTime
        a.connectTime += b.connectTime
        a.tlsTime += b.tlsTime
        a.firstByteTime += b.firstByteTime
        a.totalTime += b.totalTime
        a.connectionAge += b.connectionAge
        a.requestsPerConnection += b.requestsPerConnection
        a.idleGap += b.idleGap
        a.handshakePaid += b.handshakePaid
        a.handshakeSaved += b.handshakeSaved
        a.handshakeWaits += b.handshakeWaits
        a.firstLeases += b.firstLeases
        a.tunnels += b.tunnels
        a.tls += b.tls
        a.intercept += b.intercept
        a.tcp += b.tcp
        a.delays += b.delays
        a.slowStart += b.slowStart
    }

    /// What was counted since `b`, an earlier snapshot.
    package static func - (a: OriginStatistics, b: OriginStatistics) -> OriginStatistics {
        var made = OriginStatistics()
        made.requests = a.requests - b.requests
        made.errors = a.errors - b.errors
        made.queued = a.queued - b.queued
        made.opened = a.opened - b.opened
        made.reused = a.reused - b.reused
        made.closed = a.closed - b.closed
        made.pinned = a.pinned - b.pinned
        made.dialFailures = a.dialFailures - b.dialFailures
        made.retryCauses = a.retryCauses - b.retryCauses
        made.retryOutcomes = a.retryOutcomes - b.retryOutcomes
        made.staleRetried = a.staleRetried - b.staleRetried
        made.staleSurfaced = a.staleSurfaced - b.staleSurfaced
        made.races = a.races - b.races
        made.distrusted = a.distrusted - b.distrusted
        made.bytesSent = a.bytesSent - b.bytesSent
        made.bytesReceived = a.bytesReceived - b.bytesReceived
        made.queueTime = a.queueTime - b.queueTime
        made.dnsTime = a.dnsTime - b.dnsTime
        made.connectTime = a.connectTime - b.connectTime
        made.tlsTime = a.tlsTime - b.tlsTime
        made.firstByteTime = a.firstByteTime - b.firstByteTime
        made.totalTime = a.totalTime - b.totalTime
        made.connectionAge = a.connectionAge - b.connectionAge
        made.requestsPerConnection = a.requestsPerConnection - b.requestsPerConnection
        made.idleGap = a.idleGap - b.idleGap
        made.handshakePaid = a.handshakePaid - b.handshakePaid
        made.handshakeSaved = a.handshakeSaved - b.handshakeSaved
        made.handshakeWaits = a.handshakeWaits - b.handshakeWaits
        made.firstLeases = a.firstLeases - b.firstLeases
        made.tunnels = a.tunnels - b.tunnels
        made.tls = a.tls - b.tls
        made.intercept = a.intercept - b.intercept
        made.tcp = a.tcp - b.tcp
        made.delays = a.delays - b.delays
        made.slowStart = a.slowStart - b.slowStart
        return made
    }
}

/// The statistics of tunnels to one origin. Value.
package struct TunnelStatistics: Hashable, Sendable {
    package var opened = 0
    package var closed = 0
    /// Never opened, because of a limit or a failed dial.
    package var failed = 0
    package var bytesSent = 0
    package var bytesReceived = 0
    /// In microseconds.
    package var duration = Histogram()

    package init() {}

    package static func += (a: inout TunnelStatistics, b: TunnelStatistics) {
        a.opened += b.opened
        a.closed += b.closed
        a.failed += b.failed
        a.bytesSent += b.bytesSent
        a.bytesReceived += b.bytesReceived
        a.duration += b.duration
    }

    package static func - (a: TunnelStatistics, b: TunnelStatistics) -> TunnelStatistics {
        var made = TunnelStatistics()
        made.opened = a.opened - b.opened
        made.closed = a.closed - b.closed
        made.failed = a.failed - b.failed
        made.bytesSent = a.bytesSent - b.bytesSent
        made.bytesReceived = a.bytesReceived - b.bytesReceived
        made.duration = a.duration - b.duration
        return made
    }
}
