import GRDB
import ProxyTypes

/// Makes one origin of those that are spellings of one address. A database may hold them from a version that told
/// `http://[::1]` and `http://[0:0::1]` apart.
enum OriginSpellings {
    private static let counts = TrafficCount.allCases.map(\.name)
    private static let addLifetime =
        "UPDATE origins SET first_seen = min(origins.first_seen, o.first_seen), "
        + "last_seen = max(origins.last_seen, o.last_seen), "
        + counts.map { "\($0) = origins.\($0) + o.\($0)" }.joined(separator: ", ")
        + " FROM (SELECT * FROM origins WHERE id = ?2) AS o WHERE origins.id = ?1"

    /// All of them, or nothing is changed. What is no origin to this version stays as it is, and is not read.
    static func unite(_ db: Database) throws {
        guard try !others(db).isEmpty else { return }
        try db.inTransaction(.immediate) {
            // Another process may have done it meanwhile.
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

    /// Names, ports and IPv4 addresses were always written in one form.
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
            // What is left has a row of the other beside it.
            for (bucket, rollup) in try RollupRecords.all(of: old, resolution, db) {
                var sum = rollup
                try RollupRecords.each(of: kept, resolution, buckets: bucket...bucket, db) { sum.addBeside($1) }
                try RollupRecords.put(sum, resolution, bucket: bucket, origin: kept, db)
            }
        }
        try OriginRecords.forget(old, withRollups: true, db)
    }
}
