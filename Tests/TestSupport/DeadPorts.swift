import Glibc

/// A port that refuses every connection, and that no other process can take: bound, but not listening. Shared.
package final class RefusingPort: Sendable {
    private let descriptor: Int32
    package let port: UInt16

    package init() throws {
        (descriptor, port) = try SocketAddresses.bound(to: "127.0.0.1")
    }

    deinit {
        close(descriptor)
    }

    package var url: String { "http://127.0.0.1:\(port)/" }

    /// From now on connections succeed, but nothing answers on them.
    package func listen() { Glibc.listen(descriptor, 16) }
}

/// A port that neither accepts nor refuses connections: its listener's backlog is full, so that the kernel drops
/// further SYNs. Shared.
package final class SilentPort: Sendable {
    private let descriptors: [Int32]
    package let port: UInt16

    package init() throws {
        let (listener, port) = try SocketAddresses.bound(to: "127.0.0.1")
        self.port = port
        var descriptors = [listener]
        listen(listener, 0)
        // Non-blocking, since those for which the backlog has no room never connect.
        for _ in 0..<4 {
            let filler = socket(
                AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
            _ = SocketAddresses.withIPv4("127.0.0.1", port: port) { connect(filler, $0, $1) }
            descriptors.append(filler)
        }
        self.descriptors = descriptors
    }

    deinit {
        for descriptor in descriptors { close(descriptor) }
    }

    package var url: String { "http://127.0.0.1:\(port)/" }
}
