import Glibc

/// A user's login file, such as ~/.profile, to which connctl adds one marked line and from which it removes it. Value.
struct LoginFile: Hashable, Sendable {
    let path: String

    var exists: Bool { access(path, F_OK) == 0 }

    func add(_ changes: inout HostChanges) throws(SetupProblem) -> Bool {
        try edit(&changes, "would add to \(path): \(ManagedLine.text)", ManagedLine.adding)
    }

    /// A file with nothing else in it was created by connctl.
    func remove(_ changes: inout HostChanges) throws(SetupProblem) -> Bool {
        try edit(&changes, "would remove its line from \(path)", ManagedLine.removing)
    }

    private func edit(_ changes: inout HostChanges, _ dryRunLine: String, _ change: (String) -> String)
        throws(SetupProblem) -> Bool
    {
        var status = stat()
        let isThere = stat(path, &status) == 0
        if !isThere, errno != ENOENT { throw .system(path) }
        // Reading a FIFO would block forever.
        guard !isThere || status.st_mode & S_IFMT == S_IFREG else {
            throw SetupProblem("\(path) is no regular file: left alone")
        }
        var content = ""
        if isThere {
            do throws(FileProblem) { content = try SmallFile.read(path) } catch {
                throw SetupProblem("\(path): \(error.reason)")
            }
            guard !content.contains("\u{FFFD}") else {
                throw SetupProblem("\(path) is not UTF-8: left alone", next: "add this line to it: \(ManagedLine.text)")
            }
        }
        let changed = change(content)
        if changed == content { return false }
        // Writes to the target of a link, so that the link stays.
        let target = isThere ? Self.resolved(path) : path
        if changed.isEmpty {
            try changes.remove(target)
        } else {
            let kept = HostChanges.Ownership(
                mode: isThere ? status.st_mode & 0o7777 : 0o644, user: isThere ? status.st_uid : nil,
                group: isThere ? status.st_gid : nil)
            try changes.put(changed, at: target, kept, change: dryRunLine)
        }
        return true
    }

    private static func resolved(_ path: String) -> String {
        guard let found = realpath(path, nil) else { return path }
        defer { free(found) }
        return String(cString: found)
    }
}
