import GRDB
import Metering
import ProxyTypes

/// Writes and reads the records of closed connections.
enum ConnectionRecords {
    private static let columns = [
        "number", "origin", "cause", "reason", "opened_at", "closed_at", "idle_since", "local", "remote", "requests",
        "bytes_sent", "bytes_received", "dns_time", "connect_time", "tls_time", "tcp_rtt", "tcp_rtt_variance",
        "tcp_min_rtt", "tcp_window", "tcp_segment", "tcp_retransmits", "tcp_delivery_rate", "tls_version", "tls_cipher",
        "tls_resumed", "tls_verified", "tls_certificate_expires", "tcp_slow_start_threshold", "tcp_congestion_state",
        "tcp_segments_sent", "tcp_segments_received", "tcp_timeouts", "tcp_backoff", "tcp_lost", "tcp_unacknowledged",
        "tcp_delivery_limited_by_us", "tcp_bytes_acknowledged", "tcp_bytes_received", "tcp_busy_time",
        "tcp_window_limited_time", "tcp_buffer_limited_time", "tcp_since_data_sent", "tcp_since_acknowledged",
        "address_source", "dial_attempts",
    ]
    // A duplicate number would be a bug; the later record wins, so that it cannot block all later batches.
    private static let insert = SQLText.insert("INSERT OR REPLACE", into: "closed_connections", columns)

    static func add(_ record: ConnectionRecord, origin: Int64, _ db: Database) throws {
        var values: [SQLValue] = [
            Int64(bitPattern: record.number), origin, record.cause.name, record.reason?.name, record.openedAt,
            record.closedAt ?? record.openedAt, record.idleSince, record.local?.description, record.remote?.description,
            record.requests, record.bytesSent, record.bytesReceived, record.dnsTime, record.connectTime, record.tlsTime,
        ]
        values += [
            record.tcp?.roundTripTime, record.tcp?.roundTripVariance, record.tcp?.minRoundTripTime,
            record.tcp?.congestionWindow, record.tcp?.maximumSegment, record.tcp?.retransmits, record.tcp?.deliveryRate,
        ]
        values += [
            record.tls?.version.name, record.tls?.cipher, record.tls?.isResumed, record.tls?.isVerified,
            record.tls?.certificateExpires,
        ]
        values += more(record.tcp)
        values += [record.addressSource?.name, DialRecords.text(record.attempts)]
        try db.run(insert, values)
    }

    private static func more(_ tcp: TCPInfo?) -> [SQLValue] {
        [
            tcp?.slowStartThreshold, tcp?.congestionState.name, tcp?.segmentsSent, tcp?.segmentsReceived, tcp?.timeouts,
            tcp?.backoff, tcp?.lost, tcp?.unacknowledged, tcp?.deliveryIsLimitedByUs, tcp?.bytesAcknowledged,
            tcp?.bytesReceived, tcp?.busyTime, tcp?.windowLimitedTime, tcp?.bufferLimitedTime, tcp?.sinceDataSent,
            tcp?.sinceAcknowledged,
        ]
    }

    static func page(_ filter: RowFilter, _ db: Database) throws -> RecordPage<ConnectionRecord> {
        let list = try SQLText.list(columns, of: "closed_connections", as: "c.", db)
        let select = "SELECT c.id, \(list), o.name FROM closed_connections c JOIN origins o ON o.id = c.origin"
        return try filter.page(select, id: "c.id", db, read)
    }

    private static func read(_ row: Row) -> ConnectionRecord? {
        let cause: String = row[3]
        guard let origin = (row[46] as String?).flatMap({ Origin(canonical: $0) }),
            let cause = DialCause.allCases.first(where: { $0.name == cause })
        else { return nil }
        var record = ConnectionRecord(
            number: UInt64(bitPattern: row[1]), origin: origin, state: .closed, openedAt: row[5], cause: cause)
        let reason: String? = row[4]
        record.reason = CloseReason.allCases.first { $0.name == reason }
        record.closedAt = row[6]
        record.idleSince = row[7]
        record.local = (row[8] as String?).flatMap { Endpoint(text: $0) }
        record.remote = (row[9] as String?).flatMap { Endpoint(text: $0) }
        record.requests = row[10]
        record.bytesSent = row[11]
        record.bytesReceived = row[12]
        record.dnsTime = row[13]
        record.connectTime = row[14]
        record.tlsTime = row[15]
        record.tcp = tcp(row)
        record.tls = tls(row)
        let source: String? = row[44]
        record.addressSource = AddressSource.allCases.first { $0.name == source }
        record.attempts = DialRecords.attempts(row[45])
        return record
    }

    /// Nil, too, where only a later version understands it.
    private static func tls(_ row: Row) -> TLSInfo? {
        let name: String? = row[23]
        guard let version = TLSInfo.Version.allCases.first(where: { $0.name == name }) else { return nil }
        return TLSInfo(
            version: version, cipher: row[24] ?? "", isResumed: row[25] ?? false, isVerified: row[26] ?? false,
            certificateExpires: row[27])
    }

    private static func tcp(_ row: Row) -> TCPInfo? {
        guard let roundTripTime: Int = row[16] else { return nil }
        var facts = TCPInfo()
        facts.roundTripTime = roundTripTime
        facts.roundTripVariance = row[17] ?? 0
        facts.minRoundTripTime = row[18] ?? 0
        facts.congestionWindow = row[19] ?? 0
        facts.maximumSegment = row[20] ?? 0
        facts.retransmits = row[21] ?? 0
        facts.deliveryRate = row[22] ?? 0
        facts.slowStartThreshold = row[28] ?? 0
        let state: String? = row[29]
        facts.congestionState = TCPInfo.CongestionState.allCases.first { $0.name == state } ?? .open
        facts.segmentsSent = row[30] ?? 0
        facts.segmentsReceived = row[31] ?? 0
        facts.timeouts = row[32] ?? 0
        facts.backoff = row[33] ?? 0
        facts.lost = row[34] ?? 0
        facts.unacknowledged = row[35] ?? 0
        facts.deliveryIsLimitedByUs = row[36] ?? false
        facts.bytesAcknowledged = row[37] ?? 0
        facts.bytesReceived = row[38] ?? 0
        facts.busyTime = row[39] ?? 0
        facts.windowLimitedTime = row[40] ?? 0
        facts.bufferLimitedTime = row[41] ?? 0
        facts.sinceDataSent = row[42] ?? 0
        facts.sinceAcknowledged = row[43] ?? 0
        return facts
    }
}

extension Endpoint {
    /// What `description` writes.
    init?(text: String) {
        guard let parts = HostAndPort(text), let address = parts.address, let port = parts.port else { return nil }
        self.init(address: address, port: port)
    }
}
