import GRDB

/// A stored row and its id, by which lists are paged. Value.
package struct Recorded<Record: Sendable>: Sendable {
    package let id: Int64
    package let record: Record
}

extension Recorded: Equatable where Record: Equatable {}

/// Newest first. Value.
package struct RecordPage<Record: Sendable>: Sendable {
    package var rows: [Recorded<Record>]
    /// `before` of the following page; nil at the end.
    package var next: Int64?
}

/// Which rows of a list, newest first, and how many. Value.
struct RowFilter {
    static let maxLimit = 1_000

    private var conditions: [String] = []
    private var values: [SQLValue] = []
    private let before: Int64?
    private let limit: Int

    init(before: Int64?, limit: Int) {
        self.before = before
        self.limit = min(max(limit, 1), Self.maxLimit)
    }

    mutating func require(_ column: String, equals value: (some DatabaseValueConvertible)?) {
        guard let value else { return }
        conditions.append("\(column) = ?")
        values.append(value)
    }

    /// An older database, which is opened read-only, may lack the column: then no row has a value.
    mutating func requireValue(_ column: String, of table: String, as prefix: String, _ db: Database) throws {
        let exists = try db.columns(in: table).contains { $0.name == column }
        conditions.append(exists ? "\(prefix)\(column) IS NOT NULL" : "0")
    }

    mutating func require(_ column: String, in allowed: [String]?) {
        guard let allowed, !allowed.isEmpty else { return }
        conditions.append("\(column) IN (" + allowed.map { _ in "?" }.joined(separator: ", ") + ")")
        for value in allowed { values.append(value) }
    }

    /// Rows for which `read` returns nil, as only a later version understands them, are left out.
    func page<Record>(_ select: String, id: String, _ db: Database, _ read: (Row) -> Record?) throws
        -> RecordPage<Record>
    {
        var conditions = conditions
        var values = values
        if let before {
            conditions.append("\(id) < ?")
            values.append(before)
        }
        let chosen = conditions.isEmpty ? "" : " WHERE " + conditions.joined(separator: " AND ")
        let statement = try db.cachedStatement(sql: "\(select)\(chosen) ORDER BY \(id) DESC LIMIT \(limit + 1)")
        let rows = try Row.fetchAll(statement, arguments: StatementArguments(values))
        let shown = rows.prefix(limit)
        return RecordPage(
            rows: shown.compactMap { row in read(row).map { Recorded(id: row[0], record: $0) } },
            next: rows.count > limit ? shown.last.map { $0[0] } : nil)
    }
}
