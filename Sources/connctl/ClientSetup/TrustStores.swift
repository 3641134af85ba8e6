import AdminModels
import Glibc

/// Installs the roots of connd's certificate authorities on a host, and removes them: each store by itself. Stores and files
/// that are not named here are never touched. Value.
struct TrustStores {
    enum Store: String, CaseIterable {
        /// Debian's, which OpenSSL, GnuTLS and most programs over them read; its hooks update Java's.
        case system
        /// A file with connd's roots alone, for variables that add to a program's own roots.
        case file
    }

    struct Root: Hashable {
        let serial: String
        let pem: String
        /// It can sign for these and for all names below them; nil if for any name.
        let domains: [String]?
    }

    /// The prefix of every path; empty for the running host.
    let root: String
    let environment: CommandEnvironment

    static let folder = "/etc/connd/ca"
    static let additivePath = folder + "/connd-ca.pem"
    static let bundlePath = "/etc/ssl/certs/ca-certificates.crt"
    static let javaPath = "/etc/ssl/certs/java/cacerts"
    private static let localFolder = "/usr/local/share/ca-certificates"
    private static let hookFolder = "/etc/ca-certificates/update.d"

    /// Those that clients have to trust.
    static func roots(of report: AuthoritiesReport) -> [Root] {
        report.authorities.filter { $0.role != "retired" && isSerial($0.serial) }.map {
            Root(
                serial: $0.serial, pem: $0.rootPEM.hasSuffix("\n") ? $0.rootPEM : $0.rootPEM + "\n",
                domains: $0.unconstrained ? nil : $0.domains)
        }
    }

    /// It becomes part of file names.
    private static func isSerial(_ text: some StringProtocol) -> Bool {
        text.utf8.count == 8 && text.unicodeScalars.allSatisfy { "0"..."9" ~= $0 || "a"..."f" ~= $0 }
    }

    func install(_ roots: [Root], in store: Store, _ changes: inout HostChanges) throws(SetupProblem) -> SetupOutcome {
        switch store {
        case .system: try installInSystem(roots, &changes)
        case .file: try installFile(roots, &changes)
        }
    }

    func uninstall(from store: Store, _ changes: inout HostChanges) throws(SetupProblem) -> SetupOutcome {
        switch store {
        case .system: try uninstallFromSystem(&changes)
        case .file: try uninstallFile(&changes)
        }
    }

    /// Serials of connd's roots in the system's store, and whether there is the file.
    var installed: (serials: [String], hasFile: Bool) {
        (installedSerials, access(root + Self.additivePath, F_OK) == 0)
    }

    var isInstalled: Bool { !installed.serials.isEmpty || installed.hasFile }

    // MARK: The system's store

    private func localPath(_ serial: String) -> String { "\(root)\(Self.localFolder)/connd-\(serial).crt" }

    private func linkPath(_ serial: String) -> String { "\(root)/etc/ssl/certs/connd-\(serial).pem" }

    /// The configuration for update-ca-certificates. It stays where a run has failed, and so says that the next one
    /// has to tell everything again: the bundle can be done where a hook, such as Java's, is not.
    private var runPath: String { root + Self.folder + "/update.conf" }

    private var isUnfinished: Bool { access(runPath, F_OK) == 0 }

    /// Also those that only a link or an unfinished removal is left of.
    private var installedSerials: [String] {
        let files = Self.names(in: root + Self.localFolder).compactMap { Self.serial(in: $0, "connd-", ".crt") }
        let links = Self.names(in: root + "/etc/ssl/certs").compactMap { Self.serial(in: $0, "connd-", ".pem") }
        return Set(files + links.filter { isLink(linkPath($0)) } + unfinishedRemovals).sorted()
    }

    private var unfinishedRemovals: [String] {
        let text = (try? SmallFile.read(runPath)) ?? ""
        return text.split(separator: "\n").compactMap { Self.serial(in: String($0), "!connd-", ".crt") }
    }

    private static func serial(in name: String, _ start: String, _ end: String) -> String? {
        guard name.hasPrefix(start), name.hasSuffix(end) else { return nil }
        let serial = name.dropFirst(start.count).dropLast(end.count)
        return isSerial(serial) ? String(serial) : nil
    }

    private func isLink(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFLNK
    }

    private static func names(in folder: String) -> [String] {
        guard let listing = opendir(folder) else { return [] }
        defer { closedir(listing) }
        var names: [String] = []
        while let entry = readdir(listing) {
            names.append(
                withUnsafePointer(to: &entry.pointee.d_name) {
                    $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                })
        }
        return names.sorted()
    }

    private func installInSystem(_ roots: [Root], _ changes: inout HostChanges) throws(SetupProblem) -> SetupOutcome {
        guard let program = updateProgram else {
            return .skipped("update-ca-certificates is not installed", next: "apt install ca-certificates")
        }
        let wanted = Set(roots.map(\.serial))
        let stale = installedSerials.filter { !wanted.contains($0) }
        var isNew = false
        for item in roots {
            let path = localPath(item.serial)
            if try Self.certificate(path) == item.pem { continue }
            try changes.put(item.pem, at: path, change: "would write \(path)")
            isNew = true
        }
        let bundle = (try? SmallFile.read(root + Self.bundlePath)) ?? ""
        let isComplete = roots.allSatisfy { bundle.contains($0.pem) }
        guard isNew || !stale.isEmpty || !isComplete || isUnfinished else {
            return .unchanged("already in: \(Self.localFolder)")
        }
        try update(program, adding: roots.map(\.serial), removing: stale, &changes)
        let gone = stale.isEmpty ? "" : "; no longer current, so removed: \(stale.joined(separator: ", "))"
        return .changed("in: \(roots.map { localPath($0.serial) }.joined(separator: ", "))\(gone)\(javaText)")
    }

    private func uninstallFromSystem(_ changes: inout HostChanges) throws(SetupProblem) -> SetupOutcome {
        let serials = installedSerials
        guard !serials.isEmpty || isUnfinished else { return .unchanged("already out") }
        guard let program = updateProgram else {
            throw SetupProblem(
                "update-ca-certificates is not installed, so what it has made of \(Self.localFolder) cannot be undone",
                next: "apt install ca-certificates")
        }
        try update(program, adding: [], removing: serials, &changes)
        return .changed("out: \(serials.joined(separator: ", "))\(javaText)")
    }

    /// By itself, update-ca-certificates does not notice that a local certificate is gone, and does not tell Java's
    /// hook. A `!` line in its configuration makes it do both, if there is still the link.
    private func update(
        _ program: ExternalProgram, adding: [String], removing: [String], _ changes: inout HostChanges
    ) throws(SetupProblem) {
        for serial in removing { _ = try Self.certificate(localPath(serial)) }
        let wasUnfinished = isUnfinished
        let usual = (try? SmallFile.read(root + "/etc/ca-certificates.conf")) ?? ""
        let removals = removing.map { "!connd-\($0).crt\n" }.joined()
        try changes.put(
            usual + (usual.isEmpty || usual.hasSuffix("\n") ? "" : "\n") + removals, at: runPath,
            change: "would write \(runPath) for the next command")
        for serial in removing {
            let (path, link) = (localPath(serial), linkPath(serial))
            if wasUnfinished, !isLink(link) { try changes.link(link, to: path) }
            try changes.remove(path)
        }
        // A root that has its link already is not new to hooks.
        let known = wasUnfinished ? adding.map(linkPath).filter(isLink) : []
        for path in known { try changes.remove(path) }
        var arguments = ["--certsconf", runPath]
        if !root.isEmpty {
            arguments += [
                "--certsdir", root + "/usr/share/ca-certificates", "--localcertsdir", root + Self.localFolder,
                "--etccertsdir", root + "/etc/ssl/certs", "--hooksdir", root + Self.hookFolder,
            ]
        }
        let output = try changes.run(program, arguments)
        if let failed = output.split(separator: "\n").first(where: { $0.hasPrefix("E: ") }) {
            throw SetupProblem("update-ca-certificates: \(failed.dropFirst(3))")
        }
        try changes.remove(runPath, folders: [root + Self.folder])
    }

    private var updateProgram: ExternalProgram? {
        var variables = environment.variables
        // Not among the folders of everyone's PATH.
        variables["PATH"] = (variables["PATH"].map { $0 + ":" } ?? "") + "/usr/sbin:/sbin:/usr/bin:/bin"
        return ExternalProgram("update-ca-certificates", variables: variables)
    }

    private var javaText: String {
        access("\(root)\(Self.hookFolder)/jks-keystore", X_OK) == 0 ? ", and in Java's \(Self.javaPath)" : ""
    }

    /// Nil if there is none. Throws if it is no certificate that connctl has written.
    private static func certificate(_ path: String) throws(SetupProblem) -> String? {
        var status = stat()
        guard lstat(path, &status) == 0 else {
            if errno == ENOENT || errno == ENOTDIR { return nil }
            throw .system(path)
        }
        if status.st_mode & S_IFMT == S_IFREG, let text = try? SmallFile.read(path),
            text.hasPrefix("-----BEGIN CERTIFICATE-----\n")
        {
            return text
        }
        throw SetupProblem(
            "\(path) is not connctl's: left alone", next: "look at \(path), and move it away if it is not needed")
    }

    // MARK: The file

    private func installFile(_ roots: [Root], _ changes: inout HostChanges) throws(SetupProblem) -> SetupOutcome {
        let path = root + Self.additivePath
        let text = roots.map(\.pem).joined()
        guard try Self.certificate(path) != text else { return .unchanged("already in: \(path)") }
        try changes.put(text, at: path, change: "would write \(path)")
        return .changed("in: \(path)")
    }

    private func uninstallFile(_ changes: inout HostChanges) throws(SetupProblem) -> SetupOutcome {
        let path = root + Self.additivePath
        guard try Self.certificate(path) != nil else { return .unchanged("already out") }
        try changes.remove(path, folders: [root + Self.folder])
        return .changed("out: \(path) is gone")
    }
}
