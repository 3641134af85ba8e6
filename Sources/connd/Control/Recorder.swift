import ForwardProxy
import Metering
import ProxyTypes
import Store
import Upstream

/// Fetches what the data loop counted, keeps the latest figures of each origin for whoever asks, and passes what happened
/// since the last time on to the store. An actor; the loop is only asked for what changed.
actor Recorder {
    private let gate: LoopGate
    private let store: Store
    private let serial = SerialGate()

    private(set) var metrics = ProxyMetrics()
    /// Of origins whose pools are gone.
    private(set) var forgotten = OriginFigures()
    private(set) var origins: [Origin: OriginSnapshot] = [:]
    private(set) var lastUsed: [Origin: Int64] = [:]
    /// As of the last batch.
    private var recorded: [Origin: OriginFigures] = [:]
    private var touched: Set<Origin> = []
    private var prometheus = PrometheusText()
    private var batch = MeasurementBatch(time: 0)

    init(gate: LoopGate, store: Store) {
        self.gate = gate
        self.store = store
    }

    /// Afterwards all figures are of now.
    func refresh() async {
        // One after the other: an older report that came later would undo a newer one.
        await serial.enter()
        let report = await gate.run { $0.upstream.takeReport() }
        take(report, now: WallClock.now())
        await serial.leave()
    }

    private func take(_ report: LoopReport, now: Int64) {
        metrics = report.metrics
        forgotten = report.forgotten
        for snapshot in report.ended.forgotten {
            note(snapshot, now: now)
            pass(snapshot.origin)
            prometheus.forget(snapshot)
            remove(snapshot.origin)
        }
        for snapshot in report.origins { note(snapshot, now: now) }
        batch.closed += report.ended.connections
        batch.exchanges += report.ended.exchanges
        batch.droppedClosed += report.ended.droppedConnections
        batch.droppedExchanges += report.ended.droppedExchanges
    }

    private func note(_ snapshot: OriginSnapshot, now: Int64) {
        let before = origins[snapshot.origin]?.figures
        if before?.requests != snapshot.figures.requests || before?.tunnels != snapshot.figures.tunnels {
            lastUsed[snapshot.origin] = now
        }
        origins[snapshot.origin] = snapshot
        touched.insert(snapshot.origin)
    }

    /// What the origin did since the last batch goes into this one.
    private func pass(_ origin: Origin) {
        guard let snapshot = origins[origin] else { return }
        let since = recorded[origin].map { snapshot.figures - $0 } ?? snapshot.figures
        batch.figures.append(OriginSnapshot(origin: origin, figures: since, gauges: snapshot.gauges))
        recorded[origin] = snapshot.figures
    }

    /// Passes on to the store what happened since the last call.
    func record() async {
        await refresh()
        for origin in touched { pass(origin) }
        touched.removeAll(keepingCapacity: true)
        var full = MeasurementBatch(time: WallClock.now())
        swap(&full, &batch)
        full.time = WallClock.now()
        store.record(full)
        // What is held without anything happening is held still: its gauges belong into the next batch too.
        touched = Set(origins.values.lazy.filter { $0.gauges.connections + $0.gauges.tunnels > 0 }.map(\.origin))
    }

    /// The page with the figures of all origins.
    func render(_ page: MetricsPage) -> String {
        var page = page
        page.origins = Array(origins.values)
        return String(decoding: prometheus.render(page), as: UTF8.self)
    }

    private func remove(_ origin: Origin) {
        origins[origin] = nil
        recorded[origin] = nil
        lastUsed[origin] = nil
        touched.remove(origin)
    }
}
