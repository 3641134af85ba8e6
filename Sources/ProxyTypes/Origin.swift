/// scheme + host + port, normalised once: what a pool, a tuning and a metric belong to. Value.
package struct Origin: Hashable, Sendable, CustomStringConvertible {
    package enum Scheme: UInt8, Hashable, Sendable {
        case http, https

        package var defaultPort: UInt16 { self == .http ? 80 : 443 }
        package var name: String { self == .http ? "http" : "https" }
    }

    package let scheme: Scheme
    /// Lower case, without the trailing dot; an IPv6 address is in brackets.
    package let host: String
    package let port: UInt16

    package init(scheme: Scheme, host: String, port: UInt16) {
        self.scheme = scheme
        var normalised = host.lowercased()
        if normalised.hasSuffix("."), normalised.count > 1 { normalised.removeLast() }
        self.host = normalised
        self.port = port
    }

    package var description: String {
        port == scheme.defaultPort ? "\(scheme.name)://\(host)" : "\(scheme.name)://\(host):\(port)"
    }

    /// The host as a resolver wants it: without brackets.
    package var hostForLookup: String {
        host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : host
    }
}
