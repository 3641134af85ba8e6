import GRDB
import Glibc
import ProxyTypes

/// Opening the database, and handling its faults.
extension StoreWriter {
    /// Throws only for a database that must not be modified.
    mutating func start(now: Moment) throws(StoreFailure) {
        defer { isStarted = true }
        do throws(StoreFailure) {
            try open(now: now)
            health.bytes = database?.bytes ?? 0
            // A damaged file was replaced immediately.
            if health.isFailing { succeeded(now: now) }
        } catch {
            if error.forbidsStart { throw error }
            failed(error, now: now)
        }
    }

    /// Runs one transaction, which is durable when this returns. When it throws, neither database nor memory has
    /// changed.
    mutating func write(
        now: Moment, takingOver: Bool = false, _ body: (inout StoreWriter, Database) throws -> Void
    ) throws(StoreFailure) {
        do throws(StoreFailure) {
            do throws(StoreFailure) {
                try transact(now: now, takingOver, body)
            } catch {
                guard error.kind == .corrupt else { throw error }
                failed(error, now: now)
                try moveAside(now: now)
                try transact(now: now, takingOver, body)
            }
        } catch {
            failed(error, now: now)
            throw error
        }
        succeeded(now: now)
    }

    private mutating func transact(
        now: Moment, _ takingOver: Bool, _ body: (inout StoreWriter, Database) throws -> Void
    ) throws(StoreFailure) {
        try makeReady(now: now, takingOver: takingOver)
        guard let writer = database?.writer else { throw .readOnly(path) }
        var draft = self
        do {
            try writer.writeWithoutTransaction { db in
                try db.inTransaction(.immediate) {
                    let before = db.totalChangesCount
                    try body(&draft, db)
                    if db.totalChangesCount != before { try draft.writeMark(db) }
                    return .commit
                }
            }
        } catch {
            throw StoreFailure(error, path: path)
        }
        self = draft
    }

    private mutating func writeMark(_ db: Database) throws {
        let mark = Int64.random(in: 1 ... .max)
        try StoreContents.setFact(StoreContents.markFact, mark, db)
        contents.mark = mark
    }

    /// Handles faults of the file that are visible from outside before a transaction would hit them.
    private mutating func makeReady(now: Moment, takingOver: Bool) throws(StoreFailure) {
        guard !isClosed else { throw StoreFailure(.closed, "database \(path) is closed: connd is ending") }
        var precedence = Precedence.memory
        switch lockState {
        case .held(let lock) where takingOver && !lock.isInPlace:
            // The lock file was deleted, so that the lock no longer excludes anyone.
            try takeLock()
        case .standby(let process):
            // The edit was computed from state that the other process may have changed since.
            guard takingOver else { throw .inUse(path, by: process) }
            try takeLock()
            close()
            precedence = .file
        case .held, .none: break
        }
        if let failure = database?.failure {
            guard failure.kind == .missing else { throw failure }
            if database?.isReplaced == true { precedence = .file }
            failed(failure, now: now)
            close()
        }
        switch database?.foreignChange(lastMark: contents.mark) ?? .none {
        case .none: break
        case .damaged(let failure): throw failure
        case .replaced:
            precedence = .file
            failed(.missing(path), now: now)
            try file?.setAside()
            close()
            file?.putBack()
        }
        if let database, database.writer == nil {
            guard file?.canBeWritten == true else { throw .readOnly(path) }
            close()
        }
        if database == nil { try open(now: now, precedence) }
    }

    /// Which settings win where the file's differ from those in memory.
    enum Precedence {
        /// The file is new or has lost settings.
        case memory
        /// Another database was put in its place, such as a backup.
        case file
    }

    mutating func open(now: Moment, _ precedence: Precedence = .memory) throws(StoreFailure) {
        do throws(StoreFailure) {
            do throws(StoreFailure) {
                try openOnce(now: now, precedence)
            } catch {
                guard error.kind == .corrupt else { throw error }
                failed(error, now: now)
                try moveAside(now: now)
                try openOnce(now: now, .memory)
            }
        } catch {
            if !error.forbidsStart { openToRead(now: now) }
            throw error
        }
    }

    private mutating func openOnce(now: Moment, _ precedence: Precedence) throws(StoreFailure) {
        guard let file else {
            return try adopt(StoreDatabase.inMemory(runner, now: now.wall), isNew: true, .memory, now: now)
        }
        var isNew = false
        file.putBack()
        switch file.inspect() {
        case .absent:
            try file.makeFolder()
            try takeLock()
            try file.make()
            isNew = true
        case .empty:
            try takeLock()
            isNew = true
        case .garbage:
            try takeLock()
            throw .corrupt(path, "it is no SQLite database")
        case .unopenable(let why): throw .unopenable(path, why)
        case .database(let version, let application, let hasLog):
            try refuseIfNotOurs(file, version: version, application: application, hasLog: hasLog)
            try takeLock()
        }
        try adopt(StoreDatabase.open(file, runner, retention, now: now.wall), isNew: isNew, precedence, now: now)
    }

    /// Takes the lock, where the file system supports locks.
    private mutating func takeLock() throws(StoreFailure) {
        if case .held(let lock) = lockState, lock.isInPlace { return }
        // The lock file is gone: another connd may hold a new one.
        lockState = .none
        switch DatabaseLock.take(for: path) {
        case .held(let lock):
            lockState = .held(lock)
            file?.removeUnfinishedBackups()
        case .unavailable: lockState = .none
        case .byAnother(let process):
            lockState = .standby(process: process)
            throw .inUse(path, by: process)
        }
    }

    /// Without writing anything: by the header, and where the log may contain newer pages, through a read-only
    /// connection.
    private func refuseIfNotOurs(
        _ file: DatabaseFile, version: Int, application: Int64, hasLog: Bool
    ) throws(StoreFailure) {
        let isBlank = version == 0 && application == 0
        guard isBlank || application == MigrationRunner.applicationID else { throw MigrationRunner.foreign(path) }
        if version > runner.version { throw MigrationRunner.newer(version, than: runner.version, path) }
        guard isBlank || hasLog else { return }
        let hadIndex = file.bytes(of: "-shm") > 0
        defer { if !hadIndex { file.removeIndex() } }
        do throws(StoreFailure) {
            try StoreDatabase.openToRead(file, runner).close()
        } catch {
            if error.forbidsStart || error.kind == .corrupt { throw error }
        }
    }

    /// A database that cannot be written may still be read: its settings apply.
    private mutating func openToRead(now: Moment) {
        guard database == nil, let file, file.exists, file.canBeRead else { return }
        if let opened = try? StoreDatabase.openToRead(file, runner),
            let found = try? opened.reader.unsafeRead({ try StoreContents($0) })
        {
            database = opened
            health.schemaVersion = opened.schemaVersion
            if case .standby = lockState {
                // What was set applies. All else keeps changing, and is read when this process takes over.
                contents.orders = found.orders
            } else {
                take(found, now: now)
            }
        } else if !isLoaded, let found = StoreContents(copying: file) {
            take(found, now: now)
        }
    }

    private mutating func adopt(
        _ opened: StoreDatabase, isNew: Bool, _ precedence: Precedence, now: Moment
    ) throws(StoreFailure) {
        let wasLoaded = isLoaded
        let isRestored = wasLoaded && !isNew && precedence == .file
        do {
            let found = try opened.reader.unsafeRead { try StoreContents($0) }
            let orders = contents.orders
            if wasLoaded, !isRestored, let writer = opened.writer, found.orders != orders {
                try writer.writeWithoutTransaction { db in
                    try db.inTransaction(.immediate) {
                        try orders.write(db)
                        return .commit
                    }
                }
            }
            database = opened
            take(found, now: now)
            contents.mark = found.mark
            if isRestored { contents.orders = found.orders }
        } catch {
            opened.close()
            throw StoreFailure(error, path: path)
        }
        health.schemaVersion = opened.schemaVersion
        guard wasLoaded else { return }
        // Totals are absolute, so that writing them again is correct in any file.
        dirtyLifetimes = Set(contents.lifetimes.keys)
        dirtyLearned = Set(contents.learned.keys)
        contents.runs.isDirty = true
        for index in series.indices { series[index].forgetWritten(isNew: isNew) }
        if isNew { report(.recreated(path: path)) }
        if isRestored {
            report(.restored(path: path))
            report(.settingsLoaded(readSettings()))
        }
    }

    /// Memory is newer than the file; what is missing in memory is taken from the file.
    private mutating func take(_ found: StoreContents, now: Moment) {
        contents.ids = found.ids
        contents.highestConnection = max(contents.highestConnection, found.highestConnection)
        contents.learned.merge(found.learned) { mine, _ in mine }
        if isLoaded {
            contents.lifetimes.merge(found.lifetimes) { mine, _ in mine }
            return
        }
        isLoaded = true
        retentionClock = RetentionClock(now, last: found.lastTime)
        contents.lastTime = found.lastTime
        contents.orders = found.orders
        contents.runs.take(found.runs)
        contents.lifetimes.merge(found.lifetimes) { mine, kept in
            var sum = kept
            sum += mine
            return sum
        }
        if isStarted { report(.settingsLoaded(readSettings())) }
    }

    /// Renames the files before the connections are closed, so that closing does not remove the log.
    private mutating func moveAside(now: Moment) throws(StoreFailure) {
        guard let file else { return }
        let target: String
        do throws(StoreFailure) {
            target = try file.moveAside(now: now.wall, keeping: retention.damagedFiles)
        } catch {
            close()
            throw error
        }
        close()
        report(.movedAside(path: target))
        if !isLoaded { take(StoreContents(salvaging: target), now: now) }
    }

    /// A read has failed on damage: if the file is damaged indeed, it is replaced now instead of at the next write.
    mutating func verify(now: Moment) {
        guard let damage = database?.damage else { return }
        try? write(now: now) { draft, _ in
            // The first attempt finds the damage, the second one a new file.
            if draft.database?.damage != nil { throw damage }
        }
    }

    mutating func close() {
        database?.close()
        database = nil
    }

    mutating func failed(_ failure: StoreFailure, now: Moment) {
        guard failure.kind != .closed else { return }
        if health.failure?.kind != failure.kind { report(.failing(failure)) }
        if health.failure == nil { (health.since, failingSince) = (now.wall, now.instant) }
        health.failure = failure
        // SQLite opened the file read-only, or has lost it: a new connection may succeed.
        if [.readOnly, .unopenable, .other].contains(failure.kind), database?.failure == nil, database?.writer != nil {
            close()
        }
    }

    private mutating func succeeded(now: Moment) {
        health.lastWrite = now.wall
        guard health.isFailing else { return }
        health.failure = nil
        report(.recovered(after: (now.instant - failingSince).wholeMilliseconds))
        health.since = now.wall
        health.recoveries += 1
        isDropping = false
    }

    /// While nothing can be written, drops and counts what exceeds the bounds, oldest first.
    mutating func boundMemory() {
        var dropped = DroppedRows()
        for index in series.indices { dropped.statistics += series[index].trim(to: retention.pendingRollupRows / 3) }
        dropped.closedConnections = Self.trim(&closed, to: retention.pendingClosedConnections)
        dropped.exchanges = Self.trim(&exchanges, to: retention.pendingExchanges)
        if contents.lifetimes.count > 2 * retention.lifetimes {
            for origin in contents.longestUnseen(contents.lifetimes.count - retention.lifetimes) {
                contents.lifetimes[origin] = nil
                contents.sightings[origin] = nil
                dirtyLifetimes.remove(origin)
                contents.learned[origin] = nil
                dirtyLearned.remove(origin)
                dropped.statistics += 1
            }
        }
        countDropped(dropped)
    }

    mutating func countDropped(_ dropped: DroppedRows) {
        guard dropped.total > 0 else { return }
        health.dropped += dropped
        if !isDropping { report(.dropping(dropped)) }
        isDropping = true
    }

    private static func trim<Element>(_ rows: inout [Element], to bound: Int) -> Int {
        let extra = max(rows.count - bound, 0)
        rows.removeFirst(extra)
        return extra
    }
}

extension DatabaseFile {
    func removeIndex() { unlink(path + "-shm") }
}
