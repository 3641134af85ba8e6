import Glibc

/// A file that connctl creates and owns. A file of someone else at that path is never overwritten or removed. Value.
struct ManagedFile: Hashable, Sendable {
    let path: String
    /// Folders created for it, and removed with it if empty; innermost first.
    var folders: [String] = []

    private enum Found {
        case nothing
        case own(String)
    }

    /// False if the file already has this content.
    func put(_ text: String, _ changes: inout HostChanges) throws(SetupProblem) -> Bool {
        if case .own(text) = try found() { return false }
        try changes.put(text, at: path)
        return true
    }

    /// False if there was no file.
    func remove(_ changes: inout HostChanges) throws(SetupProblem) -> Bool {
        guard case .own = try found() else { return false }
        try changes.remove(path, folders: folders)
        return true
    }

    func check() throws(SetupProblem) {
        _ = try found()
    }

    /// Nil if there is none.
    func text() throws(SetupProblem) -> String? {
        if case .own(let text) = try found() { text } else { nil }
    }

    private func found() throws(SetupProblem) -> Found {
        var status = stat()
        guard lstat(path, &status) == 0 else {
            if errno == ENOENT || errno == ENOTDIR { return .nothing }
            throw .system(path)
        }
        let text: String?
        if status.st_mode & S_IFMT == S_IFREG {
            do throws(FileProblem) { text = try SmallFile.read(path) } catch {
                throw SetupProblem("\(path): \(error.reason)")
            }
        } else {
            text = nil
        }
        guard let text, SetupText.isOwn(text) else {
            throw SetupProblem(
                "\(path) is not connctl's: left alone", next: "look at \(path), and move it away if it is not needed")
        }
        return .own(text)
    }
}
