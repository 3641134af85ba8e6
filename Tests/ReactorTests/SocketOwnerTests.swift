import ProxyTypes
import Reactor
import Testing

#if canImport(Glibc)
    import Glibc
#endif

/// Real sockets of this process, on both ends.
@Suite("Who holds the other end of a connection")
struct SocketOwnerTests {
    private final class Link {
        let kernel: LinuxKernel
        let client: CInt
        let server: CInt
        private let listener: ListeningSocket

        /// `connect` gets the listener's port.
        init(_ address: ListenAddress, connect: (UInt16, LinuxKernel) throws -> CInt) throws {
            kernel = try LinuxKernel()
            listener = try ListeningSocket.open(address)
            client = try connect(listener.localAddress?.port ?? 0, kernel)
            var ready = pollfd(fd: listener.descriptor, events: Int16(POLLIN), revents: 0)
            poll(&ready, 1, 5000)
            var peer: IPAddress?
            server = kernel.accept(listener.descriptor, peer: &peer)
            try #require(server >= 0)
        }

        deinit {
            close(client)
            close(server)
            listener.close()
        }
    }

    private func inode(of descriptor: CInt) throws -> UInt32 {
        var status = stat()
        try #require(fstat(descriptor, &status) == 0)
        return UInt32(status.st_ino)
    }

    private static func connect(_ kernel: LinuxKernel, _ address: IPAddress, _ port: UInt16) throws -> CInt {
        let descriptor = kernel.makeSocket(address.family)
        _ = kernel.connect(descriptor, to: Endpoint(address: address, port: port))
        return descriptor
    }

    @Test("TCP over loopback: the user and the client's socket", arguments: ["127.0.0.1", "127.0.0.9", "::1"])
    func tcp(text: String) throws {
        let address = try #require(IPAddress(text))
        let link = try Link(.tcp(address, port: 0)) { try Self.connect($1, address, $0) }
        let wanted = SocketOwner(user: geteuid(), process: .socket(inode: try inode(of: link.client)))
        #expect(link.kernel.peerOwner(link.server) == wanted)
        // The netlink socket is kept.
        #expect(link.kernel.peerOwner(link.server) == wanted)
    }

    @Test("a client whose IPv6 socket is connected to an IPv4 address")
    func mapped() throws {
        let address = IPAddress(ipv4: 0x7F00_0001)
        let link = try Link(.tcp(address, port: 0)) { port, _ in
            let descriptor = socket(AF_INET6, Int32(SOCK_STREAM.rawValue), 0)
            var target = sockaddr_in6()
            target.sin6_family = sa_family_t(AF_INET6)
            target.sin6_port = port.bigEndian
            withUnsafeMutableBytes(of: &target.sin6_addr) { bytes in
                bytes.copyBytes(from: [UInt8](repeating: 0, count: 10) + [0xFF, 0xFF, 127, 0, 0, 1])
            }
            let code = withUnsafePointer(to: &target) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in6>.size))
                }
            }
            try #require(code == 0)
            return descriptor
        }
        let wanted = SocketOwner(user: geteuid(), process: .socket(inode: try inode(of: link.client)))
        #expect(link.kernel.peerOwner(link.server) == wanted)
    }

    @Test("a Unix socket: the process that connected")
    func unix() throws {
        let path = "/tmp/connd-owner-\(getpid())-\(UInt32.random(in: .min ... .max))"
        defer { unlink(path) }
        let link = try Link(.unix(path: path)) { _, _ in
            let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
            var target = sockaddr_un()
            target.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &target.sun_path) { $0.copyBytes(from: path.utf8) }
            let code = withUnsafePointer(to: &target) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
                }
            }
            try #require(code == 0)
            return descriptor
        }
        #expect(link.kernel.peerOwner(link.server) == SocketOwner(user: geteuid(), process: .number(getpid())))
    }

    @Test("an end that was closed belongs to nobody, not to root")
    func gone() throws {
        let address = IPAddress(ipv4: 0x7F00_0001)
        let link = try Link(.tcp(address, port: 0)) { try Self.connect($1, address, $0) }
        // The descriptor stays, for `deinit`, but is another socket's.
        let other = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        dup2(other, link.client)
        close(other)
        #expect(link.kernel.peerOwner(link.server) == nil)
        #expect(link.kernel.peerOwner(-1) == nil)
    }
}
