import Glibc

/// The address of a Unix socket: `/path`, or `@name` in the abstract namespace. Value.
struct UnixAddress: Hashable, Sendable {
    /// What `bind` and `sendto` take: the family, then the path with its NUL, or a NUL and the name without one.
    private let bytes: [UInt8]

    init?(_ text: String) {
        let path = Array(text.utf8)
        let room = MemoryLayout<sockaddr_un>.size - MemoryLayout<sa_family_t>.size
        guard path.count > 1, path.count < room, !path.contains(0) else { return nil }
        let family = withUnsafeBytes(of: sa_family_t(AF_UNIX)) { Array($0) }
        switch path[0] {
        case UInt8(ascii: "/"): bytes = family + path + [0]
        case UInt8(ascii: "@"): bytes = family + [0] + path.dropFirst()
        default: return nil
        }
    }

    func withSocketAddress<Result>(_ body: (UnsafePointer<sockaddr>?, socklen_t) -> Result) -> Result {
        bytes.withUnsafeBytes { raw in
            body(raw.baseAddress?.assumingMemoryBound(to: sockaddr.self), socklen_t(raw.count))
        }
    }
}
