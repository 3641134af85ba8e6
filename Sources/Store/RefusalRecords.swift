import GRDB
package import ProxyTypes

/// A client that refused connd's certificate for a host. Value.
package struct StoredRefusal: Hashable, Sendable {
    package struct Key: Hashable, Sendable {
        package var host: OriginHost
        package var client: ClientIdentity
        package var hello: UInt32

        package init(host: OriginHost, client: ClientIdentity, hello: UInt32) {
            self.host = host
            self.client = client
            self.hello = hello
        }
    }

    package var key: Key
    /// What it sent the last time; nil where it closed the connection.
    package var alert: UInt8?
    /// In a row.
    package var count: Int
    /// Milliseconds since 1970, UTC.
    package var first: Int64
    package var last: Int64

    package init(key: Key, alert: UInt8?, count: Int, first: Int64, last: Int64) {
        self.key = key
        self.alert = alert
        self.count = count
        self.first = first
        self.last = last
    }
}

/// Which stored refusals change. Value.
package struct RefusalChange: Sendable {
    /// Whatever else is stored goes.
    package var replacesAll = false
    package var puts: [StoredRefusal] = []
    package var removals: [StoredRefusal.Key] = []

    package init() {}
}

/// Writes and reads refusals. They are learned, so a lost file loses them.
enum RefusalRecords {
    private static let columns = ["host", "client", "hello", "alert", "count", "first", "last"]
    private static let put = SQLText.insert("INSERT OR REPLACE", into: "client_refusals", columns)
    private static let all = "SELECT \(columns.joined(separator: ", ")) FROM client_refusals"
    private static let remove = "DELETE FROM client_refusals WHERE host = ? AND client = ? AND hello = ?"

    static func write(_ change: RefusalChange, _ db: Database) throws {
        if change.replacesAll { try db.run("DELETE FROM client_refusals") }
        for key in change.removals {
            try db.run(remove, [key.host.description, key.client.canonical, Int64(key.hello)])
        }
        for refusal in change.puts {
            let key = refusal.key
            try db.run(
                put,
                [
                    key.host.description, key.client.canonical, Int64(key.hello), refusal.alert.map { Int64($0) },
                    refusal.count, refusal.first, refusal.last,
                ])
        }
    }

    static func read(_ db: Database) throws -> [StoredRefusal] {
        // An older database that is opened read-only does not have the table.
        guard try db.tableExists("client_refusals") else { return [] }
        return try Row.fetchAll(db, sql: all).compactMap { row in
            let (alert, hello): (Int64?, Int64) = (row[3], row[2])
            guard let host = try? OriginHost(parsing: row[0] as String), let client = ClientIdentity(canonical: row[1]),
                let hello = UInt32(exactly: hello)
            else { return nil }
            return StoredRefusal(
                key: .init(host: host, client: client, hello: hello), alert: alert.map { UInt8(clamping: $0) },
                count: row[4], first: row[5], last: row[6])
        }
    }
}

extension Store {
    package func refusals() async throws(StoreFailure) -> [StoredRefusal] {
        try await read { db in try RefusalRecords.read(db) }
    }
}
