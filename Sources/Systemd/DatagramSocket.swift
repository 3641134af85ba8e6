import Glibc

/// Sends datagrams to one Unix address, each with `sendto`, so that a restarted receiver is found again. Never blocks.
/// Shared.
final class DatagramSocket: Sendable {
    private static let flags = CInt(MSG_DONTWAIT) | CInt(MSG_NOSIGNAL)

    private let descriptor: CInt
    private let address: UnixAddress

    init?(to address: UnixAddress) {
        descriptor = socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return nil }
        self.address = address
    }

    deinit { close(descriptor) }

    /// The send buffer in bytes, within the kernel's limits.
    func requestSendBuffer(_ count: CInt) {
        withUnsafePointer(to: count) { pointer in
            _ = setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, pointer, socklen_t(MemoryLayout<CInt>.size))
        }
    }

    /// Returns 0 or `errno`.
    func send(_ bytes: UnsafeRawBufferPointer) -> CInt {
        address.withSocketAddress { name, length in
            sendto(descriptor, bytes.baseAddress, bytes.count, Self.flags, name, length) < 0 ? errno : 0
        }
    }

    /// Sends a descriptor with an empty datagram. Returns 0 or `errno`.
    func send(passing passed: CInt) -> CInt {
        // The CMSG_ macros are not available in Swift: one header, one int, padding to a word.
        let headerSize = MemoryLayout<cmsghdr>.size
        let length = headerSize + MemoryLayout<CInt>.size
        let space = headerSize + MemoryLayout<Int>.size
        return withUnsafeTemporaryAllocation(byteCount: space, alignment: MemoryLayout<cmsghdr>.alignment) { control in
            control.initializeMemory(as: UInt8.self, repeating: 0)
            var header = cmsghdr()
            header.cmsg_len = numericCast(length)
            header.cmsg_level = SOL_SOCKET
            header.cmsg_type = CInt(SCM_RIGHTS)
            control.storeBytes(of: header, as: cmsghdr.self)
            control.storeBytes(of: passed, toByteOffset: headerSize, as: CInt.self)
            return address.withSocketAddress { name, nameLength in
                var message = msghdr()
                message.msg_name = UnsafeMutableRawPointer(mutating: name)
                message.msg_namelen = nameLength
                message.msg_control = control.baseAddress
                message.msg_controllen = numericCast(space)
                return sendmsg(descriptor, &message, Self.flags) < 0 ? errno : 0
            }
        }
    }
}
