import ProxyTypes
import ReactorTestSupport
import TLSTestSupport
import TestSupport
import Testing

@testable import TLS

/// A case of the table: what the origin shows, whom it is taken for, and what is said of it.
struct BadCertificate: Sendable, CustomTestStringConvertible {
    let name: String
    let identity: @Sendable (TestCertificates) -> TestIdentity
    var host = "origin.test"
    let reason: TLSFailure.Reason
    let words: String

    var testDescription: String { name }

    static let all = [
        BadCertificate(
            name: "expired", identity: { $0.origin(.expired) }, reason: .expired,
            words: "the certificate expired on Wed, 03 Feb 2021 04:05:06 GMT"),
        BadCertificate(
            name: "not yet valid", identity: { $0.origin(.notYetValid) }, reason: .notYetValid,
            words: "the certificate is not valid before Thu, 02 Jan 2048 03:04:05 GMT"),
        BadCertificate(
            name: "of another name", identity: { $0.origin(.otherName) }, reason: .wrongName,
            words: "the certificate is issued for other.test, 192.0.2.9, 2001:db8:0:0:0:0:0:9, not for origin.test"),
        BadCertificate(
            name: "of a deeper name than its wildcard", identity: { $0.origin() }, host: "a.b.wild.test",
            reason: .wrongName, words: "not for a.b.wild.test"),
        BadCertificate(
            name: "of the wildcard's own parent", identity: { $0.origin() }, host: "wild.test", reason: .wrongName,
            words: "not for wild.test"),
        BadCertificate(
            name: "of another address", identity: { $0.origin() }, host: "192.0.2.3", reason: .wrongName,
            words: "not for 192.0.2.3"),
        BadCertificate(
            name: "of another IPv6 address", identity: { $0.origin() }, host: "2001:db8::3", reason: .wrongName,
            words: "not for 2001:db8::3"),
        BadCertificate(
            name: "with the address as its common name only", identity: { $0.origin(.addressInCommonName) },
            host: "192.0.2.1", reason: .wrongName, words: "the certificate is issued for no name, not for 192.0.2.1"),
        BadCertificate(
            name: "with the name as its common name only", identity: { $0.origin(.commonNameOnly) },
            reason: .wrongName, words: "the certificate is issued for no name, not for origin.test"),
        BadCertificate(
            name: "of a name with a comma and an end of line in it", identity: { $0.origin(.strangeName) },
            reason: .wrongName, words: "the certificate is issued for evil.test???origin.tes, not for origin.test"),
        BadCertificate(
            name: "self-signed", identity: { $0.selfSigned }, reason: .selfSigned,
            words: "the certificate is self-signed and not among the trusted ones"),
        BadCertificate(
            name: "of an unknown issuer", identity: { $0.unknownIssuer }, reason: .unknownIssuer,
            words: "issued by `CN=Other Root`, which is not trusted and was not sent by the origin"),
        BadCertificate(
            name: "of an unknown root that is sent", identity: { $0.unknownRoot }, reason: .unknownIssuer,
            words: "the certificate's root `CN=Other Root` is not trusted"),
        BadCertificate(
            name: "without its intermediate", identity: { $0.withoutIntermediate }, reason: .unknownIssuer,
            words: "issued by `CN=Test Intermediate`, which is not trusted and was not sent by the origin"),
        BadCertificate(
            name: "signed with SHA-1", identity: { $0.origin(.weakDigest) }, reason: .weakSignature,
            words: "the certificate is too weak: CA signature digest algorithm too weak"),
    ]
}

@Suite("TLS: bad origins")
struct BadOriginTests {
    /// Refused, with nothing of a request sent and the connection closed.
    private func expect(
        _ link: TLSLink, _ reason: TLSFailure.Reason, _ words: String,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let failure = link.failure
        #expect(failure?.reason == reason, "\(link.outcome)", sourceLocation: sourceLocation)
        #expect(failure?.detail.contains(words) == true, "\(link.outcome)", sourceLocation: sourceLocation)
        #expect(link.stream == nil && link.socket.isClosed, sourceLocation: sourceLocation)
        link.carryOut()
        #expect(link.server?.received.isEmpty != false, sourceLocation: sourceLocation)
    }

    @Test(
        "a bad certificate is refused in words of its own", arguments: BadCertificate.all,
        [LibraryServer.Version.v1_2, .v1_3])
    func certificates(bad: BadCertificate, version: LibraryServer.Version) throws {
        let fixture = try TLSFixture()
        let server = try LibraryServer(bad.identity(fixture.certificates), .init(version))
        let link = try fixture.begin(server, host: bad.host)
        link.exchange()
        expect(link, bad.reason, bad.words)
        #expect(fixture.tls.sessions.count == 0)
    }

    @Test(
        "a name, a wildcard and addresses of the certificate are good",
        arguments: ["origin.test", "ORIGIN.test", "a.wild.test", "192.0.2.1", "2001:db8::1"])
    func goodNames(host: String) throws {
        let fixture = try TLSFixture()
        let link = try fixture.connect(LibraryServer(fixture.certificates.origin()), host: host)
        // Addresses are not sent as a name.
        #expect(link.server?.serverName == (IPAddress(host) == nil ? host : nil))
    }

    @Test("a name that would match anything is refused", arguments: ["", ".test", ".origin.test"])
    func emptyName(host: String) throws {
        let fixture = try TLSFixture()
        let link = try fixture.begin(LibraryServer(fixture.certificates.origin()), host: host)
        link.exchange()
        expect(link, .configuration, "`\(host)` cannot be verified as a name")
    }

    @Test("tls_server_name is sent and verified instead of the host")
    func serverName() throws {
        let fixture = try TLSFixture()
        var profile = fixture.profile
        profile.serverName = "origin.test"
        let server = try LibraryServer(fixture.certificates.origin())
        let link = try fixture.connect(server, host: "elsewhere.test", profile: profile)
        #expect(link.server?.serverName == "origin.test")
        profile.serverName = "other.test"
        let other = try fixture.begin(server, profile: profile)
        other.exchange()
        expect(other, .wrongName, "not for other.test")
    }

    @Test("an intermediate or the certificate itself may be the trusted one")
    func partialChain() throws {
        let fixture = try TLSFixture()
        for (identity, authorities) in [
            (fixture.certificates.origin(), fixture.certificates.origin().certificate),
            (fixture.certificates.selfSigned, fixture.certificates.selfSigned.certificate),
        ] {
            let profile = TLSProfile(files: .init(authorities: authorities))
            _ = try fixture.connect(LibraryServer(identity), profile: profile)
        }
    }

    @Test("without verification any certificate is believed, and the connection says so")
    func noVerification() throws {
        let fixture = try TLSFixture()
        for bad in BadCertificate.all {
            let server = try LibraryServer(bad.identity(fixture.certificates))
            let link = try fixture.connect(server, host: bad.host, profile: TLSProfile(verification: .none))
            #expect(link.info?.isVerified == false)
        }
    }

    @Test("pins are checked with and without verification", arguments: [TLSProfile.Verification.full, .none])
    func pins(verification: TLSProfile.Verification) throws {
        let fixture = try TLSFixture()
        let server = try LibraryServer(fixture.certificates.origin())
        let right = try #require(PublicKeyPin(parsing: fixture.certificates.pin()))
        let wrong = try #require(PublicKeyPin(parsing: fixture.certificates.otherPin()))
        var profile = fixture.profile
        profile.verification = verification
        profile.pins = [wrong, right]
        // Also where the session is resumed.
        for _ in 0..<2 { _ = try fixture.connect(server, profile: profile) }
        profile.pins = [wrong]
        let link = try fixture.begin(server, profile: profile)
        link.exchange()
        expect(link, .pinMismatch, "the certificate has another public key than tls_pin allows: it is \(right)")
    }

    // MARK: Versions and ciphers

    @Test(
        "an origin without a version that is allowed is refused",
        arguments: [
            (LibraryServer.Version.v1_0, TLSInfo.Version.v1_2), (.v1_1, .v1_2), (.v1_2, .v1_3),
        ])
    func versions(has: LibraryServer.Version, wants: TLSInfo.Version) throws {
        let fixture = try TLSFixture()
        var profile = fixture.profile
        profile.minVersion = wants
        var options = LibraryServer.Options(has)
        options.ciphers = "ALL:@SECLEVEL=0"
        let link = try fixture.begin(LibraryServer(fixture.certificates.origin(), options), profile: profile)
        link.exchange()
        expect(link, .noSharedVersion, "it speaks no version that tls_min_version allows")
    }

    @Test("an origin that answers in an older version is refused", arguments: [[3, 1], [3, 2]] as [[UInt8]])
    func oldHello(version: [UInt8]) throws {
        let fixture = try TLSFixture()
        let link = try fixture.begin(nil)
        let random = [UInt8](repeating: 7, count: 32)
        let body = version + random + [0, 0xC0, 0x13, 0]
        link.underway = [22] + version + [0, UInt8(body.count + 4), 2, 0, 0, UInt8(body.count)] + body
        link.deliver()
        expect(link, .noSharedVersion, "the origin speaks an older version than tls_min_version allows")
    }

    @Test("an origin that chooses a cipher that was not offered is refused")
    func cipherNotOffered() throws {
        let fixture = try TLSFixture()
        let link = try fixture.begin(nil)
        let random = [UInt8](repeating: 7, count: 32)
        // TLS_RSA_WITH_RC4_128_SHA.
        let body: [UInt8] = [3, 3] + random + [0, 0, 5, 0]
        link.underway = [22, 3, 3, 0, UInt8(body.count + 4), 2, 0, 0, UInt8(body.count)] + body
        link.deliver()
        expect(link, .noSharedCipher, "cipher")
    }

    @Test("no cipher that both have is told as the origin's alert", arguments: [LibraryServer.Version.v1_2, .v1_3])
    func noSharedCipher(version: LibraryServer.Version) throws {
        let fixture = try TLSFixture()
        var options = LibraryServer.Options(version)
        // Needs a certificate of another kind.
        options.ciphers = "AES128-GCM-SHA256"
        options.suites = "TLS_AES_128_CCM_8_SHA256"
        let link = try fixture.begin(LibraryServer(fixture.certificates.origin(), options))
        link.exchange()
        expect(link, .alert, "the origin sent alert 40 (handshake failure): there is no cipher or group that both have")
    }

    // MARK: What is no handshake

    @Test(
        "what is not TLS is told so",
        arguments: [
            "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", "SSH-2.0-OpenSSH_9.2p1\r\n",
            "220 mail.test ESMTP ready\r\n", "\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}", "<html></html>",
        ])
    func notTLS(text: String) throws {
        let fixture = try TLSFixture()
        let link = try fixture.begin(nil)
        link.underway = Array(text.utf8)
        link.deliver()
        expect(link, .notTLS, "the origin answered with something that is not TLS")
    }

    @Test("garbage in the shape of records ends the handshake")
    func garbage() throws {
        let fixture = try TLSFixture()
        var seeded = SeededBytes(1)
        for type in 0...255 as ClosedRange<UInt8> {
            let link = try fixture.begin(nil)
            link.underway = [type, 3, 3, 0, 64] + seeded.bytes(64)
            link.deliver()
            if link.failure == nil {
                link.socket.end()
                fixture.turn()
            }
            #expect(link.failure?.reason.errorKind == .tlsProtocolError && link.socket.isClosed, "type \(type)")
        }
    }

    @Test("a handshake that never ends is bounded in memory")
    func endless() throws {
        let fixture = try TLSFixture()
        let link = try fixture.begin(nil)
        // The first record of a message that claims to be as long as it can be.
        link.underway = [22, 3, 3, 0x40, 0, 11, 0xFF, 0xFF, 0xFF] + [UInt8](repeating: 0, count: 0x4000 - 4)
        link.deliver()
        #expect(link.failure?.reason.errorKind == .tlsProtocolError && link.socket.isClosed)
    }

    @Test("an origin that ends the connection at once, or says close_notify, has closed it")
    func closes() throws {
        let fixture = try TLSFixture()
        let ends: [(TLSLink) -> Void] = [
            { $0.socket.end() }, { $0.socket.reset() }, { $0.underway = [21, 3, 3, 0, 2, 1, 0] },
        ]
        for end in ends {
            let link = try fixture.begin(nil)
            end(link)
            link.deliver()
            expect(link, .closed, "the connection during the handshake")
        }
    }

    @Test(
        "a handshake that is cut behind any byte has failed", arguments: [LibraryServer.Version.v1_2, .v1_3],
        [false, true])
    func cut(version: LibraryServer.Version, byReset: Bool) throws {
        let fixture = try TLSFixture()
        var options = LibraryServer.Options(version)
        options.tickets = 0
        let server = try LibraryServer(fixture.certificates.origin(), options)
        var cut = 0
        while true {
            let link = try fixture.begin(server)
            var left = cut
            var isCut = false
            while link.stream == nil, !isCut, link.carryOut() || !link.underway.isEmpty {
                let count = min(left, link.underway.count)
                isCut = count < link.underway.count
                link.deliver(count)
                left -= count
            }
            guard isCut else {
                #expect(link.info != nil)
                break
            }
            #expect(link.failure == nil, "cut behind \(cut): \(link.outcome)")
            if byReset { link.socket.reset() } else { link.socket.end() }
            fixture.turn()
            expect(link, .closed, byReset ? "reset" : "closed")
            // Every byte of the parts that are different, and some of the certificates.
            cut += cut < 200 || !(300...900).contains(cut) ? 1 : 37
        }
        #expect(cut > 1000)
    }

    @Test("a silent origin is waited for until the handshake is cancelled")
    func silent() throws {
        let fixture = try TLSFixture()
        let link = try fixture.begin(LibraryServer(fixture.certificates.origin()))
        fixture.kernel.advance(by: .minutes(10))
        fixture.turn()
        #expect(link.handshake != nil && !link.socket.isClosed)
        link.handshake?.cancel()
        #expect(link.socket.isClosed)
        fixture.turn()
        #expect(link.failure == nil && link.stream == nil)
    }
}
