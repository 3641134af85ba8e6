import Foundation
import Glibc
import TestSupport
import Testing

@Suite struct ReloadListenersTests {
    private let folder: ScratchFolder
    private let origin: FakeOrigin

    init() throws {
        folder = try ScratchFolder()
        origin = try FakeOrigin.answering()
    }

    /// `anywhere`: beyond loopback too.
    private static func yaml(
        _ proxy: [String], admin: [String] = ["127.0.0.1:0"], anywhere: Bool = false, rest: String = ""
    ) -> String {
        func list(_ places: [String]) -> String { "[" + places.map { "\"\($0)\"" }.joined(separator: ", ") + "]" }
        let allowed = anywhere ? "  allow_from: [\"127.0.0.0/8\"]\n" : ""
        return "proxy:\n  listen: \(list(proxy))\n\(allowed)admin:\n  listen: \(list(admin))\n\(rest)"
    }

    private func start(_ yaml: String, passing: [SocketUnit] = []) throws -> RunningProxy {
        try RunningProxy(yaml, state: try StateFolder(), listening: .byFile, passing: passing)
    }

    private func isRefused(_ port: UInt16, _ address: String = "127.0.0.1") -> Bool {
        (try? ScriptedClient(port: port, address: address)) == nil
    }

    @Test(
        "the proxy's listeners come and go live, and clients of one that went are served on",
        arguments: ReloadWay.allCases)
    func proxy(way: ReloadWay) throws {
        let path = "\(folder.path)/proxy.sock"
        let proxy = try start(Self.yaml(["127.0.0.1:0"]))
        let client = try ScriptedClient(proxy)
        #expect(try client.get(origin.url()).status == 200)
        try proxy.reload(Self.yaml(["127.0.0.1:0", "127.0.0.2:0", "unix:\(path)"]), by: way)
        let port = try #require(try proxy.port(on: "127.0.0.2"))
        let guests = [try ScriptedClient(port: port, address: "127.0.0.2"), try ScriptedClient(unix: path)]
        for guest in guests + [client] { #expect(try guest.get(origin.url()).text == "hello") }
        // A request to the new one through the proxy would come back.
        try client.get("http://127.0.0.2:\(port)/").expectErrorAnswer(508, "proxy_loop_detected")

        try proxy.reload(Self.yaml(["127.0.0.1:0"]), by: way)
        #expect(isRefused(port, "127.0.0.2"))
        #expect(access(path, F_OK) != 0)
        #expect(try proxy.listeners() == [proxy.authority])
        for guest in guests + [client] { #expect(try guest.get(origin.url()).text == "hello") }
        // It is free for another server.
        let taken = try #require(try? OccupiedPort("127.0.0.2", port: port))
        _ = taken
        // And the first goes for another.
        try proxy.reload(Self.yaml(["unix:\(path)"]), by: way)
        #expect(isRefused(proxy.port))
        #expect(try ScriptedClient(unix: path).get(origin.url()).status == 200)
        #expect(try client.get(origin.url()).status == 200)
    }

    @Test("an exchange of a listener that goes is finished")
    func exchange() throws {
        let gate = Gate()
        let slow = try FakeOrigin.holding(gate)
        let proxy = try start(Self.yaml(["127.0.0.1:0", "127.0.0.2:0"]))
        let port = try #require(try proxy.port(on: "127.0.0.2"))
        let client = try ScriptedClient(port: port, address: "127.0.0.2")
        try client.send("GET", slow.url())
        try slow.waitToSee("the request") { $0.requests.count == 1 }
        try proxy.reload(Self.yaml(["127.0.0.1:0"]))
        #expect(isRefused(port, "127.0.0.2"))
        gate.open()
        let response = try client.response()
        #expect(response.status == 200)
        #expect(!response.saysClose)
        #expect(try client.get(origin.url()).status == 200)
    }

    @Test("the admin API's listeners come and go live, and whoever asks gets its answer", arguments: ReloadWay.allCases)
    func admin(way: ReloadWay) throws {
        let path = "\(folder.path)/admin.sock"
        let places = ["127.0.0.1:0", "127.0.0.2:0", "unix:\(path)"]
        let proxy = try start(Self.yaml(["127.0.0.1:0"]))
        let first = try proxy.listeners("admin_listeners")
        try proxy.reload(Self.yaml(["127.0.0.1:0"], admin: places), by: way)
        let all = try proxy.listeners("admin_listeners")
        #expect(all.count == 3 && all[0] == first[0] && all[2] == "unix:\(path)", "\(all)")
        let second = try #require(all.first { $0.hasPrefix("127.0.0.2:") })
        #expect(try Subprocess.run("curl", ["-sSf", "http://\(second)/healthz"]).exitCode == 0)
        #expect(try proxy.curl("GET", "/healthz", socket: path).status == 200)
        // A request to it through the proxy is a loop.
        try ScriptedClient(proxy).get("http://\(second)/").expectErrorAnswer(508, "proxy_loop_detected")
        // With companion, through the very listener that goes.
        try proxy.reload(Self.yaml(["127.0.0.1:0"], admin: ["unix:\(path)"]), by: way)
        for gone in [first[0], second] {
            #expect(try Subprocess.run("curl", ["-s", "http://\(gone)/healthz"]).exitCode == 7, "\(gone)")
        }
        let status = try proxy.curl("GET", "/v1/status", socket: path).json()
        #expect(status["admin_listeners"].items == [.text("unix:\(path)")])
        // What a companion that is told nothing goes by.
        let found = try String(contentsOfFile: "\(try #require(proxy.state).path)/connd/admin.url", encoding: .utf8)
        #expect(found.contains(path))
    }

    @Test(
        "where one address cannot be had the whole reload is refused, and nothing of it holds",
        arguments: ReloadWay.allCases)
    func refused(way: ReloadWay) throws {
        let occupied = try OccupiedPort("127.0.0.1")
        let path = "\(folder.path)/proxy.sock"
        let settings = "settings: { max_connections: 5 }"
        let proxy = try start(Self.yaml(["127.0.0.1:0", "127.0.0.2:0"], rest: settings))
        let before = try (proxy.listeners(), proxy.listeners("admin_listeners"))
        let fresh = Self.yaml(
            ["127.0.0.1:0", "127.0.0.3:0", "unix:\(path)", "127.0.0.1:\(occupied.port)"],
            admin: ["127.0.0.1:0", "127.0.0.2:0"],
            rest: "settings: { max_connections: 6 }\naccess_log: { path: \(folder.path)/access.log }")
        try proxy.rewriteConfig(fresh)
        let words = ["connd.yaml:2", "proxy.listen", "127.0.0.1:\(occupied.port)", "Address already in use"]
        switch way {
        case .companion:
            let answer = try proxy.change("POST", "/v1/reload", body: "{}")
            #expect(answer.status == 409 && answer.isProblem, "\(answer)")
            let run = try proxy.connctl("reload")
            #expect(run.exitCode == 1)
            for word in words {
                #expect(answer.body.contains(word), "\(answer)")
                #expect(run.errors.contains(word), "\(run)")
            }
        case .hangup:
            proxy.process.signal(SIGHUP)
            try proxy.waitForLog(" not reloaded ")
            for word in words { #expect(proxy.logLines.contains { $0.contains(" error ") && $0.contains(word) }) }
            #expect(!proxy.logLines.contains { $0.contains("FieldProblem") }, "a text for humans")
        }
        #expect(try proxy.listeners() == before.0)
        #expect(try proxy.listeners("admin_listeners") == before.1)
        #expect(access(path, F_OK) != 0)
        #expect(try proxy.setting("max_connections", of: "*")["value"].text == "5")
        #expect(try proxy.read("/v1/status")["config_error"].text?.contains("connd.yaml:2") == true)
        let port = try #require(try proxy.port(on: "127.0.0.2"))
        #expect(try ScriptedClient(port: port, address: "127.0.0.2").get(origin.url()).status == 200)
        #expect(try proxy.connctl("config").output.contains("127.0.0.2:0"))
        // When the address is free it is had.
        occupied.free()
        try proxy.reload(fresh, by: way)
        #expect(try proxy.listeners().contains("127.0.0.1:\(occupied.port)"))
        #expect(try proxy.read("/v1/status")["config_error"] == .null)
    }

    @Test("where the admin API cannot have an address the proxy's new ones are given back")
    func refusedAdmin() throws {
        let occupied = try OccupiedPort("127.0.0.1")
        let path = "\(folder.path)/proxy.sock"
        let proxy = try start(Self.yaml(["127.0.0.1:0"]))
        let before = try (proxy.listeners(), proxy.listeners("admin_listeners"))
        try proxy.rewriteConfig(
            Self.yaml(["127.0.0.1:0", "unix:\(path)"], admin: ["127.0.0.2:0", "127.0.0.1:\(occupied.port)"]))
        let run = try proxy.connctl("reload")
        #expect(run.exitCode == 1)
        for word in ["connd.yaml:4", "admin.listen", "127.0.0.1:\(occupied.port)", "Address already in use"] {
            #expect(run.errors.contains(word), "\(run)")
        }
        #expect(access(path, F_OK) != 0)
        #expect(try proxy.listeners() == before.0)
        #expect(try proxy.listeners("admin_listeners") == before.1)
        #expect(try proxy.curl("GET", "/readyz").status == 200)
    }

    @Test("a port goes from one address to all and back, with its clients served on")
    func unspecified() throws {
        let proxy = try start(Self.yaml(["127.0.0.1:0"]))
        let free = try OccupiedPort("127.0.0.1")
        free.free()
        let (one, all) = ("127.0.0.1:\(free.port)", "0.0.0.0:\(free.port)")
        try proxy.reload(Self.yaml([one]))
        let client = try ScriptedClient(port: free.port)
        #expect(try client.get(origin.url()).status == 200)
        #expect(isRefused(free.port, "127.0.0.2"))
        try proxy.reload(Self.yaml([all], anywhere: true))
        #expect(try proxy.listeners() == [all])
        let guest = try ScriptedClient(port: free.port, address: "127.0.0.2")
        for client in [client, guest] { #expect(try client.get(origin.url()).status == 200) }
        try guest.get("http://127.0.0.3:\(free.port)/").expectErrorAnswer(508, "proxy_loop_detected")
        try proxy.reload(Self.yaml([one]))
        #expect(try proxy.listeners() == [one])
        #expect(isRefused(free.port, "127.0.0.2"))
        for client in [client, guest] { #expect(try client.get(origin.url()).status == 200) }
        #expect(try ScriptedClient(port: free.port).get(origin.url()).status == 200)
    }

    @Test("the admin API's port goes from one address to all and back")
    func unspecifiedAdmin() throws {
        let proxy = try start(Self.yaml(["127.0.0.1:0"]))
        let free = try OccupiedPort("127.0.0.1")
        free.free()
        for place in ["127.0.0.1:\(free.port)", "0.0.0.0:\(free.port)", "127.0.0.1:\(free.port)"] {
            try proxy.reload(Self.yaml(["127.0.0.1:0"], admin: [place], anywhere: true), by: .hangup)
            #expect(try Subprocess.run("curl", ["-sSf", "http://127.0.0.1:\(free.port)/readyz"]).exitCode == 0)
        }
    }

    @Test("an address goes from the proxy to the admin API")
    func exchanged() throws {
        let proxy = try start(Self.yaml(["127.0.0.1:0"]))
        let free = try OccupiedPort("127.0.0.1")
        free.free()
        let place = "127.0.0.1:\(free.port)"
        try proxy.reload(Self.yaml(["127.0.0.1:0", place]))
        #expect(try ScriptedClient(port: free.port).get(origin.url()).status == 200)
        try proxy.reload(Self.yaml(["127.0.0.1:0"], admin: ["127.0.0.1:0", place]))
        #expect(try Subprocess.run("curl", ["-sSf", "http://\(place)/readyz"]).exitCode == 0)
    }

    /// The process is stopped meanwhile, so that connd finds them in the kernel's queue together with the signal.
    @Test("clients that nobody has accepted yet when their listener goes are served")
    func unaccepted() throws {
        let proxy = try start(Self.yaml(["127.0.0.1:0", "127.0.0.2:0"]))
        let port = try #require(try proxy.port(on: "127.0.0.2"))
        try proxy.rewriteConfig(Self.yaml(["127.0.0.1:0"]))
        proxy.process.signal(SIGSTOP)
        let clients = try (0..<100).map { _ in try ScriptedClient(port: port, address: "127.0.0.2") }
        for client in clients { try client.send("GET", origin.url()) }
        proxy.process.signal(SIGHUP)
        proxy.process.signal(SIGCONT)
        for client in clients { #expect(try client.response().status == 200) }
        try proxy.waitForLog(" config reloaded ")
        #expect(isRefused(port, "127.0.0.2"))
    }

    @Test("reloads that are asked for at once are done one after the other")
    func concurrent() throws {
        let proxy = try start(Self.yaml(["127.0.0.1:0"]))
        let path = "\(folder.path)/proxy.sock"
        let exits = try concurrently(8) { number in
            try proxy.rewriteConfig(Self.yaml(["127.0.0.1:0"] + (number % 2 == 0 ? ["unix:\(path)"] : [])))
            return try proxy.connctl("reload").exitCode
        }
        #expect(exits == [Int32](repeating: 0, count: 8))
        try proxy.reload(Self.yaml(["127.0.0.1:0", "unix:\(path)"]))
        #expect(try proxy.listeners() == [proxy.authority, "unix:\(path)"])
        #expect(try ScriptedClient(unix: path).get(origin.url()).status == 200)
    }

    @Test("a socket that was passed is served on whatever the file says, and the report says so")
    func passed() throws {
        let unit = try SocketUnit("proxy")
        let proxy = try start(Self.yaml([unit.authority]), passing: [unit])
        try proxy.rewriteConfig(Self.yaml(["127.0.0.2:0"]))
        let report = try proxy.json("reload")
        let note = try #require(report["notes"].items.first?.text)
        for word in [unit.authority, "proxy.listen", "systemd"] { #expect(note.contains(word), "\(note)") }
        #expect(try proxy.listeners().count == 2)
        #expect(try unit.connect().get(origin.url()).status == 200)
        try proxy.reload(Self.yaml([unit.authority]))
        #expect(try proxy.listeners() == [unit.authority])
        #expect(try unit.connect().get(origin.url()).status == 200)
    }

    @Test("fifty reloads under load fail no request, and each client keeps its one connection")
    func load() throws {
        let proxy = try start(Self.yaml(["127.0.0.1:0", "127.0.0.2:0"]))
        let steady = RestlessClients(8, at: { try ScriptedClient(proxy) }, asking: origin.url())
        let brief = RestlessClients(4, at: { try ScriptedClient(proxy) }, asking: origin.url(), keepingAlive: false)
        try steady.waitForAnswers(100)
        for number in 0..<50 {
            let others = number % 2 == 0 ? ["127.0.0.2:0"] : ["127.0.0.3:0", "unix:\(folder.path)/proxy.sock"]
            try proxy.reload(
                Self.yaml(
                    ["127.0.0.1:0"] + others,
                    rest:
                        "settings: { max_connections: \(20 + number) }\nlog: { level: \(number % 2 == 0 ? "info" : "notice") }"
                ),
                by: number % 5 == 0 ? .hangup : .companion)
        }
        try steady.waitForAnswers(100)
        for (load, isSteady) in [(steady, true), (brief, false)] {
            let tally = try load.stop()
            if isSteady { #expect(tally.connections == 8) }
            #expect(
                tally.failures.isEmpty, "\(tally.failures.count) of \(tally.answered): \(tally.failures.first ?? "")")
        }
        #expect(try proxy.setting("max_connections", of: "*")["value"].text == "69")
    }
}
