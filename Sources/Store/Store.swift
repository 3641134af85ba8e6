import Dispatch
import GRDB
import Metering
import Migrations
package import ProxyTypes
import Synchronization
package import Tuning

/// The database: keeps what is set durably, and what is measured in batches; never holds up who calls, never lets a
/// fault of a disk or a file out but as a `StoreFailure` of an edit or a read. Shared; it works on a queue of its own.
///
/// `tick` is to be called about once a second; it writes what is due.
package final class Store: Sendable {
    private struct Published: Sendable {
        var health: StoreHealth
        var database: StoreDatabase?
        var runs: RunBook

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

    /// A path, or `:memory:`. Throws only for a database that must not be touched; with any other fault the store
    /// starts failing and tries again at every batch.
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

    /// Those that were set while connd ran, trials that ended meanwhile among them. Those that this version cannot read
    /// are kept and reported.
    package func loadSettings() -> [SettingRow] { perform { $0.readSettings() } }

    package func loadLifetimes() -> [Origin: Lifetime] { perform { $0.contents.lifetimes } }

    /// Of origins that were paused and not resumed.
    package func loadPauses() -> [Origin: Pause] { perform { $0.contents.pauses } }

    /// As of the last batch that came.
    package func lifetime(of origin: Origin) async -> Lifetime? {
        await onWriter { writer, _ in
            self.drain(into: &writer)
            return writer.contents.lifetimes[origin]
        }
    }

    /// Above all that were ever recorded; where the database could not be read, above all that can have been.
    package var nextConnectionNumber: UInt64 {
        let now = clock()
        return perform { $0.isLoaded ? $0.contents.highestConnection + 1 : UInt64(max(now.wall, 1)) }
    }

    /// To be called once, at the start, when what was kept has been loaded. `previousEnd` is what was seen of the end of
    /// the run before, by whoever keeps connd running. It returns at once and is written right after; while the
    /// database cannot be written it waits, and where it cannot be read, it begins when it can.
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

    /// To be called in an orderly stop, before `close`, which writes it. It returns at once.
    package func endRun() {
        queue.async { self.perform { $0.contents.runs.end(now: self.clock().wall) } }
    }

    /// Its number, which is 0 as long as the database could not be read, and how the one before ended.
    package var run: (number: Int, previousEnd: RunEnd?) {
        published.withLock { (Int($0.runs.current?.number ?? 0), $0.runs.previousEnd) }
    }

    /// How all runs before this one ended.
    package var runEnds: [RunEnd: Int] { published.withLock { $0.runs.counts } }

    /// Durable when it returns; when it throws, nothing of it is kept.
    package func commit(_ change: SettingChange) async throws(StoreFailure) {
        try await onWriter { writer, now in
            Result { () throws(StoreFailure) in try writer.commit(change, now: now) }
        }.get()
    }

    /// Durable when it returns; when it throws, nothing of it is kept.
    package func keep(pauses: [Pause], resumed: [Origin]) async throws(StoreFailure) {
        try await onWriter { writer, now in
            Result { () throws(StoreFailure) in try writer.keep(pauses, resumed: resumed, now: now) }
        }.get()
    }

    /// Never waits for the disk. What is over the bounds is dropped and counted.
    package func record(_ batch: MeasurementBatch) { inbox.withLock { $0.put(batch) } }

    /// All that was measured of the origin; its settings and the audit stay, and so does its part of all together.
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

    /// Writes what waits, due or not.
    package func flush() async {
        await onWriter { writer, now in
            self.drain(into: &writer)
            writer.flush(now: now)
        }
    }

    /// Writes what waits, and leaves one file. Later edits are refused, later measurements are nothing to it. A disk
    /// that hangs is not waited for.
    package func close(within seconds: Double = 5) async {
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            let box = Once(continuation)
            queue.async {
                self.perform { writer in
                    self.drain(into: &writer)
                    writer.flush(now: self.clock())
                    writer.close()
                    writer.isClosed = true
                    writer.tenure = .none
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

    /// Events are told when the lock is free again: who hears them may ask the store something.
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

/// Who waits for the end, or for the patience to end: resumed by the first of the two. Shared.
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
    /// On the connection that reads: it waits for no write.
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
