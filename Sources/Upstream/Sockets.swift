package import NIOCore
package import ProxyTypes

/// How much is read at once: little at first, more while a body streams.
package enum ReadSizes {
    package static let upstream = AdaptiveRecvByteBufferAllocator(minimum: 1024, initial: 2048, maximum: 128 * 1024)
    package static let client = AdaptiveRecvByteBufferAllocator(minimum: 1024, initial: 1024, maximum: 64 * 1024)
}

extension Channel {
    /// The socket's descriptor, for options and questions that NIO has no name for. Valid while the channel is open.
    package var descriptor: CInt? {
        (try? pipeline.syncOperations.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) { $0 }) ?? nil
    }
}

extension SocketAddress {
    package init?(_ address: IPAddress, port: UInt16) {
        guard
            let made = try? SocketAddress(
                packedIPAddress: ByteBuffer(bytes: address.bytes), port: Int(port))
        else { return nil }
        self = made
    }
}

extension IPAddress {
    package init?(socketAddress: SocketAddress) {
        // The address stands behind the family and port, in sockaddr_in6 also behind the flow label.
        switch socketAddress {
        case .v4(let v4):
            guard let made = withUnsafeBytes(of: v4.address, { IPAddress(bytes: $0[4..<8]) }) else { return nil }
            self = made
        case .v6(let v6):
            guard let made = withUnsafeBytes(of: v6.address, { IPAddress(bytes: $0[8..<24]) }) else { return nil }
            self = made
        case .unixDomainSocket:
            return nil
        }
    }
}
