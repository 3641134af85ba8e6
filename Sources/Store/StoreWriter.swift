import GRDB
import Metering
import ProxyTypes
import Tuning

/// Everything that is or will be written: decides when the file is opened, what a batch contains, and how a fault is
/// handled. Value; the store runs it on its own queue, never on an event loop.
///
///     unopened --open--> writing --fault--> failing --(each batch retries)--> writing
///
/// A transaction works on a copy of this value, which replaces it after the commit, so that memory never counts as
/// written what is not.
struct StoreWriter: Sendable {
    /// Nil: in memory.
    let file: DatabaseFile?
    let path: String
    let runner: MigrationRunner
    let retention: Retention

    /// Whether this process holds the lock of the database.
    enum LockState: Sendable {
        /// Not tried yet, or the file system does not support locks.
        case none
        case held(DatabaseLock)
        /// Another connd holds the lock.
        case standby(process: Int?)
    }

    var lockState = LockState.none
    var database: StoreDatabase?
    /// False until a database was read; until then memory holds only part of the data.
    var isLoaded = false
    /// Whether `start` has returned: settings loaded later must be applied while running.
    var isStarted = false
    var isClosed = false
    var contents = StoreContents()
    var dirtyLifetimes: Set<Origin> = []
    var dirtyLearned: Set<Origin> = []
    var series: [RollupSeries]
    var closed: [ConnectionRecord] = []
    var exchanges: [ExchangeDetail] = []
    var health: StoreHealth
    var isDropping = false
    var nextFlush = Instant.zero
    var failingSince = Instant.zero
    var retentionClock: RetentionClock
    /// The number of batches so far.
    private var batches = 0
    private var events: [StoreEvent] = []

    init(file: DatabaseFile?, runner: MigrationRunner, retention: Retention, now: Moment) {
        self.file = file
        path = file?.path ?? ":memory:"
        self.runner = runner
        self.retention = retention
        series = RollupResolution.allCases.map { RollupSeries($0, keeping: retention[$0].origins) }
        health = StoreHealth(path: path, isDurable: file != nil, since: now.wall)
        retentionClock = RetentionClock(now)
    }

    mutating func report(_ event: StoreEvent) { events.append(event) }

    mutating func takeEvents() -> [StoreEvent] {
        defer { events = [] }
        return events
    }

    /// Both or neither.
    mutating func commit(
        _ change: SettingChange, _ gateways: GatewayChange, now: Moment
    ) throws(StoreFailure) {
        try write(now: now) { draft, db in
            for key in change.removals {
                let key = StoredSetting.Key(key)
                try SettingRecords.remove(key, db)
                draft.contents.settings[key] = nil
            }
            for row in change.puts {
                let row = StoredSetting(row)
                try SettingRecords.put(row, db)
                draft.contents.settings[row.key] = row
            }
            for name in gateways.removals {
                try GatewayRecords.remove(name, db)
                draft.contents.gateways[name] = nil
            }
            for row in gateways.puts {
                let row = StoredGateway(row)
                try GatewayRecords.put(row, db)
                draft.contents.gateways[row.name] = row
            }
            for entry in change.audit + gateways.audit { try AuditRecords.add(entry, db) }
        }
    }

    mutating func save(_ pauses: [Pause], resumed: [Origin], now: Moment) throws(StoreFailure) {
        try write(now: now) { draft, db in
            for pause in pauses {
                try PauseRecords.put(pause, db)
                draft.contents.pauses[pause.origin] = pause
            }
            for origin in resumed {
                try PauseRecords.remove(origin, db)
                draft.contents.pauses[origin] = nil
            }
        }
    }

    mutating func save(_ refusals: RefusalChange, now: Moment) throws(StoreFailure) {
        try write(now: now) { _, db in try RefusalRecords.write(refusals, db) }
    }

    mutating func save(_ advice: StoredAdviceChange, now: Moment) throws(StoreFailure) {
        try write(now: now) { _, db in try AdviceRecords.write(advice, db) }
    }

    mutating func readGateways() -> [GatewayRow] {
        contents.gateways.values.compactMap { stored in
            switch stored.read() {
            case .success(let row): return row
            case .failure(let unreadable):
                report(.unreadableSetting(unreadable.message))
                return nil
            }
        }
    }

    mutating func readSettings() -> [SettingRow] {
        contents.settings.values.compactMap { stored in
            switch stored.read() {
            case .success(let row): return row
            case .failure(let unreadable):
                report(.unreadableSetting(unreadable.message))
                return nil
            }
        }
    }

    mutating func absorb(_ batch: MeasurementBatch) {
        var parts: [(origin: Origin, rollup: Rollup)] = []
        var all = Rollup()
        batches += 1
        parts.reserveCapacity(batch.statistics.count)
        for snapshot in batch.statistics {
            let rollup = Rollup(snapshot)
            guard !rollup.isZero else { continue }
            parts.append((snapshot.origin, rollup))
            all.addBeside(rollup)
            guard !rollup.counts.isZero else { continue }
            let seen = Lifetime(firstSeen: batch.time, lastSeen: batch.time)
            contents.lifetimes[snapshot.origin, default: seen].add(rollup.counts, at: batch.time)
            contents.sightings[snapshot.origin] = batches
            dirtyLifetimes.insert(snapshot.origin)
        }
        if !parts.isEmpty {
            for index in series.indices { series[index].add(parts, all: all, time: batch.time) }
        }
        for limit in batch.learned {
            contents.learned[limit.origin] = limit
            dirtyLearned.insert(limit.origin)
        }
        closed += batch.closed
        exchanges += batch.exchanges
        let numbers = batch.closed.map(\.number) + batch.exchanges.map(\.connection)
        contents.highestConnection = max(contents.highestConnection, numbers.max() ?? 0)
    }

    var pendingRows: Int {
        closed.count + exchanges.count + dirtyLearned.count
            + series.reduce(0) { $0 + $1.pendingRows + ($1.open?.isDirty == true ? 1 : 0) }
    }

    /// Writes everything pending. With nothing to write, still checks whether writing is possible.
    mutating func flush(now: Moment) {
        nextFlush = now.instant + .milliseconds(retention.batchInterval)
        retentionClock.update(now)
        guard !isClosed else { return }
        do throws(StoreFailure) {
            try write(now: now, takingOver: true) { draft, db in try draft.writeBatch(db, now: now) }
            try upkeep(now: now)
        } catch {
            boundMemory()
        }
        for index in series.indices { series[index].shrinkOpen(above: retention.lifetimes) }
        health.pending = pendingRows
        health.bytes = database?.bytes ?? 0
    }

    private mutating func writeBatch(_ db: Database, now: Moment) throws {
        if health.isFailing {
            // An empty transaction would succeed even on a full disk.
            try StoreContents.setFact("checked", now.wall, db)
        }
        try writeRuns(db)
        if pendingRows > 0 { try writeTime(now: now, db) }
        for origin in dirtyLifetimes { try writeLifetime(of: origin, db) }
        dirtyLifetimes = []
        try writeLearned(now: now, db)
        for index in series.indices { try writeRollups(at: index, db) }
        for record in closed {
            let origin = try id(of: record.origin, seen: record.closedAt ?? record.openedAt, db)
            try ConnectionRecords.add(record, origin: origin, db)
        }
        for detail in exchanges {
            try ExchangeRecords.add(detail, origin: try id(of: detail.origin, seen: detail.startedAt, db), db)
        }
        if !closed.isEmpty || !exchanges.isEmpty {
            let highest = Int64(clamping: contents.highestConnection)
            try StoreContents.setFact(StoreContents.highestConnectionFact, highest, db)
        }
        closed = []
        exchanges = []
    }

    private mutating func writeLearned(now: Moment, _ db: Database) throws {
        for origin in dirtyLearned {
            guard let limit = contents.learned[origin] else { continue }
            try LearnedRecords.put(limit, time: now.wall, db)
            if limit.state.isEmpty { contents.learned[origin] = nil }
        }
        dirtyLearned = []
    }

    /// Not with every batch: a minute more or less does not matter for how long rows are kept.
    private mutating func writeTime(now: Moment, _ db: Database) throws {
        let time = retentionClock.time(now)
        guard (time - (contents.lastTime ?? 0)).magnitude >= 60_000 else { return }
        try StoreContents.setFact(StoreContents.lastTimeFact, time, db)
        contents.lastTime = time
    }

    mutating func writeRuns(_ db: Database) throws {
        guard contents.runs.isDirty else { return }
        try RunRecords.put(contents.runs, db)
        contents.runs.isDirty = false
    }

    private mutating func writeRollups(at index: Int, _ db: Database) throws {
        let finished = series[index].finished
        series[index].finished = []
        for var bucket in finished { try write(&bucket, at: index, db) }
        guard var open = series[index].open, open.isDirty else { return }
        try write(&open, at: index, db)
        series[index].open = open
    }

    private mutating func write(_ bucket: inout RollupBucket, at index: Int, _ db: Database) throws {
        let resolution = series[index].resolution
        if !bucket.isSeeded {
            let kept = try RollupRecords.bucket(bucket.number, resolution, db)
            bucket.seed(kept.origins, all: kept.all)
        }
        let change = series[index].change(of: bucket)
        for origin in change.removals {
            guard let id = contents.ids[origin] else { continue }
            try RollupRecords.remove(resolution, bucket: bucket.number, origin: id, db)
        }
        for origin in change.puts {
            let id = try id(of: origin, seen: bucket.number * resolution.width, db)
            try RollupRecords.put(bucket.origins[origin] ?? Rollup(), resolution, bucket: bucket.number, origin: id, db)
        }
        try RollupRecords.put(
            bucket.all, resolution, bucket: bucket.number, origin: RollupRecords.allTogether, db)
        bucket.wasWritten(change)
    }

    private mutating func writeLifetime(of origin: Origin, _ db: Database) throws {
        guard let lifetime = contents.lifetimes[origin] else { return }
        let known = try contents.ids[origin] ?? OriginRecords.id(of: origin, db)
        let id = try OriginRecords.put(lifetime, of: origin, id: known, db)
        if contents.ids[origin] == nil { contents.ids[origin] = id }
    }

    /// Creates the id where needed: records may exist for an origin without any traffic.
    private mutating func id(of origin: Origin, seen time: Int64, _ db: Database) throws -> Int64 {
        if let id = contents.ids[origin] { return id }
        if contents.lifetimes[origin] == nil {
            contents.lifetimes[origin] = Lifetime(firstSeen: time, lastSeen: time)
        }
        try writeLifetime(of: origin, db)
        return contents.ids[origin] ?? RollupRecords.allTogether
    }

    /// Deletes all recorded data of the origin, written or not; its settings stay.
    mutating func forget(_ origin: Origin, now: Moment) throws(StoreFailure) {
        try write(now: now) { draft, db in
            let known = try draft.contents.ids[origin] ?? OriginRecords.id(of: origin, db)
            if let known { try OriginRecords.forget(known, withRollups: true, db) }
            draft.contents.ids[origin] = nil
            draft.contents.lifetimes[origin] = nil
            draft.contents.sightings[origin] = nil
            draft.dirtyLifetimes.remove(origin)
            try LearnedRecords.remove(origin, db)
            draft.contents.learned[origin] = nil
            draft.dirtyLearned.remove(origin)
            for index in draft.series.indices { draft.series[index].forget(origin) }
            draft.closed.removeAll { $0.origin == origin }
            draft.exchanges.removeAll { $0.origin == origin }
        }
    }
}
