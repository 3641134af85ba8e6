import Foundation
import TestSupport
import Testing

/// What OpenSSL's server does at the command of its terminal, between requests and in the middle of answers.
@Suite("Commands to OpenSSL's s_server")
struct OpenSSLCommandTests {
    private let identity: TestAuthority.Identity
    private let proxy: RunningProxy

    init() throws {
        let authority = try TestAuthority.common.get()
        identity = try authority.identity()
        proxy = try RunningProxy(
            "settings: { tls_ca_file: \(authority.certificate), idle_timeout: 1m }", state: try StateFolder())
    }

    private static let hello = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

    /// A request, which the server has received when this returns.
    private func ask(_ server: OpenSSLServer, _ path: String, _ method: String = "GET") throws -> ScriptedClient {
        let client = try ScriptedClient(proxy)
        try client.send(method, server.url(path), body: method == "POST" ? "body" : nil)
        try server.wait(for: "\(method) \(path) HTTP/1.1")
        return client
    }

    private func serve(_ server: OpenSSLServer, _ path: String, _ method: String = "GET") throws {
        let client = try ask(server, path, method)
        server.type(Self.hello)
        #expect(try client.response().text == "hello", "\(path)")
        #expect(server.said.ranges(of: "\(method) \(path) HTTP/1.1").count == 1)
    }

    /// Types one after the other, while a request arrives in as many parts: the server looks at its terminal first, so that
    /// it has taken what was typed before each part.
    private func interleave(_ server: OpenSSLServer, _ typed: [String]) throws -> ScriptedClient {
        let client = try ScriptedClient(proxy)
        let parts = typed.indices.map { "part-\($0)" }
        try client.send("POST", server.url("/parts"), ["Content-Length: \(parts.joined().utf8.count)"])
        for (text, part) in zip(typed, parts) {
            try server.wait(for: "Via: ")
            server.type(text)
            try client.send(part)
            try server.wait(for: part)
        }
        return client
    }

    private func handshakes() throws -> [String: Int] {
        var found: [String: Int] = [:]
        for line in try proxy.curl("GET", "/metrics").body.split(separator: "\n")
        where line.hasPrefix("connd_tls_handshakes_total{") {
            let kind = line.contains(#"kind="full""#) ? "full" : "resumed"
            found[kind, default: 0] += line.split(separator: " ").last.flatMap { Int($0) } ?? 0
        }
        return found.filter { $0.value > 0 }
    }

    // MARK: What changes nothing

    @Test("new keys between requests and within an answer", arguments: ["K", "k"])
    func keys(command: String) throws {
        let server = try OpenSSLServer(identity, [])
        let begin = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"
        let client = try interleave(server, ["\(command)\n", begin, "\(command)\n"])
        server.type("0\r\n\r\n")
        #expect(try client.response().text == "hello")
        #expect(server.said.ranges(of: "SSL_do_handshake -> 1").count == 2)
        server.type("\(command)\n")
        try serve(server, "/next", "POST")
        #expect(try handshakes() == ["full": 1])
    }

    @Test("a client certificate that is asked for after the handshake, which connd does not offer")
    func lateCertificate() throws {
        let server = try OpenSSLServer(identity, ["-tls1_3"])
        try serve(server, "/1")
        server.type("c\n")
        try server.wait(for: "extension not received")
        try serve(server, "/2")
        #expect(try handshakes() == ["full": 1])
    }

    @Test("early data is never sent, not even where a ticket allows it")
    func earlyData() throws {
        let server = try OpenSSLServer(identity, ["-early_data", "-max_early_data", "16384"])
        try serve(server, "/1")
        server.type("q\n")
        try server.wait(for: "DONE")
        try serve(server, "/2", "POST")
        #expect(try handshakes() == ["full": 1, "resumed": 1])
        #expect(try server.wait(for: "No early data received", skipping: 1).contains("Early data received") == false)
    }

    // MARK: What ends a connection

    @Test("a handshake over the old one is refused, and the next request has a new connection", arguments: ["R", "r"])
    func renegotiation(command: String) throws {
        let server = try OpenSSLServer(identity, ["-tls1_2", "-client_renegotiation"])
        try serve(server, "/1")
        server.type("\(command)\n")
        try server.wait(for: "no renegotiation")
        try serve(server, "/2", "POST")
        #expect(try handshakes() == ["full": 2])
    }

    @Test("clear text on an idle connection ends it, and in the place of an answer is an error that is not retried")
    func clearText() throws {
        let server = try OpenSSLServer(identity, [])
        try serve(server, "/1")
        server.type("P\n")
        try server.wait(for: "alert protocol version")
        let client = try ask(server, "/2")
        server.type("P\n")
        let response = try client.response()
        #expect(response.status == 502 && response.text.contains("TLS with the origin broke"), "\(response.text)")
        #expect(response["Proxy-Status"].first?.contains("error=tls_protocol_error") == true)
        #expect(try proxy.totals()["retries.outcome.sent"] == nil)
        #expect(try proxy.totals()["upstream_closed.tls_failed"] == 2)
        try server.wait(for: "alert protocol version", skipping: 1)
        try serve(server, "/3")
        #expect(server.said.ranges(of: "GET /2 HTTP/1.1").count == 1)
    }

    @Test("what is said on an idle connection reaches no one")
    func unasked() throws {
        let server = try OpenSSLServer(identity, [])
        try serve(server, "/1")
        server.type("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
        try proxy.waitForTotals("the connection to end") { $0["upstream_closed.unsolicited_bytes"] == 1 }
        try serve(server, "/2")
        #expect(try handshakes() == ["full": 1, "resumed": 1])
    }

    @Test("an end without close_notify between requests costs nothing but a handshake")
    func endBetween() throws {
        let server = try OpenSSLServer(identity, [])
        for (turn, method) in ["GET", "POST", "GET"].enumerated() {
            try serve(server, "/\(turn)", method)
            server.type("q\n")
            try server.wait(for: "DONE", skipping: turn)
        }
        #expect(try handshakes() == ["full": 1, "resumed": 2])
        #expect(try proxy.totals()["errors.connection_terminated"] == nil)
    }

    @Test(
        "an end without close_notify within an answer shows, however the answer is framed",
        arguments: [
            ("Content-Length: 10\r\n\r\nhello", Ending.fin),
            ("Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", .fin), ("\r\nhello", .reset),
        ])
    func endWithin(answer: String, shown: Ending) throws {
        let server = try OpenSSLServer(identity, [])
        let client = try interleave(server, ["HTTP/1.1 200 OK\r\n\(answer)"])
        server.type("q\n")
        let (bytes, ending) = try client.readToEnd()
        #expect(text(bytes).hasSuffix("hello") == !answer.contains("chunked") && ending == shown)
        #expect(try proxy.totals()["responses_cut"] == 1)
    }

    @Test("a server that has ended is refused by its address")
    func gone() throws {
        let server = try OpenSSLServer(identity, [])
        try serve(server, "/1")
        server.type("Q\n")
        try server.waitForEnd()
        let response = try ScriptedClient(proxy).get(server.url("/2"))
        #expect(response.status == 502 && response.text.contains("refused the connection"), "\(response.text)")
    }
}
