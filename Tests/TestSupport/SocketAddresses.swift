import Glibc

/// Addresses of IPv4 sockets in the shape that the kernel takes them.
enum SocketAddresses {
    static func withIPv4<Result>(
        _ address: String, port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        var value = sockaddr_in()
        value.sin_family = sa_family_t(AF_INET)
        value.sin_port = port.bigEndian
        inet_pton(AF_INET, address, &value.sin_addr)
        return withUnsafePointer(to: &value) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        }
    }

    /// `path`, or `@name` in the abstract namespace.
    static func withUnix<Result>(
        _ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        var value = sockaddr_un()
        value.sun_family = sa_family_t(AF_UNIX)
        let bytes = path.hasPrefix("@") ? [0] + path.utf8.dropFirst() : path.utf8 + [0]
        withUnsafeMutableBytes(of: &value.sun_path) { $0.copyBytes(from: bytes.prefix($0.count)) }
        return withUnsafePointer(to: &value) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sa_family_t>.size + bytes.count))
            }
        }
    }

    static func localPort(of descriptor: Int32) -> UInt16 {
        var value = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &value) {
            _ = $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        return UInt16(bigEndian: value.sin_port)
    }

    /// A bound socket at a port that the kernel chose, not yet listening.
    static func bound(to address: String, port: UInt16 = 0) throws -> (descriptor: Int32, port: UInt16) {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw StreamSocket.failure("socket") }
        guard withIPv4(address, port: port, { bind(descriptor, $0, $1) }) == 0 else {
            defer { close(descriptor) }
            throw StreamSocket.failure("bind to \(address)")
        }
        return (descriptor, localPort(of: descriptor))
    }
}
