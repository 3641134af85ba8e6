import ProxyTypes

/// Where an admin API listens: `http://127.0.0.1:3129` or a Unix socket. Value.
package struct AdminAddress: Hashable, Sendable, CustomStringConvertible {
    package enum Endpoint: Hashable, Sendable {
        /// An IPv6 address has no brackets.
        case tcp(scheme: String, host: String, port: Int)
        case unix(path: String)
    }

    package let endpoint: Endpoint

    package static let standard = AdminAddress(endpoint: .tcp(scheme: "http", host: "127.0.0.1", port: 3129))

    package init(endpoint: Endpoint) {
        self.endpoint = endpoint
    }

    /// `http://host:port`, `host:port`, `unix:/path`, `http+unix://%2Fpath` or `/path`; nil for all else.
    package init?(parsing text: String) {
        if let path = Self.socketPath(text) {
            guard path.hasPrefix("/"), path.utf8.count < 108, !path.utf8.contains(0) else { return nil }
            endpoint = .unix(path: path)
            return
        }
        var scheme = "http"
        var rest = text[...]
        if let end = text.firstRange(of: "://") {
            scheme = text[..<end.lowerBound].lowercased()
            rest = text[end.upperBound...]
        }
        if rest.hasSuffix("/") { rest.removeLast() }
        guard ["http", "https"].contains(scheme), let (host, port) = Self.hostAndPort(rest) else { return nil }
        endpoint = .tcp(scheme: scheme, host: host, port: port ?? (scheme == "http" ? 3129 : 443))
    }

    /// Whether nothing sent there leaves this host.
    package var isLocal: Bool {
        switch endpoint {
        case .unix: return true
        case .tcp(_, let host, _):
            return IPAddress(host)?.isLoopback ?? (host == "localhost")
        }
    }

    package var isUnixSocket: Bool {
        if case .unix = endpoint { true } else { false }
    }

    package var description: String {
        switch endpoint {
        case .tcp(let scheme, let host, let port): "\(scheme)://\(Self.bracketed(host)):\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }

    /// The URL to which a request's path is appended.
    var base: String {
        switch endpoint {
        case .tcp: description
        case .unix: "http://localhost"
        }
    }

    private static func bracketed(_ host: String) -> String {
        host.contains(":") ? "[\(host)]" : host
    }

    private static func socketPath(_ text: String) -> String? {
        if text.hasPrefix("/") { return text }
        if text.hasPrefix("unix://") { return String(text.dropFirst(7)) }
        if text.hasPrefix("unix:") { return String(text.dropFirst(5)) }
        guard text.hasPrefix("http+unix://") else { return nil }
        var path = text.dropFirst(12)
        if path.hasSuffix("/") { path.removeLast() }
        return PercentEncoding.decode(path)
    }

    private static func hostAndPort(_ text: Substring) -> (String, Int?)? {
        guard let parts = HostAndPort(text), parts.portText == nil || (parts.port ?? 0) > 0 else { return nil }
        // Brackets are for IPv6 addresses.
        guard !text.hasPrefix("[") || parts.host.contains(":") else { return nil }
        let (host, port) = (parts.unbracketedHost, parts.port.map(Int.init))
        let allowed = host.utf8.allSatisfy { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x3A, 0x5F: true
            default: false
            }
        }
        guard !host.isEmpty, allowed else { return nil }
        // A daemon that is bound to every address reports these, which not every system can connect to.
        switch host {
        case "0.0.0.0": return ("127.0.0.1", port)
        case "::": return ("::1", port)
        default: return (host.lowercased(), port)
        }
    }
}
