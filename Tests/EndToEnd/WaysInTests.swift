import Foundation
import TestSupport
import Testing

/// The ways in which requests reach an https origin's connections.
@Suite struct WaysInTests {
    /// Says each handshake and each request on standard output, and answers with its own absolute URL.
    private static let server = """
        import socket, ssl, sys, threading
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[1], sys.argv[2])
        listener = socket.create_server(("127.0.0.1", 0))
        print("port", listener.getsockname()[1], flush=True)
        def serve(plain):
            try:
                stream = context.wrap_socket(plain, server_side=True)
            except (OSError, ssl.SSLError):
                return
            print("handshake", flush=True)
            buffer = b""
            while True:
                while b"\\r\\n\\r\\n" not in buffer:
                    part = stream.recv(65536)
                    if not part: return
                    buffer += part
                head, _, buffer = buffer.partition(b"\\r\\n\\r\\n")
                lines = head.decode().split("\\r\\n")
                host = next(line[6:] for line in lines if line.lower().startswith("host: "))
                print("request", lines[0], host, flush=True)
                answer = f"HTTP/1.1 200 OK\\r\\nLocation: https://{host}/next\\r\\nContent-Length: 5\\r\\n\\r\\nhello"
                stream.sendall(answer.encode())
        while True:
            threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
        """

    private let folder: ScratchFolder
    private let origin: ChildProcess
    private let port: UInt16
    private let certificate: String

    init() throws {
        folder = try ScratchFolder()
        certificate = folder.path + "/c.pem"
        let key = folder.path + "/k.pem"
        let made = try Subprocess.run(
            "openssl",
            [
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=origin",
                "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate,
            ])
        guard made.exitCode == 0 else { throw TestFailure("\(made)") }
        origin = try ChildProcess("python3", ["-c", Self.server, certificate, key])
        let started = try origin.wait(for: "the origin to listen") { $0.outText.contains("\n") || $0.hasEnded }
        let words = started.outText.split(whereSeparator: \.isWhitespace)
        guard words.count > 1, let port = UInt16(words[1]) else { throw TestFailure("\(started)") }
        self.port = port
    }

    private var authority: String { "127.0.0.1:\(port)" }

    private func curl(_ arguments: String...) throws -> String {
        let run = try Subprocess.run("curl", ["-sS", "-i", "--max-time", "30"] + arguments)
        #expect(run.exitCode == 0, "\(run)")
        return run.output
    }

    @Test("absolute form, tls: originate and gateways over TCP and a Unix socket share one connection: one handshake")
    func shared() throws {
        let socket = folder.path + "/g.sock"
        let proxy = try RunningProxy(
            """
            gateways:
              - { name: g, origin: "https://\(authority)", listen: ["127.0.0.1:0", "unix:\(socket)"] }
            hosts:
              "https://\(authority)": { tls_ca_file: "\(certificate)" }
              "http://\(authority)": { tls: originate }
            """, state: try StateFolder())
        let gateway = try #require(
            try proxy.read("/v1/gateways")["items"].items.first?["listening"].items.first?.text)

        let absolute = try ScriptedClient(proxy).get("https://\(authority)/absolute")
        #expect(absolute.status == 200 && absolute["Location"] == ["https://\(authority)/next"])
        let upgraded = try curl("-x", proxy.url, "--noproxy", "", "http://\(authority)/upgraded")
        #expect(upgraded.contains("\r\nLocation: https://\(authority)/next\r\n"), "\(upgraded)")
        let byPort = try curl("--noproxy", "*", "http://\(gateway)/port")
        #expect(byPort.contains("\r\nLocation: http://\(gateway)/next\r\n"), "\(byPort)")
        let bySocket = try curl("--noproxy", "*", "--unix-socket", socket, "http://localhost/socket")
        #expect(bySocket.contains("\r\nLocation: http://localhost/next\r\n"), "\(bySocket)")

        let seen = try origin.wait(for: "the requests") { $0.outText.contains("/socket") || $0.hasEnded }.outText
        #expect(
            seen.split(separator: "\n").dropFirst().map(String.init) == ["handshake"]
                + ["absolute", "upgraded", "port", "socket"].map { "request GET /\($0) HTTP/1.1 \(authority)" })
        let listed = try proxy.read("/v1/origins")["items"].items
        #expect(listed.map { $0["origin"].text } == ["https://\(authority)"])
        #expect(listed.first?["originated_from"].items.map(\.text) == ["http://\(authority)"])
        #expect(listed.first?["gateways"].items.map(\.text) == ["g"])
        let shown = try proxy.connctl("show", "https://\(authority)").output
        #expect(shown.contains("takes the requests to http://\(authority)"), "\(shown)")
    }

    @Test("the setting tls applies to the next request, both ways")
    func changed() throws {
        let plain = try FakeOrigin.answering()
        let proxy = try RunningProxy(
            "hosts: { \"https://\(plain.authority)\": { tls_timeout: 10ms } }", state: try StateFolder())
        let client = try ScriptedClient(proxy)
        #expect(try client.get(plain.url()).text == "hello")
        #expect(try proxy.connctl("set", "http://\(plain.authority)", "tls=originate").exitCode == 0)
        // It does not speak TLS: what matters is that the request is not sent in clear any more.
        #expect(try client.get(plain.url()).status >= 500 && plain.record.requests.count == 1)
        #expect(try proxy.connctl("unset", "http://\(plain.authority)", "tls").exitCode == 0)
        #expect(try client.get(plain.url()).text == "hello")
        #expect(plain.record.requests.count == 2)
    }
}
