import ForwardProxy
import Metering
import ProxyTypes
import Reactor
import Store
import Upstream

/// What is known of an origin. Boxed: a snapshot is large, and lists of thousands are sorted and copied.
final class OriginEntry: Sendable {
    let name: String
    let snapshot: OriginSnapshot
    /// As of the last batch.
    let recorded: OriginFigures
    /// By the wall clock, in milliseconds since 1970.
    let lastUsed: Int64?
    /// The same in this run: an order that holds though the wall clock was set. Zero: in an earlier one, if ever.
    let lastUse: Instant
    /// Known from an earlier run, and not used in this one.
    let isOfThePast: Bool

    init(
        name: String, snapshot: OriginSnapshot, recorded: OriginFigures, lastUsed: Int64?, lastUse: Instant = .zero,
        isOfThePast: Bool = false
    ) {
        self.isOfThePast = isOfThePast
        self.name = name
        self.snapshot = snapshot
        self.recorded = recorded
        self.lastUsed = lastUsed
        self.lastUse = lastUse
    }
}

/// Fetches what the data loop counted, keeps the latest figures of each origin for whoever asks, and passes what happened
/// since the last time on to the store. An actor; the loop is only asked for what changed.
actor Recorder {
    private let gate: LoopGate
    private let store: Store
    private let serial = SerialGate()

    private(set) var metrics = ProxyMetrics()
    /// Of origins whose pools are gone.
    private(set) var forgotten = OriginFigures()
    private(set) var origins: [Origin: OriginEntry] = [:]
    private var touched: Set<Origin> = []
    private var lastRecordedNow = Instant.zero
    /// Not begun yet.
    private var nextRecording: Task<Void, Never>?
    private static let recordedNowInterval = Interval.milliseconds(100)
    private var prometheus = PrometheusText()
    private var batch = MeasurementBatch(time: 0)
    private var reach = ReachWatch()
    private var refusedSettings: [RefusedSetting] = []
    private var summary = ServiceSummary()

    init(gate: LoopGate, store: Store) {
        self.gate = gate
        self.store = store
        let known = store.loadLifetimes().sorted { $0.value.lastSeen > $1.value.lastSeen }
        for (origin, lifetime) in known.prefix(Self.maxOfThePast) {
            origins[origin] = OriginEntry(
                name: origin.description,
                snapshot: OriginSnapshot(origin: origin, figures: OriginFigures(), gauges: OriginGauges()),
                recorded: OriginFigures(), lastUsed: lifetime.lastSeen, isOfThePast: true)
        }
    }

    private static let maxOfThePast = 5_000
    private static let maxRefusedSettings = 64

    /// Afterwards all figures are of now.
    func refresh() async {
        // One after the other: an older report that came later would undo a newer one.
        await serial.enter()
        let report = await gate.run { $0.upstream.takeReport() }
        take(report, now: SystemClock.now())
        await serial.leave()
    }

    private func take(_ report: LoopReport, now: Moment) {
        metrics = report.metrics
        forgotten = report.forgotten
        for snapshot in report.ended.forgotten {
            note(snapshot, now: now)
            pass(snapshot.origin)
            prometheus.forget(snapshot)
            reach.forget(snapshot.origin)
            remove(snapshot.origin)
        }
        for snapshot in report.origins { note(snapshot, now: now) }
        refusedSettings += report.ended.refusedSettings.prefix(max(Self.maxRefusedSettings - refusedSettings.count, 0))
        batch.closed += report.ended.connections
        batch.exchanges += report.ended.exchanges
        batch.droppedClosed += report.ended.droppedConnections
        batch.droppedExchanges += report.ended.droppedExchanges
    }

    private func note(_ snapshot: OriginSnapshot, now: Moment) {
        let before = origins[snapshot.origin]
        let isUsed =
            before?.snapshot.figures.requests != snapshot.figures.requests
            || before?.snapshot.figures.tunnels != snapshot.figures.tunnels
        origins[snapshot.origin] = OriginEntry(
            name: before?.name ?? snapshot.origin.description, snapshot: snapshot,
            recorded: before?.recorded ?? OriginFigures(), lastUsed: isUsed ? now.wall : before?.lastUsed,
            lastUse: isUsed ? now.instant : before?.lastUse ?? .zero)
        touched.insert(snapshot.origin)
    }

    /// What the origin did since the last batch goes into this one.
    private func pass(_ origin: Origin) {
        guard let entry = origins[origin] else { return }
        let (figures, gauges) = (entry.snapshot.figures, entry.snapshot.gauges)
        batch.figures.append(OriginSnapshot(origin: origin, figures: figures - entry.recorded, gauges: gauges))
        origins[origin] = OriginEntry(
            name: entry.name, snapshot: entry.snapshot, recorded: figures, lastUsed: entry.lastUsed,
            lastUse: entry.lastUse)
    }

    /// Passes on to the store what happened since the last call. Returns the origins that were lost or found meanwhile.
    @discardableResult
    func record() async -> [ReachChange] {
        await refresh()
        let changes = reach.changes(in: touched.lazy.compactMap { self.origins[$0]?.snapshot })
        for origin in touched { pass(origin) }
        touched.removeAll(keepingCapacity: true)
        var full = MeasurementBatch(time: SystemClock.wall())
        swap(&full, &batch)
        full.time = SystemClock.wall()
        store.record(full)
        // What is held without anything happening is held still: its gauges belong into the next batch too.
        touched = Set(
            origins.values.lazy.map(\.snapshot).filter { $0.gauges.connections + $0.gauges.tunnels > 0 }
                .map(\.origin))
        return changes
    }

    /// What the kernel refused since the last call.
    func takeRefusedSettings() -> [RefusedSetting] {
        defer { refusedSettings = [] }
        return refusedSettings
    }

    func serviceSummary(now: Instant) async -> String {
        await refresh()
        let (figures, count) = (totalFigures, origins.values.count { !$0.isOfThePast })
        return summary.line(
            origins: count, gauges: totalGauges, reused: figures.reused, leases: figures.reused + figures.firstLeases,
            requests: figures.requestCount, now: now)
    }

    /// For who reads what was kept: all that happened before the call is in the database when it returns. Each write costs the
    /// disk something, so that those who come within a moment share one.
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

    /// The page with the figures of all origins, and of the process at the same moment.
    func render(_ page: MetricsPage, _ losses: LineLosses) -> String {
        var page = page
        page.proxy = losses.counted(in: metrics)
        page.origins = origins.values.lazy.filter { !$0.isOfThePast }.map(\.snapshot)
        return String(decoding: prometheus.render(page), as: UTF8.self)
    }

    private func remove(_ origin: Origin) {
        origins[origin] = nil
        touched.remove(origin)
    }
}
