import Foundation
import GRDB
import Synchronization

/// One opening of the database: a writing connection, a reading one, and the file's identity. Shared; the writer
/// decides when it is opened and closed.
final class StoreDatabase: Sendable {
    /// Nil where the file is read-only.
    let writer: DatabaseQueue?
    let reader: DatabaseQueue
    let schemaVersion: Int
    private let identity: FileIdentity?
    private let file: DatabaseFile?
    private let isClosed = Mutex(false)
    /// The mark in the file itself, known where the last checkpoint copied the whole log into it.
    private let copiedMark = Mutex<Mark>(.unknown)

    private enum Mark {
        case unknown
        case known(Int64?)
    }

    private init(
        writer: DatabaseQueue?, reader: DatabaseQueue, schemaVersion: Int, identity: FileIdentity?, file: DatabaseFile?
    ) {
        self.writer = writer
        self.reader = reader
        self.schemaVersion = schemaVersion
        self.identity = identity
        self.file = file
    }

    deinit { close() }

    static func inMemory(_ runner: MigrationRunner, now: Int64) throws(StoreFailure) -> StoreDatabase {
        do {
            let queue = try DatabaseQueue(configuration: configuration(readOnly: false))
            try queue.writeWithoutTransaction { try runner.run($0, now: now) }
            return StoreDatabase(
                writer: queue, reader: queue, schemaVersion: runner.version, identity: nil, file: nil)
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
                // Takes effect in an empty database only.
                try db.execute(sql: "PRAGMA auto_vacuum = INCREMENTAL")
                try db.execute(sql: "PRAGMA journal_mode = WAL")
                try db.execute(sql: "PRAGMA synchronous = FULL")
                // The writer runs checkpoints itself, so that it sees them fail.
                try db.execute(sql: "PRAGMA wal_autocheckpoint = 0")
                try db.execute(sql: "PRAGMA journal_size_limit = \(retention.maxLogBytes)")
                try db.execute(sql: "PRAGMA temp_store = MEMORY")
                try runner.run(db, now: now)
                try OriginSpellings.unite(db)
            }
            let reader = try DatabaseQueue(path: file.path, configuration: configuration(readOnly: true))
            return StoreDatabase(
                writer: writer, reader: reader, schemaVersion: runner.version,
                identity: try FileIdentity(path: file.path), file: file)
        } catch {
            throw StoreFailure(error, path: file.path)
        }
    }

    static func openToRead(_ file: DatabaseFile, _ runner: MigrationRunner) throws(StoreFailure) -> StoreDatabase {
        do {
            let reader = try DatabaseQueue(path: file.path, configuration: configuration(readOnly: true))
            let version = try reader.unsafeRead { try runner.check($0) }
            return StoreDatabase(writer: nil, reader: reader, schemaVersion: version, identity: nil, file: file)
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

    var failure: StoreFailure? { identity?.failure }

    /// What another process did to the file.
    enum ForeignChange {
        case none
        case damaged(StoreFailure)
        /// Another database was copied over it, and is intact.
        case replaced
    }

    /// Detects what the connections' caches and the log would hide. `mark`: of the last transaction.
    func foreignChange(lastMark mark: Int64?) -> ForeignChange {
        guard let identity, identity.wasModified else { return .none }
        identity.waitUntilUnchanged()
        if case .known(let found) = markInFile(), !isOurs(found, mark, identity) { return .replaced }
        if let damage { return .damaged(damage) }
        identity.recordOwnWrite()
        return .none
    }

    /// Each transaction writes a new mark. After a checkpoint, by any process, the file has the mark of the last
    /// transaction; otherwise it is as our last checkpoint left it.
    private func isOurs(_ found: Int64?, _ last: Int64?, _ identity: FileIdentity) -> Bool {
        if found == last, found != nil { return true }
        guard identity.hasOurHeader else { return false }
        switch copiedMark.withLock({ $0 }) {
        case .unknown: return true
        case .known(let copied): return found == copied
        }
    }

    /// Unknown where the file without its log is no intact database of connd.
    private func markInFile() -> Mark {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("connd-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let copy = folder + "/copy.db"
        do {
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            guard identity?.copy(to: copy) == true else { return .unknown }
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
    var isReplaced: Bool { identity?.isReplaced ?? false }

    /// What a new connection, without any cache, finds.
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

    /// `mark`: of the last transaction. `isWhole`: the whole log is in the file now.
    func noteCheckpoint(mark: Int64?, isWhole: Bool) {
        copiedMark.withLock { $0 = isWhole ? .known(mark) : .unknown }
        identity?.recordOwnWrite()
    }

    var bytes: Int64 { file.map { $0.bytes(of: "") + $0.bytes(of: "-wal") } ?? 0 }

    /// SQLite copies the log into the file when the last connection closes, unless the path names another file by then.
    func close() {
        // Only once: after closing, the inodes may be reused by the next opening.
        let isFirst = isClosed.withLock { closed in
            defer { closed = true }
            return !closed
        }
        guard isFirst else { return }
        identity?.removeOrphanedLog()
        if let writer, reader !== writer { try? reader.close() }
        try? (writer ?? reader).close()
        identity?.release()
    }
}
