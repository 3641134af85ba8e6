import GRDB
import ProxyTypes

/// Keeps the database within `Retention`, by a bounded step after each batch, and runs checkpoints.
extension StoreWriter {
    mutating func upkeep(now: Moment) throws(StoreFailure) {
        let retention = retention
        let time = retentionClock.time(now)
        try write(now: now) { draft, db in
            for resolution in RollupResolution.allCases {
                try Self.deleteOldBuckets(resolution, retention, time: time, db)
            }
            try Self.thinHours(retention, time: time, db)
            try Self.deleteOldRows(
                "closed_connections", time: "closed_at", keeping: retention.closedConnections,
                since: time - retention.closedConnectionAge, retention, db)
            try Self.deleteOldRows(
                "exchanges", time: "started_at", keeping: retention.exchanges, since: time - retention.exchangeAge,
                retention, db)
            try Self.deleteOldRows(
                "audit", time: "time", keeping: retention.auditEntries, since: .min, retention, db)
            try RunRecords.deleteOld(keeping: retention.runs, since: time - retention.runAge, db)
            try draft.dropLongestUnseen(db)
        }
        guard let writer = database?.writer, file != nil else { return }
        do {
            try writer.writeWithoutTransaction { db in
                let spare = try db.number("PRAGMA freelist_count") ?? 0
                if spare > retention.sparePages {
                    let pages = min(Int(spare) - retention.sparePages, retention.pagesPerStep)
                    try db.execute(sql: "PRAGMA incremental_vacuum(\(pages))")
                }
            }
            try checkpoint(atPages: retention.checkpointPages)
        } catch {
            let failure = StoreFailure(error, path: path)
            failed(failure, now: now)
            throw failure
        }
    }

    /// Neither waits for readers nor blocks them: pages that readers still need are copied the next time.
    func checkpoint(atPages pages: Int) throws {
        guard let writer = database?.writer, let file, file.bytes(of: "-wal") >= pages * 4096 else { return }
        try writer.writeWithoutTransaction { db in
            let isLarge = file.bytes(of: "-wal") > retention.maxLogBytes
            let row = try Row.fetchOne(db, sql: "PRAGMA wal_checkpoint(\(isLarge ? "TRUNCATE" : "PASSIVE"))")
            // Whether it was blocked; pages in the log; pages copied.
            let isWhole = row.map { $0[0] == 0 && ($0[1] as Int) == ($0[2] as Int) } ?? false
            database?.noteCheckpoint(mark: contents.mark, isWhole: isWhole)
        }
    }

    private static func deleteOldBuckets(
        _ resolution: RollupResolution, _ retention: Retention, time: Int64, _ db: Database
    ) throws {
        let table = resolution.table
        guard let oldest = try db.number("SELECT min(bucket) FROM \(table)") else { return }
        let limit = (time - retention[resolution].age) / resolution.width
        guard oldest < limit else { return }
        try db.run("DELETE FROM \(table) WHERE bucket < ?", [min(limit, oldest + retention.bucketsPerStep)])
    }

    /// Reduces old hours to the busiest few origins and the sum of all.
    private static func thinHours(_ retention: Retention, time: Int64, _ db: Database) throws {
        let fact = "thinned_until"
        guard let oldest = try db.number("SELECT min(bucket) FROM rollup_1h") else { return }
        let limit = (time - retention.thinning.age) / RollupResolution.hour.width
        let done = try StoreContents.fact(fact, db) ?? 0
        // Beyond the limit: it was written while the clock was ahead, and the hours in between are still to be reduced.
        let start = max(done > limit ? 0 : done, oldest)
        guard start < limit else { return }
        let end = min(limit, start + retention.bucketsPerStep)
        let requests = TrafficCount.requestNames.joined(separator: " + ")
        for bucket in start..<end {
            try db.run(
                """
                DELETE FROM rollup_1h WHERE bucket = ?1 AND origin <> 0 AND origin NOT IN (
                SELECT origin FROM rollup_1h WHERE bucket = ?1 AND origin <> 0
                ORDER BY \(requests) DESC, origin LIMIT ?2)
                """, [bucket, retention.thinning.origins])
        }
        try StoreContents.setFact(fact, end, db)
    }

    /// Ids increase with time, so that the oldest rows have the lowest.
    private static func deleteOldRows(
        _ table: String, time: String, keeping limit: Int, since: Int64, _ retention: Retention, _ db: Database
    ) throws {
        guard let first = try db.number("SELECT min(id) FROM \(table)"),
            let last = try db.number("SELECT max(id) FROM \(table)")
        else { return }
        let step = first + retention.rowsPerStep
        if last - first >= limit {
            try db.run("DELETE FROM \(table) WHERE id <= ?", [min(last - Int64(limit), step)])
        }
        let oldest = try db.number("SELECT \(time) FROM \(table) ORDER BY id LIMIT 1")
        if let oldest, oldest < since {
            try db.run("DELETE FROM \(table) WHERE id < ? AND \(time) < ?", [step, since])
        }
    }

    private mutating func dropLongestUnseen(_ db: Database) throws {
        let extra = contents.lifetimes.count - retention.lifetimes
        guard extra > 0 else { return }
        // Removes some more than needed, since finding them scans all.
        let dropped = min(extra + retention.lifetimes / 50, Int(retention.rowsPerStep))
        for origin in contents.longestUnseen(dropped) {
            // Roll-up rows without an origin age out by themselves.
            if let id = contents.ids[origin] { try OriginRecords.forget(id, withRollups: false, db) }
            contents.ids[origin] = nil
            contents.lifetimes[origin] = nil
            contents.sightings[origin] = nil
            dirtyLifetimes.remove(origin)
            try LearnedRecords.remove(origin, db)
            contents.learned[origin] = nil
            dirtyLearned.remove(origin)
        }
    }
}
