import CLinux
package import ProxyTypes

#if canImport(Glibc)
    import Glibc
#endif

/// Asks the kernel who holds the clients' ends of TCP connections, many at once, each by its exact addresses. One
/// thread at a time may use it, and never the loop's. Shared, so that it may go from thread to thread.
package final class SocketOwners: Sendable {
    package enum Answer: Hashable, Sendable {
        /// `controlGroup`: in which the socket was opened; 0 where the kernel does not tell.
        case open(inode: UInt32, user: UInt32, controlGroup: UInt64)
        /// Its process has closed it.
        case closed
        /// There is no such socket in this network namespace.
        case absent
        case failed
    }

    /// Of a connection. Value.
    package struct Ends: Hashable, Sendable {
        package let client: Endpoint
        package let server: Endpoint

        package init(client: Endpoint, server: Endpoint) {
            self.client = client
            self.server = server
        }
    }

    /// A netlink socket; negative where it cannot be had.
    private let descriptor: CInt

    package init() {
        descriptor = clinux_socket_diagnostics()
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
    }

    /// Of the clients' sockets, in this order.
    package func ask(_ connections: [Ends]) -> [Answer] {
        var answers: [Answer] = []
        answers.reserveCapacity(connections.count)
        var start = 0
        while start < connections.count {
            let part = connections[start..<min(start + Int(CLINUX_MOST_OWNERS), connections.count)]
            var questions = part.map(clinux_owned_socket.init)
            if descriptor >= 0 { _ = clinux_socket_owners(descriptor, &questions, CInt(questions.count)) }
            answers += questions.map(Self.answer)
            start += part.count
        }
        return answers
    }

    private static func answer(_ socket: clinux_owned_socket) -> Answer {
        switch socket.code {
        case 0 where socket.inode > 0:
            .open(inode: socket.inode, user: socket.user, controlGroup: socket.control_group)
        case 0: .closed
        case -ENOENT: .absent
        default: .failed
        }
    }
}

extension clinux_owned_socket {
    fileprivate init(_ ends: SocketOwners.Ends) {
        self.init()
        code = -ENODATA
        guard ends.client.address.family == ends.server.address.family else { return }
        let (client, server) = (ends.client.address.bytes, ends.server.address.bytes)
        length = CInt(client.count)
        (local_port, remote_port) = (ends.client.port, ends.server.port)
        withUnsafeMutableBytes(of: &local) { $0.copyBytes(from: client) }
        withUnsafeMutableBytes(of: &remote) { $0.copyBytes(from: server) }
    }
}
