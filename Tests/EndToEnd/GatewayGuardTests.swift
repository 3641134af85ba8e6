import Foundation
import TestSupport
import Testing

/// Gateways and the pages of browsers; what is told of requests that came by one.
@Suite struct GatewayGuardTests {
    private let folder: ScratchFolder
    private let origin: FakeOrigin

    init() throws {
        folder = try ScratchFolder()
        origin = try FakeOrigin.answering()
    }

    private func start(_ more: String = "") throws -> (RunningProxy, place: String) {
        let proxy = try RunningProxy(
            "gateways: [{ name: g, origin: \"\(origin.url())\", listen: [\"127.0.0.1:0\", \"unix:\(folder.path)/g\"]\(more) }]",
            state: try StateFolder())
        let listening = try proxy.read("/v1/gateways/g")["listening"].items.compactMap(\.text)
        return (proxy, try #require(listening.first { $0.hasPrefix("127.") }))
    }

    private func status(_ arguments: [String]) throws -> String {
        let run = try Subprocess.run(
            "curl", ["-sS", "-o", "/dev/null", "-w", "%{http_code}", "--noproxy", "*", "--max-time", "30"] + arguments)
        #expect(run.exitCode == 0, "\(run)")
        return run.output
    }

    @Test("what a page asks for is refused and counted; programs, other names of this host and allowed ones are served")
    func pages() throws {
        let (proxy, place) = try start(", allow_hosts: [gw.internal]")
        let port = try #require(place.split(separator: ":").last)
        for fields in [
            ["Host: rebound.example:\(port)"], ["Origin: https://evil.example"], ["Sec-Fetch-Site: cross-site"],
        ] {
            let arguments = fields.flatMap { ["-H", $0] }
            #expect(try status(arguments + ["http://\(place)/"]) == "403", "\(fields)")
            #expect(try status(arguments + ["--unix-socket", "\(folder.path)/g", "http://localhost/"]) == "200")
        }
        #expect(origin.record.requests.count == 3)
        for fields in [
            [], ["Host: localhost:\(port)"], ["Host: \(origin.authority)"], ["Host: gw.internal"],
            ["Origin: http://\(place)", "Sec-Fetch-Site: same-origin"],
        ] {
            #expect(try status(fields.flatMap { ["-H", $0] } + ["http://\(place)/"]) == "200", "\(fields)")
        }
        let metrics = try proxy.curl("GET", "/metrics").body
        #expect(metrics.contains(#"connd_gateway_refused_total{gateway="g",reason="foreign_host"} 1"#), "\(metrics)")
        #expect(metrics.contains(#"connd_gateway_refused_total{gateway="g",reason="foreign_page"} 2"#))
        let report = try proxy.read("/v1/gateways/g")
        #expect(report["refused"].int == 3 && report["requests"].int == 8)
        #expect(report["allow_hosts"].items.map(\.text) == ["gw.internal"])
        #expect(try proxy.connctl("gateway", "-o", "wide").output.contains("gw.internal"))
    }

    @Test("allow_hosts is set at run time, kept, exported and imported")
    func allowed() throws {
        let state = try StateFolder()
        let file = "\(folder.path)/settings.json"
        let place: String
        do {
            let proxy = try RunningProxy(state: state)
            let add = ["gateway", "add", "g", origin.url(), "--allow-host", "*.internal"]
            #expect(try proxy.connctl(add).exitCode == 0)
            place = try #require(try proxy.read("/v1/gateways/g")["listening"].items.first?.text)
            #expect(try proxy.connctl("gateway", "add", "h", origin.url(), "--allow-host", "a:1").exitCode == 1)
            #expect(try proxy.connctl("export", file).exitCode == 0)
            try proxy.killAtOnce()
        }
        do {
            let proxy = try RunningProxy(state: state)
            #expect(try status(["-H", "Host: a.internal", "http://\(place)/"]) == "200")
            #expect(try status(["-H", "Host: internal", "http://\(place)/"]) == "403")
            #expect(try proxy.json("audit", "g")["items"].items.first?["after"].text?.contains("*.internal") == true)
        }
        let proxy = try RunningProxy(state: try StateFolder())
        #expect(try proxy.connctl("import", file).exitCode == 0)
        #expect(try status(["-H", "Host: a.internal", "http://\(place)/"]) == "200")
    }

    @Test("what is kept of an exchange says by which gateway it came")
    func told() throws {
        let (proxy, _) = try start()
        let dead = try RefusingPort()
        let origin = "http://127.0.0.1:\(dead.port)"
        #expect(try proxy.connctl("gateway", "add", "dead", origin).exitCode == 0)
        let place = try #require(try proxy.read("/v1/gateways/dead")["listening"].items.first?.text)
        #expect(try status(["http://\(place)/a"]) == "502")
        #expect(try ScriptedClient(proxy).get("\(origin)/b").status == 502)
        let found = try proxy.json("explain", origin)["items"].items
        #expect(found.map { $0["target"].text } == ["/b", "/a"])
        #expect(found.map { $0["gateway"] } == [.null, .text("dead")], "\(found)")
        let id = try #require(found.last?["id"].int)
        #expect(try proxy.connctl("explain", "\(id)").output.contains("the gateway dead"))
    }

    @Test(
        "an import with a gateway that is refused changes no setting either, nor one whose settings are refused a gateway"
    )
    func whole() throws {
        let proxy = try RunningProxy(state: try StateFolder())
        #expect(try proxy.connctl("gateway", "add", "g", origin.url()).exitCode == 0)
        let place = try #require(try proxy.read("/v1/gateways/g")["listening"].items.first?.text)
        func document(_ setting: String, _ listen: String) -> String {
            #"{"format":"connd-settings","format_version":1,"overrides":[{"pattern":"a.example","setting":"\#(setting)","value":"7"}],"#
                + #""gateways":[{"name":"h","origin":"\#(origin.url())","listen":["\#(listen)"]}]}"#
        }
        let free = try OccupiedPort("127.0.0.1")
        free.free()
        for (body, status) in [
            (document("max_queue", place), 409),
            (document("max_queue", "0.0.0.0:\(free.port)"), 422),
            (document("no_setting", "127.0.0.1:\(free.port)"), 422),
        ] {
            for query in ["", "?dry_run=true"] {
                let answer = try proxy.change("POST", "/v1/import\(query)", body: body)
                #expect(answer.status == status, "\(body): \(answer)")
            }
            #expect(try proxy.setting("max_queue", of: "a.example")["source"].text == "default")
            #expect(try proxy.read("/v1/gateways")["items"].items.count == 1)
        }
        let good = document("max_queue", "127.0.0.1:\(free.port)")
        #expect(try proxy.change("POST", "/v1/import", body: good).status == 200)
        #expect(try proxy.setting("max_queue", of: "a.example")["value"].text == "7")
        #expect(try status(["http://127.0.0.1:\(free.port)/"]) == "200")
    }
}
