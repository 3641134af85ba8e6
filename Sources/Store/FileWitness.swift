import Glibc
import Synchronization

/// Tells whether the path still names the files that were opened, whether they may be written, and whether anyone else
/// wrote to them. Shared.
final class FileWitness: Sendable {
    private struct Identity: Equatable {
        let device: dev_t
        let inode: ino_t

        init?(_ path: String) {
            var facts = stat()
            guard stat(path, &facts) == 0 else { return nil }
            (device, inode) = (facts.st_dev, facts.st_ino)
        }
    }

    /// What every write to the file changes.
    private struct Stamp: Equatable {
        var size: off_t = 0
        var seconds = 0
        var nanoseconds = 0
    }

    private let path: String
    private let descriptor: CInt
    private let database: Identity
    private let log: Identity?
    private struct Seen {
        var stamp = Stamp()
        var header: [UInt8]?
    }

    private let lastSeen = Mutex(Seen())

    /// Once SQLite has opened the file, and made its log.
    init(path: String) throws(StoreFailure) {
        guard let database = Identity(path) else { throw .missing(path) }
        // It is held as long as the connections are: closing it sooner would drop their locks.
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw DatabaseFile.failure(errno, path) }
        self.path = path
        self.database = database
        log = Identity(path + "-wal")
        noteOwnWrite()
    }

    /// Once, after the connections, and before there are others: closing it later would drop the locks of those.
    func release() { _ = close(descriptor) }

    var failure: StoreFailure? {
        guard namesOurs, log == nil || Identity(path + "-wal") == log else { return .missing(path) }
        guard DatabaseFile.header(descriptor) != nil else {
            return .corrupt(path, "it does not begin as a database")
        }
        return access(path, W_OK) == 0 ? nil : .readOnly(path)
    }

    private var namesOurs: Bool { Identity(path) == database }

    /// Another file has its name.
    var isReplaced: Bool { Identity(path).map { $0 != database } ?? false }

    /// With a log, SQLite writes to the file at checkpoints alone, and those are ours: any other change is another's.
    var wasTouched: Bool { lastSeen.withLock { $0.stamp } != stamp }
    /// Its first bytes are those of our last checkpoint.
    var hasOurHeader: Bool { lastSeen.withLock { $0.header } == DatabaseFile.header(descriptor) }

    func noteOwnWrite() {
        let now = Seen(stamp: stamp, header: DatabaseFile.header(descriptor))
        lastSeen.withLock { $0 = now }
    }

    /// A file that is being overwritten is examined when that is done. This blocks the store's queue for up to 10 s, and
    /// edits with it; requests do not wait.
    func waitUntilStill() {
        var last = stamp
        var quiet = 0
        for _ in 0..<Self.looks where quiet < Self.quietLooks {
            usleep(Self.pause)
            quiet = stamp == last ? quiet + 1 : 0
            last = stamp
        }
    }

    private static let pause: UInt32 = 25_000
    private static let quietLooks = 8
    private static let looks = 400

    /// What the file holds without its log. Read through the descriptor at hand: closing another would drop SQLite's locks.
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

    /// A log whose database is gone must not be taken for that of the file that stands in its place.
    func removeOrphanedLog() {
        guard !namesOurs, let log, Identity(path + "-wal") == log else { return }
        unlink(path + "-wal")
        unlink(path + "-shm")
    }

    private var stamp: Stamp {
        var facts = stat()
        guard fstat(descriptor, &facts) == 0 else { return Stamp() }
        return Stamp(size: facts.st_size, seconds: facts.st_mtim.tv_sec, nanoseconds: facts.st_mtim.tv_nsec)
    }
}
