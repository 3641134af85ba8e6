import GRDB
package import ProxyTypes

/// That an operator has paused an origin, and why. Value.
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

/// Writes and reads the pauses that hold.
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

    /// What was read before an error stays in `found`.
    static func load(into found: inout [Origin: Pause], _ db: Database) throws {
        // An older database that may only be read has none.
        guard try db.tableExists("pauses") else { return }
        let rows = try Row.fetchCursor(db, sql: all)
        while let row = try rows.next() {
            guard let origin = Origin(canonical: row[0]) else { continue }
            found[origin] = Pause(origin: origin, actor: row[1], reason: row[2], time: row[3])
        }
    }

    /// Makes the table say what holds, and nothing else.
    static func replace(with pauses: [Origin: Pause], _ db: Database) throws {
        try db.run("DELETE FROM pauses")
        for pause in pauses.values { try put(pause, db) }
    }
}
