import CLinux
import Metering
import Pooling
import ProxyTypes
import Reactor

/// What is counted and kept of a connection.
extension UpstreamConnection {
    /// In microseconds: what each reuse spares.
    var handshakeCost: Int64 { (dialTimes.dns + dialTimes.connect).microseconds }

    var allBytesSent: Int { bytesSentBefore + bytesSent }

    @inline(__always)
    func noteSent(_ count: Int) {
        bytesSent += count
        pool.isTouched = true
        if tunnelSince == nil {
            pool.figures.bytesSent += count
        } else {
            pool.figures.tunnels.bytesSent += count
        }
    }

    @inline(__always)
    func noteReceived(_ count: Int) {
        bytesReceived += count
        pool.isTouched = true
        if tunnelSince == nil {
            pool.figures.bytesReceived += count
        } else {
            pool.figures.tunnels.bytesReceived += count
        }
    }

    /// To be called while the socket is still there.
    func recordEnd(_ reason: CloseReason) {
        let now = loop.now
        loop.metrics.upstreamClosed[reason] += 1
        pool.isTouched = true
        if let tunnelSince {
            pool.openTunnels -= 1
            pool.figures.tunnels.closed += 1
            pool.figures.tunnels.duration.record(microseconds: (now - tunnelSince).microseconds)
        }
        if id != nil {
            pool.figures.closed[reason] += 1
            pool.figures.connectionAge.record(microseconds: (now - openedAt).microseconds)
            pool.figures.requestsPerConnection.record(microseconds: Int64(requestsServed))
        }
        guard loop.ended.hasRoomForConnection else {
            loop.ended.droppedConnections += 1
            return
        }
        // One reading: the times of a record belong together though the clock is set meanwhile.
        let wall = loop.wallClock
        var record = record(state: .closed, wall: wall, now: now)
        record.closedAt = wall
        if exchange == nil, idleSince > .zero {
            record.idleSince = wall - (now - idleSince).wholeMilliseconds
        }
        record.reason = reason
        record.tcp = tcpFacts
        loop.ended.connections.append(record)
    }

    /// As an operator sees it; without TCP_INFO, which costs a system call.
    func record(state: ConnectionState, wall: Int64, now: Instant) -> ConnectionRecord {
        var record = ConnectionRecord(
            number: number, origin: pool.origin, state: state,
            openedAt: wall - (now - openedAt).wholeMilliseconds, cause: cause)
        record.local = local
        record.remote = remote
        if state == .idle || state == .distrusted || state == .pinned {
            record.idleSince = wall - (now - max(idleSince, openedAt)).wholeMilliseconds
        }
        record.owner = id.flatMap { pool.machine.facts(of: $0) }?.ownership.owner?.rawValue
        record.requests = requestsServed
        record.bytesSent = allBytesSent
        record.bytesReceived = bytesReceived
        record.dnsTime = dialTimes.dns.microseconds
        record.connectTime = dialTimes.connect.microseconds
        return record
    }

    /// Nil where the socket is gone.
    var tcpFacts: TCPFacts? {
        guard stream.isOpen else { return nil }
        var info = clinux_tcp_facts()
        guard clinux_read_tcp_facts(stream.descriptor, &info) == 0 else { return nil }
        var facts = TCPFacts()
        facts.roundTripTime = Int(info.rtt)
        facts.roundTripVariance = Int(info.rtt_variance)
        facts.minRoundTripTime = Int(info.min_rtt)
        facts.congestionWindow = Int(info.congestion_window)
        facts.maximumSegment = Int(info.maximum_segment)
        facts.retransmits = Int(info.retransmits)
        facts.deliveryRate = Int(clamping: info.delivery_rate &* 8)
        return facts
    }

    /// Without an allocation: each connection has two.
    static func place(
        _ stream: TCPStream, _ read: (CInt, UnsafeMutablePointer<UInt8>?, UnsafeMutablePointer<UInt16>?) -> CInt
    ) -> SocketPlace? {
        guard stream.isOpen else { return nil }
        var bytes: (UInt64, UInt64) = (0, 0)
        var port: UInt16 = 0
        let length = withUnsafeMutableBytes(of: &bytes) { room in
            read(stream.descriptor, room.baseAddress?.assumingMemoryBound(to: UInt8.self), &port)
        }
        let (first, second) = (UInt64(bigEndian: bytes.0), UInt64(bigEndian: bytes.1))
        switch length {
        case 4: return SocketPlace(address: IPAddress(ipv4: UInt32(first >> 32)), port: port)
        case 16: return SocketPlace(address: IPAddress(high: first, low: second), port: port)
        default: return nil
        }
    }
}
