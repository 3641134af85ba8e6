import Glibc

/// Applies changes to the host, or only lists them in a dry run. Never leaves a partial file. Value.
struct HostChanges {
    let isDry: Bool
    /// What a dry run would have done, one line each.
    private(set) var dryRunLines: [String] = []

    /// The mode, user and group to keep when a file is rewritten.
    struct Ownership {
        var mode: mode_t = 0o644
        var user: uid_t?
        var group: gid_t?
    }

    init(isDry: Bool) {
        self.isDry = isDry
    }

    /// Atomic: the new file is renamed into place. `change`: what a dry run prints instead of the full
    /// content.
    mutating func put(_ text: String, at path: String, _ ownership: Ownership = .init(), change: String? = nil)
        throws(SetupProblem)
    {
        if isDry {
            if let change { return dryRunLines.append(change) }
            dryRunLines.append("would write \(path):")
            return dryRunLines += text.split(separator: "\n").map { "    \($0)" }
        }
        let folder = Self.folder(of: path)
        try Self.makeFolder(folder)
        // Hidden, so that programs that read the whole folder ignore it.
        var name = Array("\(folder)/.connctl-XXXXXX".utf8CString)
        let descriptor = mkstemp(&name)
        guard descriptor >= 0 else { throw .system(folder) }
        let temporary = String(decoding: name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let code = Self.fill(descriptor, Array(text.utf8), ownership)
        close(descriptor)
        guard code == 0, rename(temporary, path) == 0 else {
            let cause = code == 0 ? errno : code
            unlink(temporary)
            throw .system(path, cause)
        }
        Self.synchronize(folder)
    }

    /// Also removes those of the folders that are then empty, innermost first.
    mutating func remove(_ path: String, folders: [String] = []) throws(SetupProblem) {
        if isDry { return dryRunLines.append("would remove \(path)") }
        guard unlink(path) == 0 || errno == ENOENT else { throw .system(path) }
        for folder in folders where rmdir(folder) != 0 { break }
        Self.synchronize(Self.folder(of: path))
    }

    mutating func link(_ path: String, to target: String) throws(SetupProblem) {
        if isDry { return dryRunLines.append("would link \(path) to \(target)") }
        guard symlink(target, path) == 0 || errno == EEXIST else { throw .system(path) }
    }

    /// Returns what it printed; nothing in a dry run.
    @discardableResult
    mutating func run(_ program: ExternalProgram, _ arguments: [String]) throws(SetupProblem) -> String {
        if isDry {
            dryRunLines.append("would run \(([program.name] + arguments).joined(separator: " "))")
            return ""
        }
        let run = try program.run(arguments)
        guard run.status == 0 else {
            let said = run.errors.split(separator: "\n").first.map(String.init) ?? "it exited with status \(run.status)"
            throw SetupProblem("\(program.name) \(arguments.joined(separator: " ")): \(said)")
        }
        return run.output
    }

    private static func folder(of path: String) -> String {
        path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
    }

    private static func makeFolder(_ path: String) throws(SetupProblem) {
        guard !path.isEmpty, access(path, F_OK) != 0 else { return }
        try makeFolder(folder(of: path))
        guard mkdir(path, 0o755) == 0 || errno == EEXIST else { throw .system(path) }
    }

    /// 0 or an errno.
    private static func fill(_ descriptor: Int32, _ bytes: [UInt8], _ ownership: Ownership) -> Int32 {
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return errno }
            sent += count
        }
        if let user = ownership.user, let group = ownership.group {
            guard fchown(descriptor, user, group) == 0 else { return errno }
        }
        guard fchmod(descriptor, ownership.mode) == 0, fsync(descriptor) == 0 else { return errno }
        return 0
    }

    private static func synchronize(_ folder: String) {
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        close(descriptor)
    }
}
