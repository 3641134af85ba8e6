import AdminAPI
import AdminModels
import Advising
import ForwardProxy
import Metering
import ProxyTypes
import Reactor
import Store
import Tuning
import Upstream

/// Origins and the actions on them.
extension LiveAdminBackend {
    func origins(_ query: OriginQuery) async throws(AdminRefusal) -> Page<OriginSummary> {
        await recorder.refresh()
        var found = await Array(recorder.origins.values)
        if let wanted = query.filter?.lowercased() { found = found.filter { $0.name.contains(wanted) } }
        let ascending = query.ascending ?? (query.sort == .origin)
        let key = Self.key(query.sort)
        var keyed = found.map { (key: key($0), entry: $0) }
        keyed.sort { a, b in
            if query.sort == .origin { return (a.entry.name < b.entry.name) == ascending }
            // Origins of earlier runs only have a wall clock time, and sort below those of this run.
            let (first, second) = (a.entry.lastUse, b.entry.lastUse)
            if query.sort == .lastUsed, first != second { return (first < second) == ascending }
            // Ties are sorted by name, so that pages are consistent.
            return a.key == b.key ? a.entry.name < b.entry.name : (a.key < b.key) == ascending
        }
        let start = try Self.position(query.page.cursor)
        let part = keyed.dropFirst(start).prefix(query.page.limit)
        let rows = await settings.overrides.exportRows()
        let layers = shared.current
        let paused = await pauses.current
        let gateways = await gatewayControl.table.entries.map(\.definition)
        let items = part.map { summary($0.entry, layers, rows, paused, gateways) }
        let next = start + items.count
        return Page(items: items, nextCursor: next < keyed.count ? "\(next)" : nil, total: keyed.count)
    }

    func origin(_ name: String) async throws(AdminRefusal) -> OriginDetail {
        let origin = try origin(named: name)
        await recorder.refresh()
        let entry = await recorder.origins[origin]
        let lifetime = await store.lifetime(of: origin)
        let overrides = await settings.overrides
        let isNamed = overrides.exportRows().contains { $0.key.pattern?.matches(origin) ?? false }
        guard entry != nil || lifetime != nil || isNamed else {
            throw .notFound("no request has gone to `\(origin)`: /v1/origins lists those known")
        }
        let current = entry ?? .unused(origin)
        var detail = OriginDetail()
        detail.summary = summary(
            current, overrides.layers, overrides.exportRows(), await pauses.current,
            await gatewayControl.table.entries.map(\.definition))
        detail.figures = OriginFiguresReport(current.snapshot.statistics, current.snapshot.gauges)
        detail.lifetime = lifetime.map(LifetimeReport.init)
        detail.settings = overrides.resolved(for: origin).map { ResolvedSettingReport($0) }
        detail.dialFailuresInARow = current.snapshot.gauges.dialFailures
        let refused = await mailbox.run { $0.upstream.refusedSettings(of: origin).map { ($0.setting, $0.reason) } }
        detail.refusedSettings = overrides.resolved(for: origin).flatMap { candidate in
            refused.filter { $0.0 == candidate.setting }.map { RefusedSettingReport(candidate.inForce, reason: $0.1) }
        }
        detail.socket = await mailbox.run { $0.upstream.socketFacts(of: origin) }.map(SocketReport.init)
        detail.slowStartAfterIdle = await kernelWatch.slowStartAfterIdle
        detail.delays = current.snapshot.statistics.delays.findings.map(DelayReport.init)
        let path = await mailbox.run { loop in
            loop.upstream.path(to: origin).map { PathReport($0.limit, bound: $0.bound, now: loop.upstream.now) }
        }
        detail.path = path ?? nil
        let learning = await mailbox.run { $0.upstream.learning(of: origin) }
        detail.learned = learning.map { LearnedReport($0.learning, obeyed: $0.obeyed, now: SystemClock.wall()) }
        if let learned = detail.learned {
            detail.settings = detail.settings.map { $0.name == Setting.idleTimeout.name ? $0.learned(learned) : $0 }
        }
        detail.adviceWaiting = await adviceControl.book.given(origin).count
        return detail
    }

    func forget(_ name: String, actor: AdminActor, reason: String?) async throws(AdminRefusal) {
        let origin = try origin(named: name)
        let reason = try Self.checked(reason: reason)
        await recorder.refresh()
        let isKnown = await recorder.origins[origin] != nil
        let isKept = await store.lifetime(of: origin) != nil
        guard isKnown || isKept else {
            throw .notFound("no request has gone to `\(origin)`: there is nothing to forget")
        }
        let isPaused = await pauses.current[origin] != nil
        let isForgotten = await mailbox.run { loop in
            guard loop.upstream.forget(origin) else { return false }
            // Deletes measurements, not settings.
            if isPaused { loop.upstream.pool(for: origin).pause(now: loop.upstream.now) }
            return true
        }
        guard isForgotten else {
            throw .conflict("`\(origin)` is in use: drain it, wait for its exchanges to end, and try again")
        }
        // Its measurements must reach the store before they are deleted there, not after.
        await recorder.record()
        do {
            try await store.forget(origin)
        } catch {
            throw .unavailable("the pool is gone, but the database could not forget: \(error)")
        }
        await adviceControl.forget(origin)
        await writeAudit(
            AuditEntry(
                time: SystemClock.wall(), actor: actor.name, action: .forget, subject: origin.description,
                reason: reason))
    }

    func forgetLearned(_ name: String, actor: AdminActor, reason: String?) async throws(AdminRefusal) {
        let origin = try origin(named: name)
        let reason = try Self.checked(reason: reason)
        guard await mailbox.run({ $0.upstream.forgetLearned(origin) }) else {
            throw .notFound("nothing was learned of `\(origin)`")
        }
        await recorder.recordNow()
        guard !store.health.isFailing else {
            throw .unavailable("it is forgotten until the next start, but the database cannot be written")
        }
        await writeAudit(
            AuditEntry(
                time: SystemClock.wall(), actor: actor.name, action: .forget, subject: origin.description,
                before: "learned idle limit", reason: reason))
    }

    func perform(_ action: ActionRequest.Action, _ request: ActionRequest, actor: AdminActor)
        async throws(AdminRefusal) -> ActionReport
    {
        let reason = try Self.checked(reason: request.reason)
        let origin = try Self.target(of: action, request)
        let count = try Self.count(for: action, request)
        var report = ActionReport()
        report.action = action.rawValue
        switch action {
        case .drain, .reconnect, .prewarm:
            let done = await mailbox.run { Self.perform(action, on: origin, count: count, $0.upstream) }
            report.origins = done.origins.count
            report.connections = done.connections
        case .pause: report.origins = await pause(origin, actor: actor, reason: reason)
        case .resume: report.origins = await resume(origin)
        }
        if let origin, report.origins == 0 {
            throw .notFound("no request has gone to `\(origin)`: there is no pool to \(action)")
        }
        await writeAudit(
            AuditEntry(
                time: SystemClock.wall(), actor: actor.name, action: action.audited,
                subject: origin?.description ?? AuditEntry.everything, reason: reason))
        return report
    }

    /// Nil: all origins.
    private static func target(of action: ActionRequest.Action, _ request: ActionRequest) throws(AdminRefusal)
        -> Origin?
    {
        guard let name = request.origin else {
            guard action != .prewarm else {
                throw .invalid(
                    "prewarm needs an origin", [FieldProblem(pointer: "/origin", detail: "must be given for prewarm")])
            }
            return nil
        }
        guard let origin = Origin(name) else {
            let text = "must be scheme://host or scheme://host:port, such as http://example.com"
            throw .invalid("the origin is invalid", [FieldProblem(pointer: "/origin", detail: text)])
        }
        // A pause holds back CONNECTs too.
        guard origin.scheme == .http || action == .pause || action == .resume else {
            let text = "connd opens no connections of its own to https origins: only tunnels reach them"
            throw .invalid("the origin is invalid", [FieldProblem(pointer: "/origin", detail: text)])
        }
        return origin
    }

    /// How many connections to have idle; 0 where the action takes no count.
    private static func count(for action: ActionRequest.Action, _ request: ActionRequest) throws(AdminRefusal) -> Int {
        switch (action, request.count) {
        case (.prewarm, let count?) where (1...1000).contains(count): return count
        case (.prewarm, _):
            throw .invalid(
                "prewarm needs a count",
                [FieldProblem(pointer: "/count", detail: "must be 1 to 1000: how many connections to have idle")])
        case (.drain, nil), (.reconnect, nil), (.pause, nil), (.resume, nil): return 0
        case (.drain, _), (.reconnect, _), (.pause, _), (.resume, _):
            throw .invalid(
                "a count is for prewarm only", [FieldProblem(pointer: "/count", detail: "is for prewarm only")])
        }
    }

    /// Returns the number of origins. Nil: all of them.
    private func pause(_ origin: Origin?, actor: AdminActor, reason: String?) async -> Int {
        let time = SystemClock.wall()
        return await pauses.perform { [mailbox] in
            let paused = await mailbox.run { Self.perform(.pause, on: origin, count: 0, $0.upstream).origins }
            return .pause(
                paused.map { Pause(origin: $0, actor: actor.name, reason: reason, time: time) },
                replacing: origin != nil)
        }
    }

    private func resume(_ origin: Origin?) async -> Int {
        await pauses.perform { [mailbox] in
            .resume(await mailbox.run { Self.perform(.resume, on: origin, count: 0, $0.upstream).origins })
        }
    }

    private static func perform(
        _ action: ActionRequest.Action, on origin: Origin?, count: Int, _ loop: UpstreamLoop
    ) -> (origins: [Origin], connections: Int) {
        // These are useful before the first request.
        let creates = action == .prewarm || action == .pause
        let pools: [UpstreamPool]
        if let origin {
            pools = creates ? [loop.pool(for: origin)] : loop.existingPool(for: origin).map { [$0] } ?? []
        } else {
            pools = loop.allPools
        }
        let connections = pools.reduce(0) { sum, pool in
            switch action {
            case .drain: return sum + pool.drain(now: loop.now)
            case .reconnect: return sum + pool.reconnect(now: loop.now)
            case .prewarm: return sum + pool.prewarm(count, now: loop.now)
            case .pause: pool.pause(now: loop.now)
            case .resume: pool.resume(now: loop.now)
            }
            return sum
        }
        return (pools.map(\.origin), connections)
    }

    private func summary(
        _ entry: OriginEntry, _ layers: SettingLayers, _ rows: [SettingRow], _ pauses: [Origin: Pause],
        _ gateways: [GatewayDefinition]
    ) -> OriginSummary {
        let origin = entry.snapshot.origin
        let own = rows.filter { $0.key.pattern?.matches(origin) ?? true }
        let trials = own.count { $0.key.layer == .trial }
        var summary = OriginSummary(
            entry, maxConnections: layers.effective(for: origin).maxConnections, overrides: own.count - trials,
            trials: trials, pause: pauses[origin], isUnverified: layers.isUnverified(origin))
        summary.gateways = gateways.filter { gateway in
            let isOverTLS = gateway.origin.scheme == .http && layers.effective(for: gateway.origin).tls == .originate
            return (isOverTLS ? gateway.origin.overTLS : gateway.origin) == origin
        }.map(\.name)
        let plain = origin.underTLS.filter { layers.effective(for: $0).tls == .originate }
        summary.originatedFrom = plain.map(\.description)
        return summary
    }

    private static func key(_ sort: OriginQuery.Sort) -> (OriginEntry) -> Double {
        switch sort {
        case .origin: { _ in 0 }
        case .requests: { Double($0.snapshot.statistics.requestCount) }
        case .connections: { Double($0.snapshot.gauges.connections) }
        case .waiting: { Double($0.snapshot.gauges.waiting) }
        case .errors: { Double($0.snapshot.statistics.errorCount) }
        case .reuse: { $0.snapshot.statistics.reuseRatio ?? -1 }
        case .firstByte: { Double($0.snapshot.statistics.firstByteTime.quantile(0.99)) }
        case .bytes: { Double($0.snapshot.statistics.bytesSent + $0.snapshot.statistics.bytesReceived) }
        case .lastUsed: { Double($0.lastUsed ?? 0) }
        }
    }

    static func position(_ cursor: String?) throws(AdminRefusal) -> Int {
        guard let cursor else { return 0 }
        guard let position = Int(cursor), position >= 0 else {
            let text = "must be a next_cursor of this list"
            throw .invalid("the query is invalid", [FieldProblem(pointer: "?cursor", detail: text)])
        }
        return position
    }
}

extension ActionRequest.Action {
    fileprivate var audited: AuditEntry.Action {
        switch self {
        case .drain: .drain
        case .reconnect: .reconnect
        case .prewarm: .prewarm
        case .pause: .pause
        case .resume: .resume
        }
    }
}

extension OriginEntry {
    fileprivate static func unused(_ origin: Origin) -> OriginEntry {
        let snapshot = OriginSnapshot(origin: origin, statistics: OriginStatistics(), gauges: OriginGauges())
        return OriginEntry(
            name: origin.description, snapshot: snapshot, recorded: OriginStatistics(), lastUsed: nil)
    }
}
