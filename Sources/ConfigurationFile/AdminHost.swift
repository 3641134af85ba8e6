import ProxyTypes
package import Tuning

/// A name that the admin API is called by in `Host`: a host name or an address, never a pattern, never with a port.
/// Value.
package struct AdminHost: Hashable, Sendable, CustomStringConvertible {
    /// Lower case; an IPv6 address in brackets, as `Host` has it.
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
