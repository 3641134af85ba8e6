import AdminClient
import Glibc

/// The address of connd's admin API, how it was found, and what was tried before. Value.
struct FoundDaemon: Hashable, Sendable {
    enum Source: Hashable, Sendable {
        case option, variable, systemSocket
        /// The file in the state directory.
        case stateFile(String)
        case standard
    }

    var address: AdminAddress
    var source: Source
    /// What was tried and rejected, each with the reason.
    var passedOver: [String]
}

/// Decides which connd to use: the given address, else the system's, else the user's own, else the default port.
enum DaemonSearch {
    static func find(option: String?, environment: CommandEnvironment) throws(CommandFailure) -> FoundDaemon {
        if let option { return FoundDaemon(address: try parse(option, "--admin"), source: .option, passedOver: []) }
        if let text = environment.variables["CONNCTL_ADMIN"], !text.isEmpty {
            return FoundDaemon(address: try parse(text, "$CONNCTL_ADMIN"), source: .variable, passedOver: [])
        }
        var passedOver: [String] = []
        let socket = environment.systemSocket
        switch SocketProbe.connect(socket) {
        case nil:
            return FoundDaemon(
                address: AdminAddress(endpoint: .unix(path: socket)), source: .systemSocket, passedOver: [])
        case .some(let reason): passedOver.append("unix:\(socket): \(reason)")
        }
        if let directory = environment.stateDirectory {
            let file = directory + "/admin.url"
            do throws(FileProblem) {
                let text = try SmallFile.read(file).split(whereSeparator: \.isNewline).first.map(String.init) ?? ""
                guard let address = AdminAddress(parsing: text) else {
                    throw FileProblem(reason: "\(text.isEmpty ? "it is empty" : "`\(text)` is no address")")
                }
                return FoundDaemon(address: address, source: .stateFile(file), passedOver: passedOver)
            } catch {
                passedOver.append("\(file): \(error.reason)")
            }
        }
        return FoundDaemon(address: .standard, source: .standard, passedOver: passedOver)
    }

    private static func parse(_ text: String, _ place: String) throws(CommandFailure) -> AdminAddress {
        guard let address = AdminAddress(parsing: text) else {
            throw CommandFailure(
                "\(place): `\(text)` is no address of an admin API", status: .usage,
                next: ["write it as http://127.0.0.1:3129 or unix:/run/connd/admin.sock"])
        }
        return address
    }
}

/// Checks whether a Unix socket has a listener.
enum SocketProbe {
    /// Nil if so, else the reason.
    static func connect(_ path: String) -> String? {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return String(cString: strerror(errno)) }
        defer { close(descriptor) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else { return "the path is too long" }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        return result == 0 ? nil : String(cString: strerror(errno))
    }
}
