import Foundation
import TestSupport
import Testing

@Suite struct GatewayTests {
    private let folder: ScratchFolder

    init() throws {
        folder = try ScratchFolder()
    }

    /// Redirects to itself, as servers do that know their own name.
    private static func redirecting() throws -> FakeOrigin {
        try FakeOrigin { connection in
            while let request = try connection.readRequest() {
                let host = request.head["Host"].first ?? ""
                connection.send(
                    "HTTP/1.1 200 OK\r\nLocation: http://\(host)/next\r\nSet-Cookie: a=b; Secure\r\nContent-Length: 5\r\n\r\nhello"
                )
            }
        }
    }

    private func yaml(_ gateways: String) -> String { "gateways:\n\(gateways)" }

    private func start(_ gateways: String = " []", state: StateFolder) throws -> RunningProxy {
        try RunningProxy("gateways:\(gateways)\n", state: state)
    }

    private func gateways(_ proxy: RunningProxy) throws -> [JSONDocument] {
        try proxy.read("/v1/gateways")["items"].items
    }

    private func listening(_ proxy: RunningProxy, _ name: String) throws -> [String] {
        let found = try gateways(proxy).first { $0["name"].text == name }
        return found?["listening"].items.compactMap(\.text) ?? []
    }

    private func curl(_ arguments: String...) throws -> Subprocess {
        let run = try Subprocess.run("curl", ["-sS", "-i", "--max-time", "30", "--noproxy", "*"] + arguments)
        #expect(run.exitCode == 0, "\(run)")
        return run
    }

    @Test(
        "curl reaches the origin over a port and over a Unix socket, on one connection, and is sent back to the gateway"
    )
    func file() throws {
        let origin = try Self.redirecting()
        let path = "\(folder.path)/gateways/g.sock"
        let proxy = try start(
            "\n  - { name: g, origin: \"\(origin.url())\", listen: [\"127.0.0.1:0\", \"unix:\(path)\"], socket_mode: \"0600\" }",
            state: try StateFolder())
        let port = try #require(try listening(proxy, "g").first)
        let byPort = try curl("http://\(port)/v1/x?y=1").output
        #expect(byPort.hasSuffix("hello") && byPort.contains("\r\nLocation: http://\(port)/next\r\n"), "\(byPort)")
        #expect(byPort.contains("\r\nSet-Cookie: a=b; Secure\r\n"))
        let bySocket = try curl("--unix-socket", path, "http://localhost/v1/x").output
        #expect(bySocket.contains("\r\nLocation: http://localhost/next\r\n"), "\(bySocket)")
        let record = origin.record
        #expect(record.connections.count == 1)
        #expect(record.requests.map { $0.head["Host"] } == [[origin.authority], [origin.authority]])
        #expect(record.requests.first?.head.startLine == "GET /v1/x?y=1 HTTP/1.1")
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        #expect((attributes[.posixPermissions] as? Int) == 0o600)

        let found = try #require(try gateways(proxy).first)
        #expect(found["source"].text == "file" && found["place"].text?.hasSuffix("connd.yaml:2") == true, "\(found)")
        #expect(try proxy.read("/v1/status")["gateways"].items.first?["name"].text == "g")
        #expect(try proxy.connctl("status").output.contains("g to \(origin.url().dropLast()) on \(port)"))
        #expect(try proxy.curl("GET", "/metrics").body.contains("connd_gateway_requests_total{gateway=\"g\"} 2\n"))
    }

    @Test("other origins and CONNECT are refused, and so is a gateway to connd itself")
    func refused() throws {
        let origin = try FakeOrigin.answering()
        let state = try StateFolder()
        let proxy = try start(
            "\n  - { name: g, origin: \"\(origin.url())\", listen: [\"127.0.0.1:0\"] }", state: state)
        let address = try #require(try listening(proxy, "g").first)
        let port = try #require(UInt16(address.split(separator: ":").last ?? ""))
        let client = try ScriptedClient(port: port)
        try client.get("http://example.com/").expectErrorAnswer(421, "http_request_error")
        try client.send("CONNECT \(origin.authority) HTTP/1.1\r\nHost: x\r\n\r\n")
        try client.response(to: "CONNECT").expectErrorAnswer(405, "http_request_denied")
        #expect(try client.get(origin.url("/a")).text == "hello")
        #expect(try client.get("http://\(address)/b").text == "hello")
        #expect(origin.record.requests.map(\.head.startLine) == ["GET /a HTTP/1.1", "GET /b HTTP/1.1"])
        // The proxy does not send requests to the gateway, nor the gateway to the proxy.
        try ScriptedClient(proxy).get("http://\(address)/").expectErrorAnswer(508, "proxy_loop_detected")
        #expect(try proxy.connctl("gateway", "add", "loop", proxy.url).exitCode == 0)
        let loop = try #require(try listening(proxy, "loop").first)
        #expect(try curl("http://\(loop)/").output.hasPrefix("HTTP/1.1 508 "))
    }

    @Test("one that connctl adds listens at once, keeps its port across a crash, and goes when it is removed")
    func runTime() throws {
        let origin = try FakeOrigin.answering()
        let state = try StateFolder()
        let address: String
        do {
            let proxy = try start(state: state)
            let run = try proxy.connctl(
                "gateway", "add", "g", origin.url(), "--strip-secure", "--reason", "for the tests")
            #expect(run.exitCode == 0, "\(run)")
            address = try #require(try listening(proxy, "g").first)
            #expect(run.output.contains("g: \(origin.url().dropLast()) on \(address)\n"))
            #expect(try curl("http://\(address)/").output.hasSuffix("hello"))
            #expect(
                try proxy.connctl("gateway", "env", "g").output.contains("export G_BASE_URL='http://\(address)'\n"))
            try proxy.killAtOnce()
        }
        let proxy = try start(state: state)
        #expect(try listening(proxy, "g") == [address])
        #expect(try curl("http://\(address)/").output.hasSuffix("hello"))
        let found = try #require(try gateways(proxy).first)
        #expect(found["source"].text == "override" && found["reason"].text == "for the tests")
        #expect(found["cookie_secure"].text == "strip" && found["actor"].text == "token")
        let audit = try proxy.json("audit", "g")["items"].items
        #expect(audit.map { $0["action"].text } == ["gateway_set"])
        #expect(audit.first?["after"].text == "\(origin.url().dropLast()) on \(address), cookie_secure=strip")
        // Over the same port to another origin.
        let other = try FakeOrigin.answering()
        #expect(try proxy.connctl("gateway", "add", "g", other.url()).exitCode == 0)
        #expect(try curl("http://\(address)/").output.hasSuffix("hello") && other.record.requests.count == 1)
        #expect(try proxy.connctl("gateway", "remove", "g").exitCode == 0)
        #expect(try Subprocess.run("curl", ["-s", "http://\(address)/"]).exitCode == 7)
        #expect(try gateways(proxy).isEmpty)
        #expect(try proxy.connctl("gateway", "remove", "g").exitCode == 1)
    }

    @Test(
        "a reload opens, changes and closes gateways; one that was set at run time wins", arguments: ReloadWay.allCases)
    func reload(way: ReloadWay) throws {
        let (origin, other) = (try FakeOrigin.answering(), try FakeOrigin.answering())
        let proxy = try start(state: try StateFolder())
        func file(_ origin: FakeOrigin) -> String {
            "gateways: [{ name: g, origin: \"\(origin.url())\", listen: [\"127.0.0.1:0\"] }]\n"
        }
        try proxy.reload(file(origin), by: way)
        let address = try #require(try listening(proxy, "g").first)
        #expect(try curl("http://\(address)/").output.hasSuffix("hello") && origin.record.requests.count == 1)
        try proxy.reload(file(other), by: way)
        #expect(try listening(proxy, "g") == [address], "the listener stays")
        #expect(try curl("http://\(address)/").output.hasSuffix("hello") && other.record.requests.count == 1)
        #expect(try proxy.connctl("gateway", "add", "g", origin.url()).exitCode == 0)
        let hidden = try #require(try gateways(proxy).first)
        #expect(hidden["source"].text == "override" && hidden["place"].text?.hasSuffix(":1") == true, "\(hidden)")
        let own = try #require(try listening(proxy, "g").first)
        #expect(try curl("http://\(own)/").output.hasSuffix("hello") && origin.record.requests.count == 2)
        #expect(try proxy.connctl("gateway", "remove", "g").output.contains("config file's applies again"))
        #expect(try gateways(proxy).first?["source"].text == "file")
        try proxy.reload("", by: way)
        #expect(try gateways(proxy).isEmpty)
    }

    @Test("a port that is taken is told, and tried again with the next reload")
    func taken() throws {
        let origin = try FakeOrigin.answering()
        let occupied = try OccupiedPort("127.0.0.1")
        let text = "gateways: [{ name: g, origin: \"\(origin.url())\", listen: [\"127.0.0.1:\(occupied.port)\"] }]\n"
        let proxy = try RunningProxy(text, state: try StateFolder())
        try proxy.waitForLog("not listening")
        let status = try proxy.read("/v1/status")["gateways"].items
        #expect(status.first?["unopened"].items.first?["reason"].text == "Address already in use", "\(status)")
        #expect(try proxy.connctl("status").output.contains("! The gateway g does not listen on"))
        #expect(try proxy.curl("GET", "/readyz").status == 503)
        let refused = try proxy.connctl("gateway", "add", "h", origin.url(), "--listen", "127.0.0.1:\(occupied.port)")
        #expect(refused.exitCode == 1)
        occupied.free()
        try proxy.reload(text)
        #expect(try listening(proxy, "g") == ["127.0.0.1:\(occupied.port)"])
        #expect(try curl("http://127.0.0.1:\(occupied.port)/").output.hasSuffix("hello"))
        #expect(try proxy.curl("GET", "/readyz").status == 200)
    }

    @Test("gateways are exported and imported; a document without them leaves them alone")
    func transfer() throws {
        let origin = try FakeOrigin.answering()
        let file = "\(folder.path)/settings.json"
        let address: String
        do {
            let first = try start(state: try StateFolder())
            #expect(try first.connctl("gateway", "add", "g", origin.url()).exitCode == 0)
            address = try #require(try listening(first, "g").first)
            #expect(try first.connctl("export", file).output.contains("1 gateway"))
        }
        let second = try start(state: try StateFolder())
        #expect(try second.connctl("import", file, "--dry-run").output.contains("gateway g: none ->"))
        #expect(try gateways(second).isEmpty)
        #expect(try second.connctl("import", file).exitCode == 0)
        #expect(try listening(second, "g") == [address])
        let bare = #"{"format":"connd-settings","format_version":1,"overrides":[]}"#
        #expect(try second.change("POST", "/v1/import?replace=true", body: bare).status == 200)
        #expect(try gateways(second).count == 1)
        let none = #"{"format":"connd-settings","format_version":1,"overrides":[],"gateways":[]}"#
        #expect(try second.change("POST", "/v1/import?replace=true", body: none).status == 200)
        #expect(try gateways(second).isEmpty)
    }

    @Test("connctl list tells which origins only tunnels reach, and which have a gateway")
    func listed() throws {
        let origin = try FakeOrigin { connection in _ = try connection.readToEnd() }
        let proxy = try RunningProxy("proxy: { connect_ports: any }", state: try StateFolder())
        let client = try ScriptedClient(proxy)
        try client.send("CONNECT \(origin.authority) HTTP/1.1\r\nHost: \(origin.authority)\r\n\r\n")
        #expect(try client.response(to: "CONNECT").status == 200)
        let name = "https://\(origin.authority)"
        let before = try proxy.connctl("list").output
        #expect(before.contains(" tunnelled") && before.contains("Only tunnels reach \(name), "), "\(before)")
        #expect(try proxy.connctl("gateway", "add", "g", name).exitCode == 0)
        let after = try proxy.connctl("list").output
        #expect(after.contains(" tunnelled  gateway g") && !after.contains("Only tunnels reach"), "\(after)")
    }

    @Test("what the API refuses, and why")
    func refusals() throws {
        let proxy = try start(state: try StateFolder())
        for (name, body, status, says) in [
            ("a", #"{"origin":"https://a/v1"}"#, 422, "without a path"),
            ("a%20b", #"{"origin":"https://a"}"#, 422, "letters, digits"),
            ("a", #"{"origin":"https://a","listen":["0.0.0.0:9"]}"#, 422, "beyond loopback"),
            ("a", #"{"origin":"https://a","listen":["127.0.0.1"]}"#, 422, "an address with a port"),
            ("a", #"{"origin":"https://a","cookie_secure":"no"}"#, 422, "keep or strip"),
            ("a", #"{"origin":"https://a","listen":["\#(proxy.authority)"]}"#, 409, "cannot listen on"),
        ] {
            let answer = try proxy.change("PUT", "/v1/gateways/\(name)", body: body)
            #expect(answer.status == status && answer.body.contains(says), "\(body): \(answer)")
        }
        #expect(try gateways(proxy).isEmpty)
        #expect(try proxy.change("DELETE", "/v1/gateways/a").status == 404)
        #expect(
            try proxy.change("PUT", "/v1/gateways/a", ["If-Match: \"r1\""], body: #"{"origin":"https://a"}"#).status
                == 412)
    }
}
