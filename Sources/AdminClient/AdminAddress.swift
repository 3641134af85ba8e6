import Glibc

/// Where an admin API listens: `http://127.0.0.1:3129` or a Unix socket. Value.
package struct AdminAddress: Hashable, Sendable, CustomStringConvertible {
    package enum Place: Hashable, Sendable {
        /// The host of an IPv6 address is without brackets.
        case tcp(scheme: String, host: String, port: Int)
        case unix(path: String)
    }

    package let place: Place

    package static let standard = AdminAddress(place: .tcp(scheme: "http", host: "127.0.0.1", port: 3129))

    package init(place: Place) {
        self.place = place
    }

    /// `http://host:port`, `host:port`, `unix:/path`, `http+unix://%2Fpath` or `/path`; nil for all else.
    package init?(parsing text: String) {
        if let path = Self.socketPath(text) {
            guard path.hasPrefix("/"), path.utf8.count < 108, !path.utf8.contains(0) else { return nil }
            place = .unix(path: path)
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
        place = .tcp(scheme: scheme, host: host, port: port ?? (scheme == "http" ? 3129 : 443))
    }

    /// True where nothing sent there leaves this host.
    package var isLocal: Bool {
        switch place {
        case .unix: return true
        case .tcp(_, let host, _):
            var (v4, v6) = (in_addr(), in6_addr())
            if inet_pton(AF_INET, host, &v4) == 1 { return UInt32(bigEndian: v4.s_addr) >> 24 == 127 }
            if inet_pton(AF_INET6, host, &v6) == 1 {
                return withUnsafeBytes(of: v6) { $0.dropLast().allSatisfy { $0 == 0 } && $0.last == 1 }
            }
            return host == "localhost"
        }
    }

    package var isUnixSocket: Bool {
        if case .unix = place { true } else { false }
    }

    package var description: String {
        switch place {
        case .tcp(let scheme, let host, let port): "\(scheme)://\(Self.bracketed(host)):\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }

    /// What a request's path is appended to.
    var base: String {
        switch place {
        case .tcp: description
        case .unix(let path): "http+unix://\(PercentEncoding.segment(path))"
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
        var host = text
        var port: Int?
        if text.hasPrefix("["), let end = text.firstIndex(of: "]") {
            host = text[text.index(after: text.startIndex)..<end]
            let rest = text[text.index(after: end)...]
            guard host.contains(":") else { return nil }
            if !rest.isEmpty {
                guard rest.hasPrefix(":"), let number = readPort(rest.dropFirst()) else { return nil }
                port = number
            }
        } else if let colon = text.firstIndex(of: ":") {
            host = text[..<colon]
            guard let number = readPort(text[text.index(after: colon)...]) else { return nil }
            port = number
        }
        let allowed = host.utf8.allSatisfy { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x3A, 0x5F: true
            default: false
            }
        }
        guard !host.isEmpty, allowed else { return nil }
        // What a daemon bound to every address says of itself cannot be connected to by that name everywhere.
        switch host {
        case "0.0.0.0": return ("127.0.0.1", port)
        case "::": return ("::1", port)
        default: return (host.lowercased(), port)
        }
    }

    private static func readPort(_ text: Substring) -> Int? {
        guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let port = Int(text), (1...65535).contains(port)
        else { return nil }
        return port
    }
}
