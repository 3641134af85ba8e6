import Glibc
import Testing

/// A Unix address as `bind` takes it, written apart from the one under test.
func unixAddress(_ text: String) -> (address: sockaddr_un, length: socklen_t) {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let isAbstract = text.hasPrefix("@")
    let path = isAbstract ? [0] + text.utf8.dropFirst() : Array(text.utf8)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path) }
    return (address, socklen_t(2 + path.count + (isAbstract ? 0 : 1)))
}

func bindUnix(_ descriptor: CInt, to text: String) throws {
    var (address, length) = unixAddress(text)
    let result = withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) }
    }
    try #require(result == 0, "bind \(text): \(errno)")
}

/// Stands for systemd and for journald: the socket that the datagrams of the room under test come in on.
final class DatagramReceiver {
    let path: String
    private let descriptor: CInt

    init(_ path: String) throws {
        self.path = path
        descriptor = socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue), 0)
        try bindUnix(descriptor, to: path)
    }

    deinit { close(descriptor) }

    /// The next datagram, which is there once the sender's call is over; nil where there is none.
    func next() -> String? { nextMessage().map { String(decoding: $0.bytes, as: UTF8.self) } }

    /// The same, once there is one; nil where none comes within a minute.
    func wait() -> String? {
        var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&entry, 1, 60_000) > 0 ? next() : nil
    }

    /// The datagram's bytes, or those of the file that came with it, and whether they came so.
    func nextMessage() -> (bytes: [UInt8], file: CInt?)? {
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        var control = [UInt64](repeating: 0, count: 8)
        var count = 0
        var controlLength = 0
        bytes.withUnsafeMutableBytes { buffer in
            control.withUnsafeMutableBytes { controlBuffer in
                var part = iovec(iov_base: buffer.baseAddress, iov_len: buffer.count)
                withUnsafeMutablePointer(to: &part) { part in
                    var message = msghdr()
                    message.msg_iov = part
                    message.msg_iovlen = 1
                    message.msg_control = controlBuffer.baseAddress
                    message.msg_controllen = controlBuffer.count
                    count = recvmsg(descriptor, &message, CInt(MSG_DONTWAIT))
                    controlLength = message.msg_controllen
                }
            }
        }
        guard count >= 0 else { return nil }
        guard controlLength > 0 else { return (Array(bytes.prefix(count)), nil) }
        let file = control.withUnsafeBytes { $0.load(fromByteOffset: MemoryLayout<cmsghdr>.size, as: CInt.self) }
        return (Array(bytes.prefix(count)), file)
    }
}

func fileContents(_ descriptor: CInt) -> [UInt8] {
    var status = stat()
    fstat(descriptor, &status)
    var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
    let count = bytes.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, 0) }
    return Array(bytes.prefix(max(0, count)))
}
