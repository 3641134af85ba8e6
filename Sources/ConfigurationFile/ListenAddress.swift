package import ProxyTypes
package import Tuning

/// Where connd listens: a TCP address with its port, or a Unix socket. Value.
package enum ListenAddress: Hashable, Sendable, CustomStringConvertible {
    case tcp(IPAddress, port: UInt16)
    case unix(path: String)

    package static let allowed = "an address with a port (127.0.0.1:3128, [::1]:3128) or unix: with an absolute path"

    package init(parsing text: String) throws(ValueProblem) {
        guard let parsed = Self.parse(text) else { throw ValueProblem(allowed: Self.allowed, text: text) }
        self = parsed
    }

    /// A Unix socket is reached by programs of this host alone.
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

    /// The kernel would refuse the second of the two. Sockets of IPv6 take no port of IPv4.
    package func collides(with other: ListenAddress) -> Bool {
        guard case .tcp(let a, let port) = self, case .tcp(let b, let otherPort) = other else { return self == other }
        // The kernel chooses a port for 0: two such are two listeners.
        guard port == otherPort, port != 0 else { return false }
        return a == b || a.family == b.family && (a.isUnspecified || b.isUnspecified)
    }

    func collision(with other: ListenAddress) -> String {
        other == self ? "is given twice" : "collides with \(other)"
    }

    static let beyondLoopback = "is beyond loopback: the config file must say in `proxy.allow_from` who may connect"

    private static func parse(_ text: String) -> ListenAddress? {
        if text.hasPrefix("unix:") {
            let path = String(text.dropFirst(5))
            // sockaddr_un holds 108 bytes, the last of them 0.
            guard path.hasPrefix("/"), path.utf8.count <= 107, !path.utf8.contains(0) else { return nil }
            return .unix(path: path)
        }
        guard let colon = text.lastIndex(of: ":"),
            let port = DecimalText.parse(text[text.index(after: colon)...]), port <= 65535
        else { return nil }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
            guard host.contains(":") else { return nil }
        } else if host.contains(":") {
            return nil
        }
        return IPAddress(host).map { .tcp($0, port: UInt16(port)) }
    }
}
