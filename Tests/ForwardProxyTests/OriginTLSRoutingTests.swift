import ProxyTypes
import ReactorTestSupport
import Testing
import Tuning

@testable import ForwardProxy
@testable import Upstream

/// Which pool serves a request; what the pools do with TLS is not seen here.
@Suite("Requests that go to https origins")
struct OriginTLSRoutingTests {
    private static let originate: EffectiveSettings = {
        var settings = EffectiveSettings()
        settings.tls = .originate
        return settings
    }()

    private static func get(_ url: String) -> String { "GET \(url) HTTP/1.1\r\nHost: x\r\n\r\n" }

    private func origins(_ proxy: ScriptedProxy) -> [String] { proxy.upstream.origins.map(\.description) }

    @Test(
        "an absolute https target goes to the https origin, also from a client whose last request had the same authority"
    )
    func absolute() throws {
        let proxy = ScriptedProxy()
        let client = try proxy.connect()
        proxy.send(client, Self.get("http://192.0.2.1:8080/"))
        proxy.send(try #require(proxy.kernel.outgoing.first), ScriptedProxy.ok)
        #expect(client.take().hasPrefix("HTTP/1.1 200 "))
        proxy.send(client, Self.get("https://192.0.2.1:8080/"))
        #expect(origins(proxy) == ["http://192.0.2.1:8080", "https://192.0.2.1:8080"])
        #expect(proxy.upstream.allPools.map(\.active).first == 0)
        // Another client finds either among the recent routes.
        let other = try proxy.connect()
        proxy.send(other, Self.get("http://192.0.2.1:8080/"))
        #expect(proxy.upstream.allPools.map(\.active).first == 1)
    }

    @Test(
        "with tls: originate, requests to an http origin are served by the pool of the https one",
        arguments: [
            ("http://192.0.2.1/", "https://192.0.2.1"), ("http://192.0.2.1:80/", "https://192.0.2.1"),
            ("http://192.0.2.1:443/", "https://192.0.2.1"), ("http://192.0.2.1:8443/", "https://192.0.2.1:8443"),
            ("https://192.0.2.1/", "https://192.0.2.1"), ("https://192.0.2.1:80/", "https://192.0.2.1:80"),
        ])
    func originated(_ url: String, _ origin: String) throws {
        let proxy = ScriptedProxy(ProxyConfiguration(), Self.originate)
        for _ in 0..<2 { proxy.send(try proxy.connect(), Self.get(url)) }
        #expect(origins(proxy) == [origin])
    }

    @Test("the setting applies to the next request of a client that is there, both ways")
    func changed() throws {
        let proxy = ScriptedProxy()
        let client = try proxy.connect()
        func request() throws {
            proxy.send(client, Self.get("http://192.0.2.1/"))
            if proxy.upstream.allPools.first?.active == 1 {
                proxy.send(try #require(proxy.kernel.outgoing.first), ScriptedProxy.ok)
                #expect(client.take().hasPrefix("HTTP/1.1 200 "))
            }
        }
        try request()
        #expect(origins(proxy) == ["http://192.0.2.1"])
        let origin = try #require(Origin("http://192.0.2.1"))
        proxy.upstream.apply([(origin, Self.originate)])
        proxy.loop.forgetRoutes()
        proxy.upstream.apply([(origin, EffectiveSettings())])
        proxy.loop.forgetRoutes()
        try request()
        #expect(origins(proxy) == ["http://192.0.2.1"])
        proxy.upstream.apply([(origin, Self.originate)])
        proxy.loop.forgetRoutes()
        try request()
        #expect(origins(proxy) == ["http://192.0.2.1", "https://192.0.2.1"])
        #expect(proxy.upstream.allPools.first?.active == 0)
    }

    @Test("the destination policy holds for the origin that was asked for and for the one that would serve it")
    func denied() throws {
        for pattern in ["http://192.0.2.1", "https://192.0.2.1"] {
            var configuration = ProxyConfiguration()
            configuration.destinations.deny = [try DestinationPattern(parsing: pattern)]
            let proxy = ScriptedProxy(configuration, Self.originate)
            let client = try proxy.connect()
            proxy.send(client, Self.get("http://192.0.2.1/"))
            #expect(client.received.hasPrefix("HTTP/1.1 403 "), "\(pattern)")
            #expect(proxy.kernel.outgoing.isEmpty)
        }
    }

    @Test("CONNECT goes to the https origin whatever the setting says")
    func connect() throws {
        let proxy = ScriptedProxy(ProxyConfiguration(), Self.originate)
        proxy.send(try proxy.connect(), "CONNECT 192.0.2.1:443 HTTP/1.1\r\nHost: 192.0.2.1:443\r\n\r\n")
        #expect(origins(proxy) == ["https://192.0.2.1"])
    }
}
