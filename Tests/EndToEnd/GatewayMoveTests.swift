import TestSupport
import Testing

/// Addresses that move between gateways, the proxy and the admin API in one reload.
@Suite struct GatewayMoveTests {
    private let origin: FakeOrigin
    private let other: FakeOrigin

    init() throws {
        origin = try FakeOrigin.answering("one")
        other = try FakeOrigin.answering("two")
    }

    private struct Gateway {
        let name: String
        let origin: FakeOrigin
        let listen: String
    }

    private func yaml(proxy: [String] = [], admin: [String] = [], gateways: Gateway...) -> String {
        func list(_ places: [String]) -> String { "[" + places.map { "\"\($0)\"" }.joined(separator: ", ") + "]" }
        let lines = gateways.map {
            "  - { name: \($0.name), origin: \"\($0.origin.url())\", listen: \(list([$0.listen])) }\n"
        }
        return
            "proxy: { listen: \(list(["127.0.0.1:0"] + proxy)) }\nadmin: { listen: \(list(["127.0.0.1:0"] + admin)) }\n"
            + "gateways:\n" + (lines.isEmpty ? "  []\n" : lines.joined())
    }

    private func start(_ yaml: String) throws -> RunningProxy {
        try RunningProxy(yaml, state: try StateFolder(), listening: .byFile)
    }

    private static func free() throws -> String {
        let port = try OccupiedPort("127.0.0.1")
        port.free()
        return "127.0.0.1:\(port.port)"
    }

    private func fetch(_ place: String) throws -> String {
        try Subprocess.run("curl", ["-s", "--noproxy", "*", "--max-time", "30", "http://\(place)/"]).output
    }

    @Test("a port goes from a gateway to the proxy and back", arguments: ReloadWay.allCases)
    func proxy(way: ReloadWay) throws {
        let place = try Self.free()
        let asGateway = yaml(gateways: Gateway(name: "g", origin: origin, listen: place))
        let proxy = try start(asGateway)
        #expect(try fetch(place) == "one")
        for _ in 0..<2 {
            try proxy.reload(yaml(proxy: [place]), by: way)
            #expect(try proxy.listeners().contains(place))
            #expect(try fetch(place).contains("connd is a forward proxy"))
            try proxy.reload(asGateway, by: way)
            #expect(try !proxy.listeners().contains(place))
            #expect(try fetch(place) == "one")
        }
    }

    @Test("a port goes from a gateway to the admin API and back")
    func admin() throws {
        let place = try Self.free()
        let asGateway = yaml(gateways: Gateway(name: "g", origin: origin, listen: place))
        let proxy = try start(asGateway)
        try proxy.reload(yaml(admin: [place]))
        #expect(try Subprocess.run("curl", ["-sSf", "http://\(place)/healthz"]).exitCode == 0)
        try proxy.reload(asGateway)
        #expect(try fetch(place) == "one")
    }

    @Test("two gateways swap their ports, and one takes the port that another leaves")
    func swap() throws {
        let (first, second) = (try Self.free(), try Self.free())
        let proxy = try start(
            yaml(
                gateways: Gateway(name: "a", origin: origin, listen: first),
                Gateway(name: "b", origin: other, listen: second)))
        #expect(try [fetch(first), fetch(second)] == ["one", "two"])
        try proxy.reload(
            yaml(
                gateways: Gateway(name: "a", origin: origin, listen: second),
                Gateway(name: "b", origin: other, listen: first)))
        #expect(try [fetch(first), fetch(second)] == ["two", "one"])
        try proxy.reload(yaml(proxy: [second], gateways: Gateway(name: "a", origin: origin, listen: first)))
        #expect(try fetch(first) == "one" && fetch(second).contains("connd is a forward proxy"))
        #expect(try proxy.curl("GET", "/readyz").status == 200)
    }

    @Test("where the reload is refused the gateway listens as before")
    func refused() throws {
        let (place, occupied) = (try Self.free(), try OccupiedPort("127.0.0.1"))
        let proxy = try start(yaml(gateways: Gateway(name: "g", origin: origin, listen: place)))
        for fresh in [
            yaml(proxy: [place, "127.0.0.1:\(occupied.port)"]),
            yaml(proxy: [place], admin: ["127.0.0.1:\(occupied.port)"]),
        ] {
            try proxy.rewriteConfig(fresh)
            #expect(try proxy.connctl("reload").errors.contains("127.0.0.1:\(occupied.port): Address already in use"))
            #expect(try fetch(place) == "one")
            #expect(try proxy.curl("GET", "/readyz").status == 200)
        }
        // One that was set at run time is not the file's to move.
        #expect(try proxy.connctl("gateway", "add", "own", other.url(), "--listen", try Self.free()).exitCode == 0)
        let own = try #require(
            try proxy.read("/v1/gateways/own")["listening"].items.first?.text)
        try proxy.rewriteConfig(yaml(proxy: [own], gateways: Gateway(name: "g", origin: origin, listen: place)))
        #expect(try proxy.connctl("reload").errors.contains("\(own): Address already in use"))
        #expect(try [fetch(own), fetch(place)] == ["two", "one"])
    }
}
