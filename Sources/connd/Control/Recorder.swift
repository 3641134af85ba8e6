import ForwardProxy
import Metering
import ProxyTypes
import Reactor
import Store
import Upstream

/// What is known of an origin. Boxed, since a snapshot is large, and lists of thousands are sorted and copied.
final class OriginEntry: Sendable {
    let name: String
    let snapshot: OriginSnapshot
    /// Statistics up to the last batch.
    let recorded: OriginStatistics
    /// In milliseconds since 1970.
    let lastUsed: Int64?
    /// The same, in this run, which orders correctly even if the wall clock was set. Zero: not seen in this run.
    let lastUse: Instant
    /// Known from an earlier run, and not used in this one.
    let isFromEarlierRun: Bool

    init(
        name: String, snapshot: OriginSnapshot, recorded: OriginStatistics, lastUsed: Int64?, lastUse: Instant = .zero,
        isFromEarlierRun: Bool = false
    ) {
        self.isFromEarlierRun = isFromEarlierRun
        self.name = name
        self.snapshot = snapshot
        self.recorded = recorded
        self.lastUsed = lastUsed
        self.lastUse = lastUse
    }
}

/// Fetches the data loop's counts, holds the latest statistics of each origin, and passes the changes since the
/// previous batch to the store. An actor; only asks the loop for what has changed.
actor Recorder {
    private let mailbox: LoopMailbox
    private let store: Store
    private let serial = AsyncMutex()

    private(set) var metrics = ProxyMetrics()
    /// Statistics of origins whose pools are gone.
    private(set) var forgotten = OriginStatistics()
    private(set) var origins: [Origin: OriginEntry] = [:]
    private var touched: Set<Origin> = []
    private var lastRecordedNow = Instant.zero
    /// Not started yet.
    private var nextRecording: Task<Void, Never>?
    private static let recordedNowInterval = Interval.milliseconds(100)
    private var prometheus = PrometheusText()
    private var batch = MeasurementBatch(time: 0)
    private var reachability = ReachabilityMonitor()
    private var refusedSettings: [RefusedSetting] = []
    private var pathDrops: [PathDrop] = []
    private var learnedChanges: [LearnedChange] = []
    private var summary = ServiceSummary()

    init(mailbox: LoopMailbox, store: Store) {
        self.mailbox = mailbox
        self.store = store
        let known = store.loadLifetimes().sorted { $0.value.lastSeen > $1.value.lastSeen }
        for (origin, lifetime) in known.prefix(Self.maxFromEarlierRuns) {
            origins[origin] = OriginEntry(
                name: origin.description,
                snapshot: OriginSnapshot(origin: origin, statistics: OriginStatistics(), gauges: OriginGauges()),
                recorded: OriginStatistics(), lastUsed: lifetime.lastSeen, isFromEarlierRun: true)
        }
    }

    private static let maxFromEarlierRuns = 5_000
    private static let maxRefusedSettings = 64

    /// Afterwards all statistics are current.
    func refresh() async {
        // One at a time: an older report that arrives later would overwrite a newer one.
        await serial.enter()
        let report = await mailbox.run { $0.upstream.takeReport() }
        take(report, now: SystemClock.now())
        await serial.leave()
    }

    private func take(_ report: LoopReport, now: Moment) {
        metrics = report.metrics
        forgotten = report.forgotten
        for snapshot in report.ended.forgotten {
            note(snapshot, now: now)
            addToBatch(snapshot.origin)
            prometheus.forget(snapshot)
            reachability.forget(snapshot.origin)
            remove(snapshot.origin)
        }
        for snapshot in report.origins { note(snapshot, now: now) }
        refusedSettings += report.ended.refusedSettings.prefix(max(Self.maxRefusedSettings - refusedSettings.count, 0))
        pathDrops += report.ended.pathDrops.prefix(max(Self.maxRefusedSettings - pathDrops.count, 0))
        batch.closed += report.ended.connections
        batch.exchanges += report.ended.exchanges
        learnedChanges += report.ended.learnedChanges.prefix(max(Self.maxRefusedSettings - learnedChanges.count, 0))
        batch.learned += report.ended.learned
        batch.droppedClosed += report.ended.droppedConnections
        batch.droppedExchanges += report.ended.droppedExchanges
    }

    private func note(_ snapshot: OriginSnapshot, now: Moment) {
        let before = origins[snapshot.origin]
        let isUsed =
            before?.snapshot.statistics.requests != snapshot.statistics.requests
            || before?.snapshot.statistics.tunnels != snapshot.statistics.tunnels
        origins[snapshot.origin] = OriginEntry(
            name: before?.name ?? snapshot.origin.description, snapshot: snapshot,
            recorded: before?.recorded ?? OriginStatistics(), lastUsed: isUsed ? now.wall : before?.lastUsed,
            lastUse: isUsed ? now.instant : before?.lastUse ?? .zero)
        touched.insert(snapshot.origin)
    }

    /// Adds what the origin did since the previous batch.
    private func addToBatch(_ origin: Origin) {
        guard let entry = origins[origin] else { return }
        let (statistics, gauges) = (entry.snapshot.statistics, entry.snapshot.gauges)
        batch.statistics.append(OriginSnapshot(origin: origin, statistics: statistics - entry.recorded, gauges: gauges))
        origins[origin] = OriginEntry(
            name: entry.name, snapshot: entry.snapshot, recorded: statistics, lastUsed: entry.lastUsed,
            lastUse: entry.lastUse)
    }

    /// Passes everything since the last call to the store. Returns origins that became unreachable or reachable again.
    @discardableResult
    func record() async -> [ReachabilityChange] {
        await refresh()
        let changes = reachability.changes(in: touched.lazy.compactMap { self.origins[$0]?.snapshot })
        for origin in touched { addToBatch(origin) }
        touched.removeAll(keepingCapacity: true)
        var full = MeasurementBatch(time: SystemClock.wall())
        swap(&full, &batch)
        full.time = SystemClock.wall()
        store.record(full)
        // Connections that are held without traffic are still held: their gauges belong in the next batch too.
        touched = Set(
            origins.values.lazy.map(\.snapshot).filter { $0.gauges.connections + $0.gauges.tunnels > 0 }
                .map(\.origin))
        return changes
    }

    /// Settings that the kernel refused since the last call.
    func takeRefusedSettings() -> [RefusedSetting] {
        defer { refusedSettings = [] }
        return refusedSettings
    }

    /// Connections that were lost in silence since the last call.
    func takeLearnedChanges() -> [LearnedChange] {
        defer { learnedChanges = [] }
        return learnedChanges
    }

    func takePathDrops() -> [PathDrop] {
        defer { pathDrops = [] }
        return pathDrops
    }

    func serviceSummary(now: Instant) async -> String {
        await refresh()
        let (statistics, count) = (totalStatistics, origins.values.count { !$0.isFromEarlierRun })
        return summary.line(
            origins: count, gauges: totalGauges, reused: statistics.reused,
            leases: statistics.reused + statistics.firstLeases,
            requests: statistics.requestCount, now: now)
    }

    /// To be called before stored data is read: everything before the call is in the database when it returns. Calls
    /// within a short time share one write.
    func recordNow() async {
        if let next = nextRecording { return await next.value }
        let wait = max(lastRecordedNow + Self.recordedNowInterval - SystemClock.instant(), .zero)
        let task = Task {
            try? await Task.sleep(for: .nanoseconds(wait.nanoseconds))
            nextRecording = nil
            lastRecordedNow = SystemClock.instant()
            await record()
            await store.flush()
        }
        nextRecording = task
        await task.value
    }

    /// The metrics page, with statistics of all origins and of the process at the same moment.
    func render(_ page: MetricsPage, _ losses: DroppedLines) -> String {
        var page = page
        page.proxy = losses.counted(in: metrics)
        page.origins = origins.values.lazy.filter { !$0.isFromEarlierRun }.map(\.snapshot)
        return String(decoding: prometheus.render(page), as: UTF8.self)
    }

    private func remove(_ origin: Origin) {
        origins[origin] = nil
        touched.remove(origin)
    }
}
