import GRDB
package import ProxyTypes

/// What an origin did in a recent period while it was among the busiest. Value.
package struct BusyOrigin: Hashable, Sendable {
    package let origin: Origin
    package let requests: Int
    /// The highest value of any batch.
    package let peakActive: Int
    package let peakConnections: Int
}

extension Store {
    private static let busiest = {
        let requests = TrafficCount.requestNames.map { "r.\($0)" }.joined(separator: " + ")
        return """
            SELECT o.name, sum(\(requests)) AS requests, max(r.peak_active), max(r.peak_connections)
            FROM rollup_10s r JOIN origins o ON o.id = r.origin WHERE r.bucket BETWEEN ? AND ?
            GROUP BY r.origin HAVING requests > 0 ORDER BY requests DESC, r.origin LIMIT ?
            """
    }()

    /// Origins with requests between two times in milliseconds since 1970, busiest first; at most two hours back. Empty
    /// where the database cannot be read.
    package func recentlyBusy(since: Int64, until: Int64, limit: Int) async -> [BusyOrigin] {
        let width = RollupResolution.tenSeconds.width
        let found = try? await read { db in
            let statement = try db.cachedStatement(sql: Self.busiest)
            return try Row.fetchAll(statement, arguments: [since / width, until / width, max(limit, 0)]).compactMap {
                row in
                Origin(canonical: row[0]).map {
                    BusyOrigin(origin: $0, requests: row[1], peakActive: row[2], peakConnections: row[3])
                }
            }
        }
        return found ?? []
    }
}
