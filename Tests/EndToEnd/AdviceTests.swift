import Foundation
import Synchronization
import TestSupport
import Testing

/// A connd that retires connections after two requests, at origins that would keep them, and what it advises.
@Suite struct AdviceTests {
    private static let yaml = "settings: { max_requests_per_connection: 2 }"
    private let state: StateFolder

    init() throws { state = try StateFolder() }

    private static func name(_ origin: FakeOrigin) -> String { "max_requests_low@\(origin.name)" }

    private func ask(_ proxy: RunningProxy, _ origin: FakeOrigin, _ count: Int) throws {
        let client = try ScriptedClient(proxy)
        for _ in 0..<count { #expect(try client.get(origin.url()).status == 200) }
    }

    private func look(_ proxy: RunningProxy) throws -> JSONDocument { try proxy.json("advise", "--look") }

    private func advice(_ proxy: RunningProxy, _ origin: FakeOrigin) throws -> JSONDocument {
        try proxy.read("/v1/advice/\(RunningProxy.segment(Self.name(origin)))")
    }

    /// The effect that was predicted is there. Within its bounds it need not be: on a busy host some requests more wait, or come
    /// later, than the origin alone is the cause of.
    private func expectEffect(_ advice: JSONDocument) throws {
        #expect(advice["state"].text == "confirmed", "\(advice)")
        let (measured, prediction) = (try #require(advice["measured"].double), advice["prediction"])
        let (now, goal) = (try #require(prediction["now"].double), try #require(prediction["goal"].double))
        #expect(goal < now && measured <= goal, "\(advice)")
        #expect(prediction["least"].double ?? 1 <= prediction["most"].double ?? -1, "\(advice)")
    }

    private func trail(_ proxy: RunningProxy, _ origin: FakeOrigin) throws -> [String?] {
        try proxy.json("audit", origin.name)["items"].items.map { $0["action"].text }
    }

    @Test("advice is given with its evidence, accepted as a trial, and confirmed by what is measured")
    func confirmed() throws {
        let origin = try FakeOrigin.answering()
        let proxy = try RunningProxy(Self.yaml, state: state)
        try ask(proxy, origin, 80)
        let found = try look(proxy)
        #expect(found["new"].int == 1 && found["waiting"].int == 1, "\(found)")
        let text = try proxy.connctl("advise", origin.name).output
        #expect(text.contains("max_requests_per_connection=1000") && text.contains("--accept"), "\(text)")
        #expect(try proxy.curl("GET", "/metrics").body.contains("\nconnd_advice_waiting 1\n"))
        #expect(try proxy.connctl("show", origin.name).output.contains("1 waiting: connctl advise \(origin.name)"))

        let accepted = try proxy.connctl("advise", Self.name(origin), "--accept", "--reason", "it fits")
        #expect(accepted.exitCode == 0, "\(accepted)")
        let setting = try proxy.setting("max_requests_per_connection", of: origin.name)
        #expect(setting["source"].text == "trial" && setting["value"].text == "1000")
        // Nothing was seen since.
        #expect(try look(proxy)["ended"].int == 0)
        try ask(proxy, origin, 200)
        #expect(try look(proxy)["ended"].int == 1)
        let advice = try advice(proxy, origin)
        #expect(advice["outcome"].text?.hasPrefix("the effect is there: ") == true)
        #expect(advice["reason"].text == "it fits")
        try expectEffect(advice)
        let kept = try proxy.setting("max_requests_per_connection", of: origin.name)
        #expect(kept["source"].text == "override" && kept["value"].text == "1000")
        #expect(try trail(proxy, origin) == ["advice_confirmed", "confirm", "advice_accepted", "trial"])
        // What was confirmed is not advised again.
        try ask(proxy, origin, 80)
        #expect(try look(proxy)["new"].int == 0)
    }

    @Test("a trial without the predicted effect is reverted, and not given again at once")
    func reverted() throws {
        let ends = Atomic(false)
        let origin = try FakeOrigin { connection in
            while try connection.readRequest() != nil {
                connection.respond()
                guard ends.load(ordering: .relaxed) else { continue }
                // From now on this origin ends connections after two requests itself.
                if try connection.readRequest() != nil {
                    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                }
                return
            }
        }
        let proxy = try RunningProxy(Self.yaml, state: state)
        try ask(proxy, origin, 80)
        #expect(try look(proxy)["new"].int == 1)
        #expect(try proxy.connctl("advise", Self.name(origin), "--accept").exitCode == 0)
        ends.store(true, ordering: .relaxed)
        try ask(proxy, origin, 200)
        #expect(try look(proxy)["ended"].int == 1)
        let advice = try advice(proxy, origin)
        #expect(advice["state"].text == "reverted", "\(advice)")
        #expect(advice["outcome"].text?.hasPrefix("the effect is not there: ") == true, "\(advice)")
        #expect(try proxy.setting("max_requests_per_connection", of: origin.name)["value"].text == "2")
        #expect(try trail(proxy, origin) == ["advice_reverted", "revert", "advice_accepted", "trial"])
        #expect(try proxy.connctl("advise", Self.name(origin), "--accept").exitCode == 1)
    }

    @Test("dismissed advice stays so, over a restart too; what is on trial goes on after one")
    func restart() throws {
        let (dismissed, tried) = (try FakeOrigin.answering(), try FakeOrigin.answering())
        let first = try RunningProxy(Self.yaml, state: state)
        for origin in [dismissed, tried] { try ask(first, origin, 80) }
        #expect(try look(first)["new"].int == 2)
        let run = try first.connctl("advise", Self.name(dismissed), "--dismiss", "--reason", "the vendor asks for it")
        #expect(run.exitCode == 0, "\(run)")
        #expect(try trail(first, dismissed) == ["advice_dismissed"])
        #expect(try first.connctl("advise", Self.name(tried), "--accept").exitCode == 0)
        first.terminate()
        #expect(try first.waitForEnd() == 0)

        let proxy = try RunningProxy(Self.yaml, state: state)
        try ask(proxy, dismissed, 80)
        try ask(proxy, tried, 200)
        // The trial is judged by what was seen since the first look after the start.
        _ = try look(proxy)
        try ask(proxy, tried, 200)
        let found = try look(proxy)
        #expect(found["new"].int == 0 && found["waiting"].int == 0, "\(found)")
        #expect(try advice(proxy, dismissed)["state"].text == "dismissed")
        #expect(try advice(proxy, dismissed)["reason"].text == "the vendor asks for it")
        #expect(try advice(proxy, tried)["state"].text == "confirmed")
        #expect(try proxy.setting("max_requests_per_connection", of: tried.name)["source"].text == "override")
    }

    @Test("with advice=auto what is safe is tried unasked; an operator may end that; with advice=off there is none")
    func modes() throws {
        let (auto, off) = (try FakeOrigin.answering(), try FakeOrigin.answering())
        let proxy = try RunningProxy(
            """
            settings: { max_requests_per_connection: 2, advice: auto }
            hosts: { "\(off.name)": { advice: off } }
            """, state: state)
        for origin in [auto, off] { try ask(proxy, origin, 80) }
        let found = try look(proxy)
        #expect(found["new"].int == 1 && found["waiting"].int == 0, "\(found)")
        let advice = try advice(proxy, auto)
        #expect(advice["state"].text == "trial" && advice["decided_by"].text == "connd", "\(advice)")
        #expect(try proxy.curl("GET", "/v1/advice/\(RunningProxy.segment(Self.name(off)))").status == 404)
        #expect(try proxy.connctl("revert", auto.name).exitCode == 0)
        #expect(try look(proxy)["ended"].int == 1)
        let ended = try self.advice(proxy, auto)
        #expect(ended["state"].text == "reverted", "\(ended)")
        #expect(ended["outcome"].text == "ended without waiting for the effect")
    }

    @Test("an override that is set while a trial runs ends the trial, and stays")
    func overrideDuringTrial() throws {
        let origin = try FakeOrigin.answering()
        let proxy = try RunningProxy(Self.yaml, state: state)
        try ask(proxy, origin, 80)
        #expect(try look(proxy)["new"].int == 1)
        #expect(try proxy.connctl("advise", Self.name(origin), "--accept").exitCode == 0)
        #expect(try proxy.connctl("set", origin.name, "max_requests_per_connection=5").exitCode == 0)
        #expect(try look(proxy)["ended"].int == 1)
        let advice = try advice(proxy, origin)
        #expect(advice["state"].text == "reverted", "\(advice)")
        #expect(advice["outcome"].text == "ended without waiting for the effect")
        let kept = try proxy.setting("max_requests_per_connection", of: origin.name)
        #expect(kept["source"].text == "override" && kept["value"].text == "5")
    }

    @Test("advice that waits is withdrawn where somebody sets another value")
    func otherSettings() throws {
        let origin = try FakeOrigin.answering()
        let proxy = try RunningProxy(Self.yaml, state: state)
        try ask(proxy, origin, 80)
        #expect(try look(proxy)["waiting"].int == 1)
        #expect(try proxy.connctl("set", origin.name, "max_requests_per_connection=3").exitCode == 0)
        let found = try look(proxy)
        #expect(found["waiting"].int == 0, "\(found)")
    }

    @Test("with advice=auto nothing is tried for which the origin has an override of its own")
    func overriddenAuto() throws {
        let origin = try FakeOrigin.answering()
        let proxy = try RunningProxy(
            "settings: { max_requests_per_connection: 2, advice: auto }", state: state)
        #expect(try proxy.connctl("set", origin.name, "max_requests_per_connection=2").exitCode == 0)
        try ask(proxy, origin, 80)
        let found = try look(proxy)
        #expect(found["new"].int == 1 && found["waiting"].int == 1, "\(found)")
        let kept = try proxy.setting("max_requests_per_connection", of: origin.name)
        #expect(kept["source"].text == "override" && kept["value"].text == "2")
    }

    @Test("an idle time that ends connections before the next request is given up, as that is measured to help")
    func idleTimeout() throws {
        let origin = try FakeOrigin.answering()
        let proxy = try RunningProxy("settings: { idle_timeout: 100ms }", state: state)
        let client = try ScriptedClient(proxy)
        for count in 1...25 {
            #expect(try client.get(origin.url()).status == 200)
            try proxy.waitForTotals("the connection to be closed") { $0["upstream_closed.idle_timeout"] == count }
        }
        #expect(try look(proxy)["new"].int == 1)
        let name = "idle_timeout_short@\(origin.name)"
        let predicted = try proxy.read("/v1/advice/\(RunningProxy.segment(name))")
        #expect(predicted["setting"].text == "idle_timeout" && predicted["value"].text == "auto", "\(predicted)")
        #expect(try proxy.connctl("advise", name, "--accept").exitCode == 0)
        try ask(proxy, origin, 60)
        #expect(try look(proxy)["ended"].int == 1)
        let advice = try proxy.read("/v1/advice/\(RunningProxy.segment(name))")
        try expectEffect(advice)
        #expect(try proxy.setting("idle_timeout", of: origin.name)["value"].text == "auto")
    }

    @Test("a pool that makes requests wait is doubled, and far fewer wait")
    func poolSize() throws {
        let origin = try FakeOrigin.answering()
        let proxy = try RunningProxy("settings: { max_connections: 1 }", state: state)
        func load() throws {
            _ = try concurrently(2) { _ in
                let client = try ScriptedClient(proxy)
                for _ in 0..<100 { #expect(try client.get(origin.url()).status == 200) }
            }
        }
        try load()
        #expect(try look(proxy)["new"].int == 1)
        let name = "pool_small@\(origin.name)"
        #expect(try proxy.connctl("advise", name, "--accept").exitCode == 0)
        #expect(try proxy.setting("max_connections", of: origin.name)["value"].text == "2")
        try load()
        #expect(try look(proxy)["ended"].int == 1)
        let advice = try proxy.read("/v1/advice/\(RunningProxy.segment(name))")
        try expectEffect(advice)
    }

    enum Ending: String, CaseIterable {
        case said = "origin_ends_connections"
        case unsaid = "origin_closes_silently"
        case withoutLength = "responses_without_length"

        var response: String {
            switch self {
            case .said: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nOK"
            case .unsaid: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK"
            case .withoutLength: "HTTP/1.1 200 OK\r\n\r\nOK"
            }
        }
    }

    @Test("where only people can help, advice says how, and cannot be accepted", arguments: Ending.allCases)
    func people(_ ending: Ending) throws {
        let origin = try FakeOrigin { connection in
            guard try connection.readRequest() != nil else { return }
            connection.send(ending.response)
        }
        let proxy = try RunningProxy(state: state)
        func ask() throws {
            for _ in 0..<60 { #expect(try ScriptedClient(proxy).get(origin.url()).status == 200) }
        }
        try ask()
        let found = try look(proxy)
        #expect(found["new"].int == 1, "\(found)")
        let name = "\(ending.rawValue)@\(origin.name)"
        #expect(try proxy.connctl("advise", name).output.contains("the origin"))
        let run = try proxy.connctl("advise", name, "--accept")
        #expect(run.exitCode == 1 && run.errors.contains("no setting of connd's helps"), "\(run)")
        #expect(try trail(proxy, origin).isEmpty)
        #expect(try proxy.connctl("advise", name, "--dismiss").exitCode == 0)
        try ask()
        #expect(try look(proxy)["new"].int == 0)
    }

    @Test("nothing is advised where all is well, and what is not known is refused")
    func healthy() throws {
        let origin = try FakeOrigin.answering()
        let proxy = try RunningProxy(state: state)
        try ask(proxy, origin, 200)
        let found = try look(proxy)
        #expect(found["origins"].int == 1 && found["new"].int == 0, "\(found)")
        #expect(try proxy.connctl("advise").output == "No advice waits for a decision.\n")
        for wrong in [Self.name(origin), "no_rule@\(origin.name)", "max_requests_low@nowhere"] {
            let run = try proxy.connctl("advise", wrong, "--accept")
            #expect(run.exitCode == 1 && run.errors.contains("there is no advice"), "\(run)")
        }
    }
}
