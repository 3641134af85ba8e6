/// `GET /v1/ca`: the certificate authorities of this host. Value.
package struct AuthoritiesReport: Codable, Sendable {
    /// `none`, `ready`, or `unusable`: connd then signs nothing, as if there were none.
    package var state = "none"
    /// Why it is unusable, and what to do; null if it is not.
    package var problem: String?
    /// The directory with their files; null if connd has no state directory.
    package var path: String?
    /// In the order in which they were made.
    package var authorities: [AuthorityReport] = []
    /// When the next one takes over, while a rotation is under way.
    package var switchAt: String?
    package var switchAtMs: Int64?

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case state
        case problem
        case path
        case authorities
        case switchAt = "switch_at"
        case switchAtMs = "switch_at_ms"
    }
}

/// One certificate authority. Value.
package struct AuthorityReport: Codable, Sendable {
    package var serial = ""
    /// `current`; `next`, while a rotation is under way; `retired`: it signs no more, and its key is gone.
    package var role = ""
    /// It signs for these and for all names below them; empty if it is unconstrained.
    package var domains: [String] = []
    /// It has no name constraints: whoever has its key can sign for any name.
    package var unconstrained = false
    package var created = ""
    package var createdMs: Int64 = 0
    package var rootExpires = ""
    package var rootExpiresMs: Int64 = 0
    /// Null if it is retired.
    package var intermediateExpires: String?
    package var intermediateExpiresMs: Int64?
    /// SHA-256 of the root certificate, in hexadecimal.
    package var rootFingerprint = ""
    package var rootPEM = ""

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case serial
        case role
        case domains
        case unconstrained
        case created
        case createdMs = "created_ms"
        case rootExpires = "root_expires"
        case rootExpiresMs = "root_expires_ms"
        case intermediateExpires = "intermediate_expires"
        case intermediateExpiresMs = "intermediate_expires_ms"
        case rootFingerprint = "root_fingerprint"
        case rootPEM = "root_pem"
    }
}

/// The certificate authorities in `GET /v1/status`. Value.
package struct AuthorityStatusReport: Codable, Sendable {
    /// As in `GET /v1/ca`.
    package var state = "none"
    /// When the first certificate that is in use expires; null if there is none.
    package var expires: String?
    package var expiresMs: Int64?
    /// What an operator should know or do, one sentence each.
    package var warnings: [String] = []

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case state
        case expires
        case expiresMs = "expires_ms"
        case warnings
    }
}

/// `POST /v1/ca`. Value.
package struct AuthorityRequest: Codable, Sendable {
    package var domains: [String]?
    /// Instead of domains.
    package var unconstrained: Bool?
    package var reason: String?

    package init() {}
}

/// `POST /v1/ca/rotate`. Value.
package struct RotationRequest: Codable, Sendable {
    /// Without `domains` and `unconstrained`, the new one signs for what the current one signs for.
    package var domains: [String]?
    package var unconstrained: Bool?
    /// How long after the request the new one takes over, such as `24h`, which is the default.
    package var switchAfter: String?
    package var reason: String?

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case domains
        case unconstrained
        case switchAfter = "switch_after"
        case reason
    }
}
