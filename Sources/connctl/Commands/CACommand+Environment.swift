import AdminClient
import AdminModels

/// `connctl ca env`.
extension CACommand {
    func env() async throws {
        let variables = CommandEnvironment.current.variables
        let shell = shell ?? EnvironmentText.Shell(path: variables["SHELL"] ?? "")
        let output = global.makeOutput()
        if unset {
            let former = TrustVariables.former(in: variables)
            guard !former.isEmpty else {
                let note = CommandFailure(
                    "nothing to restore: `connctl ca env` did not set this shell's variables",
                    next: ["unset \(TrustVariables.names.joined(separator: " "))    if something else set them"])
                return CommandEnvironment.current.errors.write(note.text)
            }
            return output.raw(EnvironmentText.restore(former, shell))
        }
        let files = try await files()
        if container { return output.raw(TrustVariables.container(files)) }
        output.raw(
            TrustVariables.set(files, before: variables, shell)
                + remarks(files, variables).map { EnvironmentText.remark($0, shell) }.joined())
    }

    /// Those that `ca install` has put there, else the user's own, which are brought up to date.
    private func files() async throws -> TrustVariables.Files {
        let stores = stores
        let installed = stores.installed
        let system = stores.root + TrustStores.bundlePath
        if installed.hasFile, !installed.serials.isEmpty {
            return TrustVariables.Files(additive: stores.root + TrustStores.additivePath, complete: system)
        }
        var roots: [TrustStores.Root] = []
        try await Session.run(global) { session in
            session.about(.authority)
            try trust(session.errors.daemon)
            roots = TrustStores.roots(of: try await session.client.authorities().content)
        }
        guard !roots.isEmpty else {
            throw CommandFailure(
                "connd has no certificate authority", next: ["connctl ca create --for example.com"])
        }
        try check(roots)
        return try Self.write(roots.map(\.pem).joined(), beside: system)
    }

    /// At the standard address any user of this host could answer, with a root of their own. The address in the user's
    /// own state directory can be that of a connd that has ended, and its port somebody else's.
    private func trust(_ daemon: FoundDaemon) throws(CommandFailure) {
        switch (daemon.source, daemon.address.endpoint) {
        case (.option, _), (.variable, _), (.systemSocket, _), (.stateFile, .unix): return
        case (.stateFile, _):
            let environment = CommandEnvironment.current
            let users = environment.listeners.users(at: daemon.address)
            if !users.isEmpty, users.isSubset(of: [environment.user, 0]) { return }
        case (.standard, _): break
        }
        throw CommandFailure(
            "connd is not at its own socket, and at a TCP port any user of this host could answer for it, with a root "
                + "of their own",
            details: daemon.passedOver,
            next: [
                "systemctl start connd", "sudo connctl ca install    once, and its file is used from then on",
                "connctl ca env --admin \(daemon.address)    if you know that your connd listens there",
            ])
    }

    /// Written again only where they differ: when the system's bundle or connd's roots have changed.
    private static func write(_ roots: String, beside system: String) throws(CommandFailure) -> TrustVariables.Files {
        let folder = try folder()
        let files = TrustVariables.Files(
            additive: folder + "/connd-ca.pem", complete: folder + "/ca-bundle.pem")
        let bundle: String
        do throws(FileProblem) { bundle = try SmallFile.read(system) } catch {
            throw CommandFailure(
                "the system's certificates cannot be read: \(system): \(error.reason)",
                next: ["apt install ca-certificates"])
        }
        var changes = HostChanges(isDry: false)
        do throws(SetupProblem) {
            for (path, text) in [(files.additive, roots), (files.complete, bundle + roots)]
            where (try? SmallFile.read(path)) != text {
                try changes.put(text, at: path)
            }
        } catch {
            throw CommandFailure(error.reason, next: ["sudo connctl ca install    for the whole host"])
        }
        return files
    }

    private static func folder() throws(CommandFailure) -> String {
        let variables = CommandEnvironment.current.variables
        if let data = variables["XDG_DATA_HOME"], data.hasPrefix("/") { return data + "/connd/ca" }
        if let home = variables["HOME"], home.hasPrefix("/") { return home + "/.local/share/connd/ca" }
        throw CommandFailure(
            "$HOME is not set to your home directory", status: .usage, next: ["HOME=/home/you connctl ca env"])
    }

    private func remarks(_ files: TrustVariables.Files, _ variables: [String: String]) -> [String] {
        TrustVariables.replaced(files, system: stores.root + TrustStores.bundlePath, before: variables).map {
            "\($0.name) was \($0.value): what only that file has is not trusted in this shell any more"
        } + [
            files.complete.hasSuffix(TrustStores.bundlePath)
                ? "Java with cacerts of its own: JAVA_TOOL_OPTIONS=-Djavax.net.ssl.trustStore=\(TrustStores.javaPath)"
                    + " (package ca-certificates-java)"
                : "Java: keytool -importcert -noprompt -alias connd -file \(files.additive) -keystore FILE, then "
                    + "JAVA_TOOL_OPTIONS=-Djavax.net.ssl.trustStore=FILE"
        ]
    }
}
