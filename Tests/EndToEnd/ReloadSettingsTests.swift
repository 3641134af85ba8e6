import Foundation
import Glibc
import TestSupport
import Testing

/// What holds at once when the config file is read again.
@Suite struct ReloadSettingsTests {
    private let folder: ScratchFolder
    private let origin: FakeOrigin

    init() throws {
        folder = try ScratchFolder()
        origin = try FakeOrigin.answering()
    }

    private func start(_ yaml: String = "") throws -> RunningProxy {
        try RunningProxy(yaml, state: try StateFolder())
    }

    @Test("the report and connctl say of each key what it was and what it is", arguments: ReloadWay.allCases)
    func report(way: ReloadWay) throws {
        let proxy = try start("proxy: { client_idle_timeout: 1m }\nsettings: { max_connections: 5 }")
        try proxy.rewriteConfig(
            "proxy: { client_idle_timeout: 2m, connect_ports: any }\nsettings: { max_connections: 6 }")
        switch way {
        case .companion:
            let answer = try proxy.change("POST", "/v1/reload", body: "{}")
            #expect(answer.status == 200)
            let rows = try answer.json()["configuration"].items
            #expect(rows.map { $0["key"].text } == ["proxy.connect_ports", "proxy.client_idle_timeout"])
            #expect(rows.map { $0["before"].text } == ["[443]", "1m"])
            #expect(rows.map { $0["after"].text } == ["any", "2m"])
            #expect(try answer.json()["notes"].items.isEmpty)
            try proxy.rewriteConfig("settings: { max_connections: 7 }")
            let run = try proxy.connctl("reload")
            for line in ["proxy.connect_ports: any -> [443]", "proxy.client_idle_timeout: 2m -> 5m"] {
                #expect(run.output.contains(line), "\(run)")
            }
            #expect(run.output.contains("max_connections") && run.output.contains("3 changes"), "\(run)")
            #expect(try proxy.connctl("reload").output == "Reloaded; nothing changed.\n")
        case .hangup:
            proxy.process.signal(SIGHUP)
            try proxy.waitForLog(" config reloaded ")
            let line = try #require(proxy.logLines.last { $0.contains(" config reloaded ") })
            for word in ["proxy.connect_ports", "proxy.client_idle_timeout", "max_connections", "changes=3"] {
                #expect(line.contains(word), "\(line)")
            }
        }
    }

    @Test("allow_from")
    func allowFrom() throws {
        let proxy = try start()
        #expect(try ScriptedClient(proxy).get(origin.url()).status == 200)
        try proxy.reload("proxy: { allow_from: [\"127.0.0.2/32\"] }")
        let refused = try ScriptedClient(proxy).response()
        refused.expectErrorAnswer(403, "http_request_denied")
        try proxy.reload("")
        #expect(try ScriptedClient(proxy).get(origin.url()).status == 200)
    }

    /// The client has asked the origin before, and connd has a connection to it, idle.
    @Test(
        "deny and allow, also for an origin in use",
        arguments: [
            ("127.0.0.1", ["127.0.0.1"]), ("127.0.0.1", ["127.0.0.0/8"]), ("localhost", ["localhost"]),
            ("localhost", ["127.0.0.0/8", "::1/128"]),
        ])
    func deny(host: String, patterns: [String]) throws {
        let url = "http://\(host):\(origin.port)/"
        let list = "[" + patterns.map { "\"\($0)\"" }.joined(separator: ", ") + "]"
        let proxy = try start()
        let client = try ScriptedClient(proxy)
        #expect(try client.get(url).status == 200)
        try proxy.reload("proxy: { deny: \(list) }")
        #expect(try ScriptedClient(proxy).get(url).status == 403, "a client that comes")
        #expect(try client.get(url).status == 403, "the client that was there")
        #expect(origin.record.requests.count == 1)
        try proxy.reload("proxy: { allow: \(list) }")
        #expect(try ScriptedClient(proxy).get(url).status == 200)
        try proxy.reload("proxy: { allow: [\"elsewhere.example\", \"10.0.0.0/8\"] }")
        #expect(try ScriptedClient(proxy).get(url).status == 403)
        #expect(origin.record.requests.count == 2)
    }

    @Test("connect_ports")
    func connectPorts() throws {
        let proxy = try start()
        func connect() throws -> Int {
            let client = try ScriptedClient(proxy)
            try client.send("CONNECT \(origin.authority) HTTP/1.1\r\nHost: x\r\n\r\n")
            return try client.response(to: "CONNECT").status
        }
        #expect(try connect() == 403)
        try proxy.reload("proxy: { connect_ports: [\(origin.port)] }")
        #expect(try connect() == 200)
        try proxy.reload("")
        #expect(try connect() == 403)
    }

    @Test("client_head_timeout, client_idle_timeout and client_body_timeout")
    func timeouts() throws {
        let proxy = try start()
        try proxy.reload(
            "proxy: { client_head_timeout: 100ms, client_idle_timeout: 100ms, client_body_timeout: 100ms }")
        let halfway = try ScriptedClient(proxy)
        try halfway.send("PUT", origin.url(), ["Content-Length: 10"])
        #expect(try halfway.response().status == 408)
        let silent = try ScriptedClient(proxy)
        #expect(try silent.response().status == 408)
        let idle = try ScriptedClient(proxy)
        #expect(try idle.get(origin.url()).status == 200)
        #expect(try idle.end() == .fin)
    }

    @Test("max_head_bytes")
    func headLimit() throws {
        let proxy = try start()
        let client = try ScriptedClient(proxy)
        let field = "X-Long: " + String(repeating: "x", count: 20_000)
        #expect(try client.get(origin.url(), [field]).status == 200)
        try proxy.reload("proxy: { max_head_bytes: 16KiB }")
        #expect(try client.get(origin.url(), [field]).status == 431)
    }

    @Test("max_client_connections: a client that waits comes in when there is more room")
    func clients() throws {
        let gate = Gate()
        let holding = try FakeOrigin { connection in
            while try connection.readRequest() != nil {
                try gate.pass()
                connection.respond()
            }
        }
        let proxy = try start("proxy: { max_client_connections: 1 }")
        let first = try ScriptedClient(proxy)
        try first.send("GET", holding.url())
        try holding.waitToSee("the first request") { $0.requests.count == 1 }
        let second = try ScriptedClient(proxy)
        try second.send("GET", holding.url())
        try proxy.waitForTotals("the second to wait") { ($0["accept_pauses"] ?? 0) > 0 }
        #expect(holding.record.requests.count == 1)
        try proxy.reload("proxy: { max_client_connections: 2 }")
        try holding.waitToSee("the second request") { $0.requests.count == 2 }
        // Those that are too many stay, and no more come.
        try proxy.reload("proxy: { max_client_connections: 1 }")
        let third = try ScriptedClient(proxy)
        try third.send("GET", holding.url())
        try proxy.waitForTotals("the third to wait") { ($0["accept_pauses"] ?? 0) > 1 }
        #expect(holding.record.requests.count == 2)
        gate.open()
        for client in [first, second, third] { #expect(try client.response().status == 200) }
    }

    @Test("access_log: from none to a file, to another, and away again, each line in one of them")
    func accessLog() throws {
        let (first, second) = ("\(folder.path)/first.log", "\(folder.path)/second.log")
        let proxy = try start()
        let client = try ScriptedClient(proxy)
        func ask(_ path: String) throws { #expect(try client.get(origin.url(path)).status == 200) }
        try ask("/0")
        try proxy.reload("access_log: { path: \(first), format: json }")
        for number in 1...20 { try ask("/\(number)") }
        try proxy.reload("access_log: { path: \(second), format: text }")
        for number in 21...30 { try ask("/\(number)") }
        try proxy.reload("")
        try ask("/31")
        // What was logged before is in its file by the time that the reload is answered.
        func lines(_ path: String) throws -> [Substring] {
            try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
        }
        let (json, text) = (try lines(first), try lines(second))
        #expect(json.count == 20 && json.allSatisfy { $0.hasPrefix("{\"time\"") }, "\(json)")
        #expect(text.count == 10 && text.allSatisfy { $0.contains("\"GET \(origin.url())") }, "\(text)")
        #expect(!isOpen(first, in: proxy) && !isOpen(second, in: proxy))
    }

    private func isOpen(_ path: String, in proxy: RunningProxy) -> Bool {
        let folder = "/proc/\(proxy.pid)/fd"
        let files = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return files.contains {
            (try? FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/\($0)")) == path
        }
    }

    @Test("an access log that cannot be opened refuses the reload, and the old one goes on")
    func badAccessLog() throws {
        let path = "\(folder.path)/access.log"
        let proxy = try start("access_log: { path: \(path) }\nsettings: { max_connections: 5 }")
        try proxy.rewriteConfig("settings: { max_connections: 6 }\naccess_log: { path: \(folder.path)/no/such/file }")
        let run = try proxy.connctl("reload")
        #expect(run.exitCode == 1)
        for word in ["connd.yaml:2", "access_log", "\(folder.path)/no/such/file", "No such file"] {
            #expect(run.errors.contains(word), "\(run)")
        }
        #expect(try proxy.setting("max_connections", of: "*")["value"].text == "5")
        #expect(try ScriptedClient(proxy).get(origin.url()).status == 200)
        try proxy.reload("settings: { max_connections: 6 }")
        try proxy.wait(for: "the line in the log that was left") { _ in
            (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
        } until: {
            $0.contains(origin.url())
        }
    }

    @Test("log.format and log.level")
    func log() throws {
        let proxy = try start()
        try proxy.reload("log: { format: json }")
        let line = try #require(proxy.logLines.last)
        #expect(try JSONDocument(parsing: line)["message"].text == "config reloaded")
        try proxy.reload("log: { format: text, level: error }")
        try proxy.reload("")
        let last = try #require(proxy.logLines.last)
        #expect(last.contains(" notice config reloaded "))
        #expect(proxy.logLines.count { $0.contains("config reloaded") } == 2, "\(proxy.logLines)")
    }

    @Test("admin.allow_hosts")
    func allowHosts() throws {
        let proxy = try start()
        func ask() throws -> Int { try proxy.curl("GET", "/v1/status", ["Host: connd.example"]).status }
        #expect(try ask() == 421)
        try proxy.reload("admin: { allow_hosts: [connd.example] }")
        #expect(try ask() == 200)
        try proxy.reload("")
        #expect(try ask() == 421)
    }

    @Test("admin.token_file")
    func token() throws {
        let fresh = String(repeating: "n", count: 40)
        let path = try folder.write("token", fresh)
        chmod(path, 0o600)
        let proxy = try start()
        let old = try #require(proxy.state).token()
        try proxy.reload("admin: { token_file: \(path) }")
        func change(_ token: String) throws -> Int {
            try proxy.curl(
                "POST", "/v1/reload", ["Authorization: Bearer \(token)", "Content-Type: application/json"], body: "{}"
            ).status
        }
        #expect(try change(old) == 401)
        #expect(try change(fresh) == 200)
        // One that others may read is refused, and nothing changes.
        chmod(path, 0o644)
        let other = try folder.write("other", fresh)
        chmod(other, 0o644)
        try proxy.rewriteConfig("admin: { token_file: \(other) }")
        let answer = try proxy.curl(
            "POST", "/v1/reload", ["Authorization: Bearer \(fresh)", "Content-Type: application/json"], body: "{}")
        #expect(answer.status == 409 && answer.body.contains(other), "\(answer)")
    }
}
