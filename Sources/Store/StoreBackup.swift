import Foundation
import GRDB
import Glibc

/// A checked copy of the database at one moment, whose bytes are read on demand. Its file is unlinked already, and gone
/// with this object. Shared.
package final class StoreBackup: Sendable {
    package let bytes: Int
    private let descriptor: CInt

    fileprivate init(_ descriptor: CInt, bytes: Int) {
        self.descriptor = descriptor
        self.bytes = bytes
    }

    deinit { close(descriptor) }

    /// Up to `count` bytes from `offset`; none at the end.
    package func read(at offset: Int, _ count: Int) throws(StoreFailure) -> [UInt8] {
        var block = [UInt8](repeating: 0, count: max(count, 0))
        let length = pread(descriptor, &block, block.count, off_t(offset))
        guard length >= 0 else {
            throw StoreFailure(.other, "the backup cannot be read: \(DatabaseFile.problem(errno))")
        }
        return Array(block.prefix(length))
    }
}

extension Store {
    /// Uses SQLite's backup API on a separate connection: neither writers nor readers wait for it. The copy is made
    /// beside the database, where space for it is most likely.
    package func backUp() async throws(StoreFailure) -> StoreBackup {
        let health = health
        let path = health.path
        let place = health.isDurable ? path : NSTemporaryDirectory() + "connd"
        let copy = DatabaseFile(path: place + DatabaseFile.backupMark + UUID().uuidString)
        defer { for suffix in DatabaseFile.suffixes { unlink(copy.path + suffix) } }
        let memory = health.isDurable ? nil : current
        do {
            return try await Self.onThread { try Self.backUp(from: path, orMemory: memory, to: copy) }
        } catch {
            throw StoreFailure(error, path: copy.path)
        }
    }

    private static func backUp(from path: String, orMemory memory: StoreDatabase?, to copy: DatabaseFile) throws
        -> StoreBackup
    {
        try copy.make()
        let target = try DatabaseQueue(path: copy.path)
        if let memory {
            try memory.reader.backup(to: target)
        } else {
            var configuration = Configuration()
            configuration.readonly = true
            configuration.busyMode = .timeout(5)
            let source = try DatabaseQueue(path: path, configuration: configuration)
            defer { try? source.close() }
            try source.backup(to: target)
        }
        let said = try target.writeWithoutTransaction { db in
            // One file without a log, but marked as one that uses a log, as the database is that a restore replaces:
            // otherwise the change of mode would fail while another connd reads it.
            for mode in ["DELETE", "WAL"] { try db.execute(sql: "PRAGMA journal_mode = \(mode)") }
            return try String.fetchOne(db, sql: "PRAGMA integrity_check(1)") ?? "nothing"
        }
        guard said == "ok" else { throw StoreFailure.corrupt(path, said) }
        try target.close()
        let descriptor = open(copy.path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw DatabaseFile.failure(errno, copy.path) }
        return StoreBackup(descriptor, bytes: Int(copy.bytes(of: "")))
    }

    /// SQLite blocks; the threads of the concurrency runtime must not.
    private static func onThread<T: Sendable>(_ work: @escaping @Sendable () throws -> T) async throws -> T {
        try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global(qos: .utility).async { continuation.resume(with: Result { try work() }) }
        }
    }
}
