import Foundation
import Glibc

/// The database's files on disk: inspects, creates and moves them, without SQLite. Value.
struct DatabaseFile: Sendable {
    let path: String

    init(path: String) {
        self.path = Self.resolved(path)
    }

    /// Where the file itself is or will be: SQLite places its log beside that, not beside a link to it.
    private static func resolved(_ path: String, links: Int = 40) -> String {
        if let whole = realpath(path, nil) {
            defer { free(whole) }
            return String(cString: whole)
        }
        guard links > 0, let target = try? FileManager.default.destinationOfSymbolicLink(atPath: path) else {
            return path
        }
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
        return resolved(target.hasPrefix("/") ? target : folder + "/" + target, links: links - 1)
    }

    static let suffixes = ["", "-wal", "-shm"]

    enum Inspection: Equatable {
        case absent
        case empty
        /// The numbers in its header; the write-ahead log may contain newer ones.
        case database(version: Int, application: Int64, hasLog: Bool)
        case garbage
        case unopenable(String)
    }

    /// Only while no connection to it is open: closing any descriptor of a file releases the locks that the process
    /// holds on it.
    func inspect() -> Inspection {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return errno == ENOENT ? .absent : .unopenable(Self.problem(errno)) }
        defer { _ = close(descriptor) }
        var facts = stat()
        guard fstat(descriptor, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG else {
            return .unopenable("it is no file")
        }
        if facts.st_size == 0 { return .empty }
        guard let header = Self.header(descriptor) else { return .garbage }
        func number(at offset: Int) -> Int { header[offset..<offset + 4].reduce(0) { $0 << 8 | Int($1) } }
        return .database(version: number(at: 60), application: Int64(number(at: 68)), hasLog: bytes(of: "-wal") > 0)
    }

    var canBeRead: Bool { access(path, R_OK) == 0 }
    var canBeWritten: Bool { access(path, W_OK) == 0 }
    var exists: Bool { access(path, F_OK) == 0 }

    /// With mode 0700.
    func makeFolder() throws(StoreFailure) {
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
        if !FileManager.default.fileExists(atPath: folder) {
            do {
                try FileManager.default.createDirectory(
                    atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            } catch {
                throw StoreFailure.unopenable(path, "the folder \(folder) cannot be made")
            }
        }
    }

    /// An empty file (0600), whose mode SQLite gives to the files beside it.
    func make() throws(StoreFailure) {
        // A log without a database belongs to one that was deleted.
        for suffix in Self.suffixes.dropFirst() { unlink(path + suffix) }
        let descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Self.failure(errno, path) }
        _ = close(descriptor)
    }

    /// Marks the temporary name of a backup.
    static let backupMark = ".backup-"

    /// Removes backups of a connd that ended while it made them.
    func removeUnfinishedBackups() {
        let url = URL(fileURLWithPath: path)
        let folder = url.deletingLastPathComponent().path
        let prefix = url.lastPathComponent + Self.backupMark
        for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] where name.hasPrefix(prefix) {
            unlink("\(folder)/\(name)")
        }
    }

    private var aside: String { path + ".restored" }

    /// While the path names no file, closing connections does not copy the log into it. The log belongs to the previous
    /// database and is removed.
    func setAside() throws(StoreFailure) {
        guard rename(path, aside) == 0 else { throw Self.failure(errno, path) }
        for suffix in Self.suffixes.dropFirst() { unlink(path + suffix) }
    }

    /// Undoes `setAside`; also after a connd that ended between the two.
    func putBack() {
        if !exists, access(aside, F_OK) == 0 { _ = rename(aside, path) }
    }

    /// Returns the new path. Keeps only the newest damaged files.
    func moveAside(now: Int64, keeping limit: Int) throws(StoreFailure) -> String {
        let stem = path + ".damaged-"
        // Names sort by age, even if two are made within a second or the clock was set back.
        let last = damaged.last.flatMap { Int64($0.dropFirst(stem.count)) } ?? 0
        let target = stem + "\(max(now / 1000, last + 1))"
        guard rename(path, target) == 0 else { throw Self.failure(errno, path) }
        for suffix in Self.suffixes.dropFirst() { _ = rename(path + suffix, target + suffix) }
        for old in damaged.dropLast(limit) {
            for suffix in Self.suffixes { unlink(old + suffix) }
        }
        return target
    }

    /// Oldest first.
    var damaged: [String] {
        let url = URL(fileURLWithPath: path)
        let folder = url.deletingLastPathComponent()
        let prefix = url.lastPathComponent + ".damaged-"
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return names.compactMap { name in
            guard name.hasPrefix(prefix), let seconds = Int64(name.dropFirst(prefix.count)) else { return nil }
            return (seconds, "\(path).damaged-\(seconds)")
        }
        .sorted { (a: (Int64, String), b: (Int64, String)) in a.0 < b.0 }
        .map(\.1)
    }

    func bytes(of suffix: String) -> Int64 {
        var facts = stat()
        return stat(path + suffix, &facts) == 0 ? Int64(facts.st_size) : 0
    }

    /// The first 100 bytes; nil where they are not those of an SQLite database.
    static func header(_ descriptor: CInt) -> [UInt8]? {
        var header = [UInt8](repeating: 0, count: 100)
        guard pread(descriptor, &header, 100, 0) == 100, header.starts(with: "SQLite format 3\0".utf8) else {
            return nil
        }
        return header
    }

    static func problem(_ number: CInt) -> String { String(cString: strerror(number)) }

    static func failure(_ number: CInt, _ path: String) -> StoreFailure {
        switch number {
        case ENOSPC, EDQUOT: .full(path)
        case EROFS, EPERM: .readOnly(path)
        default: .unopenable(path, problem(number))
        }
    }
}
