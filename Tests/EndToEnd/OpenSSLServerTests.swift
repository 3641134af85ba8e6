import Foundation
import TestSupport
import Testing

/// OpenSSL's own server in its odd modes as the origin: what is served, what is resumed, and what is told where neither is.
@Suite("OpenSSL's s_server as the origin")
struct OpenSSLServerTests {
    private let authority: TestAuthority
    private let identity: TestAuthority.Identity

    init() throws {
        authority = try TestAuthority.common.get()
        identity = try authority.identity()
    }

    private func proxy(_ settings: String = "") throws -> RunningProxy {
        let all = "tls_ca_file: \(authority.certificate), idle_timeout: 1m\(settings.isEmpty ? "" : ", " + settings)"
        return try RunningProxy("settings: { \(all) }", state: try StateFolder())
    }

    /// Each request is of another client. The server says of which kind the handshake was, and ends the connection.
    private func handshakes(_ server: OpenSSLServer, _ proxy: RunningProxy, _ count: Int = 3) throws -> [String] {
        try (0..<count).map { _ in
            let response = try ScriptedClient(proxy).get(server.url())
            guard response.status == 200, response.framing == .untilClose else { return response.text }
            let kind = ["New", "Reused"].first { response.text.contains("\n\($0), TLSv1.") } ?? "no"
            return kind + (response.text.contains("Protocol  : TLSv1.3") ? " 1.3" : " 1.2")
        }
    }

    // MARK: Served

    @Test("a server with tickets or a cache is served by resumed sessions, whatever else it does")
    func resumed() throws {
        let proxy = try proxy()
        let modes: [([String], String)] = [
            ([], "1.3"), (["-no_ticket"], "1.3"), (["-no_cache"], "1.3"), (["-num_tickets", "1"], "1.3"),
            (["-num_tickets", "16"], "1.3"), (["-tls1_3", "-stateless"], "1.3"), (["-no_anti_replay"], "1.3"),
            (["-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256"], "1.3"), (["-serverpref", "-prioritize_chacha"], "1.3"),
            // Another group than the client begins with: a second hello.
            (["-groups", "P-521"], "1.3"), (["-groups", "X448"], "1.3"), (["-named_curve", "P-256"], "1.3"),
            (["-no_middlebox"], "1.3"), (["-allow_no_dhe_kex"], "1.3"), (["-max_send_frag", "512"], "1.3"),
            (["-max_send_frag", "1024", "-split_send_frag", "512"], "1.3"), (["-max_pipelines", "8"], "1.3"),
            (["-record_padding", "512"], "1.3"), (["-read_buf", "100"], "1.3"), (["-nbio"], "1.3"), (["-bugs"], "1.3"),
            (["-mtu", "1300"], "1.3"), (["-status"], "1.3"), (["-comp"], "1.3"), (["-alpn", "h2,http/1.1"], "1.3"),
            (["-psk", "00112233445566778899aabbccddeeff"], "1.3"), (["-verify", "1"], "1.3"),
            (["-legacy_renegotiation", "-no_resumption_on_reneg"], "1.3"),
            (["-tls1_2"], "1.2"), (["-tls1_2", "-no_ticket"], "1.2"), (["-tls1_2", "-groups", "P-384"], "1.2"),
            (["-tls1_2", "-cipher", "ECDHE-ECDSA-CHACHA20-POLY1305"], "1.2"),
            (["-tls1_2", "-legacy_renegotiation"], "1.2"),
            (["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA256", "-no_etm"], "1.2"),
            (["-tls1_2", "-nextprotoneg", "spdy/3"], "1.2"), (["-tls1_2", "-max_send_frag", "512"], "1.2"),
        ]
        for (options, version) in modes {
            let server = try OpenSSLServer(identity, ["-www"] + options)
            #expect(
                try handshakes(server, proxy) == ["New \(version)", "Reused \(version)", "Reused \(version)"],
                "\(options)")
        }
        #expect(try proxy.totals()["responses_cut"] == nil)
    }

    @Test("a server without either is served by full handshakes")
    func full() throws {
        let proxy = try proxy()
        for options in [["-num_tickets", "0"], ["-no_cache", "-no_ticket"], ["-tls1_2", "-no_cache", "-no_ticket"]] {
            let server = try OpenSSLServer(identity, ["-www"] + options)
            let version = options[0] == "-tls1_2" ? "New 1.2" : "New 1.3"
            #expect(try handshakes(server, proxy) == [version, version, version], "\(options)")
        }
    }

    @Test("a certificate of RSA is served with DHE, and without a forward secret")
    func rsa() throws {
        let folder = try ScratchFolder()
        let (certificate, key) = (folder.path + "/c.pem", folder.path + "/k.pem")
        let made = try Subprocess.run(
            "openssl",
            [
                "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=origin", "-addext",
                "subjectAltName=DNS:localhost",
            ]
                + ["-keyout", key, "-out", certificate])
        guard made.exitCode == 0 else { throw TestFailure("\(made)") }
        let proxy = try RunningProxy("settings: { tls_ca_file: \(certificate) }")
        for cipher in ["DHE-RSA-AES128-GCM-SHA256", "AES128-GCM-SHA256"] {
            let server = try OpenSSLServer(
                nil, ["-cert", certificate, "-key", key, "-www", "-tls1_2", "-cipher", cipher])
            #expect(try handshakes(server, proxy, 2) == ["New 1.2", "Reused 1.2"], "\(cipher)")
        }
    }

    @Test("files come whole, from a server that frames them and from one that ends with them")
    func files() throws {
        let folder = try ScratchFolder()
        let text = String(repeating: "all of it ", count: 20_000)
        try folder.write("framed", "HTTP/1.1 200 OK\r\nContent-Length: \(text.utf8.count)\r\n\r\n\(text)")
        try folder.write("plain.txt", text)
        let proxy = try proxy()
        for options in [["-HTTP", "-max_send_frag", "512"], ["-HTTP", "-tls1_2"], ["-HTTP", "-http_server_binmode"]] {
            let server = try OpenSSLServer(identity, options, directory: folder.path)
            for _ in 0..<2 { #expect(try ScriptedClient(proxy).get(server.url("/framed")).text == text, "\(options)") }
        }
        let server = try OpenSSLServer(identity, ["-WWW", "-record_padding", "1024"], directory: folder.path)
        let response = try ScriptedClient(proxy).get(server.url("/plain.txt"))
        #expect(response.text == text && response.framing == .untilClose)
        #expect(try proxy.totals()["responses_cut"] == nil)
    }

    @Test("a client certificate is shown where it is wanted, and sessions go on with it")
    func clientCertificate() throws {
        let own = try authority.identity(["DNS:client.example"])
        let proxy = try proxy("tls_client_cert: \(own.certificate), tls_client_key: \(own.key)")
        for version in ["-tls1_2", "-tls1_3"] {
            let options = ["-www", version, "-Verify", "1", "-CAfile", authority.certificate, "-verify_return_error"]
            let server = try OpenSSLServer(identity, options)
            let kinds = try handshakes(server, proxy, 2)
            #expect(kinds.first?.hasPrefix("New") == true && kinds.last?.hasPrefix("Reused") == true, "\(kinds)")
            #expect(server.said.contains("CN = origin"))
        }
    }

    // MARK: Refused

    @Test("what cannot be agreed on is told, with the alert that the server sent")
    func refused() throws {
        let proxy = try proxy()
        let cipher = "alert 40 (handshake failure): there is no cipher or group that both have"
        let version = "alert 70 (protocol version): it speaks no version that tls_min_version allows"
        let other = try authority.identity(["DNS:other.example"])
        let second = ["-cert2", other.certificate, "-key2", other.key]
        let modes: [(options: [String], words: String)] = [
            (["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"], version), (["-tls1", "-cipher", "ALL:@SECLEVEL=0"], version),
            (["-tls1_2", "-cipher", "AECDH-AES128-SHA:@SECLEVEL=0"], cipher),
            (["-tls1_2", "-cipher", "ECDHE-ECDSA-NULL-SHA:@SECLEVEL=0"], cipher),
            (["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-CCM8"], cipher),
            (["-tls1_3", "-ciphersuites", "TLS_AES_128_CCM_8_SHA256"], cipher),
            (["-tls1_2", "-nocert", "-psk", "00112233", "-cipher", "PSK-AES128-CBC-SHA"], cipher),
            (["-tls1_3", "-nocert", "-psk", "00112233445566778899aabbccddeeff"], cipher),
            (["-groups", "secp224r1"], cipher), (["-tls1_2", "-groups", "ffdhe2048"], cipher),
            (["-sigalgs", "ed25519"], cipher),
            (
                ["-tls1_2", "-Verify", "1", "-verify_return_error"],
                "or it wants a client certificate (tls_client_cert)"
            ),
            (["-alpn", "h2"], "alert 120 (no application protocol): it does not speak http/1.1"),
            (
                ["-servername", "other.example", "-servername_fatal"] + second,
                "alert 112 (unrecognized name): it does not answer to the name that it was sent (tls_server_name)"
            ),
            (["-cert", other.certificate, "-key", other.key], "issued for other.example, not for localhost"),
        ]
        for (options, words) in modes {
            let identity = options.contains("-nocert") ? nil : identity
            let server = try OpenSSLServer(identity, ["-www"] + options)
            let response = try ScriptedClient(proxy).get(server.url("/secret"))
            #expect(response.status == 502 && response.text.contains(words), "\(options): \(response.text)")
            let kind = words.hasPrefix("issued") ? "tls_certificate_error" : "tls_protocol_error"
            #expect(response["Proxy-Status"].first?.contains("error=\(kind)") == true, "\(options)")
        }
    }

    @Test("TLS 1.3 alone is kept to", arguments: ["-tls1_2", "-tls1_3"])
    func minVersion(version: String) throws {
        let proxy = try proxy("tls_min_version: 1.3")
        let server = try OpenSSLServer(identity, ["-www", version])
        let response = try ScriptedClient(proxy).get(server.url())
        #expect(response.status == (version == "-tls1_3" ? 200 : 502))
        #expect(version == "-tls1_3" || response.text.contains("no version that tls_min_version allows"))
    }

    @Test("a certificate that TLS 1.3 misses only after the handshake is an alert for each request, none sent twice")
    func lateCertificate() throws {
        let proxy = try proxy()
        let server = try OpenSSLServer(identity, ["-www", "-tls1_3", "-Verify", "1", "-verify_return_error"])
        for method in ["GET", "POST"] {
            let client = try ScriptedClient(proxy)
            try client.send(method, server.url(), body: method == "POST" ? "x" : nil)
            let response = try client.response()
            #expect(
                response.status == 502 && response.text.contains("alert 116 (certificate required)"), "\(response.text)"
            )
        }
        #expect(try proxy.totals()["retries.outcome.sent"] == nil)
        let said = try server.wait(for: "peer did not return a certificate", skipping: 1)
        #expect(said.ranges(of: "peer did not return a certificate").count == 2)
    }

    @Test("an answer in no protocol is told")
    func echo() throws {
        let proxy = try proxy()
        let server = try OpenSSLServer(identity, ["-rev"])
        let response = try ScriptedClient(proxy).get(server.url())
        #expect(response.status == 502 && response.text.contains("response is malformed"), "\(response.text)")
        #expect(response["Proxy-Status"].first?.contains("error=http_protocol_error") == true)
    }
}
