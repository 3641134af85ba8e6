import Glibc
import Synchronization

/// The identity of the opened files: whether the path still names them, whether they are writable, and whether another
/// process has written to them. Shared.
final class FileIdentity: Sendable {
    private struct Inode: Equatable {
        let device: dev_t
        let inode: ino_t

        init?(_ path: String) {
            var facts = stat()
            guard stat(path, &facts) == 0 else { return nil }
            (device, inode) = (facts.st_dev, facts.st_ino)
        }
    }

    /// Size and modification time, which change with every write.
    private struct Stamp: Equatable {
        var size: off_t = 0
        var seconds = 0
        var nanoseconds = 0
    }

    private let path: String
    private let descriptor: CInt
    private let database: Inode
    private let log: Inode?
    private struct Seen {
        var stamp = Stamp()
        var header: [UInt8]?
    }

    private let lastSeen = Mutex(Seen())

    /// To be called after SQLite has opened the file and created its log.
    init(path: String) throws(StoreFailure) {
        guard let database = Inode(path) else { throw .missing(path) }
        // Kept open as long as the connections: closing it earlier would release their locks.
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw DatabaseFile.failure(errno, path) }
        self.path = path
        self.database = database
        log = Inode(path + "-wal")
        recordOwnWrite()
    }

    /// To be called once, after the connections are closed and before new ones are opened, whose locks it would
    /// release.
    func release() { _ = close(descriptor) }

    var failure: StoreFailure? {
        guard namesOurFile, log == nil || Inode(path + "-wal") == log else { return .missing(path) }
        guard DatabaseFile.header(descriptor) != nil else {
            return .corrupt(path, "it does not begin as a database")
        }
        return access(path, W_OK) == 0 ? nil : .readOnly(path)
    }

    private var namesOurFile: Bool { Inode(path) == database }

    /// Whether the path names another file.
    var isReplaced: Bool { Inode(path).map { $0 != database } ?? false }

    /// In WAL mode SQLite writes to the file only at checkpoints, which are ours: any other change comes from
    /// elsewhere.
    var wasModified: Bool { lastSeen.withLock { $0.stamp } != stamp }
    /// Whether the file's header is that of our last checkpoint.
    var hasOurHeader: Bool { lastSeen.withLock { $0.header } == DatabaseFile.header(descriptor) }

    func recordOwnWrite() {
        let now = Seen(stamp: stamp, header: DatabaseFile.header(descriptor))
        lastSeen.withLock { $0 = now }
    }

    /// Waits until a file that is being overwritten no longer changes. Blocks the store's queue, and with it edits, for
    /// up to 10 s; requests do not wait.
    func waitUntilUnchanged() {
        var last = stamp
        var quiet = 0
        for _ in 0..<Self.polls where quiet < Self.unchangedPolls {
            usleep(Self.pause)
            quiet = stamp == last ? quiet + 1 : 0
            last = stamp
        }
    }

    private static let pause: UInt32 = 25_000
    private static let unchangedPolls = 8
    private static let polls = 400

    /// Copies the file without its log, through the open descriptor: closing another one would release SQLite's locks.
    func copy(to path: String) -> Bool {
        let target = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard target >= 0 else { return false }
        defer { close(target) }
        var block = [UInt8](repeating: 0, count: 1 << 18)
        var offset: off_t = 0
        while true {
            let count = pread(descriptor, &block, block.count, offset)
            if count == 0 { return true }
            guard count > 0, write(target, block, count) == count else { return false }
            offset += off_t(count)
        }
    }

    /// Otherwise SQLite would apply the log of a deleted database to the file that replaced it.
    func removeOrphanedLog() {
        guard !namesOurFile, let log, Inode(path + "-wal") == log else { return }
        unlink(path + "-wal")
        unlink(path + "-shm")
    }

    private var stamp: Stamp {
        var facts = stat()
        guard fstat(descriptor, &facts) == 0 else { return Stamp() }
        return Stamp(size: facts.st_size, seconds: facts.st_mtim.tv_sec, nanoseconds: facts.st_mtim.tv_nsec)
    }
}
