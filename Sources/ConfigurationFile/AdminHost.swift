import ProxyTypes
package import Tuning

/// An accepted value of `Host` in requests to the admin API: a host name or an address, no pattern, without a port.
/// Value.
package struct AdminHost: Hashable, Sendable, CustomStringConvertible {
    /// In lower case; an IPv6 address in brackets, as in `Host`.
    package let description: String

    package init(parsing text: String) throws(ValueProblem) {
        guard let pattern = try? HostPattern(parsing: text), pattern.scheme == nil, pattern.port == nil else {
            throw ValueProblem(allowed: Self.allowed, text: text)
        }
        switch pattern.host {
        case .name(let name): description = name
        case .address(let address): description = address.bracketed
        case .any, .below: throw ValueProblem(allowed: Self.allowed, text: text)
        }
    }

    private static let allowed = "a host name or an address, without a port"
}
