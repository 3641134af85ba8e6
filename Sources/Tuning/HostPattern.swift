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
            self = origin.address.map { .address($0) } ?? .name(origin.host)
        }

        init(_ host: OriginHost) {
            self = host.address.map { .address($0) } ?? .name(host.description)
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
        guard let parsed = Self.parse(text) else {
            throw ValueProblem(allowed: Self.allowed + Self.advice(on: text), text: text)
        }
        self = parsed
    }

    /// What to write instead of a host that other programs may take; empty where there is nothing to add.
    package static func advice(on text: String) -> String {
        var host = text[...]
        if let separator = firstRange(of: "://", in: text) { host = text[separator.upperBound...] }
        if !host.hasPrefix("[") { host = host.prefix { $0 != ":" } }
        do {
            _ = try OriginHost(parsing: host)
            return ""
        } catch {
            switch error {
            case .beyondASCII: return ", international names with A-labels such as xn--bcher-kva.example"
            case .notFourNumbers: return ", an IPv4 address as four decimal numbers"
            case .zone: return ", an address without a zone"
            case .percentEncoded: return ", without percent-encoding"
            case .empty, .badCharacter, .badIPv6, .emptyLabel, .longLabel, .tooLong: return ""
            }
        }
    }

    /// Free of allocations but where the pattern is an address: it is asked for each origin when a setting changes.
    package func matches(_ origin: Origin) -> Bool {
        if let port, port != origin.port { return false }
        if let scheme, scheme != origin.scheme { return false }
        return switch host {
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
        guard let separator = firstRange(of: "://", in: text) else {
            if let address = IPAddress(text) { return HostPattern(scheme: nil, host: .address(address), port: nil) }
            return authority(text[...]).map { HostPattern(scheme: nil, host: $0, port: $1) }
        }
        let scheme: Origin.Scheme
        switch text[..<separator.lowerBound].lowercased() {
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
        // The colons of an IPv6 address are within its brackets.
        let bracket = text.hasPrefix("[") ? text.firstIndex(of: "]") : nil
        let end = text[(bracket ?? text.startIndex)...].firstIndex(of: ":") ?? text.endIndex
        guard let parsed = host(text[..<end]) else { return nil }
        if end == text.endIndex { return (parsed, nil) }
        guard let port = DecimalText.parse(text[text.index(after: end)...]), (1...65535).contains(port) else {
            return nil
        }
        return (parsed, UInt16(port))
    }

    private static func host(_ text: Substring) -> Host? {
        if text == "*" { return .any }
        if text.hasPrefix("*.") {
            guard let parent = try? OriginHost(parsing: text.dropFirst(2)), parent.address == nil else { return nil }
            return .below(".\(parent)")
        }
        return (try? OriginHost(parsing: text)).map { Host($0) }
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
