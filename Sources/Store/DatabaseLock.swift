import Glibc

/// Excludes a second connd while this one uses the database, by a lock on a separate file, which the kernel releases
/// when the process ends in any way. SQLite's own locks only last for a transaction, and would let two writers with
/// different state in memory take turns. Shared.
final class DatabaseLock: Sendable {
    enum Outcome {
        case held(DatabaseLock)
        /// Nil where the process is unknown.
        case byAnother(process: Int?)
        /// The folder is not writable, or its file system has no locks; opening the database will tell.
        case unavailable
    }

    private let descriptor: CInt
    private let path: String

    private init(descriptor: CInt, path: String) {
        self.descriptor = descriptor
        self.path = path
    }

    deinit { close(descriptor) }

    /// Does not wait.
    static func take(for database: String) -> Outcome {
        let path = database + ".lock"
        var descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        if descriptor < 0 { descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) }
        guard descriptor >= 0 else { return .unavailable }
        let lock = DatabaseLock(descriptor: descriptor, path: path)
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            return errno == EWOULDBLOCK ? .byAnother(process: lock.process) : .unavailable
        }
        let text = "\(getpid())\n"
        _ = ftruncate(descriptor, 0)
        _ = pwrite(descriptor, text, text.utf8.count, 0)
        return .held(lock)
    }

    /// False once the lock file was deleted, after which the lock no longer excludes another connd.
    var isInPlace: Bool {
        var (mine, there) = (stat(), stat())
        return fstat(descriptor, &mine) == 0 && stat(path, &there) == 0 && mine.st_ino == there.st_ino
            && mine.st_dev == there.st_dev
    }

    private var process: Int? {
        var bytes = [UInt8](repeating: 0, count: 16)
        let count = pread(descriptor, &bytes, bytes.count, 0)
        return count > 0 ? Int(String(decoding: bytes[..<count].prefix { $0 > 0x20 }, as: UTF8.self)) : nil
    }

}
