import Foundation
import TestSupport
import Testing

/// Real clients that only know CONNECT, through a connd with a certificate authority of its own.
@Suite("Interception of tunnels") struct TunnelInterceptionTests {
    private let authority: TestAuthority
    private let folder: ScratchFolder
    private let proxy: RunningProxy
    private let root: String

    private static let host = "api.intercepted.example"

    init() throws {
        authority = try TestAuthority.common.get()
        folder = try ScratchFolder()
        let names = try folder.write("hosts", "127.0.0.1 localhost \(Self.host) other.example\n")
        proxy = try RunningProxy(
            """
            proxy: { connect_ports: any }
            dns: { hosts: \(names) }
            settings: { tls_ca_file: \(authority.certificate), idle_timeout: 1m }
            """, state: try StateFolder())
        let made = try proxy.connctl("ca", "create", "--for", "intercepted.example")
        #expect(made.exitCode == 0, "\(made)")
        let report = try proxy.read("/v1/ca")["authorities"].items.first
        root = try folder.write("root.pem", try #require(report?["root_pem"].text))
        let set = try proxy.connctl("set", "*.intercepted.example", "intercept=on")
        #expect(set.exitCode == 0, "\(set)")
    }

    private func origin(_ names: [String] = ["DNS:\(host)"], clientAuthority: String? = nil) throws -> FakeOrigin {
        let tls = try ServerTLS(try authority.identity(names), clientAuthority: clientAuthority)
        return try FakeOrigin(tls: tls) { connection in
            while try connection.readRequest() != nil { connection.respond() }
        }
    }

    /// `trusting`: the file of the authorities that it knows.
    private func curl(_ origin: FakeOrigin, trusting file: String, _ arguments: String...) throws -> Subprocess {
        try Subprocess.run(
            "curl",
            ["-q", "-sS", "--noproxy", "", "-x", proxy.url, "--cacert", file] + arguments
                + ["https://\(Self.host):\(origin.port)/x"])
    }

    private func spliced() throws -> [String] {
        try proxy.curl("GET", "/metrics").body.split(separator: "\n").compactMap { line in
            guard line.hasPrefix("connd_intercept_spliced_total{"), !line.hasSuffix(" 0") else { return nil }
            return line.firstRange(of: "reason=\"").map { String(line[$0.upperBound...].prefix { $0 != "\"" }) }
        }
    }

    @Test("processes that know nothing but CONNECT share one connection and one handshake with the origin")
    func pooled() throws {
        let origin = try origin()
        for _ in 0..<5 {
            let run = try curl(origin, trusting: root, "-i")
            #expect(run.exitCode == 0 && run.output.hasSuffix("hello"), "\(run)")
            #expect(run.output.contains("Via: 1.1 connd-"))
        }
        #expect(origin.record.connections.map(\.handshake) == [.full])
        let request = try #require(origin.record.requests.first)
        #expect(request.head["Host"] == ["\(Self.host):\(origin.port)"])
        #expect(try proxy.connctl("list").output.contains("intercepted"))
        let http2 = try curl(origin, trusting: root, "--http2", "-w", "%{http_version}")
        #expect(http2.output == "hello1.1", "\(http2)")
    }

    @Test("a client that does not know the authority fails twice with its own error, and is tunnelled from then on")
    func refusing() throws {
        let origin = try origin()
        for _ in 0..<2 {
            let run = try curl(origin, trusting: authority.certificate)
            #expect(run.exitCode == 60 && run.errors.contains("unable to get local issuer certificate"), "\(run)")
        }
        #expect(origin.record.requests.isEmpty)
        let run = try curl(origin, trusting: authority.certificate)
        #expect(run.output == "hello", "\(run)")
        #expect(try spliced() == ["client_refuses"])
        let shown = try proxy.connctl("tls").output
        #expect(shown.contains(Self.host) && shown.contains("unknown_ca"), "\(shown)")
        #expect(try proxy.connctl("tls", "--forget", Self.host).exitCode == 0)
        #expect(try curl(origin, trusting: authority.certificate).exitCode == 60)
    }

    @Test("an origin whose certificate is wrong is met by the client itself")
    func badOrigin() throws {
        let origin = try origin(["DNS:somebody.else.example"])
        let pems = try [root, authority.certificate].map { try String(contentsOfFile: $0, encoding: .utf8) }
        let both = try folder.write("both.pem", pems.joined())
        let run = try curl(origin, trusting: both)
        #expect(run.exitCode == 60 && run.errors.contains("subject name"), "\(run)")
        #expect(try spliced() == ["origin_failed"])
    }

    @Test("an origin that wants a client certificate gets the client's")
    func clientCertificate() throws {
        let own = try authority.identity(["DNS:client.example"])
        let origin = try origin(clientAuthority: authority.certificate)
        let run = try curl(origin, trusting: authority.certificate, "--cert", own.certificate, "--key", own.key)
        #expect(run.output == "hello", "\(run)")
        #expect(try spliced() == ["wants_client_certificate"])
    }

    @Test("a client that speaks HTTP/2 only, or names no host or another, meets the origin")
    func others() throws {
        let origin = try origin()
        func issuer(_ options: String...) throws -> String {
            try Subprocess.run(
                "openssl",
                ["s_client", "-proxy", proxy.authority, "-connect", "\(Self.host):\(origin.port)"] + options
            ).output
        }
        let name = ["-servername", Self.host]
        #expect(try issuer(name[0], name[1]).contains("connd intermediate"))
        #expect(try issuer(name[0], name[1], "-alpn", "h2").contains("connd") == false)
        #expect(try issuer("-noservername").contains("connd") == false)
        #expect(try issuer("-servername", "other.example").contains("connd") == false)
        #expect(try Set(spliced()) == ["no_http1", "no_server_name", "other_server_name"])
    }

    @Test("an intercept that no authority may sign for is refused, with what to do")
    func notPermitted() throws {
        let run = try proxy.connctl("set", "other.example", "intercept=on")
        #expect(run.exitCode != 0 && run.errors.contains("connctl ca rotate --for"), "\(run)")
    }
}
