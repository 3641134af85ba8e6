import Foundation

/// The state directory of a connd: database, token, address. Several connds may use it one after the other. Shared.
package final class StateFolder: Sendable {
    private let folder: ScratchFolder

    package init() throws {
        folder = try ScratchFolder()
    }

    /// To be XDG_STATE_HOME.
    package var path: String { folder.path }
    package var database: String { "\(path)/connd/connd.db" }

    package func token() throws -> String {
        try String(contentsOfFile: "\(path)/connd/admin.token", encoding: .utf8)
            .trimmingCharacters(in: .whitespacesAndNewlines)
    }
}

extension StateFolder {
    /// The result of a query, one row per line, from another process that opens the database.
    @discardableResult
    package func query(_ sql: String) throws -> String {
        let program = """
            import sqlite3, sys
            connection = sqlite3.connect(sys.argv[1], isolation_level=None)
            for row in connection.execute(sys.argv[2]): print(*row, sep="|")
            connection.close()
            """
        let run = try Subprocess.run("python3", ["-c", program, database, sql])
        guard run.exitCode == 0 else { throw TestFailure("\(run)") }
        return run.output.trimmingCharacters(in: .newlines)
    }
}
