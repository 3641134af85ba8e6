import Metering
import ProxyTypes
import ReactorTestSupport
import Testing
import Tuning

@testable import ForwardProxy
@testable import Upstream

@Suite("Tunnels")
struct TunnelTests {
    private static let connect = "CONNECT 192.0.2.1:443 HTTP/1.1\r\nHost: 192.0.2.1:443\r\n\r\n"
    private static let upgrade = "Connection: Upgrade\r\nUpgrade: tcp\r\n"
    private static let switching = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"

    @Test("what a client sends before its tunnel is open, its end included, follows when it is")
    func early() throws {
        let proxy = ScriptedProxy()
        proxy.kernel.opensAtOnce = false
        let client = try proxy.connect()
        client.send(Self.connect + "hello")
        proxy.end(client)
        let origin = try #require(proxy.kernel.outgoing.first)
        #expect(client.received.isEmpty && client.ending == .none)
        origin.accept()
        proxy.rest()
        #expect(client.take() == "HTTP/1.1 200 Connection established\r\n\r\n")
        #expect(origin.received == "hello" && origin.ending == .fin && !origin.isClosed)
        proxy.send(origin, "bye")
        proxy.end(origin)
        #expect(client.received == "bye" && client.isClosed && client.ending == .fin)
        proxy.expectNoClients()
    }

    @Test("a 101 before the end of the request's body: the rest of it goes on, and the tunnel begins behind it")
    func upgradeWithinBody() throws {
        let proxy = ScriptedProxy()
        let (client, origin) = try proxy.start(ScriptedProxy.post(length: 4, Self.upgrade) + "bo")
        proxy.send(origin, Self.switching)
        #expect(client.take().hasPrefix("HTTP/1.1 101 "))
        proxy.send(client, "dyhello")
        #expect(origin.received.hasSuffix("\r\n\r\nbodyhello"))
        proxy.send(origin, "bye")
        #expect(client.take() == "bye")
        proxy.end(client)
        #expect(origin.ending == .fin && !origin.isClosed)
        proxy.end(origin)
        #expect(client.isClosed && proxy.closed(.tunnelEnded) == 1)
        proxy.expectNoClients()
    }

    @Test("where max_tunnels are open and none may wait, a CONNECT is told so and the open one goes on")
    func limit() throws {
        var settings = EffectiveSettings()
        settings.maxTunnels = 1
        settings.maxQueue = 0
        let proxy = ScriptedProxy(ProxyConfiguration(), settings)
        let (client, origin) = try proxy.start(Self.connect)
        let second = try proxy.connect()
        proxy.send(second, Self.connect)
        #expect(second.received.hasPrefix("HTTP/1.1 503 ") && second.received.contains("max_tunnels (1)"))
        #expect(proxy.kernel.outgoing.count == 1)
        _ = client.take()
        proxy.send(origin, "still open")
        #expect(client.take() == "still open")
    }

    @Test("tunnel_idle_timeout ends a tunnel in which nothing moves", arguments: [true, false])
    func idle(_ isBounded: Bool) throws {
        var settings = EffectiveSettings()
        settings.tunnelIdleTimeout = isBounded ? .minutes(1) : .zero
        let proxy = ScriptedProxy(ProxyConfiguration(), settings)
        let (client, origin) = try proxy.start(Self.connect)
        proxy.pass(.seconds(59))
        proxy.send(origin, "alive")
        proxy.pass(.seconds(59))
        #expect(!client.isClosed)
        proxy.pass(isBounded ? .seconds(1) : .hours(24))
        #expect(client.isClosed == isBounded && origin.isClosed == isBounded)
    }
}
