import Glibc

/// A socket that is bound but not listening yet. Whoever holds it closes its descriptor. Value.
struct BoundSocket: Sendable {
    let descriptor: Int32
    /// `127.0.0.1:3129`, `[::1]:3129` or `unix:/run/connd/admin.sock`.
    let address: String
    /// The literal address of a TCP socket, without brackets.
    let host: String?
    /// The socket file that is removed together with this socket.
    let file: File?

    struct File: Equatable, Sendable {
        let path: String
        let device: UInt64
        let inode: UInt64
    }

    var isUnix: Bool { host == nil }

    static func bind(_ listener: AdminListener) throws(AdminServerError) -> BoundSocket {
        switch listener {
        case .tcp(let host, let port): try tcp(host, port)
        case .unix(let path, let mode): try unix(path, mode)
        case .inherited(let descriptor): try describe(descriptor, file: nil)
        }
    }

    private static func tcp(_ host: String, _ port: UInt16) throws(AdminServerError) -> BoundSocket {
        let literal = host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : host
        var hints = addrinfo()
        hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(literal, "\(port)", &hints, &found) == 0, let found else {
            throw AdminServerError(description: "admin.listen: \(host) is no IP address")
        }
        defer { freeaddrinfo(found) }
        let descriptor = try open(found.pointee.ai_family)
        var on: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, 4)
        if found.pointee.ai_family == AF_INET6 { setsockopt(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, &on, 4) }
        guard Glibc.bind(descriptor, found.pointee.ai_addr, found.pointee.ai_addrlen) == 0 else {
            let shown = literal.contains(":") ? "[\(literal)]:\(port)" : "\(literal):\(port)"
            throw failure(descriptor, "cannot listen on \(shown)", hint: "does another connd run? (admin.listen)")
        }
        return try describe(descriptor, file: nil)
    }

    private static func unix(_ path: String, _ mode: UInt32) throws(AdminServerError) -> BoundSocket {
        guard var address = unixAddress(path) else {
            throw AdminServerError(description: "admin.listen: the socket's path \(path) is empty or over 107 bytes")
        }
        try removeStale(path, &address)
        let descriptor = try open(AF_UNIX)
        // The mode is set before `listen`, so no client can connect under the wrong one.
        let bound = withSockaddr(&address) { Glibc.bind(descriptor, $0, $1) }
        guard bound == 0 else {
            throw failure(
                descriptor, "cannot listen on \(path)", hint: "does its folder exist, and may connd write there?")
        }
        var status = stat()
        guard chmod(path, mode) == 0, lstat(path, &status) == 0 else {
            throw failure(descriptor, "cannot set the mode of \(path)", hint: "")
        }
        let file = File(path: path, device: UInt64(status.st_dev), inode: UInt64(status.st_ino))
        return BoundSocket(descriptor: descriptor, address: "unix:\(path)", host: nil, file: file)
    }

    /// A socket file without a listener was left behind by a connd that was killed.
    private static func removeStale(_ path: String, _ address: inout sockaddr_un) throws(AdminServerError) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        guard status.st_mode & S_IFMT == S_IFSOCK else {
            throw AdminServerError(
                description: "\(path) is there and is no socket; admin.listen must name another path")
        }
        let probe = try open(AF_UNIX)
        defer { close(probe) }
        let connected = withSockaddr(&address) { connect(probe, $0, $1) }
        guard connected != 0, errno == ECONNREFUSED else {
            throw AdminServerError(description: "another process listens on \(path); does another connd run?")
        }
        guard unlink(path) == 0 else {
            throw AdminServerError(
                description: "cannot replace the stale socket \(path): \(String(cString: strerror(errno)))")
        }
    }

    /// Removes the file only if it is still the same one: a successor may have replaced it.
    func removeFile() {
        var status = stat()
        guard let file, lstat(file.path, &status) == 0, UInt64(status.st_dev) == file.device,
            UInt64(status.st_ino) == file.inode
        else { return }
        unlink(file.path)
    }

    private static func open(_ family: Int32) throws(AdminServerError) -> Int32 {
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        let descriptor = socket(family, type, 0)
        guard descriptor >= 0 else {
            throw AdminServerError(description: "cannot open a socket: \(String(cString: strerror(errno)))")
        }
        return descriptor
    }

    private static func failure(_ descriptor: Int32, _ what: String, hint: String) -> AdminServerError {
        let reason = String(cString: strerror(errno))
        close(descriptor)
        return AdminServerError(description: "\(what): \(reason)\(hint.isEmpty ? "" : "; \(hint)")")
    }

    private static func unixAddress(_ path: String) -> sockaddr_un? {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let fits = withUnsafeMutableBytes(of: &address.sun_path) { room in
            guard !path.isEmpty, path.utf8.count < room.count else { return false }
            room.copyBytes(from: path.utf8)
            return true
        }
        return fits ? address : nil
    }

    private static func withSockaddr<Result>(
        _ address: inout sockaddr_un, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }

    /// The address that the kernel reports.
    private static func describe(_ descriptor: Int32, file: File?) throws(AdminServerError) -> BoundSocket {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        var host = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        var port = [CChar](repeating: 0, count: Int(NI_MAXSERV))
        let isNamed = withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                guard getsockname(descriptor, address, &length) == 0 else { return false }
                if Int32(address.pointee.sa_family) == AF_UNIX { return true }
                let flags = NI_NUMERICHOST | NI_NUMERICSERV
                return getnameinfo(
                    address, length, &host, socklen_t(host.count), &port, socklen_t(port.count), flags) == 0
            }
        }
        guard isNamed else {
            throw AdminServerError(description: "descriptor \(descriptor) is no bound socket (admin.listen)")
        }
        func text(_ characters: [CChar]) -> String {
            String(decoding: characters.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }
        if Int32(storage.ss_family) == AF_UNIX {
            let path = withUnsafeBytes(of: storage) { String(decoding: $0[2...].prefix { $0 != 0 }, as: UTF8.self) }
            return BoundSocket(descriptor: descriptor, address: "unix:\(path)", host: nil, file: file)
        }
        let name = text(host)
        let shown = name.contains(":") ? "[\(name)]:\(text(port))" : "\(name):\(text(port))"
        return BoundSocket(descriptor: descriptor, address: shown, host: name, file: file)
    }
}
