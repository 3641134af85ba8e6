import Foundation
import GRDB
import Metering
import Migrations
import ProxyTypes
import Synchronization
import Tuning

@testable import Store

/// A folder of a test's own, and the database in it. Shared.
final class Scratch: Sendable {
    let folder: String
    var path: String { folder + "/connd.db" }

    init() throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("store-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    func names() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: folder).sorted() }

    func bytes(_ suffix: String = "") throws -> Data { try Data(contentsOf: URL(fileURLWithPath: path + suffix)) }
}

/// Clocks that move by hand, and what a store reported. Shared.
final class Bench: Sendable {
    static let start: Int64 = 1_800_000_000_000

    private let time = Mutex(Moment(wall: Bench.start, instant: Instant(nanoseconds: 7_000_000_000_000)))
    private let heard = Mutex<[StoreEvent]>([])

    /// What the wall clock says, in milliseconds. Setting it sets that clock, and no time passes.
    var now: Int64 {
        get { moment.wall }
        set { time.withLock { $0.wall = newValue } }
    }
    var moment: Moment { time.withLock { $0 } }

    func advance(milliseconds: Int64) {
        time.withLock {
            $0.wall += milliseconds
            $0.instant = $0.instant + .milliseconds(milliseconds)
        }
    }
    func advance(hours: Int64) { advance(milliseconds: hours * 3_600_000) }

    var events: [StoreEvent] { heard.withLock { $0 } }
    var words: [String] {
        events.map {
            switch $0 {
            case .failing(let failure): "failing \(failure.kind.rawValue)"
            case .recovered: "recovered"
            case .recreated: "recreated"
            case .restored: "restored"
            case .movedAside: "moved aside"
            case .dropping: "dropping"
            case .unreadableSetting: "unreadable"
            case .settingsLoaded(let rows): "loaded \(rows.count)"
            }
        }
    }

    func open(
        _ path: String, _ retention: Retention = .standard, migrations: [Migration] = Migrations.all
    ) throws -> Store {
        try Store(
            path: path, clock: { self.moment }, retention: retention, migrations: migrations,
            report: { event in self.heard.withLock { $0.append(event) } })
    }
}

extension Origin {
    static let example = Origin(scheme: .http, host: "example.com", port: 80)
    static let other = Origin(scheme: .https, host: "[2001:db8::1]", port: 8443)
}

extension SettingRow {
    static func sample(
        _ setting: Setting = .maxConnections, _ value: SettingValue = .count(2), layer: SettingLayer = .override,
        pattern: HostPattern? = HostPattern(.example), expiresAt: Int64? = nil
    ) -> SettingRow {
        SettingRow(
            key: SettingKey(layer: layer, setting: setting, pattern: pattern), value: value, actor: "uid:1000",
            reason: "two are enough", time: Bench.start, base: setting.defaultValue,
            baseSource: "/etc/connd/connd.yaml:12", expiresAt: expiresAt)
    }
}

extension SettingChange {
    init(put rows: SettingRow...) {
        self.init()
        puts = rows
        audit = rows.map {
            AuditEntry(
                time: $0.time, actor: $0.actor, action: .set, subject: ($0.key.pattern ?? .any).description,
                setting: $0.key.setting, before: nil, after: $0.key.setting.write($0.value), reason: $0.reason)
        }
    }
}

/// Statistics as a busy loop would count them.
func statistics(requests: Int, microseconds: Int64 = 1500) -> OriginStatistics {
    var statistics = OriginStatistics()
    statistics.requests[RequestClass(.safe, .success)] = requests
    statistics.reused = max(requests - 1, 0)
    statistics.firstLeases = min(requests, 1)
    statistics.opened[.demand] = min(requests, 1)
    statistics.bytesSent = requests * 180
    statistics.bytesReceived = requests * 2300
    statistics.handshakePaid = 2000
    statistics.handshakeSaved = Int64(2000 * max(requests - 1, 0))
    for index in 0..<requests {
        statistics.queueTime.record(microseconds: 3)
        statistics.firstByteTime.record(microseconds: microseconds + Int64(index) * 37)
        statistics.totalTime.record(microseconds: microseconds + Int64(index) * 53)
    }
    return statistics
}

func snapshot(_ origin: Origin, _ statistics: OriginStatistics, connections: Int = 2, active: Int = 1) -> OriginSnapshot
{
    var gauges = OriginGauges()
    gauges.idle = connections - active
    gauges.leased = active
    gauges.active = active
    return OriginSnapshot(origin: origin, statistics: statistics, gauges: gauges)
}

func batch(at time: Int64, _ snapshots: OriginSnapshot...) -> MeasurementBatch {
    var batch = MeasurementBatch(time: time)
    batch.statistics = snapshots
    return batch
}

func closedConnection(_ number: UInt64, _ origin: Origin = .example, at time: Int64 = Bench.start) -> ConnectionRecord {
    var record = ConnectionRecord(number: number, origin: origin, state: .closed, openedAt: time - 5000, cause: .warmUp)
    record.closedAt = time
    record.idleSince = time - 4000
    record.reason = .originFinIdle
    record.local = IPAddress("10.0.0.5").map { Endpoint(address: $0, port: 40000) }
    record.remote = IPAddress("2001:db8::7").map { Endpoint(address: $0, port: 443) }
    (record.requests, record.bytesSent, record.bytesReceived) = (7, 1200, 34_000)
    (record.dnsTime, record.connectTime, record.tlsTime) = (300, 900, 2100)
    var tcp = TCPInfo()
    (tcp.roundTripTime, tcp.roundTripVariance, tcp.minRoundTripTime) = (812, 40, 700)
    (tcp.congestionWindow, tcp.maximumSegment, tcp.retransmits, tcp.deliveryRate) = (10, 1448, 1, 9_000_000)
    (tcp.slowStartThreshold, tcp.congestionState, tcp.segmentsSent, tcp.segmentsReceived) = (7, .recovery, 41, 39)
    (tcp.timeouts, tcp.backoff, tcp.lost, tcp.unacknowledged) = (2, 3, 4, 5)
    (tcp.deliveryIsLimitedByUs, tcp.bytesAcknowledged, tcp.bytesReceived) = (true, 1201, 34_001)
    (tcp.busyTime, tcp.windowLimitedTime, tcp.bufferLimitedTime) = (900, 80, 7)
    (tcp.sinceDataSent, tcp.sinceAcknowledged) = (4001, 3999)
    record.tcp = tcp
    record.addressSource = .hosts
    record.attempts = [
        DialAttempt(address: IPAddress(high: 1 << 60, low: 1), begin: 0, duration: 250_900, outcome: .overtaken),
        DialAttempt(
            address: IPAddress(ipv4: 0xC000_0201), begin: 250_000, duration: 900, outcome: .connected,
            wasLastResort: true),
    ]
    record.tls = TLSInfo(
        version: .v1_3, cipher: "TLS_AES_128_GCM_SHA256", isResumed: true, isVerified: false,
        certificateExpires: Bench.start + 86_400_000)
    return record
}

func failedExchange(_ origin: Origin = .example, at time: Int64 = Bench.start) -> ExchangeDetail {
    var detail = ExchangeDetail(
        origin: origin, startedAt: time, outcome: .failed, method: "GET", target: "/a?b=c", status: 502,
        error: .connectionTerminated, errorDetail: "closed before the response", client: 12, connection: 34,
        reused: true, leaseCause: .idle, retries: 1)
    (detail.queueTime, detail.dnsTime, detail.connectTime, detail.tlsTime) = (1, 2, 3, 4)
    (detail.sendTime, detail.firstByteTime, detail.bodyTime, detail.totalTime) = (5, 6, 7, 8)
    (detail.bytesFromClient, detail.bytesToClient) = (90, 210)
    detail.gateway = "stripe"
    var segments = SegmentFacts()
    (segments.roundTripTime, segments.retransmits, segments.unacknowledged, segments.timeouts) = (51_000, 3, 2, 4)
    detail.segments = segments
    detail.race = LostRace(idle: 61_000_000, served: 3, sign: .reset, isAcknowledged: false)
    detail.race?.cost = 900
    detail.restart = WindowRestart(idle: 42_000, windowBefore: 310, window: 10, roundTrips: 3, roundTripTime: 50_000)
    return detail
}

/// Looks into the file without the store.
func query(_ path: String, _ sql: String) throws -> [Row] {
    try DatabaseQueue(path: path).read { try Row.fetchAll($0, sql: sql) }
}

func execute(_ path: String, _ sql: String) throws {
    try DatabaseQueue(path: path).writeWithoutTransaction { try $0.execute(sql: sql) }
}
