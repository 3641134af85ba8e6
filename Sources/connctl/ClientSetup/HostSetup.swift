import Glibc

/// Configures the programs of a host or of one user to use connd, and undoes that. Value.
struct HostSetup {
    /// The prefix of every path; empty for the running host.
    let root: String
    /// The user's home directory; nil for the whole host.
    let home: String?
    let environment: CommandEnvironment

    private var isUser: Bool { home != nil }

    func enable(_ kind: ClientKind, _ proxy: ProxyAddress, _ changes: inout HostChanges) throws(SetupProblem)
        -> SetupOutcome
    {
        switch kind {
        case .shell: try enableShell(proxy, &changes)
        case .apt: try enableApt(proxy, &changes)
        case .git: try withGit { git throws(SetupProblem) in try git.enable(proxy, &changes) }
        case .services: try enableServices(proxy, &changes)
        }
    }

    func disable(_ kind: ClientKind, _ changes: inout HostChanges) throws(SetupProblem) -> SetupOutcome {
        switch kind {
        case .shell: try disableShell(&changes)
        case .apt:
            isUser
                ? Self.aptIsOfTheHost("disable")
                : Self.off(try aptFile.remove(&changes), aptFile.path)
        case .git: try withGit { git throws(SetupProblem) in try git.disable(&changes) }
        case .services: try disableServices(&changes)
        }
    }

    private static func on(_ isNew: Bool, _ place: String, _ more: String = "") -> SetupOutcome {
        isNew ? .changed("on: \(place)\(more)") : .unchanged("already on: \(place)")
    }

    private static func off(_ wasOn: Bool, _ place: String, _ more: String = "") -> SetupOutcome {
        wasOn ? .changed("off: \(place) is gone\(more)") : .unchanged("already off")
    }

    // MARK: Shells

    private var shellFile: ManagedFile {
        guard let home else { return ManagedFile(path: root + "/etc/profile.d/connd.sh") }
        let folder = root + home + "/.config/connd"
        return ManagedFile(path: folder + "/env.sh", folders: [folder, root + home + "/.config"])
    }

    /// The first is created if missing; bash and zsh read one of the others instead if it exists.
    private func loginFiles(_ home: String) -> [LoginFile] {
        let files = [".profile", ".bash_profile", ".bash_login", ".zprofile"].map {
            LoginFile(path: "\(root)\(home)/\($0)")
        }
        return files.prefix(1) + files.dropFirst().filter(\.exists)
    }

    private func enableShell(_ proxy: ProxyAddress, _ changes: inout HostChanges) throws(SetupProblem) -> SetupOutcome {
        var isNew = try shellFile.put(SetupText.shell(proxy, user: isUser), &changes)
        for file in home.map(loginFiles) ?? [] where try file.add(&changes) { isNew = true }
        return Self.on(isNew, shellFile.path, #"; from the next login (here and now: eval "$(connctl env)")"#)
    }

    private func disableShell(_ changes: inout HostChanges) throws(SetupProblem) -> SetupOutcome {
        var wasOn = false
        for file in home.map(loginFiles) ?? [] where try file.remove(&changes) { wasOn = true }
        if try shellFile.remove(&changes) { wasOn = true }
        return Self.off(
            wasOn, shellFile.path, #"; shells that are open keep it (there: eval "$(connctl env --unset)")"#)
    }

    // MARK: apt

    private var aptFile: ManagedFile { ManagedFile(path: root + "/etc/apt/apt.conf.d/30connd") }

    private static func aptIsOfTheHost(_ verb: String) -> SetupOutcome {
        .skipped("apt has no settings of one user", next: "sudo connctl \(verb) apt    for the whole host")
    }

    private func enableApt(_ proxy: ProxyAddress, _ changes: inout HostChanges) throws(SetupProblem) -> SetupOutcome {
        if isUser { return Self.aptIsOfTheHost("enable") }
        guard access(root + "/etc/apt", F_OK) == 0 else { return .skipped("apt is not installed", next: nil) }
        try aptFile.check()
        guard let script = environment.aptScripts.first(where: { access(root + $0, X_OK) == 0 }) else {
            // apt fails completely if the script it is configured to run is missing.
            throw SetupProblem(
                "there is no \(environment.aptScripts.first ?? "apt-proxy") for apt to run",
                next: "install connd's package, or run make install, which puts it there")
        }
        if let other = try otherAptProxy(script) {
            throw SetupProblem(
                "apt already has \(other), which connctl did not set: left alone",
                next:
                    "apt-config dump | grep -i proxy    shows it; remove it from /etc/apt if connd should take its place"
            )
        }
        return Self.on(try aptFile.put(SetupText.apt(proxy, script: script), &changes), aptFile.path)
    }

    /// Proxy settings that someone else gave apt. Not checked for an image that is being built.
    private func otherAptProxy(_ script: String) throws(SetupProblem) -> String? {
        guard root.isEmpty || environment.variables["APT_CONFIG"] != nil,
            let program = ExternalProgram("apt-config", variables: environment.variables)
        else { return nil }
        let keys = [
            "Acquire::http::Proxy", "Acquire::https::Proxy", "Acquire::http::Proxy-Auto-Detect",
            "Acquire::https::Proxy-Auto-Detect", "Acquire::http::ProxyAutoDetect",
        ]
        for key in keys {
            // Prints `v='value'` or nothing.
            let output = try program.run(["shell", "v", key]).output
            let value = output.split(separator: "\n").first?.dropFirst(3).dropLast() ?? ""
            if !value.isEmpty, value != script { return "\(key) \"\(value)\"" }
        }
        return nil
    }

    // MARK: git

    private func withGit(_ body: (GitSetting) throws(SetupProblem) -> SetupOutcome) throws(SetupProblem) -> SetupOutcome
    {
        var variables = environment.variables
        let file = root + (home.map { $0 + "/.gitconfig" } ?? "/etc/gitconfig")
        if let home { variables["HOME"] = home }
        if !root.isEmpty { variables[isUser ? "GIT_CONFIG_GLOBAL" : "GIT_CONFIG_SYSTEM"] = file }
        guard var git = ExternalProgram("git", variables: variables) else {
            return .skipped("git is not installed", next: nil)
        }
        // git fails if its working directory no longer exists.
        git.leading = ["-C", "/"]
        return try body(GitSetting(git: git, scope: isUser ? "--global" : "--system", file: file))
    }

    // MARK: Services

    private var servicesFile: ManagedFile {
        guard let home else {
            let folder = root + "/etc/systemd/system.conf.d"
            return ManagedFile(path: folder + "/50-connd.conf", folders: [folder])
        }
        let folder = root + home + "/.config/environment.d"
        return ManagedFile(path: folder + "/50-connd.conf", folders: [folder, root + home + "/.config"])
    }

    private func enableServices(_ proxy: ProxyAddress, _ changes: inout HostChanges) throws(SetupProblem)
        -> SetupOutcome
    {
        let given = try serviceEnvironment()
        if let other = try otherServicesProxy(proxy, given) {
            let systemctl = isUser ? "systemctl --user" : "systemctl"
            throw SetupProblem(
                "services already have \(other), which connctl did not set: left alone",
                next: "\(systemctl) show-environment    shows it; "
                    + "remove it from \(isUser ? "~/.config/environment.d" : "/etc/systemd/system.conf, system.conf.d") "
                    + "if connd should take its place")
        }
        let exceptions = given.filter { ProxyVariables.exceptionNames.contains($0.key) }
        if let odd = exceptions.first(where: { !ServiceEnvironment.isPlain($0.value) }) {
            throw SetupProblem(
                "\(odd.key) of services has characters that systemd's files cannot hold: left alone",
                next: "reduce \(odd.key) to names, addresses and commas, then enable again")
        }
        let text =
            isUser
            ? SetupText.userServices(proxy, before: exceptions) : SetupText.services(proxy, before: exceptions)
        guard try servicesFile.put(text, &changes) else { return Self.on(false, servicesFile.path) }
        return Self.on(true, servicesFile.path, try reload(&changes))
    }

    private func disableServices(_ changes: inout HostChanges) throws(SetupProblem) -> SetupOutcome {
        guard try servicesFile.remove(&changes) else { return Self.off(false, servicesFile.path) }
        return Self.off(true, servicesFile.path, try reload(&changes))
    }

    /// Empty if systemd cannot be queried.
    private func serviceEnvironment() throws(SetupProblem) -> [String: String] {
        guard let systemctl, case let run = try systemctl.run(scope + ["show-environment"]), run.status == 0 else {
            return [:]
        }
        return ServiceEnvironment.parse(run.output)
    }

    /// A proxy that systemd sets for services and that did not come from connctl.
    private func otherServicesProxy(_ proxy: ProxyAddress, _ given: [String: String]) throws(SetupProblem) -> String? {
        let own = try servicesFile.text() ?? ""
        return ["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"].lazy.compactMap { name in
            given[name].map { "\(name)=\($0)" }
        }.first { line in
            !line.hasSuffix("=\(proxy)") && !own.contains(line + "\"") && !own.contains(line + "\n")
        }
    }

    private var scope: [String] { isUser ? ["--user"] : [] }

    /// Nil if systemd does not run, at all or for this user, or does not belong to the image being built.
    private var systemctl: ExternalProgram? {
        let manager =
            isUser
            ? environment.variables["XDG_RUNTIME_DIR"].map { $0 + "/systemd/private" } : environment.systemdFolder
        guard root.isEmpty, let manager, access(manager, F_OK) == 0 else { return nil }
        return ExternalProgram("systemctl", variables: environment.variables)
    }

    /// What is to be said of it.
    private func reload(_ changes: inout HostChanges) throws(SetupProblem) -> String {
        guard let systemctl else { return "; systemd is not running here, so it was not reloaded" }
        try changes.run(systemctl, scope + ["daemon-reload"])
        return "; it applies to services when they are next started"
    }
}
