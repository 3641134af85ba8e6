package import ProxyTypes

/// A host that clients of a gateway may name in Host, beside its own: a name, `*.example.com`, an address, or `*`. Value.
package struct GatewayHost: Hashable, Sendable, CustomStringConvertible {
    private let pattern: HostPattern

    package static let allowed = "a host name, *.example.com, an address, or *, without a port"

    package init(parsing text: String) throws(ValueProblem) {
        guard let pattern = try? HostPattern(parsing: text), pattern.scheme == nil, pattern.port == nil else {
            throw ValueProblem(allowed: Self.allowed, text: text)
        }
        self.pattern = pattern
    }

    package func matches(_ host: OriginHost) -> Bool { pattern.host.matches(host) }

    package var description: String { pattern.description }
}
