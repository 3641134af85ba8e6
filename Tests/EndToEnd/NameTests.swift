import Foundation
import TestSupport
import Testing

/// Names that a DNS server of the test's own knows, with the real resolver.
@Suite("Names") struct NameTests {
    private let server: NameServer

    init() throws {
        server = try NameServer()
    }

    private func proxy(_ settings: String = "dns_min_ttl: 0") throws -> RunningProxy {
        try RunningProxy(
            "dns: { servers: [\"\(server.address)\"] }\nsettings: { resolver: dns, \(settings) }",
            state: try StateFolder())
    }

    /// Its answers name its address.
    private func origin(_ address: String = "127.0.0.1", port: UInt16 = 0) throws -> FakeOrigin {
        try FakeOrigin(at: address, port: port) { connection in
            while try connection.readRequest() != nil { connection.respond(body: address) }
        }
    }

    private func metric(_ name: String, _ proxy: RunningProxy) throws -> String? {
        try proxy.curl("GET", "/metrics").body.split(separator: "\n").first { $0.hasPrefix(name + " ") }
            .map { String($0.dropFirst(name.count + 1)) }
    }

    @Test("a name that moves under load loses no request, and its old connections go")
    func moves() throws {
        let old = try origin()
        let new = try origin("127.0.0.2", port: old.port)
        server["a.example"] = .init(["127.0.0.1"], ttl: 1)
        let proxy = try proxy("dns_min_ttl: 0, idle_timeout: 10m, max_requests_per_connection: 0")
        let url = "http://a.example:\(old.port)/"
        let clients = try (0..<4).map { _ in try ScriptedClient(proxy) }
        for client in clients { #expect(try client.get(url).text == "127.0.0.1") }
        server["a.example"] = .init(["127.0.0.2"], ttl: 1)
        let end = Date(timeIntervalSinceNow: 60)
        var moved = 0
        while moved < 20, Date() < end {
            for client in clients {
                let response = try client.get(url)
                #expect(response.status == 200)
                if response.text == "127.0.0.2" { moved += 1 } else { moved = 0 }
            }
        }
        #expect(moved >= 20)
        try old.waitToSee("its connections go") { $0.openCount == 0 }
        #expect(new.record.openCount >= 1)
        let closed = try proxy.read("/v1/connections?state=closed")["items"].items
        #expect(!closed.isEmpty && closed.allSatisfy { $0["reason"].text == "dns_drain" }, "\(closed)")
        #expect(try metric("connd_dns_moves_total", proxy) == "1")
    }

    @Test("addresses share a pool's connections, and `connctl dns` shows where they are")
    func spread() throws {
        let gate = Gate()
        let first = try FakeOrigin { connection in
            while try connection.readRequest() != nil {
                try gate.pass()
                connection.respond(body: "1")
            }
        }
        let second = try FakeOrigin(at: "127.0.0.2", port: first.port) { connection in
            while try connection.readRequest() != nil {
                try gate.pass()
                connection.respond(body: "2")
            }
        }
        server["a.example"] = .init(["127.0.0.1", "127.0.0.2"], ttl: 300)
        let proxy = try proxy()
        let url = "http://a.example:\(first.port)/"
        let clients = try (0..<4).map { _ in try ScriptedClient(proxy) }
        for client in clients { try client.send("GET", url) }
        try first.waitToSee("two requests") { $0.requests.count == 2 }
        try second.waitToSee("two requests") { $0.requests.count == 2 }
        let name = try #require(try proxy.read("/v1/dns/names?name=a.example")["items"].items.first)
        #expect(name["addresses"].items.map { $0["connections"].int } == [2, 2])
        #expect(name["state"].text == "fresh" && name["ttl_ms"].int == 300_000 && name["source"].text == "dns")
        #expect(name["origins"].items.map(\.text) == ["http://a.example:\(first.port)"])
        gate.open()
        for client in clients { #expect(try client.response().status == 200) }
        let shown = try proxy.connctl("dns").output
        for part in [server.address, "a.example", "127.0.0.1 (2)", "127.0.0.2 (2)", "fresh"] {
            #expect(shown.contains(part), "\(shown)")
        }
        let number = try #require(try proxy.read("/v1/connections")["items"].items.first?["number"].int)
        #expect(try proxy.connctl("why", "\(number)").output.contains("DNS"))
    }

    @Test("names that hang delay no other name, and time out alone")
    func hanging() throws {
        let origin = try origin()
        for number in 0..<60 { server["hang\(number).example"] = .init(manner: .silent) }
        server["a.example"] = .init(["127.0.0.1"])
        let proxy = try proxy("connect_timeout: 2s")
        let hanging = try (0..<60).map { number in
            let client = try ScriptedClient(proxy)
            try client.send("GET", "http://hang\(number).example/")
            return client
        }
        try server.wait(for: "all to hang") { Set($0.map(\.name)).count >= 60 }
        #expect(try ScriptedClient(proxy).get("http://a.example:\(origin.port)/").status == 200)
        #expect(server.questions(about: "a.example").count == 2)
        for client in hanging {
            let response = try client.response()
            #expect(response.status == 504 && response.head["Proxy-Status"].contains { $0.contains("dns_timeout") })
        }
    }

    @Test("while DNS fails, addresses serve on, and a name without any says why")
    func failing() throws {
        let origin = try origin()
        server["a.example"] = .init(["127.0.0.1"], ttl: 1)
        let proxy = try proxy("dns_min_ttl: 0, dns_max_ttl: 1s, max_requests_per_connection: 1")
        let client = try ScriptedClient(proxy)
        #expect(try client.get("http://a.example:\(origin.port)/").status == 200)
        server["a.example"] = .init(manner: .failing)
        let stale = #"connd_dns_uses_total{use="stale"}"#
        let end = Date(timeIntervalSinceNow: 60)
        while try metric(stale, proxy) == "0", Date() < end {
            #expect(try client.get("http://a.example:\(origin.port)/").status == 200)
        }
        #expect(try #require(try metric(stale, proxy)) != "0")
        let shown = try proxy.connctl("dns").output
        #expect(shown.contains("stale") || shown.contains("expired addresses"), "\(shown)")
        server["b.example"] = .init(manner: .failing)
        let failed = try client.get("http://b.example/")
        #expect(failed.status == 502 && failed.head["Proxy-Status"].contains { $0.contains("dns_error") })
        let missing = try client.get("http://c.example/")
        #expect(missing.status == 502 && missing.text.contains("there is no such name"), "\(missing.text)")
        _ = try client.get("http://c.example/")
        #expect(server.questions(about: "c.example").count == 2)
    }

    @Test("flush and refresh ask again, with the token only, and are in the audit trail")
    func orders() throws {
        let origin = try origin()
        server["a.example"] = .init(["127.0.0.1"], ttl: 300)
        let proxy = try proxy()
        let client = try ScriptedClient(proxy)
        #expect(try client.get("http://a.example:\(origin.port)/").status == 200)
        let asked = server.questions(about: "a.example").count
        let refreshed = try proxy.connctl("dns", "--refresh", "A.example", "--reason", "moved")
        #expect(refreshed.exitCode == 0, "\(refreshed)")
        try server.wait(for: "new questions") { $0.count { $0.name == "a.example" } == asked + 2 }
        #expect(try proxy.connctl("dns", "--flush", "--all").output.contains("1 name flushed"))
        try server.wait(for: "questions after the flush") { $0.count { $0.name == "a.example" } == asked + 4 }
        let unknown = try proxy.connctl("dns", "--refresh", "nowhere.example")
        #expect(unknown.exitCode == 1 && unknown.errors.contains("not in the cache"), "\(unknown)")
        let actions = try proxy.read("/v1/audit")["items"].items.prefix(2).map { $0["action"].text }
        #expect(actions == ["names_flushed", "name_refreshed"])
        #expect(try proxy.curl("DELETE", "/v1/dns/names").status == 401)
    }

    @Test("another DNS server is asked after a reload")
    func reload() throws {
        let origin = try origin()
        let other = try NameServer()
        other["b.example"] = .init(["127.0.0.1"])
        let proxy = try proxy()
        let client = try ScriptedClient(proxy)
        #expect(try client.get("http://b.example:\(origin.port)/").status == 502)
        try "dns: { servers: [\"\(other.address)\"] }\nsettings: { resolver: dns, dns_min_ttl: 0, dns_max_ttl: 1s }"
            .write(toFile: proxy.configPath, atomically: true, encoding: .utf8)
        #expect(try proxy.connctl("reload").exitCode == 0)
        #expect(try proxy.connctl("dns", "--flush", "--all").exitCode == 0)
        let end = Date(timeIntervalSinceNow: 30)
        var status = 0
        while status != 200, Date() < end { status = try client.get("http://b.example:\(origin.port)/").status }
        #expect(status == 200)
    }
}
