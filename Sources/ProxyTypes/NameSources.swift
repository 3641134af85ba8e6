/// Who is asked for the addresses of a name.
package enum ResolverMode: String, CaseIterable, Hashable, Sendable {
    /// The hosts file and DNS, then the system's resolver for what they do not know.
    case auto
    /// The hosts file and DNS.
    case dns
    /// The system's resolver, which reports no TTLs.
    case system
}

/// Where the addresses of a name come from. A closed set, used in metrics and the API.
package enum AddressSource: UInt8, CaseIterable, BitwiseCopyable, Sendable {
    case dns, hosts, system
    /// `localhost`, which the hosts file does not name: RFC 6761 section 6.3.
    case loopback
    /// The origin's host is an address.
    case literal

    package var name: String {
        switch self {
        case .dns: "dns"
        case .hosts: "hosts"
        case .system: "system"
        case .loopback: "loopback"
        case .literal: "literal"
        }
    }
}
