import GRDB
import Metering
import ProxyTypes

/// Writes and reads the records of slow and failed exchanges.
enum ExchangeRecords {
    private static let columns = [
        "origin", "started_at", "outcome", "method", "target", "status", "error", "error_detail", "client",
        "connection", "reused", "lease_cause", "retries", "queue_time", "dns_time", "connect_time", "tls_time",
        "send_time", "first_byte_time", "body_time", "total_time", "bytes_from_client", "bytes_to_client",
        "gateway", "tcp_rtt", "tcp_retransmits", "tcp_unacknowledged", "tcp_timeouts",
        "restart_idle", "restart_window_before", "restart_window", "restart_round_trips", "restart_rtt",
        "race_idle", "race_served", "race_sign", "race_acknowledged", "race_cost",
    ]
    private static let insert = SQLText.insert(into: "exchanges", columns)

    static func add(_ detail: ExchangeDetail, origin: Int64, _ db: Database) throws {
        var values: [SQLValue] = [
            origin, detail.startedAt, detail.outcome.rawValue, detail.method, detail.target, detail.status,
            detail.error?.name, detail.errorDetail, Int64(bitPattern: detail.client),
            Int64(bitPattern: detail.connection), detail.reused, detail.leaseCause.name, detail.retries,
        ]
        values += [
            detail.queueTime, detail.dnsTime, detail.connectTime, detail.tlsTime, detail.sendTime, detail.firstByteTime,
            detail.bodyTime, detail.totalTime, detail.bytesFromClient, detail.bytesToClient, detail.gateway,
        ]
        let segments = detail.segments
        values += [
            segments?.roundTripTime, segments?.retransmits, segments?.unacknowledged, segments?.timeouts,
        ]
        let restart = detail.restart
        values += [
            restart.map { Int($0.idle) }, restart.map { Int($0.windowBefore) }, restart.map { Int($0.window) },
            restart.map { Int($0.roundTrips) }, restart.map { Int($0.roundTripTime) },
        ]
        let race = detail.race
        values += [race?.idle, race?.served, race?.sign.rawValue, race?.isAcknowledged, race?.cost]
        try db.run(insert, values)
    }

    static func page(_ filter: RowFilter, _ db: Database) throws -> RecordPage<ExchangeDetail> {
        let list = try SQLText.list(columns, of: "exchanges", as: "e.", db)
        let select = "SELECT e.id, \(list), o.name FROM exchanges e JOIN origins o ON o.id = e.origin"
        return try filter.page(select, id: "e.id", db, read)
    }

    private static func read(_ row: Row) -> ExchangeDetail? {
        let error: String? = row[7]
        let lease: String = row[12]
        guard let origin = (row[39] as String?).flatMap({ Origin(canonical: $0) }),
            let outcome = ExchangeDetail.Outcome(rawValue: row[3]),
            let lease = LeaseCause.allCases.first(where: { $0.name == lease })
        else { return nil }
        var detail = ExchangeDetail(
            origin: origin, startedAt: row[2], outcome: outcome, method: row[4], target: row[5], status: row[6],
            error: ProxyError.Kind.allCases.first { $0.name == error }, errorDetail: row[8],
            client: UInt64(bitPattern: row[9]), connection: UInt64(bitPattern: row[10]), reused: row[11],
            leaseCause: lease, retries: row[13])
        detail.queueTime = row[14]
        detail.dnsTime = row[15]
        detail.connectTime = row[16]
        detail.tlsTime = row[17]
        detail.sendTime = row[18]
        detail.firstByteTime = row[19]
        detail.bodyTime = row[20]
        detail.totalTime = row[21]
        detail.bytesFromClient = row[22]
        detail.bytesToClient = row[23]
        detail.gateway = row[24]
        if let roundTripTime: Int = row[25] {
            var segments = SegmentFacts()
            segments.roundTripTime = roundTripTime
            segments.retransmits = row[26] ?? 0
            segments.unacknowledged = row[27] ?? 0
            segments.timeouts = row[28] ?? 0
            detail.segments = segments
        }
        detail.restart = restart(row, from: 29)
        detail.race = race(row, from: 34)
        return detail
    }

    private static func race(_ row: Row, from first: Int) -> LostRace? {
        guard let idle: Int64 = row[first], let sign = (row[first + 2] as String?).flatMap(LostRace.Sign.init) else {
            return nil
        }
        var race = LostRace(
            idle: idle, served: row[first + 1] ?? 0, sign: sign, isAcknowledged: row[first + 3] as Bool?)
        race.cost = row[first + 4] ?? 0
        return race
    }

    private static func restart(_ row: Row, from first: Int) -> WindowRestart? {
        guard let idle: Int = row[first] else { return nil }
        func number(_ index: Int) -> UInt32 { UInt32(clamping: (row[first + index] as Int?) ?? 0) }
        return WindowRestart(
            idle: UInt32(clamping: idle), windowBefore: number(1), window: number(2), roundTrips: number(3),
            roundTripTime: number(4))
    }
}
