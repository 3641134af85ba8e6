import GRDB
import Glibc
import ProxyTypes

/// Opening, and what is done about each fault.
extension StoreWriter {
    /// Throws only for a database that must not be touched.
    mutating func start(now: Moment) throws(StoreFailure) {
        defer { isStarted = true }
        do throws(StoreFailure) {
            try open(now: now)
            health.bytes = database?.bytes ?? 0
            // A damaged file was replaced at once.
            if health.isFailing { succeeded(now: now) }
        } catch {
            if error.forbidsStart { throw error }
            failed(error, now: now)
        }
    }

    /// One transaction, durable when this returns; when it throws, nothing of it is in the database or in memory.
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
                    if db.totalChangesCount != before { try draft.leaveMark(db) }
                    return .commit
                }
            }
        } catch {
            throw StoreFailure(error, path: path)
        }
        self = draft
    }

    private mutating func leaveMark(_ db: Database) throws {
        let mark = Int64.random(in: 1 ... .max)
        try StoreContents.setFact(StoreContents.markFact, mark, db)
        contents.mark = mark
    }

    /// A fault of the file, seen from outside, is dealt with before the transaction that would meet it.
    private mutating func makeReady(now: Moment, takingOver: Bool) throws(StoreFailure) {
        guard !isClosed else { throw StoreFailure(.closed, "database \(path) is closed: connd is ending") }
        var belief = Belief.memory
        switch tenure {
        case .held(let lock) where takingOver && !lock.isInPlace:
            // Its file was deleted, and keeps nobody away any more.
            try enter()
        case .standby(let process):
            // An edit was worked out from what the other one may have changed since.
            guard takingOver else { throw .inUse(path, by: process) }
            try enter()
            close()
            belief = .file
        case .held, .none: break
        }
        if let failure = database?.failure {
            guard failure.kind == .missing else { throw failure }
            if database?.isReplaced == true { belief = .file }
            failed(failure, now: now)
            close()
        }
        switch database?.touch(mark: contents.mark) ?? .none {
        case .none: break
        case .damaged(let failure): throw failure
        case .replaced:
            belief = .file
            failed(.missing(path), now: now)
            try file?.setAside()
            close()
            file?.putBack()
        }
        if let database, database.writer == nil {
            guard file?.canBeWritten == true else { throw .readOnly(path) }
            close()
        }
        if database == nil { try open(now: now, belief) }
    }

    /// Whose settings hold where the file's are not those in memory.
    enum Belief {
        /// The file lost some, or is new.
        case memory
        /// Somebody put another database in its place, such as a backup.
        case file
    }

    mutating func open(now: Moment, _ belief: Belief = .memory) throws(StoreFailure) {
        do throws(StoreFailure) {
            do throws(StoreFailure) {
                try openOnce(now: now, belief)
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

    private mutating func openOnce(now: Moment, _ belief: Belief) throws(StoreFailure) {
        guard let file else {
            return try adopt(StoreDatabase.inMemory(runner, now: now.wall), isNew: true, .memory, now: now)
        }
        var isNew = false
        file.putBack()
        switch file.look() {
        case .absent:
            try file.makeFolder()
            try enter()
            try file.make()
            isNew = true
        case .empty:
            try enter()
            isNew = true
        case .garbage:
            try enter()
            throw .corrupt(path, "it is no SQLite database")
        case .unopenable(let why): throw .unopenable(path, why)
        case .database(let version, let application, let hasLog):
            try refuseIfNotOurs(file, version: version, application: application, hasLog: hasLog)
            try enter()
        }
        try adopt(StoreDatabase.open(file, runner, retention, now: now.wall), isNew: isNew, belief, now: now)
    }

    /// Takes the lock, where there can be one.
    private mutating func enter() throws(StoreFailure) {
        if case .held(let lock) = tenure, lock.isInPlace { return }
        // The file is gone: another connd may hold one that took its place.
        tenure = .none
        switch DatabaseLock.take(for: path) {
        case .held(let lock):
            tenure = .held(lock)
            file?.removeUnfinishedBackups()
        case .unavailable: tenure = .none
        case .byAnother(let process):
            tenure = .standby(process: process)
            throw .inUse(path, by: process)
        }
    }

    /// Without writing a byte: by the header, and where the log may say something else, by a connection that only
    /// reads.
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

    /// What cannot be written may still be read: the settings in it are in force.
    private mutating func openToRead(now: Moment) {
        guard database == nil, let file, file.exists, file.canBeRead else { return }
        if let opened = try? StoreDatabase.openToRead(file, runner),
            let found = try? opened.reader.unsafeRead({ try StoreContents($0) })
        {
            database = opened
            health.schemaVersion = opened.schemaVersion
            if case .standby = tenure {
                // Its settings and pauses hold. All else is read when it is this one's: until then it goes on changing.
                (contents.settings, contents.pauses) = (found.settings, found.pauses)
            } else {
                take(found, now: now)
            }
        } else if !isLoaded, let found = StoreContents(copying: file) {
            take(found, now: now)
        }
    }

    private mutating func adopt(
        _ opened: StoreDatabase, isNew: Bool, _ belief: Belief, now: Moment
    ) throws(StoreFailure) {
        let wasLoaded = isLoaded
        let isRestored = wasLoaded && !isNew && belief == .file
        do {
            let found = try opened.reader.unsafeRead { try StoreContents($0) }
            if wasLoaded, !isRestored, let writer = opened.writer,
                found.settings != contents.settings || found.pauses != contents.pauses
            {
                let (settings, pauses) = (contents.settings, contents.pauses)
                try writer.writeWithoutTransaction { db in
                    try db.inTransaction(.immediate) {
                        try SettingRecords.replace(with: settings, db)
                        try PauseRecords.replace(with: pauses, db)
                        return .commit
                    }
                }
            }
            database = opened
            take(found, now: now)
            contents.mark = found.mark
            if isRestored { (contents.settings, contents.pauses) = (found.settings, found.pauses) }
        } catch {
            opened.close()
            throw StoreFailure(error, path: path)
        }
        health.schemaVersion = opened.schemaVersion
        guard wasLoaded else { return }
        // Totals are written whole, so that writing them again is right whatever file this is.
        dirtyLifetimes = Set(contents.lifetimes.keys)
        contents.runs.isDirty = true
        for index in series.indices { series[index].forgetWritten(isNew: isNew) }
        if isNew { tell(.recreated(path: path)) }
        if isRestored {
            tell(.restored(path: path))
            tell(.settingsLoaded(readSettings()))
        }
    }

    /// What memory holds is later than what a file says; what it does not hold comes from the file.
    private mutating func take(_ found: StoreContents, now: Moment) {
        contents.ids = found.ids
        contents.highestConnection = max(contents.highestConnection, found.highestConnection)
        if isLoaded {
            contents.lifetimes.merge(found.lifetimes) { mine, _ in mine }
            return
        }
        isLoaded = true
        retentionClock = RetentionClock(now, last: found.lastTime)
        contents.lastTime = found.lastTime
        contents.settings = found.settings
        contents.pauses = found.pauses
        contents.runs.take(found.runs)
        contents.lifetimes.merge(found.lifetimes) { mine, kept in
            var sum = kept
            sum += mine
            return sum
        }
        if isStarted { tell(.settingsLoaded(readSettings())) }
    }

    /// The files get another name before the connections are closed, so that closing does not remove the log.
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
        tell(.movedAside(path: target))
        if !isLoaded { take(StoreContents(salvaging: target), now: now) }
    }

    /// Somebody who read met damage: a file that is damaged indeed is replaced now, not when a write meets it.
    mutating func verify(now: Moment) {
        guard let damage = database?.damage else { return }
        try? write(now: now) { draft, _ in
            // The first try meets the damage, the second one a new file.
            if draft.database?.damage != nil { throw damage }
        }
    }

    mutating func close() {
        database?.close()
        database = nil
    }

    mutating func failed(_ failure: StoreFailure, now: Moment) {
        guard failure.kind != .closed else { return }
        if health.failure?.kind != failure.kind { tell(.failing(failure)) }
        if health.failure == nil { (health.since, failingSince) = (now.wall, now.instant) }
        health.failure = failure
        // SQLite opened these for reading alone, or has lost the file: a new connection may do better.
        if [.readOnly, .unopenable, .other].contains(failure.kind), database?.failure == nil, database?.writer != nil {
            close()
        }
    }

    private mutating func succeeded(now: Moment) {
        health.lastWrite = now.wall
        guard health.isFailing else { return }
        health.failure = nil
        tell(.recovered(after: (now.instant - failingSince).wholeMilliseconds))
        health.since = now.wall
        health.recoveries += 1
        isDropping = false
    }

    /// While nothing can be written: what is over the bounds goes, oldest first, and is counted.
    mutating func boundMemory() {
        var dropped = DroppedRows()
        for index in series.indices { dropped.figures += series[index].trim(to: retention.pendingRollupRows / 3) }
        dropped.closedConnections = Self.trim(&closed, to: retention.pendingClosedConnections)
        dropped.exchanges = Self.trim(&exchanges, to: retention.pendingExchanges)
        if contents.lifetimes.count > 2 * retention.lifetimes {
            for origin in contents.longestUnseen(contents.lifetimes.count - retention.lifetimes) {
                contents.lifetimes[origin] = nil
                contents.sightings[origin] = nil
                dirtyLifetimes.remove(origin)
                dropped.figures += 1
            }
        }
        countDropped(dropped)
    }

    mutating func countDropped(_ dropped: DroppedRows) {
        guard dropped.total > 0 else { return }
        health.dropped += dropped
        if !isDropping { tell(.dropping(dropped)) }
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
