import GRDB
package import ProxyTypes

/// Advice on an origin as it is kept. Value.
package struct StoredAdvice: Hashable, Sendable {
    package struct Key: Hashable, Sendable {
        package var origin: Origin
        package var rule: String

        package init(origin: Origin, rule: String) {
            self.origin = origin
            self.rule = rule
        }
    }

    package var key: Key
    package var state: String
    /// When it was given, in milliseconds since 1970, UTC.
    package var time: Int64
    /// JSON.
    package var document: String

    package init(key: Key, state: String, time: Int64, document: String) {
        self.key = key
        self.state = state
        self.time = time
        self.document = document
    }
}

/// Which stored advice changes. Value.
package struct StoredAdviceChange: Sendable {
    /// Whatever else is stored goes.
    package var replacesAll = false
    package var puts: [StoredAdvice] = []
    package var removals: [StoredAdvice.Key] = []

    package init() {}
}

/// Writes and reads advice. It is found again from traffic, so a lost file loses it.
enum AdviceRecords {
    private static let columns = ["origin", "rule", "state", "time", "document"]
    private static let put = SQLText.insert("INSERT OR REPLACE", into: "advice", columns)
    /// What a damaged or strange database may hold more of is not read.
    private static let all = "SELECT \(columns.joined(separator: ", ")) FROM advice LIMIT 10000"

    static func write(_ change: StoredAdviceChange, _ db: Database) throws {
        if change.replacesAll { try db.run("DELETE FROM advice") }
        for key in change.removals {
            try db.run("DELETE FROM advice WHERE origin = ? AND rule = ?", [key.origin.description, key.rule])
        }
        for advice in change.puts {
            try db.run(
                put, [advice.key.origin.description, advice.key.rule, advice.state, advice.time, advice.document])
        }
    }

    static func read(_ db: Database) throws -> [StoredAdvice] {
        // An older database that is opened read-only does not have the table.
        guard try db.tableExists("advice") else { return [] }
        return try Row.fetchAll(db, sql: all).compactMap { row in
            guard let origin = Origin(canonical: row[0]) else { return nil }
            return StoredAdvice(
                key: .init(origin: origin, rule: row[1]), state: row[2], time: row[3], document: row[4])
        }
    }
}

extension Store {
    package func advice() async throws(StoreFailure) -> [StoredAdvice] {
        try await read { db in try AdviceRecords.read(db) }
    }
}
