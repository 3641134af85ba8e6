import CTLS
package import ProxyTypes

/// Signs the certificates that clients see, with one key for all of them. Shared; signing takes half a millisecond, and so is
/// a worker's to do.
package final class LeafMaker: Sendable {
    private let issuer: Certificate
    private let issuerKey: PrivateKey
    /// Made anew at each start, and never written anywhere.
    package let key: PrivateKey

    package static let days: Int64 = 7
    private static let day: Int64 = 86_400_000
    /// Between this host's clock and others', as far as it is tolerated.
    package static let clockDifference: Int64 = 3_600_000

    package init(issuer: Certificate, key issuerKey: PrivateKey) throws(LibraryFailure) {
        self.issuer = issuer
        self.issuerKey = issuerKey
        key = try PrivateKey()
    }

    /// `now`: in milliseconds since 1970. Valid from an hour before, as clocks differ, and never for longer than its issuer.
    package func leaf(for host: OriginHost, now: Int64) throws(LibraryFailure) -> Certificate {
        let validity = now - Self.clockDifference..<max(now, min(now + Self.days * Self.day, issuer.expires))
        let name = host.description
        let fitsCommonName = name.utf8.count <= 64
        return try CertificateDraft(commonName: fitsCommonName ? name : nil, key: key, validity: validity).signed(
            by: issuer, issuerKey,
            [
                .init(id: NID_basic_constraints, value: "critical,CA:FALSE"),
                .init(id: NID_key_usage, value: "critical,digitalSignature"),
                .init(id: NID_ext_key_usage, value: "serverAuth"),
                .init(id: NID_authority_key_identifier, value: "keyid"),
                // A host has letters, digits, hyphens, dots, `_` and `~`, so nothing that begins another name.
                // Critical where it is the only name (RFC 5280 4.2.1.6).
                .init(id: NID_subject_alt_name, value: (fitsCommonName ? "" : "critical,") + "DNS:\(name)"),
            ])
    }
}
