import GRDB

/// Statements composed of a table's column names, once.
enum SQLText {
    static func insert(_ verb: String = "INSERT", into table: String, _ columns: [String]) -> String {
        let marks = Array(repeating: "?", count: columns.count).joined(separator: ",")
        return "\(verb) INTO \(table) (\(columns.joined(separator: ","))) VALUES (\(marks))"
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
