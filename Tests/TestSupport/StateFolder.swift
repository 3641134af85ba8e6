import Foundation

/// What a managed connd keeps: database, token, address. It may serve several, one after the other. Shared.
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
