/// Where a socket listens: a TCP address with its port, or a Unix socket. Value.
package enum ListenAddress: Hashable, Sendable, CustomStringConvertible {
    /// Port 0: the kernel chooses one.
    case tcp(IPAddress, port: UInt16)
    /// An absolute path, or `@name` in the abstract namespace.
    case unix(path: String)

    /// sockaddr_un holds 108 bytes, the last of them 0.
    package static let maxPathBytes = 107

    /// `127.0.0.1:3128`, `[::1]:3128`, or `unix:` with an absolute path.
    package init?(_ text: String) {
        if text.hasPrefix("unix:") {
            let path = String(text.dropFirst(5))
            guard path.hasPrefix("/"), path.utf8.count <= Self.maxPathBytes, !path.utf8.contains(0) else { return nil }
            self = .unix(path: path)
        } else {
            guard let parts = HostAndPort(text), let address = parts.address, let port = parts.port else { return nil }
            self = .tcp(address, port: port)
        }
    }

    /// Whether only programs of this host can reach it.
    package var isLoopback: Bool {
        switch self {
        case .tcp(let address, _): address.isLoopback
        case .unix: true
        }
    }

    package var description: String {
        switch self {
        case .tcp(let address, let port): "\(address.bracketed):\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }

    /// Whether the kernel would refuse to open both. IPv6 sockets are IPv6-only, so they never collide with IPv4.
    package func collides(with other: ListenAddress) -> Bool {
        guard case .tcp(let a, let port) = self, case .tcp(let b, let otherPort) = other else { return self == other }
        guard port == otherPort, port != 0 else { return false }
        return a == b || a.family == b.family && (a.isUnspecified || b.isUnspecified)
    }
}
