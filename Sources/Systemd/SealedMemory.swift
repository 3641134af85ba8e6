import Glibc

/// Bytes in a sealed anonymous file (memfd_create(2)), which cannot be changed any more. Owns the descriptor.
struct SealedMemory: ~Copyable {
    // linux/memfd.h and linux/fcntl.h, which the Glibc module hides (_GNU_SOURCE).
    private static let closeOnExec: CUnsignedInt = 0x1
    private static let allowSealing: CUnsignedInt = 0x2
    // Kernels with vm.memfd_noexec=2 require it; kernels before 6.3 do not know it.
    private static let noExecSeal: CUnsignedInt = 0x8
    private static let addSeals: CInt = 1033
    private static let sealAll: CInt = 0x1 | 0x2 | 0x4 | 0x8

    private typealias Create = @convention(c) (UnsafePointer<CChar>, CUnsignedInt) -> CInt
    private static let create: Create? = dlsym(nil, "memfd_create").map { unsafeBitCast($0, to: Create.self) }

    private let descriptor: CInt

    init?(_ bytes: [UInt8]) {
        guard let create = Self.create else { return nil }
        let flags = Self.closeOnExec | Self.allowSealing
        var created = create("connd-journal", flags | Self.noExecSeal)
        if created < 0, errno == EINVAL { created = create("connd-journal", flags) }
        guard created >= 0 else { return nil }
        guard writeAll(bytes, to: created), fcntl(created, Self.addSeals, Self.sealAll) == 0 else {
            close(created)
            return nil
        }
        descriptor = created
    }

    /// Passes a duplicate descriptor to the receiver. Returns 0 or `errno`.
    func pass(to socket: DatagramSocket) -> CInt { socket.send(passing: descriptor) }

    deinit { close(descriptor) }
}
