import Glibc

/// A socket as a socket unit of systemd holds it: it outlives every connd that it is passed to. Shared.
package final class SocketUnit: Sendable {
    package enum Kind: Sendable {
        case stream, datagram
        /// A stream socket that has an address, and no backlog.
        case bound
    }

    /// As FileDescriptorName=.
    package let name: String
    /// Of a TCP socket.
    package let port: UInt16
    /// Of a Unix socket.
    package let path: String?
    let descriptor: Int32

    /// On 127.0.0.1, at a port that the kernel chose.
    package init(_ name: String, _ kind: Kind = .stream) throws {
        self.name = name
        path = nil
        let type = kind == .datagram ? SOCK_DGRAM : SOCK_STREAM
        let descriptor = try Self.socket(AF_INET, Int32(type.rawValue))
        self.descriptor = descriptor
        let result = SocketAddresses.withIPv4("127.0.0.1", port: 0) { bind(descriptor, $0, $1) }
        port = SocketAddresses.localPort(of: descriptor)
        guard result == 0, kind != .stream || listen(descriptor, 1024) == 0 else {
            throw StreamSocket.failure("bind or listen")
        }
    }

    package init(_ name: String, unix path: String) throws {
        self.name = name
        self.path = path
        port = 0
        let descriptor = try Self.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue))
        self.descriptor = descriptor
        let result = SocketAddresses.withUnix(path) { bind(descriptor, $0, $1) }
        guard result == 0, listen(descriptor, 1024) == 0 else {
            throw StreamSocket.failure("bind or listen at \(path)")
        }
    }

    deinit {
        close(descriptor)
    }

    package var authority: String { path.map { "unix:\($0)" } ?? "127.0.0.1:\(port)" }

    /// Connects a client, whether or not anything accepts it.
    package func connect() throws -> ScriptedClient {
        try path.map { try ScriptedClient(unix: $0) } ?? ScriptedClient(port: port)
    }

    /// Far above those that a child gets, so that giving it one never overwrites another.
    private static func socket(_ family: Int32, _ type: Int32) throws -> Int32 {
        let low = Glibc.socket(family, type | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard low >= 0 else { throw StreamSocket.failure("socket") }
        defer { close(low) }
        let descriptor = fcntl(low, F_DUPFD_CLOEXEC, 100)
        guard descriptor >= 0 else { throw StreamSocket.failure("dup") }
        return descriptor
    }

    // MARK: Passing them

    /// Becomes the program that follows, under an id that the variables can name.
    package static func wrapper(_ units: [SocketUnit]) -> [String] {
        units.isEmpty ? [] : ["sh", "-c", #"export LISTEN_PID=$$; exec "$@""#, "sh"]
    }

    package static func environment(_ units: [SocketUnit]) -> [String: String] {
        guard !units.isEmpty else { return [:] }
        return ["LISTEN_FDS": "\(units.count)", "LISTEN_FDNAMES": units.map(\.name).joined(separator: ":")]
    }
}

extension StreamSocket {
    package static func connect(unix path: String) throws -> StreamSocket {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw failure("socket") }
        let made = StreamSocket(adopting: descriptor)
        guard SocketAddresses.withUnix(path, { Glibc.connect(descriptor, $0, $1) }) == 0 else {
            throw failure("connect to \(path)")
        }
        return made
    }
}
