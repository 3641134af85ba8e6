import Foundation
import GRDB
import Metering
import ProxyTypes

/// Writes and reads what was learned of origins.
enum LearnedRecords {
    private static let columns = ["origin", "state", "changed", "time"]
    private static let put = SQLText.insert("INSERT OR REPLACE", into: "learned_limits", columns)
    private static let all = "SELECT origin, state, changed FROM learned_limits"

    static func put(_ limit: LearnedLimit, time: Int64, _ db: Database) throws {
        guard !limit.state.isEmpty else { return try remove(limit.origin, db) }
        try db.run(put, [limit.origin.description, Data(limit.state), limit.changed, time])
    }

    static func remove(_ origin: Origin, _ db: Database) throws {
        try db.run("DELETE FROM learned_limits WHERE origin = ?", [origin.description])
    }

    /// On an error, rows read so far stay in `found`.
    static func load(into found: inout [Origin: LearnedLimit], _ db: Database) throws {
        // An older database that is opened read-only does not have the table.
        guard try db.tableExists("learned_limits") else { return }
        let rows = try Row.fetchCursor(db, sql: all)
        while let row = try rows.next() {
            guard let origin = Origin(canonical: row[0]) else { continue }
            let state: Data = row[1]
            found[origin] = LearnedLimit(origin: origin, state: [UInt8](state), changed: row[2])
        }
    }
}
