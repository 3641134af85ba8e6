import Foundation
import GRDB
import Synchronization

/// One opening of the database: a connection that writes, one that reads, and the witness of the file. Shared; the
/// writer decides when it is opened and closed.
final class StoreDatabase: Sendable {
    /// Nil where the file may only be read.
    let writer: DatabaseQueue?
    let reader: DatabaseQueue
    let schemaVersion: Int
    private let witness: FileWitness?
    private let file: DatabaseFile?
    private let isClosed = Mutex(false)
    /// The mark in the file itself, where the last checkpoint copied all of the log into it.
    private let copiedMark = Mutex<Mark>(.unknown)

    private enum Mark {
        case unknown
        case known(Int64?)
    }

    private init(
        writer: DatabaseQueue?, reader: DatabaseQueue, schemaVersion: Int, witness: FileWitness?, file: DatabaseFile?
    ) {
        self.writer = writer
        self.reader = reader
        self.schemaVersion = schemaVersion
        self.witness = witness
        self.file = file
    }

    deinit { close() }

    static func inMemory(_ runner: MigrationRunner, now: Int64) throws(StoreFailure) -> StoreDatabase {
        do {
            let queue = try DatabaseQueue(configuration: configuration(readOnly: false))
            try queue.writeWithoutTransaction { try runner.run($0, now: now) }
            return StoreDatabase(
                writer: queue, reader: queue, schemaVersion: runner.version, witness: nil, file: nil)
        } catch {
            throw StoreFailure(error, path: ":memory:")
        }
    }

    static func open(
        _ file: DatabaseFile, _ runner: MigrationRunner, _ retention: Retention, now: Int64
    ) throws(StoreFailure) -> StoreDatabase {
        do {
            let writer = try DatabaseQueue(path: file.path, configuration: configuration(readOnly: false))
            try writer.writeWithoutTransaction { db in
                // Only an empty database takes it.
                try db.execute(sql: "PRAGMA auto_vacuum = INCREMENTAL")
                try db.execute(sql: "PRAGMA journal_mode = WAL")
                try db.execute(sql: "PRAGMA synchronous = FULL")
                // Checkpoints are the writer's own, so that it sees them fail.
                try db.execute(sql: "PRAGMA wal_autocheckpoint = 0")
                try db.execute(sql: "PRAGMA journal_size_limit = \(retention.maxLogBytes)")
                try db.execute(sql: "PRAGMA temp_store = MEMORY")
                try runner.run(db, now: now)
                try OriginSpellings.unite(db)
            }
            let reader = try DatabaseQueue(path: file.path, configuration: configuration(readOnly: true))
            return StoreDatabase(
                writer: writer, reader: reader, schemaVersion: runner.version,
                witness: try FileWitness(path: file.path), file: file)
        } catch {
            throw StoreFailure(error, path: file.path)
        }
    }

    static func openToRead(_ file: DatabaseFile, _ runner: MigrationRunner) throws(StoreFailure) -> StoreDatabase {
        do {
            let reader = try DatabaseQueue(path: file.path, configuration: configuration(readOnly: true))
            let version = try reader.unsafeRead { try runner.check($0) }
            return StoreDatabase(writer: nil, reader: reader, schemaVersion: version, witness: nil, file: file)
        } catch {
            throw StoreFailure(error, path: file.path)
        }
    }

    private static func configuration(readOnly: Bool) -> Configuration {
        var configuration = Configuration()
        configuration.readonly = readOnly
        configuration.foreignKeysEnabled = false
        configuration.busyMode = .timeout(0.25)
        configuration.label = readOnly ? "connd.store.read" : "connd.store.write"
        return configuration
    }

    var failure: StoreFailure? { witness?.failure }

    /// What another process made of the file.
    enum Touch {
        case none
        case damaged(StoreFailure)
        /// Another database was copied over it, and is whole.
        case replaced
    }

    /// The connections' caches, and the log, would hide it. `mark`: of the last transaction.
    func touch(mark: Int64?) -> Touch {
        guard let witness, witness.wasTouched else { return .none }
        witness.waitUntilStill()
        if case .known(let found) = markInFile(), !isOurs(found, mark, witness) { return .replaced }
        if let damage { return .damaged(damage) }
        witness.noteOwnWrite()
        return .none
    }

    /// Each transaction leaves another mark. The file has that of the last one after a checkpoint, also one of another
    /// process; else it is as our own last checkpoint left it.
    private func isOurs(_ found: Int64?, _ last: Int64?, _ witness: FileWitness) -> Bool {
        if found == last, found != nil { return true }
        guard witness.hasOurHeader else { return false }
        switch copiedMark.withLock({ $0 }) {
        case .unknown: return true
        case .known(let copied): return found == copied
        }
    }

    /// Unknown where the file alone is no sound database of ours.
    private func markInFile() -> Mark {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("connd-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let copy = folder + "/copy.db"
        do {
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            guard witness?.copy(to: copy) == true else { return .unknown }
            let queue = try DatabaseQueue(path: copy, configuration: Self.configuration(readOnly: false))
            defer { try? queue.close() }
            return try queue.unsafeRead { db in
                guard try db.number("PRAGMA application_id") == MigrationRunner.applicationID,
                    try String.fetchOne(db, sql: "PRAGMA quick_check(1)") == "ok"
                else { return .unknown }
                return .known(try StoreContents.fact(StoreContents.markFact, db))
            }
        } catch {
            return .unknown
        }
    }

    /// The path names another file.
    var isReplaced: Bool { witness?.isReplaced ?? false }

    /// What a connection that has seen nothing yet says of the file.
    var damage: StoreFailure? {
        guard let file else { return nil }
        do {
            let fresh = try DatabaseQueue(path: file.path, configuration: Self.configuration(readOnly: true))
            defer { try? fresh.close() }
            let said = try fresh.unsafeRead { try String.fetchOne($0, sql: "PRAGMA quick_check(1)") } ?? "nothing"
            return said == "ok" ? nil : .corrupt(file.path, said)
        } catch {
            let failure = StoreFailure(error, path: file.path)
            return failure.kind == .corrupt ? failure : nil
        }
    }

    /// `mark`: of the last transaction, where all of the log is in the file now.
    func noteCheckpoint(mark: Int64?, isWhole: Bool) {
        copiedMark.withLock { $0 = isWhole ? .known(mark) : .unknown }
        witness?.noteOwnWrite()
    }

    var bytes: Int64 { file.map { $0.bytes(of: "") + $0.bytes(of: "-wal") } ?? 0 }

    /// SQLite copies the log into the file when its last connection closes, unless the path names another file by then.
    func close() {
        // Once: when the files are closed, their inodes may be those of the next opening's.
        let isFirst = isClosed.withLock { closed in
            defer { closed = true }
            return !closed
        }
        guard isFirst else { return }
        witness?.removeOrphanedLog()
        if let writer, reader !== writer { try? reader.close() }
        try? (writer ?? reader).close()
        witness?.release()
    }
}
