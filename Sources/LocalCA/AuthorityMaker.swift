import CTLS

/// A new certificate authority: whoever trusts the root trusts what the intermediate signs. Value.
package struct NewAuthority: Sendable {
    package let root: Certificate
    package let intermediate: Certificate
    package let intermediateKey: PrivateKey
}

/// Makes certificate authorities that can sign for nothing but their own domains. The root's key signs the root and the
/// intermediate, and is then destroyed. No state.
package enum AuthorityMaker {
    /// Of root and intermediate.
    package static let years: Int64 = 10

    /// `domains` nil: without name constraints, so that whoever has its key can sign for any name. `serial` tells one
    /// authority of a host from its next: a few letters. `now`: in milliseconds since 1970.
    package static func make(
        for domains: [PermittedDomain]?, host: String, serial: String, now: Int64
    ) throws(LibraryFailure) -> NewAuthority {
        let validity = now - LeafMaker.clockDifference..<now + years * 365 * 86_400_000
        var limits: [CertificateDraft.Extension] = []
        if let domains { limits = [.init(id: NID_name_constraints, value: constraints(domains))] }
        let rootKey = try PrivateKey()
        let root = try CertificateDraft(commonName: name("root", host, serial), key: rootKey, validity: validity)
            .signed(
                by: nil, rootKey,
                [
                    .init(id: NID_basic_constraints, value: "critical,CA:TRUE,pathlen:1"),
                    .init(id: NID_key_usage, value: "critical,keyCertSign"),
                    .init(id: NID_subject_key_identifier, value: "hash"),
                ] + limits)
        let key = try PrivateKey()
        let intermediate = try CertificateDraft(
            commonName: name("intermediate", host, serial), key: key, validity: validity
        ).signed(
            by: root, rootKey,
            [
                .init(id: NID_basic_constraints, value: "critical,CA:TRUE,pathlen:0"),
                .init(id: NID_key_usage, value: "critical,keyCertSign"),
                .init(id: NID_ext_key_usage, value: "serverAuth"),
                .init(id: NID_subject_key_identifier, value: "hash"),
                .init(id: NID_authority_key_identifier, value: "keyid"),
            ] + limits)
        return NewAuthority(root: root, intermediate: intermediate, intermediateKey: key)
    }

    private static func name(_ part: String, _ host: String, _ serial: String) -> String {
        // X.520 bounds a common name to 64 characters.
        String("connd \(part) \(serial) of \(host)".prefix(64))
    }

    /// Names without a leading dot, which old versions of Java do not take. Addresses are excluded apart: to a constraint on
    /// names alone they are free.
    private static func constraints(_ domains: [PermittedDomain]) -> String {
        let permitted = domains.map { "permitted;DNS:\($0.name)" }
        return
            (["critical"] + permitted + ["excluded;IP:0.0.0.0/0.0.0.0", "excluded;IP:0:0:0:0:0:0:0:0/0:0:0:0:0:0:0:0"])
            .joined(separator: ",")
    }
}
