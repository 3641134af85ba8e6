import Foundation
import GRDB
import Metering
import ProxyTypes

/// Writes and reads the rows of the roll-ups.
enum RollupRecords {
    /// The id of the row that sums all origins.
    static let allTogether: Int64 = 0

    private static let counts = TrafficCount.allCases.map(\.name)
    private static let rest = [
        "peak_waiting", "peak_active", "peak_connections", "queue_time", "first_byte_time", "total_time",
        "round_trip_time",
    ]
    private static let put: [RollupResolution: String] = perTable {
        SQLText.insert("INSERT OR REPLACE", into: $0, ["bucket", "origin"] + counts + rest)
    }
    private static let remove = perTable { "DELETE FROM \($0) WHERE bucket = ? AND origin = ?" }

    private static func selected(_ resolution: RollupResolution, _ db: Database) throws -> String {
        try SQLText.list(counts + rest, of: resolution.table, as: "r.", db)
    }

    private static func perTable(_ sql: (String) -> String) -> [RollupResolution: String] {
        Dictionary(uniqueKeysWithValues: RollupResolution.allCases.map { ($0, sql($0.table)) })
    }

    static func put(
        _ rollup: Rollup, _ resolution: RollupResolution, bucket: Int64, origin: Int64, _ db: Database
    ) throws {
        var values: [SQLValue] = [bucket, origin]
        values.reserveCapacity(counts.count + rest.count + 2)
        for count in TrafficCount.allCases { values.append(rollup.counts[count]) }
        values += [rollup.peakWaiting, rollup.peakActive, rollup.peakConnections]
        values += [bytes(rollup.queueTime), bytes(rollup.firstByteTime), bytes(rollup.totalTime)]
        values.append(bytes(rollup.roundTripTime))
        try db.run(put[resolution] ?? "", values)
    }

    static func remove(_ resolution: RollupResolution, bucket: Int64, origin: Int64, _ db: Database) throws {
        try db.run(remove[resolution] ?? "", [bucket, origin])
    }

    /// Origins whose text this version cannot read are left out.
    static func bucket(_ number: Int64, _ resolution: RollupResolution, _ db: Database) throws -> (
        origins: [(origin: Origin, rollup: Rollup)], all: Rollup?
    ) {
        var origins: [(origin: Origin, rollup: Rollup)] = []
        var all: Rollup?
        let width = counts.count + rest.count
        let statement = try db.cachedStatement(
            sql: """
                SELECT \(selected(resolution, db)), r.origin, o.name FROM \(resolution.table) r
                LEFT JOIN origins o ON o.id = r.origin WHERE r.bucket = ?
                """)
        let rows = try Row.fetchCursor(statement, arguments: [number])
        while let row = try rows.next() {
            if row[width] as Int64 == allTogether {
                all = rollup(row)
            } else if let origin = (row[width + 1] as String?).flatMap({ Origin(canonical: $0) }) {
                origins.append((origin, rollup(row)))
            }
        }
        return (origins, all)
    }

    static func each(
        of origin: Int64, _ resolution: RollupResolution, buckets: ClosedRange<Int64>, _ db: Database,
        _ body: (_ bucket: Int64, Rollup) -> Void
    ) throws {
        // One seek for each bucket: rows of one origin are not adjacent.
        let statement = try db.cachedStatement(
            sql: """
                WITH RECURSIVE wanted(n) AS (VALUES(?1) UNION ALL SELECT n + 1 FROM wanted WHERE n < ?2)
                SELECT \(selected(resolution, db)), r.bucket FROM wanted CROSS JOIN \(resolution.table) r
                WHERE r.bucket = wanted.n AND r.origin = ?3
                """)
        let rows = try Row.fetchCursor(statement, arguments: [buckets.lowerBound, buckets.upperBound, origin])
        while let row = try rows.next() { body(row[counts.count + rest.count], rollup(row)) }
    }

    /// Scans every row; only for one-time work.
    static func all(
        of origin: Int64, _ resolution: RollupResolution, _ db: Database
    ) throws -> [(bucket: Int64, rollup: Rollup)] {
        let sql = "SELECT \(try selected(resolution, db)), r.bucket FROM \(resolution.table) r WHERE r.origin = ?"
        return try Row.fetchAll(db, sql: sql, arguments: [origin]).map { row in
            (row[counts.count + rest.count], rollup(row))
        }
    }

    private static func rollup(_ row: Row) -> Rollup {
        var rollup = Rollup()
        for (index, count) in TrafficCount.allCases.enumerated() {
            // A count that is zero needs no storage.
            let value: Int = row[index] ?? 0
            if value != 0 { rollup.counts[count] = value }
        }
        let base = counts.count
        rollup.peakWaiting = row[base]
        rollup.peakActive = row[base + 1]
        rollup.peakConnections = row[base + 2]
        rollup.queueTime = histogram(row[base + 3])
        rollup.firstByteTime = histogram(row[base + 4])
        rollup.totalTime = histogram(row[base + 5])
        rollup.roundTripTime = histogram(row[base + 6])
        return rollup
    }

    private static func bytes(_ histogram: Histogram) -> Data? {
        histogram.isEmpty ? nil : Data(histogram.encoded)
    }

    private static func histogram(_ bytes: Data?) -> Histogram {
        bytes.flatMap { Histogram(encoded: $0) } ?? Histogram()
    }
}
