import Foundation
import TestSupport
import Testing

/// Origins of https that connd speaks TLS with: requests in absolute form, as axios sends them.
@Suite struct HTTPSTests {
    private let authority: TestAuthority
    private let tls: ServerTLS

    init() throws {
        authority = try TestAuthority.common.get()
        tls = try ServerTLS(try authority.identity())
    }

    private func proxy(_ settings: String = "") throws -> RunningProxy {
        try RunningProxy(
            "settings: { tls_ca_file: \(authority.certificate)\(settings.isEmpty ? "" : ", " + settings) }",
            state: try StateFolder())
    }

    @Test("requests of many clients share one connection and one handshake")
    func pooled() throws {
        let origin = try FakeOrigin(tls: tls) { connection in
            while try connection.readRequest() != nil { connection.respond() }
        }
        let proxy = try proxy()
        for _ in 0..<5 {
            let client = try ScriptedClient(proxy)
            let response = try client.get(origin.url("/a?b"))
            #expect(response.status == 200 && response.text == "hello")
        }
        #expect(origin.record.connections.map(\.handshake) == [.full])
        let request = try #require(origin.record.requests.first)
        #expect(request.head.startLine == "GET /a?b HTTP/1.1" && request.head["Host"] == [origin.authority])
        let connection = try #require(try proxy.read("/v1/connections")["items"].items.first)
        #expect(connection["tls"]["version"].text == "1.3" && connection["tls"]["verified"].flag == true)
        #expect(try proxy.connctl("show", origin.url("")).output.contains("1 full and 0 resumed handshakes"))
    }

    @Test("new connections resume the session of earlier ones")
    func resumed() throws {
        let origin = try FakeOrigin(tls: tls) { connection in
            if try connection.readRequest() != nil { connection.respond(["Connection: close"], body: "once") }
        }
        let proxy = try proxy()
        let client = try ScriptedClient(proxy)
        for _ in 0..<20 { #expect(try client.get(origin.url()).text == "once") }
        let handshakes = origin.record.connections.map(\.handshake)
        #expect(handshakes.count == 20 && handshakes.first == .full)
        // What they agreed on is told after their end too.
        let closed = try proxy.read("/v1/connections?state=closed&limit=19")["items"].items
        let facts = closed.map { $0["tls"] }
        #expect(facts.count == 19 && facts.allSatisfy { $0["version"].text == "1.3" && $0["resumed"].flag == true })
        #expect(
            facts.allSatisfy { $0["verified"].flag == true && $0["certificate_expires"].text?.hasSuffix("Z") == true })
        let number = try #require(closed.first?["number"].int)
        let why = try proxy.connctl("why", "\(number)").output
        #expect(why.contains("1.3, TLS_") && why.contains("resumed from an earlier session"), "\(why)")
        #expect(why.contains("certificate") && why.contains("expires 2"), "\(why)")
        #expect(try proxy.connctl("conns", "--state", "closed", "-o", "wide").output.contains("1.3 resumed"))
        #expect(handshakes.dropFirst().allSatisfy { $0 == .resumed }, "\(handshakes)")
        let metrics = try proxy.curl("GET", "/metrics").body
        #expect(metrics.contains(#"kind="resumed",version="1.3"} 19"#))
    }

    @Test("a profile that changes retires its connections, and nothing is resumed")
    func changedProfile() throws {
        let origin = try FakeOrigin(tls: tls) { connection in
            while try connection.readRequest() != nil { connection.respond() }
        }
        let proxy = try proxy()
        let client = try ScriptedClient(proxy)
        #expect(try client.get(origin.url()).status == 200)
        try proxy.connctl("set", origin.url(""), "tls_min_version=1.3", "--reason", "policy")
        try proxy.waitForTotals("the old connection to close") { $0["upstream_closed.settings_changed"] == 1 }
        #expect(try client.get(origin.url()).status == 200)
        #expect(origin.record.connections.map(\.handshake) == [.full, .full])
    }

    @Test(
        "a certificate that proves nothing gets a clear answer, and the origin no byte of the request",
        arguments: [
            ("name", "issued for other.example, not for localhost"), ("authority", "which is not trusted"),
            ("pin", "has another public key than tls_pin allows"),
        ])
    func refused(fault: String, words: String) throws {
        let names = fault == "name" ? ["DNS:other.example"] : ["DNS:localhost"]
        let issuer = fault == "authority" ? try TestAuthority() : authority
        let origin = try FakeOrigin(tls: try ServerTLS(try issuer.identity(names))) { connection in
            while try connection.readRequest() != nil { connection.respond() }
        }
        let pin = "sha256//\(String(repeating: "A", count: 43))="
        let proxy = try proxy(fault == "pin" ? "tls_pin: \"\(pin)\"" : "")
        let client = try ScriptedClient(proxy)
        let response = try client.get("https://localhost:\(origin.port)/")
        #expect(response.status == 502 && response.text.contains(words), "\(response.text)")
        #expect(response.head["Proxy-Status"].first?.contains("error=tls_certificate_error") == true)
        #expect(origin.record.requests.isEmpty)
    }

    @Test("an origin that does not speak TLS is told apart")
    func notTLS() throws {
        let origin = try FakeOrigin { connection in
            connection.send("HTTP/1.1 400 Bad Request\r\n\r\n")
            _ = try connection.readToEnd()
        }
        let proxy = try proxy()
        let response = try ScriptedClient(proxy).get("https://\(origin.authority)/")
        #expect(response.status == 502 && response.text.contains("something that is not TLS"), "\(response.text)")
    }

    @Test("an origin that is silent is given up after tls_timeout")
    func silent() throws {
        let origin = try FakeOrigin { connection in _ = try connection.readToEnd() }
        let proxy = try proxy("tls_timeout: 100ms, max_retries: 0")
        let response = try ScriptedClient(proxy).get("https://\(origin.authority)/")
        #expect(response.status == 502 && response.text.contains("within tls_timeout (100 ms)"), "\(response.text)")
    }

    @Test("a client certificate that the origin refuses after the handshake is an alert, and nothing is sent again")
    func lateRefusal() throws {
        let strict = try ServerTLS(try authority.identity(), clientAuthority: authority.certificate)
        let origin = try FakeOrigin(tls: strict) { connection in _ = try connection.readRequest() }
        let proxy = try proxy()
        let response = try ScriptedClient(proxy).get(origin.url())
        #expect(response.status == 502 && response.text.contains("alert 116"), "\(response.text)")
        #expect(response.text.contains("tls_client_cert"))
        #expect(origin.record.connections.map(\.handshake) == [.failed])
        #expect(try proxy.totals()["retries.outcome.sent"] == nil)
    }

    @Test("a client certificate that the origin wants is shown")
    func clientCertificate() throws {
        let own = try authority.identity(["DNS:client.example"])
        let strict = try ServerTLS(try authority.identity(), clientAuthority: authority.certificate)
        let origin = try FakeOrigin(tls: strict) { connection in
            while try connection.readRequest() != nil { connection.respond() }
        }
        let proxy = try proxy("tls_client_cert: \(own.certificate), tls_client_key: \(own.key)")
        #expect(try ScriptedClient(proxy).get(origin.url()).text == "hello")
    }

    @Test(
        "a body that only the connection's end delimits is whole where the origin says so inside TLS, and cut where not",
        arguments: [false, true])
    func closeDelimited(unannounced: Bool) throws {
        let origin = try FakeOrigin(tls: tls) { connection in
            guard try connection.readRequest() != nil else { return }
            connection.send("HTTP/1.1 200 OK\r\n\r\nall of it")
            connection.finishSending(unannounced: unannounced)
            _ = try connection.readToEnd()
        }
        let proxy = try proxy()
        let client = try ScriptedClient(proxy)
        try client.send("GET \(origin.url()) HTTP/1.1\r\nHost: x\r\n\r\n")
        let (bytes, ending) = try client.readToEnd()
        #expect(text(bytes).hasSuffix("all of it"))
        #expect(ending == (unannounced ? .reset : .fin))
        #expect(try proxy.totals()["responses_cut"] == (unannounced ? 1 : nil))
    }

    @Test("another protocol's end is passed on where the origin says so inside TLS, and shows as cut where not")
    func upgraded() throws {
        for unannounced in [false, true] {
            let origin = try FakeOrigin(tls: tls) { connection in
                guard try connection.readRequest() != nil else { return }
                connection.send("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: raw\r\n\r\n")
                connection.send("all of it")
                connection.finishSending(unannounced: unannounced)
                _ = try connection.readToEnd()
            }
            let proxy = try proxy()
            let client = try ScriptedClient(proxy)
            #expect(try client.get(origin.url(), ["Connection: upgrade", "Upgrade: raw"]).status == 101)
            let (bytes, ending) = try client.readToEnd()
            #expect(text(bytes) == "all of it" && ending == (unannounced ? .reset : .fin))
            client.close()
            try origin.waitToSee("the end of the tunnel") { $0.openCount == 0 }
            #expect(try proxy.totals()["upstream_closed.origin_closed_mid_response"] == (unannounced ? 1 : nil))
        }
    }

    @Test("a framed response needs no close_notify")
    func framed() throws {
        let origin = try FakeOrigin(tls: tls) { connection in
            guard try connection.readRequest() != nil else { return }
            connection.respond()
            connection.finishSending(unannounced: true)
        }
        let proxy = try proxy()
        let client = try ScriptedClient(proxy)
        for _ in 0..<3 { #expect(try client.get(origin.url()).text == "hello") }
        #expect(try proxy.totals()["responses_cut"] == nil)
    }
}
