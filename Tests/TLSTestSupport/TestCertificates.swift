import Foundation
import TestSupport

/// What a server or a client shows of itself, as files in PEM. Value.
package struct TestIdentity: Sendable {
    package let certificate: String
    package let key: String
}

/// Authorities and certificates as `openssl` makes them, once per process. Shared.
package final class TestCertificates: Sendable {
    /// What an origin shows. All are for `origin.test` unless their names say otherwise.
    package enum Leaf: String, CaseIterable, Sendable {
        case good, expired, notYetValid, otherName, commonNameOnly, addressInCommonName, weakDigest, strangeName
        case alsoGood
    }

    package static let shared = Result { try TestCertificates() }

    private let folder: ScratchFolder
    /// The authority that clients trust, and one that they do not.
    package let root: String
    package let otherRoot: String

    private init() throws {
        folder = try ScratchFolder()
        root = folder.path + "/root.pem"
        otherRoot = folder.path + "/other-root.pem"
        try folder.write("openssl.cnf", Self.configuration(folder.path))
        try folder.write("index", "")
        try makeKeys()
        try makeAuthority("root", "Test Root")
        try makeAuthority("other-root", "Other Root")
        try issue("intermediate", "/CN=Test Intermediate", by: "root", "-extensions", "authority")
        for leaf in Leaf.allCases { try makeLeaf(leaf) }
        try issue("unknown", "/CN=origin.test", by: "other-root", "-extensions", "origin")
        try issue("client", "/CN=connd", by: "root", "-extensions", "client")
        try openssl(
            "req", "-x509", "-config", "openssl.cnf", "-key", "leaf.key", "-out", "self-signed.pem", "-days", "30",
            "-subj", "/CN=origin.test", "-extensions", "origin")
        for leaf in Leaf.allCases { try join("\(leaf.rawValue)-chain", [leaf.rawValue, "intermediate"]) }
        try join("unknown-chain", ["unknown", "other-root"])
    }

    // MARK: Identities

    /// With its intermediate authority.
    package func origin(_ leaf: Leaf = .good) -> TestIdentity { identity("\(leaf.rawValue)-chain") }
    package var withoutIntermediate: TestIdentity { identity("good") }
    package var selfSigned: TestIdentity { identity("self-signed") }
    package var unknownIssuer: TestIdentity { identity("unknown") }
    package var unknownRoot: TestIdentity { identity("unknown-chain") }
    package var client: TestIdentity { identity("client") }
    package var otherKey: String { path("other.key") }
    package var encryptedKey: String { path("encrypted.key") }

    /// As curl's `--pinnedpubkey` has it: of all that have the key of `origin`.
    package func pin() throws -> String { try pin(ofKey: "leaf.key") }
    package func otherPin() throws -> String { try pin(ofKey: "other.key") }

    private func pin(ofKey key: String) throws -> String {
        "sha256//" + (try Data(contentsOf: URL(filePath: path(key + ".sha256")))).base64EncodedString()
    }

    private func identity(_ name: String) -> TestIdentity {
        TestIdentity(certificate: path(name + ".pem"), key: path("leaf.key"))
    }

    private func path(_ name: String) -> String { folder.path + "/" + name }

    // MARK: Making them

    private func makeKeys() throws {
        for name in ["leaf.key", "other.key", "root.key", "other-root.key"] {
            try openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", name)
        }
        for key in ["leaf.key", "other.key"] {
            try openssl("pkey", "-in", key, "-pubout", "-outform", "DER", "-out", key + ".der")
            try openssl("dgst", "-sha256", "-binary", "-out", key + ".sha256", key + ".der")
        }
        try openssl("pkey", "-in", "leaf.key", "-aes128", "-passout", "pass:secret", "-out", "encrypted.key")
        try openssl("req", "-new", "-config", "openssl.cnf", "-key", "leaf.key", "-subj", "/CN=x", "-out", "request")
    }

    private func makeAuthority(_ name: String, _ title: String) throws {
        try openssl(
            "req", "-x509", "-config", "openssl.cnf", "-key", "\(name).key", "-out", "\(name).pem", "-days", "30",
            "-subj", "/CN=\(title)", "-extensions", "authority")
    }

    private func makeLeaf(_ leaf: Leaf) throws {
        let (subject, extensions, more): (String, String, [String]) =
            switch leaf {
            case .good, .alsoGood: ("/CN=origin.test", "origin", [])
            case .expired:
                ("/CN=origin.test", "origin", ["-startdate", "20200101000000Z", "-enddate", "20210203040506Z"])
            case .notYetValid:
                ("/CN=origin.test", "origin", ["-startdate", "20480102030405Z", "-enddate", "20490101000000Z"])
            case .otherName: ("/CN=origin.test", "other_name", [])
            case .commonNameOnly: ("/CN=origin.test", "nameless", [])
            case .addressInCommonName: ("/CN=192.0.2.1", "nameless", [])
            case .weakDigest: ("/CN=origin.test", "origin", ["-md", "sha1"])
            case .strangeName: ("/CN=strange", "strange_name", [])
            }
        // The key is the same for all, and so is that of the intermediate authority.
        try issue(leaf.rawValue, subject, by: "intermediate", ["-extensions", extensions] + more)
    }

    private func issue(_ name: String, _ subject: String, by authority: String, _ more: String...) throws {
        try issue(name, subject, by: authority, more)
    }

    private func issue(_ name: String, _ subject: String, by authority: String, _ more: [String]) throws {
        let key = authority == "intermediate" ? "leaf.key" : "\(authority).key"
        try openssl(
            ["ca", "-batch", "-notext", "-config", "openssl.cnf", "-cert", "\(authority).pem", "-keyfile", key]
                + ["-in", "request", "-out", "\(name).pem", "-subj", subject] + more)
    }

    private func join(_ name: String, _ parts: [String]) throws {
        let texts = try parts.map { try String(contentsOfFile: path("\($0).pem"), encoding: .utf8) }
        try folder.write("\(name).pem", texts.joined())
    }

    private func openssl(_ arguments: String...) throws { try openssl(arguments) }

    private func openssl(_ arguments: [String]) throws {
        let run = try Subprocess.run("openssl", arguments, directory: folder.path)
        guard run.exitCode == 0 else { throw TestFailure("\(run)") }
    }

    private static func configuration(_ folder: String) -> String {
        """
        [req]
        distinguished_name = name
        [name]
        [ca]
        default_ca = issuer
        [issuer]
        database = \(folder)/index
        new_certs_dir = \(folder)
        rand_serial = yes
        unique_subject = no
        default_md = sha256
        default_days = 30
        policy = anything
        [anything]
        commonName = supplied
        [authority]
        basicConstraints = critical,CA:TRUE
        keyUsage = critical,keyCertSign,cRLSign
        subjectKeyIdentifier = hash
        [origin]
        basicConstraints = critical,CA:FALSE
        subjectAltName = DNS:origin.test,DNS:*.wild.test,IP:192.0.2.1,IP:2001:db8::1
        [other_name]
        subjectAltName = DNS:other.test,IP:192.0.2.9,IP:2001:db8::9
        [nameless]
        basicConstraints = critical,CA:FALSE
        # `evil.test, origin.test` with an end of line in it, as one name.
        [strange_name]
        subjectAltName = DER:30:18:82:16:65:76:69:6c:2e:74:65:73:74:2c:0d:0a:6f:72:69:67:69:6e:2e:74:65:73
        [client]
        extendedKeyUsage = clientAuth
        """
    }
}
