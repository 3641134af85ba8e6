import GRDB
import Metering
import ProxyTypes

/// Writes and reads the origins: the id of each, and its lifetime totals.
enum OriginRecords {
    private static let counts = TrafficCount.allCases.map(\.name)
    private static let insert = SQLText.insert(into: "origins", ["name", "first_seen", "last_seen"] + counts)
    private static let update =
        "UPDATE origins SET first_seen = ?, last_seen = ?, "
        + counts.map { "\($0) = ?" }.joined(separator: ", ") + " WHERE id = ?"

    struct Kept {
        var ids: [Origin: Int64] = [:]
        var lifetimes: [Origin: Lifetime] = [:]
    }

    /// Returns the id, existing or new.
    @discardableResult
    static func put(_ lifetime: Lifetime, of origin: Origin, id: Int64?, _ db: Database) throws -> Int64 {
        var values: [SQLValue] = id == nil ? [origin.description] : []
        values += [lifetime.firstSeen, lifetime.lastSeen]
        for count in TrafficCount.allCases { values.append(lifetime.counts[count]) }
        if let id {
            values.append(id)
            try db.run(update, values)
            return id
        }
        try db.run(insert, values)
        return db.lastInsertedRowID
    }

    /// What was read before an error stays in `kept`. A file that may only be read can still hold several spellings of
    /// an origin: their totals are added up.
    static func load(into kept: inout Kept, _ db: Database) throws {
        let list = try SQLText.list(counts, of: "origins", db)
        let rows = try Row.fetchCursor(db, sql: "SELECT id, name, first_seen, last_seen, \(list) FROM origins")
        while let row = try rows.next() {
            let name: String = row[1]
            guard let origin = Origin(name) else { continue }
            var lifetime = Lifetime(firstSeen: row[2], lastSeen: row[3])
            for (index, count) in TrafficCount.allCases.enumerated() {
                let value: Int = row[index + 4] ?? 0
                if value != 0 { lifetime.counts[count] = value }
            }
            if let other = kept.lifetimes[origin] { lifetime += other }
            kept.lifetimes[origin] = lifetime
            if origin.description == name { kept.ids[origin] = row[0] }
        }
    }

    static func id(of origin: Origin, _ db: Database) throws -> Int64? {
        try db.number("SELECT id FROM origins WHERE name = ?", [origin.description])
    }

    /// Deletes all that was recorded of it except settings and audit. Its part of the sums over all origins stays.
    static func forget(_ id: Int64, withRollups: Bool, _ db: Database) throws {
        try db.run("DELETE FROM origins WHERE id = ?", [id])
        try db.run("DELETE FROM closed_connections WHERE origin = ?", [id])
        try db.run("DELETE FROM exchanges WHERE origin = ?", [id])
        guard withRollups else { return }
        for resolution in RollupResolution.allCases {
            try db.run("DELETE FROM \(resolution.table) WHERE origin = ?", [id])
        }
    }
}
