package import ProxyTypes

/// A pattern of origins: which ones match, and which of two patterns is more specific. Value.
///
/// `*`, `*.example.com` (names below it, not the name itself), `example.com`, or an address, each with or without
/// `:port`; or an origin, such as `http://example.com` (port 80) or `http://10.1.2.3:8080`.
package struct HostPattern: Hashable, Sendable, CustomStringConvertible {
    package enum Host: Hashable, Sendable {
        case any
        /// The payload begins with a dot.
        case below(String)
        case name(String)
        case address(IPAddress)

        /// Matches only the host of this origin.
        init(_ origin: Origin) {
            self = origin.address.map { .address($0) } ?? .name(origin.host)
        }

        init(_ host: OriginHost) {
            self = host.address.map { .address($0) } ?? .name(host.description)
        }

        func matches(_ other: OriginHost) -> Bool {
            switch self {
            case .any: true
            case .below(let suffix): other.address == nil && other.description.hasSuffix(suffix)
            case .name, .address: self == Host(other)
            }
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

    /// Matches only this origin.
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

    /// Advice on a host that other programs may accept, to append to an error; empty where there is none.
    package static func advice(on text: String) -> String {
        let rest = Origin.Scheme.split(text[...])?.rest ?? text[...]
        do {
            _ = try OriginHost(parsing: HostAndPort(rest)?.host ?? rest)
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

    /// Does not allocate unless the pattern is an address: it is called for each origin when a setting changes.
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

    /// Greater is more specific. No two different patterns that match the same origin are equal.
    package var specificity: Specificity {
        let narrowed = (scheme == nil ? 0 : 1) + (port == nil ? 0 : 1)
        return switch host {
        case .any: Specificity(host: 0, suffix: 0, narrowed: narrowed)
        case .below(let suffix): Specificity(host: 1, suffix: suffix.utf8.count, narrowed: narrowed)
        case .name, .address: Specificity(host: 2, suffix: 0, narrowed: narrowed)
        }
    }

    package struct Specificity: Comparable, Hashable, Sendable {
        fileprivate let host: Int
        fileprivate let suffix: Int
        fileprivate let narrowed: Int

        package static func < (a: Specificity, b: Specificity) -> Bool {
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
        // A pattern with a scheme must be one origin: `https://*` would read as "all of https" but mean only port 443.
        if let origin = Origin(text) { return HostPattern(origin) }
        if let address = IPAddress(text) { return HostPattern(scheme: nil, host: .address(address), port: nil) }
        guard let parts = HostAndPort(text), let host = host(parts.host) else { return nil }
        if parts.portText == nil { return HostPattern(scheme: nil, host: host, port: nil) }
        guard let port = parts.port, port > 0 else { return nil }
        return HostPattern(scheme: nil, host: host, port: port)
    }

    private static func host(_ text: Substring) -> Host? {
        if text == "*" { return .any }
        if text.hasPrefix("*.") {
            guard let parent = try? OriginHost(parsing: text.dropFirst(2)), parent.address == nil else { return nil }
            return .below(".\(parent)")
        }
        return (try? OriginHost(parsing: text)).map { Host($0) }
    }
}
