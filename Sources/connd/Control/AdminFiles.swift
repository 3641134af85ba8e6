import ConfigurationFile

#if canImport(Glibc)
    import Glibc
#endif

/// Where the admin API's token is, and where it is said how to reach it: `admin.url` in the state directory, for a companion
/// run by the same user. Shared.
struct AdminFiles: Sendable {
    let stateDirectory: String?

    private var addressPath: String? { stateDirectory.map { $0 + "/admin.url" } }

    /// For the owner alone. What cannot be made shows when it is needed.
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

    /// Unless another connd has said since that it is there.
    func remove(address: String) {
        guard let addressPath, let file = fopen(addressPath, "r") else { return }
        var line = [CChar](repeating: 0, count: 512)
        let isOurs = fgets(&line, CInt(line.count), file) != nil && strcmp(line, address + "\n") == 0
        fclose(file)
        if isOurs { unlink(addressPath) }
    }
}
