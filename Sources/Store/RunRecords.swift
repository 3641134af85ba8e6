import GRDB

/// Writes and reads the runs of connd, and how many ended how.
enum RunRecords {
    private static let columns = ["number", "version", "started_at", "ended_at", "ending", "detail"]
    private static let put = SQLText.insert("INSERT OR REPLACE", into: "runs", columns)
    private static let last = "SELECT \(columns.joined(separator: ", ")) FROM runs ORDER BY number DESC LIMIT 1"
    private static let count = SQLText.insert("INSERT OR REPLACE", into: "run_endings", ["ending", "count"])

    static func put(_ history: RunHistory, _ db: Database) throws {
        for run in [history.previous, history.current].compactMap(\.self) {
            try db.run(put, [run.number, run.version, run.startedAt, run.endedAt, run.ending, run.detail])
        }
        for (ending, number) in history.endings { try db.run(count, [ending, number]) }
    }

    /// On an error, rows read so far stay in `history`.
    static func load(into history: inout RunHistory, _ db: Database) throws {
        // An older database that is opened read-only does not have the table.
        guard try db.tableExists("runs") else { return }
        let endings = try Row.fetchCursor(db, sql: "SELECT ending, count FROM run_endings")
        while let row = try endings.next() { history.endings[row[0]] = row[1] }
        if let row = try Row.fetchOne(db, sql: last) {
            history.previous = StoredRun(
                number: row[0], version: row[1], startedAt: row[2], endedAt: row[3], ending: row[4], detail: row[5])
        }
    }

    /// Keeps the last run, whatever its age.
    static func deleteOld(keeping limit: Int, since: Int64, _ db: Database) throws {
        guard let last = try db.number("SELECT max(number) FROM runs") else { return }
        try db.run("DELETE FROM runs WHERE number <= ?", [last - Int64(limit)])
        let oldest = try db.number("SELECT started_at FROM runs ORDER BY number LIMIT 1")
        if let oldest, oldest < since {
            try db.run("DELETE FROM runs WHERE number < ? AND started_at < ?", [last, since])
        }
    }
}
