import AdminAPI
import AdminModels
import ForwardProxy
import Metering
import ProxyTypes
import Store
import Tuning
import Upstream

/// Origins and what is done to them.
extension LiveAdminBackend {
    func origins(_ query: OriginQuery) async throws(AdminRefusal) -> Page<OriginSummary> {
        await recorder.refresh()
        let lastUsed = await recorder.lastUsed
        let wanted = query.filter?.lowercased()
        var found = await recorder.origins.values.map { (name: $0.origin.description, snapshot: $0) }
        if let wanted { found = found.filter { $0.name.contains(wanted) } }
        let ascending = query.ascending ?? (query.sort == .origin)
        let key = Self.key(query.sort, lastUsed)
        let keyed = found.map { (key: key($0.snapshot), name: $0.name, snapshot: $0.snapshot) }
        let sorted = keyed.sorted { a, b in
            if query.sort == .origin || a.key == b.key {
                return (a.name < b.name) == (query.sort != .origin || ascending)
            }
            return (a.key < b.key) == ascending
        }
        let start = try Self.position(query.page.cursor)
        let part = sorted.dropFirst(start).prefix(query.page.limit)
        let rows = await settings.book.exportRows()
        let layers = shared.current
        let items = part.map { summary($0.snapshot, lastUsed[$0.snapshot.origin], layers, rows) }
        let next = start + items.count
        return Page(items: items, nextCursor: next < sorted.count ? "\(next)" : nil, total: sorted.count)
    }

    func origin(_ name: String) async throws(AdminRefusal) -> OriginDetail {
        let origin = try origin(named: name)
        await recorder.refresh()
        let snapshot = await recorder.origins[origin]
        let lifetime = await store.lifetime(of: origin)
        guard snapshot != nil || lifetime != nil else {
            throw .notFound("no request has gone to `\(origin)`: /v1/origins lists those known")
        }
        let current = snapshot ?? OriginSnapshot(origin: origin, figures: OriginFigures(), gauges: OriginGauges())
        let book = await settings.book
        var detail = OriginDetail()
        detail.summary = summary(current, await recorder.lastUsed[origin], book.layers, book.exportRows())
        detail.figures = OriginFiguresReport(current.figures, openTunnels: current.gauges.tunnels)
        detail.lifetime = lifetime.map(LifetimeReport.init)
        detail.settings = book.resolved(for: origin).map { ResolvedSettingReport($0) }
        detail.dialFailuresInARow = current.gauges.dialFailures
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
        guard await gate.run({ $0.upstream.forget(origin) }) else {
            throw .conflict("`\(origin)` is in use: drain it, wait for its exchanges to end, and try again")
        }
        await recorder.refresh()
        do {
            try await store.forget(origin)
        } catch {
            throw .unavailable("the pool is gone, but the database could not forget: \(error)")
        }
        await leaveTrail(
            AuditEntry(
                time: WallClock.now(), actor: actor.name, action: .forget, subject: origin.description, reason: reason))
    }

    func perform(_ action: ActionRequest.Action, _ request: ActionRequest, actor: AdminActor)
        async throws(AdminRefusal) -> ActionReport
    {
        let reason = try Self.checked(reason: request.reason)
        var target: Origin?
        if let name = request.origin {
            guard let origin = Origin(named: name) else {
                let text = "must be scheme://host or scheme://host:port, such as http://example.com"
                throw .invalid("the origin is not right", [FieldProblem(pointer: "/origin", detail: text)])
            }
            guard origin.scheme == .http else {
                let text = "connd opens no connections of its own to https origins: only tunnels reach them"
                throw .invalid("the origin is not right", [FieldProblem(pointer: "/origin", detail: text)])
            }
            target = origin
        }
        if action == .prewarm, target == nil {
            throw .invalid(
                "prewarm needs an origin", [FieldProblem(pointer: "/origin", detail: "must be given for prewarm")])
        }
        if action == .prewarm, request.count.map({ !(1...1000).contains($0) }) ?? true {
            throw .invalid(
                "prewarm needs a count",
                [FieldProblem(pointer: "/count", detail: "must be 1 to 1000: how many connections to have idle")])
        }
        if action != .prewarm, request.count != nil {
            throw .invalid(
                "a count is for prewarm only", [FieldProblem(pointer: "/count", detail: "is for prewarm only")])
        }
        let origin = target
        let count = request.count ?? 0
        let (origins, connections) = await gate.run { loop in
            Self.perform(action, on: origin, count: count, loop.upstream)
        }
        if let origin, origins == 0 {
            throw .notFound("no request has gone to `\(origin)`: there is no pool to \(action)")
        }
        await leaveTrail(
            AuditEntry(
                time: WallClock.now(), actor: actor.name, action: action.audited,
                subject: origin?.description ?? "", reason: reason))
        var report = ActionReport()
        report.action = action.rawValue
        report.origins = origins
        report.connections = connections
        return report
    }

    private static func perform(
        _ action: ActionRequest.Action, on origin: Origin?, count: Int, _ loop: UpstreamLoop
    ) -> (Int, Int) {
        // These make sense before the first request.
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
        return (pools.count, connections)
    }

    private func summary(
        _ snapshot: OriginSnapshot, _ lastUsed: Int64?, _ layers: SettingLayers, _ rows: [SettingRow]
    ) -> OriginSummary {
        let own = rows.filter { $0.key.pattern?.matches(snapshot.origin) ?? true }
        let trials = own.count { $0.key.layer == .trial }
        return OriginSummary(
            snapshot, lastUsed: lastUsed, maxConnections: layers.effective(for: snapshot.origin).maxConnections,
            overrides: own.count - trials, trials: trials)
    }

    private static func key(_ sort: OriginQuery.Sort, _ lastUsed: [Origin: Int64]) -> (OriginSnapshot) -> Double {
        switch sort {
        case .origin: { _ in 0 }
        case .requests: { Double($0.figures.requestCount) }
        case .connections: { Double($0.gauges.connections) }
        case .waiting: { Double($0.gauges.waiting) }
        case .errors: { Double($0.figures.errorCount) }
        case .reuse: { $0.figures.reuseRatio ?? -1 }
        case .firstByte: { Double($0.figures.firstByteTime.quantile(0.99)) }
        case .bytes: { Double($0.figures.bytesSent + $0.figures.bytesReceived) }
        case .lastUsed: { Double(lastUsed[$0.origin] ?? 0) }
        }
    }

    static func position(_ cursor: String?) throws(AdminRefusal) -> Int {
        guard let cursor else { return 0 }
        guard let position = Int(cursor), position >= 0 else {
            let text = "must be a next_cursor of this list"
            throw .invalid("the query is not right", [FieldProblem(pointer: "?cursor", detail: text)])
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
