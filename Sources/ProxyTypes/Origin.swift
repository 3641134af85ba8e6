/// Scheme, host and port in normal form: the key of pools, settings and metrics. Value.
package struct Origin: Hashable, Sendable, CustomStringConvertible {
    package enum Scheme: UInt8, Hashable, Sendable {
        case http, https

        package var defaultPort: UInt16 { self == .http ? 80 : 443 }
        package var name: String { self == .http ? "http" : "https" }
    }

    package let scheme: Scheme
    /// In the canonical form of `OriginHost`.
    package let host: String
    package let port: UInt16

    package init(scheme: Scheme, host: OriginHost, port: UInt16) {
        self.scheme = scheme
        self.host = host.description
        self.port = port
    }

    /// An invalid host is kept in lower case; the origin then equals that of no request.
    package init(scheme: Scheme, host: String, port: UInt16) {
        self.scheme = scheme
        self.host = (try? OriginHost(parsing: host))?.description ?? host.lowercased()
        self.port = port
    }

    /// `scheme://host` or `scheme://host:port`, in any of its spellings (case, trailing dot, default port, forms of an
    /// IPv6 address). Nil for anything else, including a path or a trailing slash.
    package init?(_ text: some StringProtocol) {
        guard let (scheme, rest) = Scheme.split(Substring(text)), let parts = HostAndPort(rest),
            let host = try? OriginHost(parsing: parts.host)
        else { return nil }
        guard parts.portText != nil else {
            self.init(scheme: scheme, host: host, port: scheme.defaultPort)
            return
        }
        guard let port = parts.port, port > 0 else { return nil }
        self.init(scheme: scheme, host: host, port: port)
    }

    /// Only for the spelling that `description` gives.
    package init?(canonical text: String) {
        self.init(text)
        guard description == text else { return nil }
    }

    package var description: String { "\(scheme.name)://\(authority)" }

    /// Without the port where it is the scheme's own.
    package var authority: String { port == scheme.defaultPort ? host : "\(host):\(port)" }

    /// Where requests to an `http` origin go with `tls: originate`: 80 becomes 443, another port stays.
    package var overTLS: Origin {
        Origin(scheme: .https, host: host, port: port == Scheme.http.defaultPort ? Scheme.https.defaultPort : port)
    }

    /// The `http` origins whose requests come here with `tls: originate`.
    package var underTLS: [Origin] {
        guard scheme == .https else { return [] }
        let ports = port == Scheme.https.defaultPort ? [Scheme.http.defaultPort, port] : [port]
        return ports.map { Origin(scheme: .http, host: host, port: $0) }.filter { $0.overTLS == self }
    }

    /// The host for a resolver: without brackets.
    package var hostForLookup: String {
        host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : host
    }

    /// Nil where the host is a name, which its first byte tells without parsing.
    package var address: IPAddress? {
        switch host.utf8.first ?? 0 {
        case UInt8(ascii: "["), UInt8(ascii: "0")...UInt8(ascii: "9"): IPAddress(hostForLookup)
        default: nil
        }
    }

    /// The origin that a connection reaches: loopback for an unspecified address, else itself.
    package var destination: Origin {
        guard let address, address.isUnspecified else { return self }
        return Origin(scheme: scheme, host: OriginHost(address.destination), port: port)
    }
}

extension Origin.Scheme {
    /// `http` and what follows the `://`. Nil where the text has no scheme, or another one.
    package static func split(_ text: Substring) -> (scheme: Origin.Scheme, rest: Substring)? {
        guard let colon = text.firstIndex(of: ":"), text[colon...].hasPrefix("://") else { return nil }
        let rest = text[colon...].dropFirst(3)
        return switch text[..<colon].lowercased() {
        case "http": (.http, rest)
        case "https": (.https, rest)
        default: nil
        }
    }
}
