import AdminClient
import ProxyTypes

/// The proxy address for programs. Its text is safe within quotes in all of their files. Value.
struct ProxyAddress: Hashable, Sendable, CustomStringConvertible {
    static let standard = "http://127.0.0.1:3128"

    let description: String
    /// Nothing sent there leaves this host.
    let isLocal: Bool

    /// `http://host:port`; nil for anything else, such as a URL without a port, whose default differs between programs.
    init?(parsing text: String) {
        guard let end = text.firstRange(of: "://"), let address = AdminAddress(parsing: text),
            case .tcp("http", _, _) = address.endpoint
        else { return nil }
        var authority = text[end.upperBound...]
        if authority.hasSuffix("/") { authority.removeLast() }
        guard HostAndPort(authority)?.portText != nil else { return nil }
        description = address.description
        isLocal = address.isLocal
    }
}
