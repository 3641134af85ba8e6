import ConfigurationFile

#if canImport(Glibc)
    import Glibc
#endif

/// The files of the admin API: its token, and `admin.url` in the state directory, which tells companions of the same
/// user how to reach it. Shared.
struct AdminFiles: Sendable {
    let stateDirectory: String?

    private var addressPath: String? { stateDirectory.map { $0 + "/admin.url" } }

    /// Accessible to the owner only. A failure shows when the directory is needed.
    func makeStateDirectory() {
        guard let stateDirectory else { return }
        var made = ""
        for part in stateDirectory.split(separator: "/") {
            made += "/\(part)"
            if access(made, F_OK) != 0 { mkdir(made, 0o700) }
        }
    }

    func write(address: String) {
        guard let addressPath else { return }
        let fresh = "\(addressPath).\(getpid())"
        guard let file = fopen(fresh, "w") else { return }
        fputs(address + "\n", file)
        fclose(file)
        rename(fresh, addressPath)
    }

    /// Unless another connd has replaced it.
    func remove(address: String) {
        guard let addressPath, let file = fopen(addressPath, "r") else { return }
        var line = [CChar](repeating: 0, count: 512)
        let isOurs = fgets(&line, CInt(line.count), file) != nil && strcmp(line, address + "\n") == 0
        fclose(file)
        if isOurs { unlink(addressPath) }
    }
}
