import Foundation
import TestSupport
import Testing

/// The TLS settings of an origin, as an operator sets and sees them.
@Suite struct TLSSettingTests {
    @Test("verification is turned off at run time only with a reason, and that is told at every place")
    func reason() throws {
        let proxy = try RunningProxy("proxy: { connect_ports: any }", state: try StateFolder())
        let origin = try FakeOrigin { connection in _ = try connection.readToEnd() }
        let client = try ScriptedClient(proxy)
        try client.send("CONNECT \(origin.authority) HTTP/1.1\r\nHost: \(origin.authority)\r\n\r\n")
        #expect(try client.response(to: "CONNECT").status == 200)
        let name = "https://\(origin.authority)"

        for more in [[], ["--try", "1m"], ["--reason", " "]] {
            let run = try proxy.connctl(["set", "127.0.0.1", "tls_verify=none"] + more)
            #expect(run.exitCode == 1 && run.errors.contains("with a `reason`"), "\(run)")
            #expect(run.errors.contains("Next: connctl … --reason"), "\(run)")
        }
        let answer = try proxy.change("PATCH", "/v1/settings/127.0.0.1", body: #"{"settings":{"tls_verify":"none"}}"#)
        #expect(answer.status == 422 && answer.isProblem)
        #expect(try answer.json()["errors"].items.map { $0["pointer"].text } == ["/reason"])
        #expect(try proxy.setting("tls_verify", of: "127.0.0.1")["value"].text == "full")
        #expect(try proxy.read("/v1/status")["unverified"].items.isEmpty)

        try proxy.connctl("set", "127.0.0.1", "tls_verify=none", "--reason", "its clock is wrong")
        let status = try proxy.read("/v1/status")
        let told = status["unverified"].items
        #expect(told.count == 1 && told[0]["pattern"].text == "127.0.0.1" && told[0]["source"].text == "override")
        #expect(told[0]["reason"].text == "its clock is wrong" && told[0]["actor"].text == "token")
        #expect(status["unverified_origins"].int == 1)
        #expect(try proxy.curl("GET", "/metrics").body.contains("\nconnd_tls_unverified_origins 1\n"))
        let text = try proxy.connctl("status").output
        #expect(text.contains("! The certificate of 127.0.0.1 is not verified: tls_verify=none, set "), "\(text)")
        #expect(text.contains("by token, its clock is wrong. Undo: connctl unset 127.0.0.1 tls_verify"), "\(text)")
        let list = try proxy.connctl("list").output
        #expect(list.split(separator: "\n").contains { $0.contains(name) && $0.contains("unverified") }, "\(list)")
        #expect(try proxy.connctl("show", name).output.contains("not verified: tls_verify=none"))

        let exported = try proxy.connctl("export").output
        #expect(exported.contains("its clock is wrong"))
        let folder = try ScratchFolder()
        let file = try folder.write("settings.json", exported.replacing("its clock is wrong", with: ""))
        try proxy.connctl("unset", "127.0.0.1", "tls_verify")
        let bare = try proxy.connctl("import", file)
        #expect(bare.exitCode == 1 && bare.errors.contains("with a `reason`"), "\(bare)")
        #expect(try proxy.connctl("import", file, "--reason", "moved").exitCode == 0)
        #expect(try proxy.read("/v1/status")["unverified"].items.map { $0["reason"].text } == ["moved"])
    }

    @Test("a file may turn it off, and may name files that are not there yet: both are told, not refused")
    func fromFile() throws {
        let proxy = try RunningProxy(
            """
            hosts:
              "*.example.com": { tls_verify: none }
              a.example: { tls_ca_file: /no/such/ca.pem }
            """, state: try StateFolder())
        try proxy.waitForLog("certificates are not verified")
        try proxy.waitForLog("a setting cannot be applied on this host")
        #expect(proxy.logLines.contains { $0.contains("not verified") && $0.contains("*.example.com") })
        let status = try proxy.read("/v1/status")
        #expect(status["unverified"].items.map { $0["pattern"].text } == ["*.example.com"])
        #expect(status["unverified"].items[0]["place"].text?.hasSuffix("connd.yaml:2") == true)
        #expect(status["refused_settings"].items.map { $0["setting"].text } == ["tls_ca_file"])
        let text = try proxy.connctl("status").output
        #expect(text.contains("! The certificate of *.example.com is not verified: tls_verify=none ("), "\(text)")
        #expect(text.contains("/no/such/ca.pem cannot be read: No such file or directory"), "\(text)")
        let notes = try proxy.json("reload")["notes"].items.compactMap(\.text)
        #expect(notes.contains { $0.contains("of *.example.com are not verified") }, "\(notes)")
        #expect(notes.contains { $0.contains("/no/such/ca.pem") }, "\(notes)")
    }

    @Test("a key of the file that belongs to another certificate is told of once, and no more when it is put right")
    func pairFromFile() throws {
        let authority = try TestAuthority.common.get()
        let (identity, other) = (try authority.identity(), try authority.identity())
        let folder = try ScratchFolder()
        let key = try folder.write("key.pem", String(contentsOfFile: other.key, encoding: .utf8))
        let proxy = try RunningProxy(
            "hosts: { a.example: { tls_client_cert: \(identity.certificate), tls_client_key: \(key) } }",
            state: try StateFolder())
        let refused = try proxy.read("/v1/status")["refused_settings"].items
        #expect(refused.map { $0["setting"].text } == ["tls_client_key"], "\(refused)")
        let reason = "\(key) does not belong to tls_client_cert \(identity.certificate)"
        #expect(refused.first?["reason"].text == reason)
        // One that is set over it for the same origins is judged with what is in force then.
        #expect(try proxy.connctl("set", "a.example", "max_queue=9").exitCode == 0)
        let both = ["tls_client_cert=\(other.certificate)", "tls_client_key=\(key)"]
        #expect(try proxy.connctl(["set", "a.example"] + both).exitCode == 0)
        #expect(try proxy.read("/v1/status")["refused_settings"].items.isEmpty)
        try proxy.connctl("unset", "a.example", "tls_client_cert", "tls_client_key")
        try folder.write("key.pem", String(contentsOfFile: identity.key, encoding: .utf8))
        #expect(try proxy.read("/v1/status")["refused_settings"].items.isEmpty)
    }

    @Test("a file that connd cannot use is refused where it is set, and nothing is changed")
    func files() throws {
        let proxy = try RunningProxy(state: try StateFolder())
        let folder = try ScratchFolder()
        let (certificate, key) = (folder.path + "/c.pem", folder.path + "/k.pem")
        let made = try Subprocess.run(
            "openssl",
            [
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=a",
                "-keyout", key, "-out", certificate,
            ])
        #expect(made.exitCode == 0, "\(made)")
        let foreign = try TestAuthority.common.get().identity().key
        for (assignments, problem) in [
            (["tls_ca_file=/no/such/file"], "/no/such/file cannot be read: No such file or directory"),
            (["tls_ca_file=\(key)"], "\(key) holds no certificate"),
            (
                ["tls_client_cert=\(certificate)", "tls_client_key=\(certificate)"],
                "\(certificate) holds no private key"
            ),
            (["tls_client_cert=\(certificate)"], "needs `tls_client_key` too"),
            (
                ["tls_client_cert=\(certificate)", "tls_client_key=\(foreign)"],
                "\(foreign) does not belong to tls_client_cert \(certificate)"
            ),
        ] {
            for more in [[], ["--try", "1m"]] {
                let run = try proxy.connctl(["set", "a.example", "max_queue=8"] + assignments + more)
                #expect(run.exitCode == 1 && run.errors.contains(problem), "\(run)")
            }
        }
        #expect(try proxy.setting("max_queue", of: "a.example")["source"].text == "default")
        try proxy.connctl("set", "a.example", "tls_client_cert=\(certificate)", "tls_client_key=\(key)")
        let replaced = try proxy.connctl("set", "a.example", "tls_client_key=\(foreign)")
        #expect(replaced.exitCode == 1 && replaced.errors.contains("does not belong to tls_client_cert"), "\(replaced)")
        let exported = try proxy.connctl("export").output
        #expect(try proxy.setting("tls_client_key", of: "a.example")["value"].text == key)
        #expect(try proxy.connctl("unset", "a.example", "tls_client_key").exitCode == 1)
        #expect(try proxy.connctl("unset", "a.example", "tls_client_key", "tls_client_cert").exitCode == 0)
        let file = try folder.write("settings.json", exported.replacing("c.pem", with: "gone.pem"))
        for more in [[], ["--dry-run"]] {
            let imported = try proxy.connctl(["import", file] + more)
            #expect(imported.exitCode == 1 && imported.errors.contains("gone.pem cannot be read"), "\(imported)")
        }
        #expect(try proxy.setting("tls_client_key", of: "a.example")["value"].text == "none")
    }

    @Test("each setting decides which origin is believed, and connections opened under another one are retired")
    func effect() throws {
        let folder = try ScratchFolder()
        let (certificate, key) = (folder.path + "/c.pem", folder.path + "/k.pem")
        let made = try Subprocess.run(
            "openssl",
            [
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=a",
                "-addext", "subjectAltName=IP:127.0.0.1,DNS:other.example", "-keyout", key, "-out", certificate,
            ])
        #expect(made.exitCode == 0, "\(made)")
        let server = try ChildProcess("python3", ["-c", Self.origin, certificate, key])
        let port = try server.wait(for: "the origin to listen") { $0.outText.hasSuffix("\n") }.outText.dropLast()
        let name = "https://127.0.0.1:\(port)"
        let proxy = try RunningProxy(state: try StateFolder())
        let client = try ScriptedClient(proxy)
        func status(_ assignments: [String]) throws -> Int {
            let set = try proxy.connctl(["set", name] + assignments + ["--reason", "a test"])
            #expect(set.exitCode == 0, "\(set)")
            return try client.get(name + "/").status
        }
        #expect(try client.get(name + "/").status == 502)
        #expect(try status(["tls_verify=none"]) == 200)
        #expect(try proxy.connctl("conns", "-o", "wide").output.contains(" UNVERIFIED"))
        #expect(try status(["tls_verify=full"]) == 502)
        #expect(try status(["tls_ca_file=\(certificate)"]) == 200)
        let wide = try proxy.connctl("conns", name, "-o", "wide").output
        #expect(wide.contains(" 1.3") && !wide.contains("UNVERIFIED"), "\(wide)")
        #expect(try status(["tls_server_name=wrong.example"]) == 502)
        #expect(try status(["tls_server_name=other.example"]) == 200)
        #expect(try status(["tls_min_version=1.3"]) == 200)
        let other = "sha256//" + String(repeating: "A", count: 43) + "="
        #expect(try status(["tls_pin=\(other)"]) == 502)
        let publicKey = try Subprocess.run(
            "sh", ["-c", "openssl pkey -in \(key) -pubout -outform DER | openssl dgst -sha256 -binary | base64"])
        let pin = "sha256//" + publicKey.output.trimmingCharacters(in: .newlines)
        #expect(try status(["tls_pin=\(other);\(pin)"]) == 200)
        server.signal(SIGTERM)
        try server.waitForEnd()
    }

    /// Serves GET over TLS on kept connections; prints its port. Arguments: certificate and key.
    private static let origin = """
        import http.server, ssl, sys
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"ok")
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[1], sys.argv[2])
        server.socket = context.wrap_socket(server.socket, server_side=True)
        print(server.server_address[1], flush=True)
        server.serve_forever()
        """
}
