package import ProxyTypes

/// A domain that a certificate authority may sign for: the name itself and all names below it. Value.
package struct PermittedDomain: Hashable, Sendable, CustomStringConvertible {
    package let name: String

    package enum Problem: Error, Hashable, CaseIterable, Sendable {
        case notAName
        /// An address cannot be constrained together with names, and is never signed for.
        case address
        /// It would stand for a whole top-level domain.
        case singleLabel
        case wildcard
    }

    package init(parsing text: String) throws(Problem) {
        guard !text.contains("*") else { throw .wildcard }
        guard !text.hasPrefix("."), let host = try? OriginHost(parsing: text) else { throw .notAName }
        guard host.address == nil else { throw .address }
        guard host.description.contains(".") else { throw .singleLabel }
        name = host.description
    }

    package func contains(_ host: OriginHost) -> Bool {
        guard host.address == nil else { return false }
        return host.description == name || host.description.hasSuffix("." + name)
    }

    package var description: String { name }
}

extension PermittedDomain.Problem: CustomStringConvertible {
    package var description: String {
        switch self {
        case .notAName: "it is no domain name"
        case .address: "addresses are never signed for"
        case .singleLabel: "one label stands for a whole top-level domain: name the domains below it"
        case .wildcard: "a domain stands for all names below it: leave out the wildcard"
        }
    }
}
