import GRDB
import Glibc

extension StoreFailure {
    init(_ error: any Error, path: String) {
        if let failure = error as? StoreFailure {
            self = failure
        } else if let error = error as? DatabaseError {
            self = Self.of(error, path: path)
        } else {
            self.init(.other, "database \(path): \(error)")
        }
    }

    private static func of(_ error: DatabaseError, path: String) -> StoreFailure {
        let said = error.message ?? "SQLite error \(error.extendedResultCode.rawValue)"
        let code = error.extendedResultCode.rawValue
        switch error.resultCode {
        case .SQLITE_FULL:
            return full(path)
        case .SQLITE_READONLY, .SQLITE_PERM, .SQLITE_AUTH:
            return readOnly(path)
        case .SQLITE_BUSY, .SQLITE_LOCKED:
            return StoreFailure(
                .locked, "database \(path) is locked by another process: end that process, or name another database")
        case .SQLITE_CORRUPT, .SQLITE_NOTADB:
            return corrupt(path, said)
        case .SQLITE_CANTOPEN:
            return unopenable(path, said)
        case .SQLITE_IOERR where shortReads.contains(error.extendedResultCode):
            return corrupt(path, said)
        case .SQLITE_IOERR where isFull(path):
            // The index of the write-ahead log could not grow, which SQLite does not report as full.
            return full(path)
        case .SQLITE_IOERR where access(path, W_OK) != 0 && access(path, F_OK) == 0:
            return readOnly(path)
        case .SQLITE_MISUSE:
            return StoreFailure(.closed, "database \(path) is closed")
        default:
            return StoreFailure(.other, "database \(path): \(said) (SQLite error \(code))")
        }
    }

    private static let shortReads: [ResultCode] = [.SQLITE_IOERR_SHORT_READ, .SQLITE_IOERR_CORRUPTFS]

    static func full(_ path: String) -> StoreFailure {
        StoreFailure(.full, "the disk of database \(path) is full: free some space, writing then resumes by itself")
    }

    static func readOnly(_ path: String) -> StoreFailure {
        StoreFailure(
            .readOnly,
            "database \(path) is read-only: make the file, its folder and its file system writable for connd's user")
    }

    static func inUse(_ path: String, by process: Int?) -> StoreFailure {
        let who = process.map { " (process \($0))" } ?? ""
        return StoreFailure(
            .inUse,
            "database \(path) is in use by another connd\(who): this one took its settings and writes nothing; stop one of "
                + "the two, or give each a `database` of its own; when the other ends this one takes over")
    }

    static func corrupt(_ path: String, _ what: String) -> StoreFailure {
        StoreFailure(.corrupt, "database \(path) is damaged (\(what)): it is moved aside and a new one is made")
    }

    static func missing(_ path: String) -> StoreFailure {
        StoreFailure(.missing, "database \(path) was deleted or replaced while in use: it is opened anew")
    }

    static func unopenable(_ path: String, _ what: String) -> StoreFailure {
        StoreFailure(
            .unopenable, "database \(path) cannot be opened (\(what)): check that connd's user may write the folder")
    }

    private static func isFull(_ path: String) -> Bool {
        var facts = statvfs()
        guard statvfs(path, &facts) == 0 else { return false }
        // Two pages: less than any transaction needs.
        return UInt64(facts.f_bavail) * UInt64(facts.f_frsize) < 8192
    }
}
