import AdminClient
import AdminModels
import ArgumentParser
import Glibc

struct BackupCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup",
        abstract: "Writes connd's database to a file while connd runs: settings, audit trail, measurements.",
        discussion: """
            connctl backup connd-backup.db
            connctl backup connd-backup.db --force     overwrites an earlier one

            Restore it with connd stopped: copy it to connd.db, remove connd.db-wal and -shm. connd(8) has the commands.
            """)

    @Argument(help: "The file to write, readable only by you.", completion: .file())
    var file: String

    @Flag(help: "Overwrite an existing file.")
    var force = false

    @OptionGroup var global: GlobalOptions

    mutating func run() async throws {
        let (file, force) = (file, force)
        try await Session.run(global) { session in
            let target: BackupFile
            do throws(FileProblem) {
                target = try BackupFile(file, mayReplace: force)
            } catch {
                throw Self.notWritten(file, error)
            }
            do {
                try await session.client.backup { try target.add($0) }
                try target.finish()
            } catch let problem as FileProblem {
                throw Self.notWritten(file, problem)
            }
            if session.output.isJSON {
                return session.output.json(Array(#"{"bytes": \#(target.bytes)}"#.utf8))
            }
            session.output.line("\(Formatting.size(target.bytes)) written to \(file): checked, and whole")
        }
    }

    private static func notWritten(_ file: String, _ problem: FileProblem) -> CommandFailure {
        CommandFailure(
            "\(file) cannot be written: \(problem.reason)",
            next: problem.isThere ? ["name another file, or add --force"] : ["name another file"])
    }
}

/// Writes a database to a temporary file, which gets its final name when it is complete. Bound to one task.
final class BackupFile {
    private let path: String
    private let partial: String
    private let mayReplace: Bool
    private let descriptor: CInt
    private var head: [UInt8] = []
    private(set) var bytes = 0
    /// Whether the file still has its temporary name, which is removed with this object.
    private var hasPartialName = true

    private static let headLength = 100

    init(_ path: String, mayReplace: Bool) throws(FileProblem) {
        if !mayReplace, access(path, F_OK) == 0 { throw FileProblem(reason: "the file already exists", isThere: true) }
        self.path = path
        self.mayReplace = mayReplace
        partial = path + ".connctl-\(getpid())"
        descriptor = open(partial, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw FileProblem(reason: String(cString: strerror(errno))) }
    }

    deinit {
        close(descriptor)
        if hasPartialName { unlink(partial) }
    }

    func add(_ part: ArraySlice<UInt8>) throws {
        if head.count < Self.headLength { head += part.prefix(Self.headLength - head.count) }
        var rest = part
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw FileProblem(reason: String(cString: strerror(errno))) }
            rest = rest.dropFirst(count)
            bytes += count
        }
    }

    /// Makes it durable and gives it its final name.
    func finish() throws {
        guard isDatabase else {
            throw CommandFailure(
                "what connd sent is no whole SQLite database: \(path) was not written",
                next: ["connctl status    shows whether the database fails; then try again"])
        }
        guard fsync(descriptor) == 0 else { throw FileProblem(reason: String(cString: strerror(errno))) }
        // link(2) does not replace a file that was created in the meantime.
        let isNamed = mayReplace ? rename(partial, path) == 0 : link(partial, path) == 0
        guard isNamed else { throw FileProblem(reason: String(cString: strerror(errno)), isThere: errno == EEXIST) }
        hasPartialName = !mayReplace
    }

    /// Whether the size is the one that the header gives.
    private var isDatabase: Bool {
        guard head.count == Self.headLength, head.starts(with: "SQLite format 3\0".utf8) else { return false }
        let page = Int(head[16]) << 8 | Int(head[17])
        let pages = head[28..<32].reduce(0) { $0 << 8 | Int($1) }
        return (page == 1 ? 65536 : page) * pages == bytes
    }
}
