import AdminAPI
import AdminModels
import ForwardProxy
import Logging
import Metering
import ProxyTypes
import Reactor
import Store
import Tuning
import Upstream

/// Connections, history, exchanges, audit, events.
extension LiveAdminBackend {
    func connections(_ query: ConnectionQuery) async throws(AdminRefusal) -> Page<ConnectionReport> {
        let origin = try narrowed(to: query.origin)
        let limit = query.page.limit
        if query.state == ConnectionState.closed.rawValue {
            let before = try Self.id(query.page.cursor)
            let page = try await read { store throws(StoreFailure) in
                try await store.closedConnections(origin: origin, before: before, limit: limit)
            }
            let now = SystemClock.wall()
            return Page(
                items: page.rows.map { ConnectionReport($0.record, now: now) }, nextCursor: page.next.map { "\($0)" })
        }
        var state: ConnectionState?
        if let word = query.state {
            state = ConnectionState(rawValue: word)
            guard state != nil else {
                let text = "must be one of \(ConnectionQuery.states.joined(separator: ", "))"
                throw .invalid("the query is invalid", [FieldProblem(pointer: "?state", detail: text)])
            }
        }
        let after = UInt64(try Self.position(query.page.cursor))
        let wanted = state
        var records: [ConnectionRecord] = []
        var last = after
        while records.count <= limit {
            let (start, count) = (last, min(Self.connectionsAtOnce, limit + 1 - records.count))
            let part = await mailbox.run { loop in
                loop.upstream.connections(of: origin, state: wanted, after: start, limit: count)
            }
            records += part
            guard part.count == count, let number = part.last?.number else { break }
            last = number
        }
        let now = SystemClock.wall()
        let items = records.prefix(limit).map { ConnectionReport($0, now: now) }
        return Page(items: items, nextCursor: records.count > limit ? items.last.map { "\($0.number)" } : nil)
    }

    func connection(_ number: UInt64) async throws(AdminRefusal) -> ConnectionReport {
        if let record = await mailbox.run({ $0.upstream.connection(number) }) {
            return ConnectionReport(record, now: SystemClock.wall())
        }
        let closed = try await read { store throws(StoreFailure) in try await store.connection(number: number) }
        if let record = closed { return ConnectionReport(record, now: SystemClock.wall()) }
        throw .notFound("no connection \(number) is open or recorded: /v1/connections lists the open ones")
    }

    func closeConnection(_ number: UInt64, force: Bool, actor: AdminActor, reason: String?)
        async throws(AdminRefusal) -> ConnectionReport
    {
        let reason = try Self.checked(reason: reason)
        guard let record = await mailbox.run({ $0.upstream.close(connection: number, force: force) }) else {
            throw .notFound("no connection \(number) lives: /v1/connections lists those that do")
        }
        await writeAudit(
            AuditEntry(
                time: SystemClock.wall(), actor: actor.name, action: .closeConnection, subject: "\(number)",
                before: record.state.rawValue, reason: reason))
        return ConnectionReport(record, now: SystemClock.wall())
    }

    func history(_ query: HistoryQuery) async throws(AdminRefusal) -> HistoryReport {
        let origin = try narrowed(to: query.origin)
        let to = max(query.to ?? SystemClock.wall(), 0)
        let from = max(query.from ?? to - 3_600_000, 0)
        guard from < to else {
            let text = "must be before `to`"
            throw .invalid("the query is invalid", [FieldProblem(pointer: "?from", detail: text)])
        }
        let history = try await read { store throws(StoreFailure) in
            try await store.history(of: origin, from: from, to: to, maxPoints: query.points)
        }
        var report = HistoryReport()
        report.origin = origin?.description
        report.fromMs = from
        report.from = APIFormat.time(from)
        report.toMs = to
        report.to = APIFormat.time(to)
        report.stepMs = history.step
        report.step = APIFormat.duration(milliseconds: history.step)
        report.points = history.points.map { AdminModels.HistoryPoint($0.time, $0.rollup) }
        return report
    }

    func exchanges(_ query: ExchangeQuery) async throws(AdminRefusal) -> Page<ExchangeReport> {
        let origin = try narrowed(to: query.origin)
        var outcome: ExchangeDetail.Outcome?
        if let word = query.outcome {
            outcome = ExchangeDetail.Outcome(rawValue: word)
            guard outcome != nil else {
                let text = "must be one of \(ExchangeQuery.outcomes.joined(separator: ", "))"
                throw .invalid("the query is invalid", [FieldProblem(pointer: "?outcome", detail: text)])
            }
        }
        let before = try Self.id(query.page.cursor)
        let (wanted, raced, limit) = (outcome, query.raced, query.page.limit)
        let page = try await read { store throws(StoreFailure) in
            try await store.exchanges(origin: origin, outcome: wanted, raced: raced, before: before, limit: limit)
        }
        let reports = page.rows.map { ExchangeReport(id: $0.id, $0.record) }
        return Page(items: await withPrograms(reports), nextCursor: page.next.map { "\($0)" })
    }

    /// Numbers of clients begin anew at each start.
    private func withPrograms(_ reports: [ExchangeReport]) async -> [ExchangeReport] {
        let own = reports.map { $0.startedMs >= process.startedAt ? $0.client : 0 }
        let names = await programWatch.names(of: own)
        return zip(reports, names).map { report, name in
            var report = report
            report.program = name
            return report
        }
    }

    func exchange(_ id: Int64) async throws(AdminRefusal) -> ExchangeReport {
        let kept = try await read { store throws(StoreFailure) in try await store.exchange(id: id) }
        guard let found = kept else {
            throw .notFound("no exchange \(id) is recorded: /v1/exchanges lists those that are")
        }
        return await withPrograms([ExchangeReport(id: id, found)])[0]
    }

    func audit(_ query: AuditQuery) async throws(AdminRefusal) -> Page<AuditReport> {
        let before = try Self.id(query.page.cursor)
        let subject = query.subject.map(Self.subject)
        let page = try await read { store throws(StoreFailure) in
            try await store.audit(subject: subject, before: before, limit: query.page.limit)
        }
        return Page(
            items: page.rows.map { AuditReport(id: $0.id, $0.record) }, nextCursor: page.next.map { "\($0)" })
    }

    func backUp(actor: AdminActor) async throws(AdminRefusal) -> AdminBytes {
        // Includes everything measured until now.
        await recorder.recordNow()
        await backups.enter()
        do {
            let backup = try await store.backUp()
            await backups.leave()
            logger.notice(
                "the database was backed up", metadata: ["actor": "\(actor.name)", "bytes": "\(backup.bytes)"])
            return AdminBytes(count: backup.bytes) { offset, count in try backup.read(at: offset, count) }
        } catch {
            await backups.leave()
            throw .unavailable("the database could not be backed up: \(error)")
        }
    }

    /// As the audit trail spells it; digits only are a connection's number.
    private static func subject(_ text: String) -> String {
        let isNumber = text.allSatisfy { ("0"..."9").contains($0) }
        guard !isNumber, let pattern = try? HostPattern(parsing: text) else { return text }
        return pattern.description
    }

    func events(after id: UInt64?) async -> AsyncStream<EventReport> { events.subscribe(after: id) }

    /// Includes everything measured until now.
    private func read<T: Sendable>(
        _ body: @Sendable (Store) async throws(StoreFailure) -> T
    ) async throws(AdminRefusal) -> T {
        await recorder.recordNow()
        do {
            return try await body(store)
        } catch {
            throw .unavailable("the database cannot be read: \(error)")
        }
    }

    /// Each connection costs the data loop a system call.
    private static let connectionsAtOnce = 128

    private static func id(_ cursor: String?) throws(AdminRefusal) -> Int64? {
        guard let cursor else { return nil }
        guard let id = Int64(cursor), id > 0 else {
            let text = "must be a next_cursor of this list"
            throw .invalid("the query is invalid", [FieldProblem(pointer: "?cursor", detail: text)])
        }
        return id
    }
}

extension AdminModels.HistoryPoint {
    init(_ time: Int64, _ rollup: Rollup) {
        self.init()
        timeMs = time
        self.time = APIFormat.time(time)
        let counts = rollup.counts
        requests = counts.requests
        errors = counts[.errors]
        opened = counts[.opened]
        reused = counts[.reused]
        let leases = counts[.reused] + counts[.firstLeases]
        reuseRatio = leases == 0 ? nil : Double(counts[.reused]) / Double(leases)
        closed = counts[.closed]
        retries = counts[.retries]
        staleSurfaced = counts[.staleSurfaced]
        passedOver = counts[.passedOver]
        racesPrevented = counts[.racesPrevented]
        raceLostMs = Int64(counts[.raceLost]) / 1000
        bytesSent = counts[.bytesSent]
        bytesReceived = counts[.bytesReceived]
        handshakePaidMs = Int64(counts[.handshakePaid]) / 1000
        handshakeSavedMs = Int64(counts[.handshakeSaved]) / 1000
        handshakeWaitedMs = Int64(counts[.handshakeWaited]) / 1000
        slowStartLostMs = Int64(counts[.slowStartLost]) / 1000
        waitingMax = rollup.peakWaiting
        activeMax = rollup.peakActive
        connectionsMax = rollup.peakConnections
        queueP50Ms = rollup.queueTime.milliseconds(at: 0.5)
        queueP99Ms = rollup.queueTime.milliseconds(at: 0.99)
        firstByteP50Ms = rollup.firstByteTime.milliseconds(at: 0.5)
        firstByteP99Ms = rollup.firstByteTime.milliseconds(at: 0.99)
        totalP50Ms = rollup.totalTime.milliseconds(at: 0.5)
        totalP99Ms = rollup.totalTime.milliseconds(at: 0.99)
        rttP50Ms = rollup.roundTripTime.milliseconds(at: 0.5)
        rttP99Ms = rollup.roundTripTime.milliseconds(at: 0.99)
        segmentsSent = counts[.segmentsSent]
        segmentsRetransmitted = counts[.segmentsRetransmitted]
    }
}
