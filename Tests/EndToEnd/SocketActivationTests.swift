import Foundation
import Glibc
import TestSupport
import Testing

/// Sockets as systemd passes them: LISTEN_FDS, LISTEN_FDNAMES, LISTEN_PID.
@Suite struct SocketActivationTests {
    private let folder: ScratchFolder
    private let state: StateFolder
    private let origin: FakeOrigin

    init() throws {
        folder = try ScratchFolder()
        state = try StateFolder()
        origin = try FakeOrigin.answering()
    }

    private func start(_ yaml: String = "", _ passing: [SocketUnit]) throws -> RunningProxy {
        try RunningProxy(yaml, state: state, listening: .byFile, passing: passing)
    }

    private func places(_ proxy: RunningProxy) throws -> (proxy: [String?], admin: [String?]) {
        let status = try proxy.read("/v1/status")
        return (status["listeners"].items.map(\.text), status["admin_listeners"].items.map(\.text))
    }

    @Test("proxy and admin API are served at what was passed, TCP and Unix, and nowhere else")
    func served() throws {
        let proxies = [try SocketUnit("proxy"), try SocketUnit("proxy", unix: "\(folder.path)/proxy.sock")]
        let admins = [try SocketUnit("admin"), try SocketUnit("admin", unix: "\(folder.path)/admin.sock")]
        let proxy = try start("", [admins[0], proxies[0], proxies[1], admins[1]])
        for unit in proxies { #expect(try unit.connect().get(origin.url()).text == "hello") }
        #expect(proxy.adminURL == "http://\(admins[0].authority)")
        #expect(try proxy.curl("GET", "/readyz").status == 200)
        #expect(try proxy.curl("GET", "/readyz", socket: admins[1].path).status == 200)
        let places = try places(proxy)
        #expect(places.proxy == proxies.map(\.authority))
        #expect(places.admin == admins.map(\.authority))
        // The peer's user decides there, as on a socket of connd's own.
        let path = try #require(admins[1].path)
        #expect(
            try proxy.curl("POST", "/v1/reload", ["Content-Type: application/json"], body: "{}", socket: path).status
                == 200)
    }

    @Test("what the config names and was passed is served once, and what it names beside that is served too")
    func beside() throws {
        let (unit, admin) = (try SocketUnit("proxy"), try SocketUnit("admin", unix: "\(folder.path)/admin.sock"))
        let own = "unix:\(folder.path)/own.sock"
        let yaml = """
            proxy: { listen: ["127.0.0.2:0", "\(unit.authority)", "\(own)"] }
            admin: { listen: ["\(admin.authority)", "127.0.0.1:0"] }
            """
        let proxy = try RunningProxy(yaml, state: state, listening: .byFile, passing: [unit, admin])
        let status = try proxy.curl("GET", "/v1/status", socket: admin.path).json()
        let listeners = status["listeners"].items.compactMap(\.text)
        #expect(listeners.count == 3)
        #expect(listeners.contains(unit.authority) && listeners.contains(own))
        let second = try #require(listeners.first { $0.hasPrefix("127.0.0.2:") }.flatMap { UInt16($0.dropFirst(10)) })
        let admins = status["admin_listeners"].items.compactMap(\.text)
        #expect(admins.count == 2)
        let http = try #require(admins.last)
        #expect(admins.first == admin.authority && http.hasPrefix("127.0.0.1:"))
        #expect(try Subprocess.run("curl", ["-sSf", "http://\(http)/readyz"]).exitCode == 0)
        let clients = [
            try unit.connect(), try ScriptedClient(port: second, address: "127.0.0.2"),
            try ScriptedClient(unix: "\(folder.path)/own.sock"),
        ]
        for client in clients { #expect(try client.get(origin.url()).status == 200) }
    }

    @Test(
        "a socket that nobody would accept from is refused at the start, in clear words",
        arguments: [
            ("web", SocketUnit.Kind.stream, ["`web`", "FileDescriptorName=", "proxy", "admin"]),
            ("proxy", .datagram, ["(proxy)", "not a stream socket", "ListenStream="]),
            ("admin", .bound, ["(admin)", "does not listen"]),
        ])
    func refused(name: String, kind: SocketUnit.Kind, words: [String]) throws {
        let units = [try SocketUnit("proxy"), try SocketUnit(name, kind)]
        let command = SocketUnit.wrapper(units) + [try RunningProxy.binary(), "--database", ":memory:"]
        var environment = SocketUnit.environment(units)
        environment["XDG_STATE_HOME"] = state.path
        let run = try Subprocess.run(
            command[0], Array(command.dropFirst()), environment: environment, passing: units)
        #expect(run.exitCode == 1, "\(run)")
        for word in words { #expect(run.errors.contains(word), "\(run)") }
        #expect(!run.errors.contains(" ready "))
        // One line for the journal, and no stack of calls.
        #expect(run.errors.split(separator: "\n").count == 1, "\(run)")
    }

    @Test("what was passed to another process is not taken")
    func other() throws {
        let proxy = try RunningProxy(
            state: state, environment: ["LISTEN_PID": "1", "LISTEN_FDS": "1", "LISTEN_FDNAMES": "web"])
        #expect(try places(proxy).proxy == [proxy.authority])
    }

    @Test("who connects while no connd runs is served by the next one", arguments: [false, true])
    func backlog(isUnix: Bool) throws {
        let unit =
            isUnix ? try SocketUnit("proxy", unix: "\(folder.path)/proxy.sock") : try SocketUnit("proxy")
        let admin = try SocketUnit("admin")
        let first = try start("", [unit, admin])
        #expect(try unit.connect().get(origin.url()).status == 200)
        first.terminate()
        #expect(try first.waitForEnd() == 0)
        let clients = [try unit.connect(), try unit.connect()]
        for client in clients { try client.send("GET", origin.url()) }
        let asking = try Subprocess.run(
            "curl", ["-s", "--max-time", "0.2", "http://\(admin.authority)/readyz"])
        #expect(asking.exitCode == 28, "it waits, and is not refused: \(asking)")
        let second = try start("", [unit, admin])
        for client in clients { #expect(try client.response().text == "hello") }
        #expect(try second.curl("GET", "/readyz").status == 200)
    }

    @Test("while a slow exchange holds up the stop, those who come are served, and then the next one serves them")
    func whileDraining() throws {
        let gate = Gate()
        let slow = try FakeOrigin.holding(gate)
        let units = [try SocketUnit("proxy"), try SocketUnit("admin")]
        let unit = units[0]
        let first = try start("", units)
        let busy = try unit.connect()
        try busy.send("GET", slow.url())
        try slow.waitToSee("the request") { $0.requests.count == 1 }
        first.terminate()
        try first.waitForLog(" stopping ")
        let client = try unit.connect()
        let response = try client.get(origin.url())
        #expect(response.status == 200 && response.saysClose)
        #expect(try client.end() == .fin)
        let load = RestlessClients(4, at: { try unit.connect() }, asking: origin.url(), keepingAlive: false)
        try load.waitForAnswers(20)
        gate.open()
        #expect(try busy.response().saysClose)
        #expect(try first.waitForEnd() == 0, "although there are always more who come")
        let second = try start("", units)
        try load.waitForAnswers(20)
        let tally = try load.stop()
        #expect(tally.failures.isEmpty, "\(tally.failures.count) of \(tally.answered): \(tally.failures.first ?? "")")
        _ = second
    }

    @Test("a tunnel that outlasts the grace is cut, and the short exchanges of others are not")
    func tunnel() throws {
        let far = try FakeOrigin { connection in _ = try connection.readToEnd() }
        let units = [try SocketUnit("proxy"), try SocketUnit("admin")]
        let unit = units[0]
        let first = try start("proxy: { connect_ports: any, shutdown_grace: 1s }", units)
        let tunnel = try unit.connect()
        try tunnel.send("CONNECT \(far.authority) HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(try tunnel.response(to: "CONNECT").status == 200)
        let load = RestlessClients(4, at: { try unit.connect() }, asking: origin.url(), keepingAlive: false)
        try load.waitForAnswers(20)
        first.terminate()
        try first.waitForLog(" stopping ")
        try load.waitForAnswers(20)
        #expect(try first.waitForEnd() == 0)
        _ = try tunnel.end()
        let second = try start("", units)
        try load.waitForAnswers(20)
        let tally = try load.stop()
        #expect(tally.failures.isEmpty, "\(tally.failures.count) of \(tally.answered): \(tally.failures.first ?? "")")
        _ = second
    }

    @Test("a tunnel that comes while connd stops does not keep others from being served")
    func lateTunnel() throws {
        let far = try FakeOrigin { connection in _ = try connection.readToEnd() }
        let units = [try SocketUnit("proxy"), try SocketUnit("admin")]
        let unit = units[0]
        let first = try start("proxy: { connect_ports: any, shutdown_grace: 20s }", units)
        let old = try unit.connect()
        // Else it might still be waiting to be accepted when connd begins to stop.
        #expect(try old.get(origin.url()).status == 200)
        first.terminate()
        try first.waitForLog(" stopping ")
        let tunnel = try unit.connect()
        try tunnel.send("CONNECT \(far.authority) HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(try tunnel.response(to: "CONNECT").status == 200)
        // The last from before goes: who comes now waits for a moment, and is served then.
        #expect(try old.end() == .fin)
        for _ in 0..<3 { #expect(try unit.connect().get(origin.url()).status == 200) }
        #expect(!first.process.current.hasEnded)
    }

    @Test("who connects while connd stops may take its time to ask")
    func slowToAsk() throws {
        let gate = Gate()
        let slow = try FakeOrigin.holding(gate)
        let units = [try SocketUnit("proxy"), try SocketUnit("admin")]
        let unit = units[0]
        let first = try start("", units)
        let (busy, idle) = (try unit.connect(), try unit.connect())
        try busy.send("GET", slow.url())
        try slow.waitToSee("the request") { $0.requests.count == 1 }
        first.terminate()
        try first.waitForLog(" stopping ")
        let fresh = try unit.connect()
        // As long as one from before is waited for, and then some.
        #expect(try idle.end() == .fin)
        let load = RestlessClients(1, at: { try unit.connect() }, asking: origin.url(), keepingAlive: false)
        try load.waitForAnswers(200)
        #expect(try load.stop().failures.isEmpty)
        #expect(try fresh.get(origin.url()).status == 200)
        gate.open()
        #expect(try busy.response().status == 200)
        #expect(try first.waitForEnd() == 0)
    }

    @Test("five restarts under load fail no request, of one-shot clients and of those that keep their connections")
    func restarts() throws {
        let units = [try SocketUnit("proxy"), try SocketUnit("admin")]
        var proxy = try start("", units)
        let unit = units[0]
        let loads = [true, false].map { keepingAlive in
            RestlessClients(4, at: { try unit.connect() }, asking: origin.url(), keepingAlive: keepingAlive)
        }
        for _ in 0..<5 {
            for load in loads { try load.waitForAnswers(50) }
            proxy.terminate()
            #expect(try proxy.waitForEnd() == 0)
            proxy = try start("", units)
        }
        for load in loads { try load.waitForAnswers(50) }
        for load in loads {
            let tally = try load.stop()
            #expect(
                tally.failures.isEmpty, "\(tally.failures.count) of \(tally.answered): \(tally.failures.first ?? "")")
        }
        #expect(try proxy.read("/v1/status")["run"].int == 6)
    }

    @Test("files of Unix sockets that were passed outlive connd, its own do not")
    func files() throws {
        let passed = ["\(folder.path)/proxy.sock", "\(folder.path)/admin.sock"]
        let own = ["\(folder.path)/own-proxy.sock", "\(folder.path)/own-admin.sock"]
        let units = [try SocketUnit("proxy", unix: passed[0]), try SocketUnit("admin", unix: passed[1])]
        let yaml = "proxy: { listen: [\"unix:\(own[0])\"] }\nadmin: { listen: [\"unix:\(own[1])\"] }"
        let proxy = try start(yaml, units)
        for path in passed + own { #expect(access(path, F_OK) == 0, "\(path)") }
        for path in [passed[0], own[0]] {
            #expect(try ScriptedClient(unix: path).get(origin.url()).status == 200, "\(path)")
        }
        for path in [passed[1], own[1]] { #expect(try proxy.curl("GET", "/readyz", socket: path).status == 200) }
        proxy.terminate()
        #expect(try proxy.waitForEnd() == 0)
        for path in passed { #expect(access(path, F_OK) == 0, "\(path)") }
        for path in own { #expect(access(path, F_OK) != 0, "\(path)") }
    }

    @Test("a request through the proxy to a listener that was passed is a loop", arguments: [0, 1])
    func loop(index: Int) throws {
        let units = [try SocketUnit("proxy"), try SocketUnit("admin")]
        let proxy = try start("", units)
        try ScriptedClient(proxy).get("http://\(units[index].authority)/").expectErrorAnswer(508, "proxy_loop_detected")
    }
}
