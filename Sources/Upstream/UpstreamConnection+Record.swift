import CLinux
import Metering
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
        if tunnelSince == nil {
            pool.figures.bytesSent += count
        } else {
            pool.figures.tunnels.bytesSent += count
            pool.isTouched = true
        }
    }

    @inline(__always)
    func noteReceived(_ count: Int) {
        bytesReceived += count
        if tunnelSince == nil {
            pool.figures.bytesReceived += count
        } else {
            pool.figures.tunnels.bytesReceived += count
            pool.isTouched = true
        }
    }

    /// To be called while the socket is still there.
    func recordEnd(_ reason: CloseReason) {
        let now = loop.now
        loop.metrics.upstreamClosed[reason] += 1
        pool.isTouched = true
        if let tunnelSince {
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
        var record = record(state: .closed, wall: loop.wallClock, now: now)
        record.closedAt = loop.wallClock
        record.reason = reason
        record.tcp = tcpFacts
        loop.ended.connections.append(record)
    }

    /// As an operator sees it; without TCP_INFO, which costs a system call.
    func record(state: ConnectionRecord.State, wall: Int64, now: Instant) -> ConnectionRecord {
        var record = ConnectionRecord(
            number: number, origin: pool.origin, state: state,
            openedAt: wall - (now - openedAt).wholeMilliseconds, cause: cause)
        record.local = place(clinux_local_address)
        record.remote = place(clinux_remote_address)
        if state == .idle { record.idleSince = wall - (now - max(idleSince, openedAt)).wholeMilliseconds }
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

    private func place(
        _ read: (CInt, UnsafeMutablePointer<UInt8>?, UnsafeMutablePointer<UInt16>?) -> CInt
    ) -> SocketPlace? {
        guard stream.isOpen else { return nil }
        var bytes = [16 of UInt8](repeating: 0)
        var port: UInt16 = 0
        return withUnsafeMutableBytes(of: &bytes) { room in
            let length = read(stream.descriptor, room.baseAddress?.assumingMemoryBound(to: UInt8.self), &port)
            return IPAddress(bytes: room.prefix(Int(length))).map { SocketPlace(address: $0, port: port) }
        }
    }
}
