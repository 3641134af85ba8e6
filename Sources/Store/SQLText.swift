import GRDB

/// Statements composed of a table's column names, once.
enum SQLText {
    static func insert(_ verb: String = "INSERT", into table: String, _ columns: [String]) -> String {
        let marks = Array(repeating: "?", count: columns.count).joined(separator: ",")
        return "\(verb) INTO \(table) (\(columns.joined(separator: ","))) VALUES (\(marks))"
    }

    /// What to select. Columns that an older database lacks, which is opened read-only, are null.
    static func list(_ columns: [String], of table: String, as prefix: String = "", _ db: Database) throws -> String {
        let found = Set(try db.columns(in: table).map(\.name))
        return columns.map { found.contains($0) ? prefix + $0 : "NULL" }.joined(separator: ", ")
    }
}

typealias SQLValue = (any DatabaseValueConvertible)?

extension Database {
    /// Compiled once for each connection.
    func run(_ sql: String, _ values: [SQLValue] = []) throws {
        try cachedStatement(sql: sql).execute(arguments: StatementArguments(values))
    }

    func number(_ sql: String, _ values: [SQLValue] = []) throws -> Int64? {
        try Int64.fetchOne(cachedStatement(sql: sql), arguments: StatementArguments(values))
    }
}
