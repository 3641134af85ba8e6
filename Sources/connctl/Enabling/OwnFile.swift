import Glibc

/// A file that is connctl's alone. One that somebody else put there is never written over and never removed. Value.
struct OwnFile: Hashable, Sendable {
    let path: String
    /// Made for it, and gone with it where nothing else is in them; each within the next.
    var folders: [String] = []

    private enum Found {
        case nothing
        case own(String)
    }

    /// False where it holds that already.
    func put(_ text: String, _ changes: inout HostChanges) throws(SetupProblem) -> Bool {
        if case .own(text) = try found() { return false }
        try changes.put(text, at: path)
        return true
    }

    /// False where there was none.
    func remove(_ changes: inout HostChanges) throws(SetupProblem) -> Bool {
        guard case .own = try found() else { return false }
        try changes.remove(path, folders: folders)
        return true
    }

    func check() throws(SetupProblem) {
        _ = try found()
    }

    /// Nil where there is none.
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
