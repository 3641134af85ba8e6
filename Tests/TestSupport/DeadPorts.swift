import Glibc

/// A port at which every connection is refused, and which nobody else gets meanwhile: bound, but not listening. Shared.
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

    /// Connections succeed from here on; nobody answers on them.
    package func listen() { Glibc.listen(descriptor, 16) }
}

/// A port at which connections are neither accepted nor refused: its listener's backlog is full, so that the kernel
/// drops what asks for one more. Shared.
package final class SilentPort: Sendable {
    private let descriptors: [Int32]
    package let port: UInt16

    package init() throws {
        let (listener, port) = try SocketAddresses.bound(to: "127.0.0.1")
        self.port = port
        var descriptors = [listener]
        listen(listener, 0)
        // Non-blocking: those that find no room stay on their way.
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
