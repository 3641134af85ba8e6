import GRDB
package import ProxyTypes

/// An origin paused by an operator, and why. Value.
package struct Pause: Hashable, Sendable {
    package var origin: Origin
    package var actor: String
    package var reason: String?
    /// Milliseconds since 1970, UTC.
    package var time: Int64

    package init(origin: Origin, actor: String, reason: String?, time: Int64) {
        self.origin = origin
        self.actor = actor
        self.reason = reason
        self.time = time
    }
}

/// Writes and reads the current pauses.
enum PauseRecords {
    private static let columns = ["origin", "actor", "reason", "time"]
    private static let put = SQLText.insert("INSERT OR REPLACE", into: "pauses", columns)
    private static let all = "SELECT \(columns.joined(separator: ", ")) FROM pauses"

    static func put(_ pause: Pause, _ db: Database) throws {
        try db.run(put, [pause.origin.description, pause.actor, pause.reason, pause.time])
    }

    static func remove(_ origin: Origin, _ db: Database) throws {
        try db.run("DELETE FROM pauses WHERE origin = ?", [origin.description])
    }

    /// On an error, rows read so far stay in `found`.
    static func load(into found: inout [Origin: Pause], _ db: Database) throws {
        // An older database that is opened read-only does not have the table.
        guard try db.tableExists("pauses") else { return }
        let rows = try Row.fetchCursor(db, sql: all)
        while let row = try rows.next() {
            guard let origin = Origin(canonical: row[0]) else { continue }
            found[origin] = Pause(origin: origin, actor: row[1], reason: row[2], time: row[3])
        }
    }

    /// Replaces all rows of the table.
    static func replace(with pauses: [Origin: Pause], _ db: Database) throws {
        try db.run("DELETE FROM pauses")
        for pause in pauses.values { try put(pause, db) }
    }
}
