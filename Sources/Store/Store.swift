import Dispatch
import GRDB
package import Metering
import Migrations
package import ProxyTypes
import Synchronization
package import Tuning

/// The database: stores settings durably and measurements in batches. Never blocks its callers, and faults of disk or
/// file only surface as the `StoreFailure` of an edit or a read. Shared; works on its own queue.
///
/// `tick` is to be called about once a second, and writes what is due.
package final class Store: Sendable {
    private struct Published: Sendable {
        var health: StoreHealth
        var database: StoreDatabase?
        var runs: RunHistory

        init(_ writer: StoreWriter) {
            (health, database, runs) = (writer.health, writer.database, writer.contents.runs)
        }
    }

    private let queue = DispatchQueue(label: "connd.store", qos: .utility)
    private let writer: Mutex<StoreWriter>
    private let inbox: Mutex<Inbox>
    private let published: Mutex<Published>
    let clock: @Sendable () -> Moment
    let retention: Retention
    private let report: @Sendable (StoreEvent) -> Void

    /// `path`: of the file, or `:memory:`. Throws only for a database that must not be modified; with any other fault
    /// the store starts in the failing state and retries with every batch.
    package convenience init(
        path: String, clock: @escaping @Sendable () -> Moment, report: @escaping @Sendable (StoreEvent) -> Void
    ) throws(StoreFailure) {
        try self.init(path: path, clock: clock, retention: .standard, migrations: Migrations.all, report: report)
    }

    init(
        path: String, clock: @escaping @Sendable () -> Moment, retention: Retention, migrations: [Migration],
        report: @escaping @Sendable (StoreEvent) -> Void
    ) throws(StoreFailure) {
        let file = path == ":memory:" ? nil : DatabaseFile(path: path)
        let runner = MigrationRunner(migrations: migrations, path: file?.path ?? path)
        var first = StoreWriter(file: file, runner: runner, retention: retention, now: clock())
        try first.start(now: clock())
        let events = first.takeEvents()
        self.clock = clock
        self.retention = retention
        self.report = report
        published = Mutex(Published(first))
        writer = Mutex(first)
        inbox = Mutex(Inbox(maxRows: retention.inboxRows))
        for event in events { report(event) }
    }

    /// Nil while it cannot be opened.
    var current: StoreDatabase? { published.withLock { $0.database } }

    package var health: StoreHealth {
        var health = published.withLock { $0.health }
        health.pending += inbox.withLock { $0.rows }
        return health
    }

    /// Stored overrides and trials, including expired ones. Rows that this version cannot read are kept in the database
    /// and reported.
    package func loadSettings() -> [SettingRow] { perform { $0.readSettings() } }

    package func loadLifetimes() -> [Origin: Lifetime] { perform { $0.contents.lifetimes } }

    /// What was learned of origins, in the learner's own form.
    package func loadLearned() -> [Origin: LearnedLimit] { perform { $0.contents.learned } }

    /// Origins that are still paused.
    package func loadPauses() -> [Origin: Pause] { perform { $0.contents.pauses } }

    /// Gateways that were set at run time.
    package func loadGateways() -> [GatewayRow] { perform { $0.readGateways() } }

    /// As of the last batch.
    package func lifetime(of origin: Origin) async -> Lifetime? {
        await onWriter { writer, _ in
            self.drain(into: &writer)
            return writer.contents.lifetimes[origin]
        }
    }

    /// Higher than any recorded number; where the database could not be read, higher than any possible one.
    package var nextConnectionNumber: UInt64 {
        let now = clock()
        return perform { $0.isLoaded ? $0.contents.highestConnection + 1 : UInt64(max(now.wall, 1)) }
    }

    /// To be called once, at the start, after stored data was loaded. `previousEnd` is how the service manager saw the
    /// previous run end. Returns immediately and is written right after; while the database cannot be written it is
    /// pending, and while it cannot be read the run begins later.
    package func beginRun(version: String, previousEnd: (end: RunEnd, detail: String)? = nil) {
        let now = clock()
        perform { $0.contents.runs.begin(version: version, seen: previousEnd, now: now.wall, isLoaded: $0.isLoaded) }
        queue.async {
            self.perform { writer in
                guard writer.contents.runs.isDirty else { return }
                try? writer.write(now: now) { draft, db in try draft.writeRuns(db) }
            }
        }
    }

    /// To be called in an orderly stop, before `close`, which writes it. Returns immediately.
    package func endRun() {
        queue.async { self.perform { $0.contents.runs.end(now: self.clock().wall) } }
    }

    /// The number of this run, 0 until the database was read, and how the previous one ended.
    package var run: (number: Int, previousEnd: RunEnd?) {
        published.withLock { (Int($0.runs.current?.number ?? 0), $0.runs.previousEnd) }
    }

    /// How previous runs ended.
    package var runEnds: [RunEnd: Int] { published.withLock { $0.runs.counts } }

    /// Durable when it returns; when it throws, nothing of either was stored.
    package func commit(
        _ change: SettingChange, _ gateways: GatewayChange = GatewayChange()
    ) async throws(StoreFailure) {
        try await onWriter { writer, now in
            Result { () throws(StoreFailure) in try writer.commit(change, gateways, now: now) }
        }.get()
    }

    package func commit(_ gateways: GatewayChange) async throws(StoreFailure) {
        try await commit(SettingChange(), gateways)
    }

    /// Durable when it returns; when it throws, nothing was stored.
    package func save(pauses: [Pause], resumed: [Origin]) async throws(StoreFailure) {
        try await onWriter { writer, now in
            Result { () throws(StoreFailure) in try writer.save(pauses, resumed: resumed, now: now) }
        }.get()
    }

    /// Durable when it returns; when it throws, nothing was stored.
    package func save(refusals: RefusalChange) async throws(StoreFailure) {
        try await onWriter { writer, now in
            Result { () throws(StoreFailure) in try writer.save(refusals, now: now) }
        }.get()
    }

    /// Durable when it returns; when it throws, nothing was stored.
    package func save(advice: StoredAdviceChange) async throws(StoreFailure) {
        try await onWriter { writer, now in
            Result { () throws(StoreFailure) in try writer.save(advice, now: now) }
        }.get()
    }

    /// Never waits for the disk. Batches beyond the bounds are dropped and counted.
    package func record(_ batch: MeasurementBatch) { inbox.withLock { $0.put(batch) } }

    /// Deletes all measurements of the origin. Its settings, the audit, and its part of the sums over all origins stay.
    package func forget(_ origin: Origin) async throws(StoreFailure) {
        try await onWriter { writer, now in
            self.drain(into: &writer)
            return Result { () throws(StoreFailure) in try writer.forget(origin, now: now) }
        }.get()
    }

    /// Writes what is due.
    package func tick() async {
        await onWriter { writer, now in
            guard now.instant >= writer.nextFlush else { return }
            self.drain(into: &writer)
            writer.flush(now: now)
        }
    }

    /// Writes everything pending, due or not.
    package func flush() async {
        await onWriter { writer, now in
            self.drain(into: &writer)
            writer.flush(now: now)
        }
    }

    /// Writes everything pending and closes the database. Later edits are refused, later measurements ignored. Does not
    /// wait for a hanging disk.
    package func close(within seconds: Double = 5) async {
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            let box = Once(continuation)
            queue.async {
                self.perform { writer in
                    self.drain(into: &writer)
                    writer.flush(now: self.clock())
                    writer.close()
                    writer.isClosed = true
                    writer.lockState = .none
                }
                box.resume()
            }
            DispatchQueue.global().asyncAfter(deadline: .now() + seconds) { box.resume() }
        }
    }

    private func drain(into writer: inout StoreWriter) {
        let (batches, dropped) = inbox.withLock { $0.takeAll() }
        writer.countDropped(dropped)
        for batch in batches { writer.absorb(batch) }
    }

    @discardableResult
    private func onWriter<T: Sendable>(_ work: @escaping @Sendable (inout StoreWriter, Moment) -> T) async -> T {
        await withCheckedContinuation { continuation in
            queue.async {
                continuation.resume(returning: self.perform { work(&$0, self.clock()) })
            }
        }
    }

    /// Reports events after the lock is released: a receiver may call the store.
    @discardableResult
    private func perform<T: Sendable>(_ work: (inout StoreWriter) -> T) -> T {
        let (result, events) = writer.withLock { writer in
            let result = work(&writer)
            published.withLock { $0 = Published(writer) }
            return (result, writer.takeEvents())
        }
        for event in events { report(event) }
        return result
    }
}

/// A continuation that is resumed by the end of closing or by its timeout, whichever comes first. Shared.
private final class Once: Sendable {
    private let waiting: Mutex<CheckedContinuation<Void, Never>?>

    init(_ continuation: CheckedContinuation<Void, Never>) {
        waiting = Mutex(continuation)
    }

    func resume() {
        let continuation = waiting.withLock { held in
            defer { held = nil }
            return held
        }
        continuation?.resume()
    }
}

extension Store {
    /// Runs on the reading connection, which does not wait for writes.
    func read<T: Sendable>(_ body: @escaping @Sendable (Database) throws -> T) async throws(StoreFailure) -> T {
        let (database, health) = published.withLock { ($0.database, $0.health) }
        guard let database else {
            throw health.failure ?? StoreFailure(.closed, "database \(health.path) is closed: connd is ending")
        }
        do {
            return try await database.reader.read(body)
        } catch {
            let failure = StoreFailure(error, path: health.path)
            if failure.kind == .corrupt { await onWriter { writer, now in writer.verify(now: now) } }
            throw failure
        }
    }
}
