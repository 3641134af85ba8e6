package import ProxyTypes

/// A certificate authority that connd signs with. Shared.
package final class SigningAuthority: Sendable {
    /// Tells it from the others of this host.
    package let serial: String
    /// Nil: any.
    package let domains: [PermittedDomain]?
    package let root: Certificate
    package let intermediate: Certificate
    package let leaves: LeafMaker
    /// When it was made, and from when it signs for hosts that an earlier one may sign for as well: in milliseconds since 1970.
    package let created: Int64
    package let signsFrom: Int64

    package init(
        serial: String, domains: [PermittedDomain]?, root: Certificate, intermediate: Certificate, leaves: LeafMaker,
        created: Int64, signsFrom: Int64
    ) {
        self.serial = serial
        self.domains = domains
        self.root = root
        self.intermediate = intermediate
        self.leaves = leaves
        self.created = created
        self.signsFrom = signsFrom
    }

    package func permits(_ host: OriginHost) -> Bool {
        guard host.address == nil else { return false }
        return domains.map { $0.contains { $0.contains(host) } } ?? true
    }
}

/// The authorities of this host. Value.
package struct SigningAuthorities: Sendable {
    /// In the order in which they were made.
    package let all: [SigningAuthority]
    /// The roots of those that sign no more, which clients may trust still.
    package let retiredRoots: [Certificate]

    package init(_ all: [SigningAuthority] = [], retiredRoots: [Certificate] = []) {
        self.all = all
        self.retiredRoots = retiredRoots
    }

    package var roots: [Certificate] { all.map(\.root) + retiredRoots }

    package func permit(_ host: OriginHost) -> Bool { all.contains { $0.permits(host) } }

    /// Who signs for the host; nil where nobody may. `now`: in milliseconds since 1970.
    package func authority(for host: OriginHost, now: Int64) -> SigningAuthority? {
        let permitted = all.filter { $0.permits(host) && $0.intermediate.expires > now }
        return permitted.last { $0.signsFrom <= now } ?? permitted.first
    }
}
