package import Metering
import Pooling
import ProxyTypes
import Reactor

/// What is counted and kept of a connection.
extension UpstreamConnection {
    /// In microseconds: what each reuse spares.
    var handshakeCost: Int64 { (dialTimes.dns + dialTimes.connect + dialTimes.tls).microseconds }

    var allBytesSent: Int { bytesSentBefore + bytesSent }

    @inline(__always)
    func countSent(_ count: Int) {
        bytesSent += count
        pool.hasUnreportedChanges = true
        if isTunnel { pool.statistics.tunnels.bytesSent += count } else { pool.statistics.bytesSent += count }
    }

    @inline(__always)
    func countReceived(_ count: Int) {
        bytesReceived += count
        pool.hasUnreportedChanges = true
        if isTunnel { pool.statistics.tunnels.bytesReceived += count } else { pool.statistics.bytesReceived += count }
    }

    /// Since when it has been idle; nil while it is not.
    var idleSince: Instant? {
        switch state {
        case .idle(let since): since
        case .serving, .tunnel, .closing, .closed: nil
        }
    }

    /// Since when it has carried another protocol; nil where it does not.
    private var tunnelSince: Instant? {
        switch state {
        case .tunnel(let tunnel), .closing(.flushing(let tunnel)): tunnel.since
        case .idle, .serving, .closing(.lingering), .closed: nil
        }
    }

    /// To be called while the state is still the one that ends, and the socket is there.
    func recordEnd(_ reason: CloseReason) {
        let now = loop.now
        loop.metrics.upstreamClosed[reason] += 1
        pool.hasUnreportedChanges = true
        if let tunnelSince {
            pool.openTunnels -= 1
            pool.statistics.tunnels.closed += 1
            pool.statistics.tunnels.duration.record(microseconds: (now - tunnelSince).microseconds)
        }
        if purpose == .requests {
            pool.statistics.closed[reason] += 1
            pool.statistics.connectionAge.record(microseconds: (now - openedAt).microseconds)
            pool.statistics.requestsPerConnection.record(microseconds: Int64(requestsServed))
        }
        let tcp = sampleTCP()
        guard loop.ended.hasRoomForConnection else {
            loop.ended.droppedConnections += 1
            return
        }
        // One reading: the times of a record belong together though the clock is set meanwhile.
        let wall = loop.wallClock
        var record = record(state: .closed, wall: wall, now: now)
        record.closedAt = wall
        if let idleSince, requestsServed > 0 {
            record.idleSince = wall - (now - idleSince).wholeMilliseconds
        }
        record.reason = reason
        record.tcp = tcp
        record.segments = tcp.map { SegmentFacts($0, retransmitsBefore: retransmitsBefore) }
        loop.ended.connections.append(record)
    }

    /// Adds what the kernel saw since the last sample to the origin's figures. Costs a system call.
    @discardableResult
    func sampleTCP() -> TCPInfo? {
        guard let info = stream.tcpInfo else { return nil }
        pool.statistics.tcp.record(info, since: sampled)
        retransmitsBefore = sampled.retransmits
        sampled = info
        if info.roundTripTime > 0 { pool.measured(info.pathDelays) }
        return info
    }

    /// In microseconds, as the kernel has it; else what connecting took. Costs a system call.
    package var leastRoundTrip: Int64 {
        let least = stream.tcpInfo?.minRoundTripTime ?? 0
        return least > 0 ? Int64(least) : dialTimes.connect.microseconds
    }

    /// It has ended before any byte of the response that was due.
    package func lostRace(_ loss: UpstreamLoss) -> LostRace {
        // Behind TLS the kernel counts other bytes than were written. It counts the SYN as one.
        let known = tls == nil && sampled.bytesAcknowledged > 0
        return LostRace(
            idle: isShared ? 0 : max((leasedAt - idleBefore).microseconds, 0), served: max(requestsServed - 1, 0),
            sign: LostRace.Sign(loss),
            isAcknowledged: known ? sampled.bytesAcknowledged > bytesSentBefore + 1 : nil)
    }

    /// Of the exchange that has just ended on it.
    func segmentFacts() -> SegmentFacts? {
        sampleTCP().map { SegmentFacts($0, retransmitsBefore: retransmitsBefore) }
    }

    /// As an operator sees it; without TCP_INFO, which costs a system call.
    func record(state: ConnectionState, wall: Int64, now: Instant) -> ConnectionRecord {
        var record = ConnectionRecord(
            number: number, origin: pool.origin, state: state,
            openedAt: wall - (now - openedAt).wholeMilliseconds, cause: cause)
        record.local = local
        record.remote = remote
        if let idleSince, state == .idle || state == .distrusted || state == .parked || state == .pinned {
            record.idleSince = wall - (now - idleSince).wholeMilliseconds
        }
        record.owner = pool.machine.ownership(of: id)?.owner?.rawValue
        record.requests = requestsServed
        record.bytesSent = allBytesSent
        record.bytesReceived = bytesReceived
        record.dnsTime = dialTimes.dns.microseconds
        record.connectTime = dialTimes.connect.microseconds
        record.tlsTime = dialTimes.tls.microseconds
        record.tls = tls
        record.addressSource = addressSource
        record.attempts = dialAttempts
        return record
    }
}

extension LostRace.Sign {
    fileprivate init(_ loss: UpstreamLoss) {
        switch loss {
        case .closed: self = .fin
        case .reset: self = .reset
        case .silence: self = .silence
        }
    }
}
