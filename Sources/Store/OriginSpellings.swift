import GRDB
import ProxyTypes

/// Merges origins that are spellings of the same address. A database of an older version, which distinguished
/// `http://[::1]` from `http://[0:0::1]`, may contain them.
enum OriginSpellings {
    private static let counts = TrafficCount.allCases.map(\.name)
    private static let addLifetime =
        "UPDATE origins SET first_seen = min(origins.first_seen, o.first_seen), "
        + "last_seen = max(origins.last_seen, o.last_seen), "
        + counts.map { "\($0) = origins.\($0) + o.\($0)" }.joined(separator: ", ")
        + " FROM (SELECT * FROM origins WHERE id = ?2) AS o WHERE origins.id = ?1"

    /// Merges all or none. Names that this version cannot parse are left as they are, and are never read.
    static func unite(_ db: Database) throws {
        guard try !others(db).isEmpty else { return }
        try db.inTransaction(.immediate) {
            // Another process may have done it in the meantime.
            for (id, origin) in try others(db) {
                if let kept = try OriginRecords.id(of: origin, db) {
                    try move(from: id, to: kept, db)
                } else {
                    try db.run("UPDATE origins SET name = ? WHERE id = ?", [origin.description, id])
                }
            }
            return .commit
        }
    }

    /// Only IPv6 addresses had several spellings.
    private static func others(_ db: Database) throws -> [(id: Int64, origin: Origin)] {
        let rows = try Row.fetchAll(db, sql: "SELECT id, name FROM origins WHERE name LIKE 'http%://[%' ORDER BY id")
        return rows.compactMap { row in
            let name: String = row[1]
            return Origin(name).flatMap { $0.description == name ? nil : (row[0], $0) }
        }
    }

    private static func move(from old: Int64, to kept: Int64, _ db: Database) throws {
        try db.run(addLifetime, [kept, old])
        for table in ["closed_connections", "exchanges"] {
            try db.run("UPDATE \(table) SET origin = ?1 WHERE origin = ?2", [kept, old])
        }
        for resolution in RollupResolution.allCases {
            try db.run("UPDATE OR IGNORE \(resolution.table) SET origin = ?1 WHERE origin = ?2", [kept, old])
            // The remaining rows have a counterpart of the other origin.
            for (bucket, rollup) in try RollupRecords.all(of: old, resolution, db) {
                var sum = rollup
                try RollupRecords.each(of: kept, resolution, buckets: bucket...bucket, db) { sum.addBeside($1) }
                try RollupRecords.put(sum, resolution, bucket: bucket, origin: kept, db)
            }
        }
        try OriginRecords.forget(old, withRollups: true, db)
    }
}
