import AdminAPI
import AdminModels
import Advising
import ConfigurationFile
import ForwardProxy
import Metering
import ProxyTypes
import Reactor
import Resolving
import Store
import TLS
import Synchronization
import Tuning
import Upstream

/// The state of the whole daemon.
extension LiveAdminBackend {
    func status() async -> StatusReport {
        await recorder.refresh()
        let (clients, isDraining, listeners, pause) = await mailbox.run {
            ($0.clientCount, $0.isDraining, $0.sockets.map(\.boundAddress), $0.acceptPause)
        }
        let overrides = await settings.overrides
        let uptime = process.uptime
        let state = configured.current
        var report = StatusReport()
        report.version = ProductVersion.text
        report.pid = process.processID
        report.startedAtMs = process.startedAt
        report.startedAt = APIFormat.time(process.startedAt)
        report.uptimeMs = uptime
        report.uptime = APIFormat.duration(milliseconds: uptime)
        report.state = isDraining ? "stopping" : "running"
        report.listeners = listeners
        report.unopenedListeners = unopened.current.map(UnopenedListenerReport.init)
        report.gateways = await gatewayControl.reports()
        report.ca = await authorityControl.statusReport(now: SystemClock.wall())
        report.adminListeners = endpoint.withLock { $0 }?.addresses ?? []
        if case .only(let ports) = state.loaded.configuration.proxy.connectPorts {
            report.connectPorts = ports.map(Int.init)
        }
        report.clients = clients
        report.clientLimit = state.loaded.configuration.proxy.maxClientConnections
        report.acceptPaused = pause?.rawValue
        report.origins = await recorder.origins.count
        let paused = await pauses.current
        report.pausedOrigins = paused.count
        report.pauses = paused.values.sorted { $0.time < $1.time }.prefix(Self.shownPauses).map(PauseReport.init)
        report.connections = ConnectionCounts(await recorder.totalGauges)
        report.totals = Totals(losses.counted(in: await recorder.metrics), await recorder.totalStatistics)
        report.store = StoreReport(store.health)
        let rows = overrides.exportRows()
        report.trials = rows.count { $0.key.layer == .trial }
        report.overrides = rows.count - report.trials
        report.conflicts = overrides.conflicts.count
        report.configFile = configured.path
        report.configLoadedAtMs = state.loadedAt
        report.configLoadedAt = APIFormat.time(state.loadedAt)
        report.configError = state.error
        report.unverified = overrides.unverified.map { UnverifiedReport($0) }
        if !report.unverified.isEmpty {
            report.unverifiedOrigins = await recorder.origins.keys.count(where: overrides.layers.isUnverified)
        }
        report.refusedSettings = hostCheck.objections(to: overrides)
        let run = store.run
        report.run = run.number
        report.previousEnd = run.previousEnd?.rawValue
        report.invariantsBroken = Invariant.brokenCount
        report.memoryBytes = process.memoryBytes
        report.descriptors = process.descriptors
        report.descriptorLimit = process.descriptorLimit
        return report
    }

    private static let shownPauses = 20

    func version() -> VersionReport {
        var report = VersionReport()
        report.version = ProductVersion.text
        report.schemaVersion = store.health.schemaVersion
        return report
    }

    /// Whether the data loop responds.
    func health() async -> HealthReport {
        _ = await mailbox.run { $0.clientCount }
        return HealthReport()
    }

    /// Whether it accepts requests and can store measurements and edits.
    func readiness() async -> HealthReport {
        var report = HealthReport()
        let (isDraining, pause) = await mailbox.run { ($0.isDraining, $0.acceptPause) }
        if isDraining { report.reasons.append("connd is stopping") }
        switch pause {
        case .full:
            let limit = configured.current.loaded.configuration.proxy.maxClientConnections
            report.reasons.append(
                "clients wait to be accepted: none of the max_client_connections (\(limit)) is idle")
        case .descriptors: report.reasons.append("clients wait to be accepted: no file descriptor is free")
        case nil: break
        }
        if let failure = store.health.failure { report.reasons.append(failure.message) }
        for listener in unopened.current + (await gatewayControl.unopenedListeners) {
            let text = "connd does not listen on \(listener)"
            if listener.isBeyondHost {
                report.warnings = (report.warnings ?? []) + [text]
            } else {
                report.reasons.append(text)
            }
        }
        if !report.reasons.isEmpty { report.status = "failing" }
        return report
    }

    func metrics() async -> String {
        await recorder.refresh()
        let (clients, pause, gateways) = await mailbox.run { ($0.clientCount, $0.acceptPause, $0.gatewayReports) }
        let refusingClients = await mailbox.run { $0.refusals.refusing(now: $0.upstream.now) }
        let names = await mailbox.run { loop in
            var facts = NameFacts()
            facts.statistics = loop.upstream.addresses.statistics
            facts.known = loop.upstream.addresses.nameCount
            facts.underWay = loop.upstream.addresses.lookUpsUnderWay
            return facts
        }
        let overrides = await settings.overrides
        let rows = overrides.exportRows()
        let trials = rows.count { $0.key.layer == .trial }
        let health = store.health
        var page = MetricsPage()
        page.clients = clients
        page.refusingClients = refusingClients
        let advice = await adviceControl.book.records.values
        page.adviceWaiting = advice.count { $0.state == .waiting }
        page.adviceOnTrial = advice.count { if case .onTrial = $0.state { true } else { false } }
        page.names = names
        page.gateways = gateways.map { GatewayTraffic(name: $0.name, requests: $0.requests, refused: $0.refused) }
        page.authorities = await authorityControl.report(now: SystemClock.wall()).authorities.compactMap { authority in
            authority.expiry.map { AuthorityExpiry(role: authority.role, time: $0) }
        }
        page.acceptIsPaused = pause != nil
        page.maxOrigins = configured.current.loaded.configuration.metrics.maxOrigins
        page.version = ProductVersion.text
        page.invariantsBroken = Invariant.brokenCount
        page.overrides = rows.count - trials
        page.trials = trials
        page.runEnds = store.runEnds
        page.conflicts = overrides.conflicts.count
        if !overrides.unverified.isEmpty {
            page.unverifiedOrigins = await recorder.origins.keys.count(where: overrides.layers.isUnverified)
        }
        page.ports = await portFacts()
        page.programs = await programWatch.facts()
        page.slowStartAfterIdle = await kernelWatch.slowStartAfterIdle
        page.store.isOK = !health.isFailing
        page.store.size = Int(health.bytes)
        page.store.pending = health.pending
        page.store.droppedStatistics = health.dropped.statistics
        page.store.droppedConnections = health.dropped.closedConnections
        page.store.droppedExchanges = health.dropped.exchanges
        page.store.recoveries = health.recoveries
        page.process.startedAt = process.startedAt
        page.process.residentMemory = process.memoryBytes
        page.process.tlsMemory = TLSMemory.bytes
        page.process.openDescriptors = process.descriptors
        page.process.maxDescriptors = process.descriptorLimit
        page.process.cpuTime = process.processorTime
        return await recorder.render(page, losses)
    }
}

extension Recorder {
    var totalGauges: OriginGauges {
        var sum = OriginGauges()
        for entry in origins.values { sum += entry.snapshot.gauges }
        return sum
    }

    /// Counters only: the status does not show histograms.
    var totalStatistics: OriginStatistics {
        var sum = forgotten
        for entry in origins.values { sum += entry.snapshot.statistics }
        return sum
    }
}

extension UnopenedListenerReport {
    init(_ listener: UnopenedListener) {
        self.init()
        address = listener.address.description
        reason = listener.reason
    }
}

extension Totals {
    init(_ metrics: ProxyMetrics, _ statistics: OriginStatistics) {
        self.init()
        clientsAccepted = metrics.clientsAccepted
        requests = statistics.requestCount
        errors = metrics.errors.total
        opened = statistics.opened.total
        reused = statistics.reused
        reuseRatio = statistics.reuseRatio
        closed = statistics.closed.total
        retriesSent = statistics.retryOutcomes[.sent]
        retriesSucceeded = statistics.retryOutcomes[.succeeded]
        staleSurfaced = statistics.staleSurfaced
        tunnels = statistics.tunnels.opened
        bytesSent = statistics.bytesSent + statistics.tunnels.bytesSent
        bytesReceived = statistics.bytesReceived + statistics.tunnels.bytesReceived
        handshakePaidMs = statistics.handshakePaid / 1000
        handshakeSavedMs = statistics.handshakeSaved / 1000
        logLinesDropped = metrics.droppedLogLines.total
        accessLogLinesDropped = metrics.droppedAccessLogLines.total
    }
}

extension StoreReport {
    init(_ health: StoreHealth) {
        self.init()
        path = health.path
        durable = health.isDurable
        state = health.isFailing ? "failing" : "ok"
        fault = health.failure?.kind.rawValue
        message = health.failure?.message
        sinceMs = health.since
        since = APIFormat.time(health.since)
        lastWriteMs = health.lastWrite
        lastWrite = health.lastWrite.map(APIFormat.time)
        sizeBytes = Int(health.bytes)
        schemaVersion = health.schemaVersion
        pendingRows = health.pending
        droppedFigures = health.dropped.statistics
        droppedConnections = health.dropped.closedConnections
        droppedExchanges = health.dropped.exchanges
        recoveries = health.recoveries
    }
}
