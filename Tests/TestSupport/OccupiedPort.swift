import Glibc

/// A port at which another program listens, until it is freed. Shared.
package final class OccupiedPort: Sendable {
    package let port: UInt16
    private let socket: StreamSocket

    /// Port 0: the kernel chooses.
    package init(_ address: String, port: UInt16 = 0) throws {
        let descriptor = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw StreamSocket.failure("socket") }
        socket = StreamSocket(adopting: descriptor)
        var one: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(MemoryLayout<Int32>.size))
        let result = SocketAddresses.withIPv4(address, port: port) { bind(descriptor, $0, $1) }
        guard result == 0, listen(descriptor, 8) == 0 else {
            throw StreamSocket.failure("listen on \(address):\(port)")
        }
        self.port = SocketAddresses.localPort(of: descriptor)
    }

    package func free() {
        socket.close()
    }
}
