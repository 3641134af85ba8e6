import Foundation
import LocalCA
import ProxyTypes
import TestSupport
import Testing

/// What openssl itself makes of the certificates.
@Suite("The local certificate authority")
struct AuthorityTests {
    private static let now: Int64 = 1_790_000_000_000
    private let folder: ScratchFolder
    private let made: NewAuthority

    init() throws {
        folder = try ScratchFolder()
        let domains = try ["example.com", "internal.example"].map { try PermittedDomain(parsing: $0) }
        made = try AuthorityMaker.make(for: domains, host: "a-host", serial: "x1", now: Self.now)
        try write("root.pem", made.root.pem())
        try write("intermediate.pem", made.intermediate.pem())
        try write("intermediate.key", made.intermediateKey.pem())
    }

    private func write(_ name: String, _ text: String) throws { _ = try folder.write(name, text) }

    private func openssl(_ arguments: String...) throws -> String {
        let run = try Subprocess.run("openssl", arguments.map { $0.replacing("@", with: folder.path + "/") })
        return run.output + run.errors
    }

    private func verify(_ host: String, _ leaf: Certificate, at time: Int64 = now) throws -> String {
        try write("leaf.pem", leaf.pem())
        return try openssl(
            "verify", "-x509_strict", "-attime", "\(time / 1000)", "-purpose", "sslserver", "-verify_hostname", host,
            "-CAfile",
            "@root.pem", "-untrusted", "@intermediate.pem", "@leaf.pem")
    }

    @Test(
        "signs for its domains and the names below them",
        arguments: [
            "example.com", "a.example.com", "a.b.internal.example", String(repeating: "a", count: 63) + ".example.com",
        ])
    func inside(host: String) throws {
        let leaf = try LeafMaker(issuer: made.intermediate, key: made.intermediateKey)
            .leaf(for: OriginHost(parsing: host), now: Self.now)
        let said = try verify(host, leaf)
        #expect(said.hasSuffix("leaf.pem: OK\n"), "\(said)")
    }

    @Test(
        "with its key stolen, nothing else can be signed for",
        arguments: ["example.org", "notexample.com", "com", "example.com.evil.test"])
    func outside(host: String) throws {
        let leaf = try LeafMaker(issuer: made.intermediate, key: made.intermediateKey)
            .leaf(for: OriginHost(parsing: host), now: Self.now)
        let said = try verify(host, leaf)
        #expect(said.contains("permitted subtree violation"), "\(said)")
    }

    @Test("with its key stolen, no address can be signed for", arguments: ["192.0.2.1", "2001:db8::1"])
    func addresses(address: String) throws {
        try write("ip.ext", "subjectAltName=DNS:example.com,IP:\(address)\n")
        _ = try openssl(
            "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=example.com",
            "-keyout", "@ip.key", "-out", "@ip.csr")
        _ = try openssl(
            "x509", "-req", "-in", "@ip.csr", "-CA", "@intermediate.pem", "-CAkey", "@intermediate.key", "-set_serial",
            "7",
            "-days", "1", "-extfile", "@ip.ext", "-out", "@ip.pem")
        let said = try openssl(
            "verify", "-no_check_time", "-CAfile", "@root.pem", "-untrusted", "@intermediate.pem", "@ip.pem")
        #expect(said.contains("excluded subtree violation"), "\(said)")
    }

    @Test("root and intermediate both say what they are for, and the intermediate makes no other authorities")
    func constraints() throws {
        for name in ["root", "intermediate"] {
            let text = try openssl("x509", "-noout", "-text", "-in", "@\(name).pem")
            #expect(text.contains("X509v3 Name Constraints: critical"))
            #expect(text.contains("DNS:example.com\n") && text.contains("DNS:internal.example\n"), "\(text)")
            #expect(text.contains("IP:0.0.0.0/0.0.0.0\n") && text.contains("IP:0:0:0:0:0:0:0:0/0:0:0:0:0:0:0:0\n"))
            #expect(text.contains("CA:TRUE, pathlen:\(name == "root" ? 1 : 0)"))
            #expect(text.contains("NIST CURVE: P-256"))
        }
        #expect(made.intermediate.isOf(made.intermediateKey) && !made.root.isOf(made.intermediateKey))
    }

    @Test("without domains there are no constraints, and it signs for any name")
    func unconstrained() throws {
        let open = try AuthorityMaker.make(for: nil, host: "a-host", serial: "x2", now: Self.now)
        try write("root.pem", open.root.pem())
        try write("intermediate.pem", open.intermediate.pem())
        for name in ["root", "intermediate"] {
            let text = try openssl("x509", "-noout", "-text", "-in", "@\(name).pem")
            #expect(text.contains("CA:TRUE") && !text.contains("Name Constraints"), "\(text)")
        }
        let leaf = try LeafMaker(issuer: open.intermediate, key: open.intermediateKey)
            .leaf(for: OriginHost(parsing: "elsewhere.test"), now: Self.now)
        #expect(try verify("elsewhere.test", leaf).hasSuffix("leaf.pem: OK\n"))
    }

    @Test("a certificate knows whose key has signed it")
    func issuers() throws {
        let other = try AuthorityMaker.make(for: nil, host: "a-host", serial: "x1", now: Self.now)
        #expect(made.root.isIssued(by: made.root) && made.intermediate.isIssued(by: made.root))
        #expect(!made.intermediate.isIssued(by: other.root) && !made.root.isIssued(by: made.intermediate))
    }

    @Test("a leaf is good for a week, from an hour before, and never longer than its issuer")
    func validity() throws {
        let maker = try LeafMaker(issuer: made.intermediate, key: made.intermediateKey)
        let host = try OriginHost(parsing: "example.com")
        let leaf = try maker.leaf(for: host, now: Self.now)
        let (hour, day): (Int64, Int64) = (3_600_000, 86_400_000)
        for (time, isGood) in [(-hour - 1000, false), (-hour, true), (7 * day - 1000, true), (7 * day + 1000, false)] {
            let said = try verify("example.com", leaf, at: Self.now + time)
            #expect(said.hasSuffix(": OK\n") == isGood, "\(time): \(said)")
        }
        let late = try maker.leaf(for: host, now: made.intermediate.expires - day)
        #expect(late.expires == made.intermediate.expires)
    }

    @Test("no two certificates have the same serial number, nor two makers the same key")
    func unique() throws {
        let maker = try LeafMaker(issuer: made.intermediate, key: made.intermediateKey)
        let other = try LeafMaker(issuer: made.intermediate, key: made.intermediateKey)
        let host = try OriginHost(parsing: "example.com")
        var serials: Set<String> = []
        for _ in 0..<20 {
            try write("leaf.pem", maker.leaf(for: host, now: Self.now).pem())
            serials.insert(try openssl("x509", "-noout", "-serial", "-in", "@leaf.pem"))
        }
        #expect(serials.count == 20)
        #expect(try !maker.leaf(for: host, now: Self.now).isOf(other.key))
    }

    @Test("what was written is read again, and what is no certificate or key is refused")
    func roundTrip() throws {
        let read = try Certificate(pem: made.intermediate.pem())
        #expect(read.fingerprint == made.intermediate.fingerprint && read.fingerprint.count == 64)
        #expect(try read.isOf(PrivateKey(pem: made.intermediateKey.pem())))
        #expect(read.commonName == "connd intermediate x1 of a-host")
        #expect(throws: LibraryFailure.self) { try Certificate(pem: "nothing") }
        #expect(throws: LibraryFailure.self) { try PrivateKey(pem: made.intermediate.pem()) }
    }
}

@Suite("Domains that an authority may sign for")
struct PermittedDomainTests {
    @Test(
        "what is none is refused, with the reason",
        arguments: [
            ("", PermittedDomain.Problem.notAName), ("a..b", .notAName), (".example.com", .notAName),
            ("a b.c", .notAName),
            ("a,b.c", .notAName), ("com", .singleLabel), ("localhost", .singleLabel), ("*.example.com", .wildcard),
            ("127.0.0.1", .address), ("[::1]", .address),
        ])
    func refused(text: String, problem: PermittedDomain.Problem) {
        #expect(throws: problem) { try PermittedDomain(parsing: text) }
    }

    @Test("it stands for itself and what is below it")
    func contains() throws {
        let domain = try PermittedDomain(parsing: "Example.com.")
        for host in ["example.com", "a.example.com", "b.a.example.com"] {
            #expect(domain.contains(try OriginHost(parsing: host)), "\(host)")
        }
        for host in ["notexample.com", "com", "example.org", "127.0.0.1"] {
            #expect(!domain.contains(try OriginHost(parsing: host)), "\(host)")
        }
    }
}
