/// scheme + host + port, normalised once: what a pool, a tuning and a metric belong to. Value.
package struct Origin: Hashable, Sendable, CustomStringConvertible {
    package enum Scheme: UInt8, Hashable, Sendable {
        case http, https

        package var defaultPort: UInt16 { self == .http ? 80 : 443 }
        package var name: String { self == .http ? "http" : "https" }
    }

    package let scheme: Scheme
    /// In the form that `OriginHost` gives it.
    package let host: String
    package let port: UInt16

    package init(scheme: Scheme, host: OriginHost, port: UInt16) {
        self.scheme = scheme
        self.host = host.description
        self.port = port
    }

    /// What is no host is kept in lower case: it is equal to no origin that a request can have.
    package init(scheme: Scheme, host: String, port: UInt16) {
        self.scheme = scheme
        self.host = (try? OriginHost(parsing: host))?.description ?? host.lowercased()
        self.port = port
    }

    package var description: String {
        port == scheme.defaultPort ? "\(scheme.name)://\(host)" : "\(scheme.name)://\(host):\(port)"
    }

    /// The host as a resolver wants it: without brackets.
    package var hostForLookup: String {
        host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : host
    }

    /// Nil: the host is a name. Names are told by their first byte alone, at no cost.
    package var address: IPAddress? {
        switch host.utf8.first ?? 0 {
        case UInt8(ascii: "["), UInt8(ascii: "0")...UInt8(ascii: "9"): IPAddress(hostForLookup)
        default: nil
        }
    }

    /// Itself, but for an unspecified address, which a connection does not reach.
    package var destination: Origin {
        guard let address, address.isUnspecified else { return self }
        return Origin(scheme: scheme, host: OriginHost(address.destination), port: port)
    }
}
