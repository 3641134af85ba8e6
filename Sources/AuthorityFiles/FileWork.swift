import Glibc

/// Carries out the steps of changes in one directory. Whoever has one is the only one to change it. Used by one thread.
struct FileWork: ~Copyable {
    let path: String
    private let directory: OpenFile

    /// `creating`: makes the directory if it is missing. Nil if there is none.
    init?(_ path: String, creating: Bool) throws(AuthorityFault) {
        self.path = path
        do throws(SystemFailure) {
            if creating, mkdir(path, 0o700) != 0, errno != EEXIST { throw SystemFailure(number: errno) }
            directory = try OpenFile(path, in: AT_FDCWD, O_RDONLY | O_DIRECTORY)
        } catch {
            guard error.number != ENOENT || creating else { return nil }
            throw AuthorityFault("open", path, error.number)
        }
    }

    /// Closing alone would leave the lock to a child process that is about to start another program.
    deinit {
        flock(directory.descriptor, LOCK_UN)
    }

    /// Excludes other processes until this is released.
    func lock() throws(AuthorityFault) {
        guard flock(directory.descriptor, LOCK_EX | LOCK_NB) != 0 else { return }
        throw AuthorityFault("another process is changing \(path): try again")
    }

    func run(_ steps: some Sequence<FileStep>) throws(AuthorityFault) {
        for step in steps { try run(step) }
    }

    private func run(_ step: FileStep) throws(AuthorityFault) {
        switch step {
        case .makeDirectory(let name):
            try act("create", name) { () throws(SystemFailure) in try call { mkdirat(at, name, 0o700) } }
        case .write(let name, let text):
            try act("write", name) { () throws(SystemFailure) in try write(name, text) }
        case .replace(let name, let text):
            try act("write", name) { () throws(SystemFailure) in
                let fresh = name + ".new"
                unlinkat(at, fresh, 0)
                try write(fresh, text)
                try call { renameat(at, fresh, at, name) }
                try directory.sync()
            }
        case .sync(let name):
            try actIfThere("write", name) { () throws(SystemFailure) in
                try OpenFile(name.isEmpty ? "." : name, in: at, O_RDONLY | O_DIRECTORY).sync()
            }
        case .shred(let name):
            try actIfThere("overwrite", name) { () throws(SystemFailure) in try shred(name) }
        case .remove(let name):
            try actIfThere("remove", name) { () throws(SystemFailure) in try call { unlinkat(at, name, 0) } }
        case .removeDirectory(let name):
            // What somebody else has put there stays.
            if name.isEmpty { rmdir(path) } else { unlinkat(at, name, AT_REMOVEDIR) }
        }
    }

    private var at: CInt { directory.descriptor }

    private func write(_ name: String, _ text: String) throws(SystemFailure) {
        let file = try OpenFile(name, in: at, O_WRONLY | O_CREAT | O_EXCL)
        try file.write(Array(text.utf8))
        try file.sync()
    }

    /// A link is only removed.
    private func shred(_ name: String) throws(SystemFailure) {
        do throws(SystemFailure) {
            let file = try OpenFile(name, in: at, O_WRONLY)
            let size = Int(try file.status().st_size)
            var random = SystemRandomNumberGenerator()
            try file.write((0..<size).map { _ in UInt8.random(in: .min ... .max, using: &random) })
            try file.sync()
        } catch {
            guard error.number == ELOOP else { throw error }
        }
        try call { unlinkat(at, name, 0) }
    }

    private func act(_ action: String, _ name: String, _ work: () throws(SystemFailure) -> Void) throws(AuthorityFault)
    {
        do throws(SystemFailure) { try work() } catch {
            throw AuthorityFault(action, full(name), error.number)
        }
    }

    private func actIfThere(
        _ action: String, _ name: String, _ work: () throws(SystemFailure) -> Void
    ) throws(AuthorityFault) {
        try act(action, name) { () throws(SystemFailure) in
            do throws(SystemFailure) { try work() } catch { guard error.number == ENOENT else { throw error } }
        }
    }

    private func full(_ name: String) -> String { name.isEmpty ? path : "\(path)/\(name)" }

    // MARK: Reading

    /// Throws if others than its owner could have read or written it.
    func checkDirectory() throws(AuthorityFault) {
        let status: stat
        do throws(SystemFailure) { status = try directory.status() } catch {
            throw AuthorityFault("read", path, error.number)
        }
        try Self.check(status, path, "700")
    }

    /// Nil if there is no such file.
    func text(_ name: String) throws(AuthorityFault) -> String? {
        let status: stat
        let bytes: [UInt8]
        do throws(SystemFailure) {
            let file = try OpenFile(name, in: at, O_RDONLY)
            status = try file.status()
            bytes = try file.read(Self.longest + 1)
        } catch {
            guard error.number != ENOENT else { return nil }
            throw AuthorityFault("read", full(name), error.number)
        }
        guard status.st_mode & S_IFMT == S_IFREG, bytes.count <= Self.longest else {
            throw AuthorityFault("\(full(name)) is none of connd's files")
        }
        try Self.check(status, full(name), "600")
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Of all that could be an authority's.
    func directories() throws(AuthorityFault) -> [String] {
        guard let listing = opendir(path) else { throw AuthorityFault("read", path, errno) }
        defer { closedir(listing) }
        var names: [String] = []
        while let entry = readdir(listing) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if AuthorityIndex.isSerial(name) { names.append(name) }
        }
        return names.sorted()
    }

    private static let longest = 256 << 10

    private static func check(_ status: stat, _ path: String, _ mode: String) throws(AuthorityFault) {
        guard status.st_uid == geteuid() || status.st_uid == 0 else {
            throw AuthorityFault("\(path) belongs to uid \(status.st_uid), neither connd's own nor root")
        }
        guard status.st_mode & 0o077 == 0 else {
            throw AuthorityFault("others can read or write \(path): run `chmod \(mode) \(path)`")
        }
    }
}
