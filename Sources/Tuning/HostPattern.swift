package import ProxyTypes

/// Which origins something is meant for: says what matches and which of two patterns is the closer. Value.
///
/// `*`, `*.example.com` (what lies below it, not the name itself), `example.com`, an address, each of them also with
/// `:port`; and whole origins, `http://example.com` (port 80) or `http://10.1.2.3:8080`.
package struct HostPattern: Hashable, Sendable, CustomStringConvertible {
    package enum Host: Hashable, Sendable {
        case any
        /// The payload begins with the dot.
        case below(String)
        case name(String)
        case address(IPAddress)

        /// The host of this origin alone.
        init(_ origin: Origin) {
            // Most hosts are names; what begins like an address may still be one (`1.example.com`).
            let first = origin.host.utf8.first ?? 0
            let address =
                first == UInt8(ascii: "[") || DecimalText.isDigit(first) ? IPAddress(origin.hostForLookup) : nil
            self = address.map { .address($0) } ?? .name(origin.host)
        }
    }

    package let scheme: Origin.Scheme?
    package let host: Host
    package let port: UInt16?

    package static let any = HostPattern(scheme: nil, host: .any, port: nil)

    package static let allowed =
        "*, *.example.com, example.com or an address, each with :port or not, "
        + "or an origin such as http://example.com:8080"

    private init(scheme: Origin.Scheme?, host: Host, port: UInt16?) {
        self.scheme = scheme
        self.host = host
        self.port = port
    }

    /// This origin and no other.
    package init(_ origin: Origin) {
        scheme = origin.scheme
        host = Host(origin)
        port = origin.port
    }

    package init(parsing text: String) throws(ValueProblem) {
        guard let parsed = Self.parse(text) else { throw ValueProblem(allowed: Self.allowed, text: text) }
        self = parsed
    }

    /// Without a scheme (a tunnel has none) host and port decide alone.
    package func matches(scheme: Origin.Scheme?, host: String, port: UInt16) -> Bool {
        if let wanted = self.port, wanted != port { return false }
        if let wanted = self.scheme, let scheme, wanted != scheme { return false }
        return matchesHost(of: Origin(scheme: scheme ?? .http, host: host, port: port))
    }

    /// Free of allocations but where the pattern is an address: it is asked for each origin when a setting changes.
    package func matches(_ origin: Origin) -> Bool {
        if let port, port != origin.port { return false }
        if let scheme, scheme != origin.scheme { return false }
        return matchesHost(of: origin)
    }

    private func matchesHost(of origin: Origin) -> Bool {
        switch host {
        case .any: true
        case .below(let suffix): origin.host.hasSuffix(suffix)
        case .name(let name): origin.host == name
        case .address: host == Host(origin)
        }
    }

    /// Closer is more. Of different patterns that match the same origin, no two are equally close.
    package var closeness: Closeness {
        let narrowed = (scheme == nil ? 0 : 1) + (port == nil ? 0 : 1)
        return switch host {
        case .any: Closeness(host: 0, suffix: 0, narrowed: narrowed)
        case .below(let suffix): Closeness(host: 1, suffix: suffix.utf8.count, narrowed: narrowed)
        case .name, .address: Closeness(host: 2, suffix: 0, narrowed: narrowed)
        }
    }

    package struct Closeness: Comparable, Hashable, Sendable {
        fileprivate let host: Int
        fileprivate let suffix: Int
        fileprivate let narrowed: Int

        package static func < (a: Closeness, b: Closeness) -> Bool {
            (a.host, a.suffix, a.narrowed) < (b.host, b.suffix, b.narrowed)
        }
    }

    package var description: String {
        let name =
            switch host {
            case .any: "*"
            case .below(let suffix): "*\(suffix)"
            case .name(let name): name
            case .address(let address): scheme == nil && port == nil ? address.description : address.bracketed
            }
        guard let scheme else { return port.map { "\(name):\($0)" } ?? name }
        return "\(scheme.name)://\(name)" + (port.map { $0 == scheme.defaultPort ? "" : ":\($0)" } ?? "")
    }
}

extension HostPattern {
    private static func parse(_ text: String) -> HostPattern? {
        let text = text.lowercased()
        guard let separator = firstRange(of: "://", in: text) else {
            if let address = IPAddress(text) { return HostPattern(scheme: nil, host: .address(address), port: nil) }
            return authority(text[...]).map { HostPattern(scheme: nil, host: $0, port: $1) }
        }
        let scheme: Origin.Scheme
        switch text[..<separator.lowerBound] {
        case "http": scheme = .http
        case "https": scheme = .https
        default: return nil
        }
        guard let (host, port) = authority(text[separator.upperBound...]) else { return nil }
        switch host {
        // `https://*` would read as "all https" but mean port 443 alone.
        case .any, .below: return nil
        case .name, .address: return HostPattern(scheme: scheme, host: host, port: port ?? scheme.defaultPort)
        }
    }

    private static func authority(_ text: Substring) -> (Host, UInt16?)? {
        let end: Substring.Index
        let parsed: Host?
        if text.hasPrefix("[") {
            guard let bracket = text.firstIndex(of: "]") else { return nil }
            let address = IPAddress(text[text.index(after: text.startIndex)..<bracket])
            end = text.index(after: bracket)
            parsed = address.flatMap { text[..<end].contains(":") ? .address($0) : nil }
        } else {
            end = text.firstIndex(of: ":") ?? text.endIndex
            parsed = host(text[..<end])
        }
        guard let parsed else { return nil }
        if end == text.endIndex { return (parsed, nil) }
        guard text[end] == ":", let port = DecimalText.parse(text[text.index(after: end)...]),
            (1...65535).contains(port)
        else { return nil }
        return (parsed, UInt16(port))
    }

    private static func host(_ text: Substring) -> Host? {
        if text == "*" { return .any }
        if text.hasPrefix("*.") {
            let suffix = text.dropFirst()
            return isName(suffix.dropFirst()) ? .below(String(suffix)) : nil
        }
        if let address = IPAddress(text) { return .address(address) }
        let name = text.hasSuffix(".") ? text.dropLast() : text
        return isName(name) ? .name(String(name)) : nil
    }

    /// Labels of letters, digits, `-` and `_`. A last label of digits alone is an address gone wrong.
    private static func isName(_ text: Substring) -> Bool {
        let labels = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard text.utf8.count <= 253, let last = labels.last, !last.allSatisfy(DecimalText.isDigit) else {
            return false
        }
        return labels.allSatisfy { label in
            (1...63).contains(label.count) && label.first != UInt8(ascii: "-") && label.last != UInt8(ascii: "-")
                && label.allSatisfy { byte in
                    switch byte {
                    case 0x30...0x39, 0x61...0x7A, 0x2D, 0x5F: true
                    default: false
                    }
                }
        }
    }

    private static func firstRange(of needle: String, in text: String) -> Range<String.Index>? {
        var start = text.startIndex
        while start < text.endIndex {
            if text[start...].hasPrefix(needle) { return start..<text.index(start, offsetBy: needle.count) }
            start = text.index(after: start)
        }
        return nil
    }
}
