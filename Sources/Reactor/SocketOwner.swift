import CLinux
import ProxyTypes

#if canImport(Glibc)
    import Glibc
#endif

/// Who holds the other end of a connection, where that end is on this host. Value.
package struct SocketOwner: Hashable, Sendable {
    /// How the process can be found.
    package enum Process: Hashable, Sendable {
        /// That connected; it may have gone since.
        case number(Int32)
        /// Those that have a descriptor of this socket.
        case socket(inode: UInt32)
        case unknown
    }

    package let user: UInt32
    package let process: Process

    package init(user: UInt32, process: Process) {
        self.user = user
        self.process = process
    }
}

/// Asks the kernel who holds the other end of a connection. Loop-bound.
final class SocketDiagnostics {
    /// A netlink socket, opened when it is first needed; negative where it cannot be had.
    private var descriptor: CInt?

    deinit {
        if let descriptor, descriptor >= 0 { close(descriptor) }
    }

    /// Of a Unix socket.
    static func unixPeer(of socket: CInt) -> SocketOwner? {
        var process: Int32 = 0
        var user: UInt32 = 0
        guard clinux_peer_credentials(socket, &process, &user) == 0 else { return nil }
        // 0: a process outside this one's PID namespace.
        return SocketOwner(user: user, process: process > 0 ? .number(process) : .unknown)
    }

    /// Of a TCP connection: the socket whose local end is `remote`.
    func owner(of remote: Endpoint, connectedTo local: Endpoint) -> SocketOwner? {
        guard remote.address.family == local.address.family else { return nil }
        let socket = descriptor ?? clinux_socket_diagnostics()
        descriptor = socket
        guard socket >= 0 else { return nil }
        let (theirs, ours) = (remote.address.bytes, local.address.bytes)
        var (user, inode): (UInt32, UInt32) = (0, 0)
        let code = clinux_socket_owner(
            socket, theirs, remote.port, ours, local.port, CInt(theirs.count), &user, &inode)
        // The kernel says root and inode 0 of a socket that its process has closed.
        return code == 0 && inode > 0 ? SocketOwner(user: user, process: .socket(inode: inode)) : nil
    }
}
