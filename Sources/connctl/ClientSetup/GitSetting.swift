import Glibc

/// git's `http.proxy`, for the host or one user. A second key records which value connctl set: any other value is
/// someone else's and is left alone. Value.
struct GitSetting: Sendable {
    private static let key = "http.proxy"
    private static let ownKey = "connd.proxy"

    let git: ExternalProgram
    /// `--system` or `--global`.
    let scope: String
    /// Removed once it is empty.
    let file: String

    var place: String { "git config \(scope) \(Self.key)" }

    func enable(_ proxy: ProxyAddress, _ changes: inout HostChanges) throws(SetupProblem) -> SetupOutcome {
        let (current, own) = (try values(Self.key), try values(Self.ownKey))
        if current == [proxy.description] {
            return .unchanged(own == current ? "already on: \(place)" : "already on, not by connctl: \(place)")
        }
        guard current.isEmpty || current == own else {
            throw SetupProblem(
                "http.proxy is \(current.joined(separator: ", ")), which connctl did not set: left alone",
                next: "git config \(scope) --unset-all \(Self.key)    if connd should take its place; then again")
        }
        for key in [Self.ownKey, Self.key] {
            try changes.run(git, ["config", scope, "--replace-all", key, proxy.description])
        }
        return .changed("on: \(place)")
    }

    func disable(_ changes: inout HostChanges) throws(SetupProblem) -> SetupOutcome {
        let (current, own) = (try values(Self.key), try values(Self.ownKey))
        let isOthers = !current.isEmpty && current != own
        let others = isOthers ? "; http.proxy is \(current.joined(separator: ", ")), not by connctl: left alone" : ""
        guard !own.isEmpty else { return .unchanged("already off\(others)") }
        if current == own { try changes.run(git, ["config", scope, "--unset-all", Self.key]) }
        try changes.run(git, ["config", scope, "--unset-all", Self.ownKey])
        var status = stat()
        if !changes.isDry, lstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_size == 0 {
            try changes.remove(file)
        }
        return .changed("off\(others)")
    }

    private func values(_ key: String) throws(SetupProblem) -> [String] {
        let run = try git.run(["config", scope, "--get-all", key])
        // 1: not set. git also exits with 128 if there is no such file.
        guard run.status == 0 else {
            if run.status == 1 || access(file, F_OK) != 0 { return [] }
            let said = run.errors.split(separator: "\n").first ?? "it exited with status \(run.status)"
            throw SetupProblem("git config \(scope): \(said)")
        }
        return run.output.split(separator: "\n").map(String.init)
    }
}
