import GRDB
import Migrations

/// Migrates a database to this version's schema, completely or not at all; never modifies one of a later version, of
/// another program, or with different migrations.
struct MigrationRunner {
    /// "cond", in the file's header.
    static let applicationID: Int64 = 0x636F_6E64

    let migrations: [Migration]
    let path: String

    var version: Int { migrations.count }

    func run(_ db: Database, now: Int64) throws {
        if try check(db) == version { return }
        try db.inTransaction(.immediate) {
            // Another process may have done it in the meantime.
            for migration in migrations.dropFirst(try check(db)) {
                try db.execute(sql: String(decoding: migration.sql, as: UTF8.self))
                try db.execute(
                    sql: "INSERT INTO migrations (number, name, checksum, applied_at) VALUES (?, ?, ?, ?)",
                    arguments: [migration.number, migration.name, Self.checksum(migration.sql), now])
            }
            try db.execute(sql: "PRAGMA user_version = \(version)")
            try db.execute(sql: "PRAGMA application_id = \(Self.applicationID)")
            return .commit
        }
    }

    /// The version of the database; throws where it must not be modified.
    func check(_ db: Database) throws -> Int {
        let found = Int(try db.number("PRAGMA user_version") ?? 0)
        let application = try db.number("PRAGMA application_id") ?? 0
        if found == 0, application == 0 {
            guard try db.number("SELECT count(*) FROM sqlite_schema") == 0 else { throw Self.foreign(path) }
            return 0
        }
        guard application == Self.applicationID else { throw Self.foreign(path) }
        guard found <= version else { throw Self.newer(found, than: version, path) }
        try checkPast(db, upTo: found)
        return found
    }

    private func checkPast(_ db: Database, upTo version: Int) throws {
        let applied = try Row.fetchAll(db, sql: "SELECT number, checksum FROM migrations ORDER BY number")
        let found = applied.map { ($0[0] as Int, $0[1] as String) }
        let expected = migrations.prefix(version).map { ($0.number, Self.checksum($0.sql)) }
        guard !found.elementsEqual(expected, by: ==) else { return }
        throw StoreFailure(
            .foreign,
            "database \(path) was made by another build of connd, whose schema \(version) differs: "
                + "use that build, or name another database")
    }

    static func newer(_ found: Int, than version: Int, _ path: String) -> StoreFailure {
        StoreFailure(
            .newerSchema,
            "database \(path) has schema \(found), and this connd knows schemas up to \(version): "
                + "install the newer connd or name another database (it was not touched)")
    }

    static func foreign(_ path: String) -> StoreFailure {
        StoreFailure(
            .foreign, "\(path) is another program's database: name another one (it was not touched)")
    }

    /// FNV-1a, 64 bits: detects accidental edits, not attacks.
    static func checksum(_ bytes: some Sequence<UInt8>) -> String {
        let hash = bytes.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01B3 }
        let digits = String(hash, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
