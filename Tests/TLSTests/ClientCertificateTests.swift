import ProxyTypes
import Reactor
import ReactorTestSupport
import TLSTestSupport
import Testing

@testable import TLS

@Suite("TLS: client certificates and files")
struct ClientCertificateTests {
    private func profile(_ fixture: TLSFixture, certificate: String?, key: String? = nil) -> TLSProfile {
        TLSProfile(files: .init(authorities: fixture.certificates.root, certificate: certificate, key: key))
    }

    private func server(_ fixture: TLSFixture, _ version: LibraryServer.Version) throws -> LibraryServer {
        var options = LibraryServer.Options(version)
        options.clientAuthority = fixture.certificates.root
        return try LibraryServer(fixture.certificates.origin(), options)
    }

    @Test("a client certificate that is asked for is shown", arguments: [LibraryServer.Version.v1_2, .v1_3])
    func shown(version: LibraryServer.Version) throws {
        let fixture = try TLSFixture()
        let identity = fixture.certificates.client
        let profile = profile(fixture, certificate: identity.certificate, key: identity.key)
        let link = try fixture.connect(server(fixture, version), profile: profile)
        link.write("a request")
        link.exchange()
        #expect(link.serverText == "a request" && link.server?.clientShowedCertificate == true)
    }

    @Test("TLS 1.2 refuses a missing client certificate during the handshake")
    func early() throws {
        let fixture = try TLSFixture()
        let link = try fixture.begin(server(fixture, .v1_2))
        link.exchange()
        #expect(link.failure?.reason == .alert && link.socket.isClosed)
        #expect(link.failure?.detail.contains("or it wants a client certificate") == true, "\(link.outcome)")
        #expect(link.serverText.isEmpty)
    }

    /// The handshake is done for the client before the origin looks at its certificate.
    @Test("TLS 1.3 refuses it behind the handshake, which is an alert and no ordinary end")
    func late() throws {
        let fixture = try TLSFixture()
        let link = try fixture.begin(server(fixture, .v1_3))
        link.carryOut()
        link.deliver()
        #expect(link.info != nil)
        link.write("a request")
        link.carryOut()
        #expect(link.serverText.isEmpty)
        // With the end of the connection right behind the alert.
        link.socket.send(link.underway)
        link.socket.end()
        fixture.turn()
        guard case .closed(.tls(let failure)) = link.recorder.ends.first else {
            Issue.record("\(link.recorder.ends)")
            return
        }
        #expect(failure.reason == .alert && link.recorder.ends.count == 1 && link.socket.isClosed)
        let words = "the origin sent alert 116 (certificate required): it does not accept the client certificate"
        #expect(failure.detail.contains(words), "\(failure.detail)")
        // Neither does it look like an end whose proof is missing.
        #expect(link.stream?.inputEndIsUnproven == false)
        #expect(fixture.tls.sessions.count == 0)
    }

    @Test("files that cannot be used are told by setting and path")
    func unusable() throws {
        let fixture = try TLSFixture()
        let files = fixture.certificates
        let client = files.client
        let missing = files.root + ".missing"
        let cases: [(TLSProfile, String)] = [
            (profile(fixture, certificate: missing), "tls_client_cert \(missing) cannot be read: No such file"),
            (
                profile(fixture, certificate: client.certificate, key: missing),
                "tls_client_key \(missing) cannot be read: No such file"
            ),
            (
                profile(fixture, certificate: client.certificate, key: files.otherKey),
                "tls_client_key \(files.otherKey) does not belong to tls_client_cert \(client.certificate)"
            ),
            (
                profile(fixture, certificate: client.certificate, key: files.encryptedKey),
                "tls_client_key \(files.encryptedKey) is encrypted"
            ),
            (
                profile(fixture, certificate: client.certificate),
                "tls_client_key \(client.certificate) holds no private key in PEM"
            ),
            (profile(fixture, certificate: client.key), "tls_client_cert \(client.key) holds no certificate in PEM"),
            (
                TLSProfile(files: .init(authorities: missing)),
                "tls_ca_file \(missing) cannot be read: No such file"
            ),
            (
                TLSProfile(files: .init(authorities: client.key)),
                "tls_ca_file \(client.key) holds no certificate in PEM"
            ),
        ]
        let server = try LibraryServer(files.origin())
        for (profile, words) in cases {
            let link = try fixture.begin(server, profile: profile)
            link.exchange()
            #expect(link.failure?.reason == .configuration && link.socket.isClosed)
            #expect(link.failure?.detail.contains(words) == true, "\(link.outcome)")
            #expect(link.socket.receivedBytes.isEmpty)
        }
    }
}
