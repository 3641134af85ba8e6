import Metering
import Pooling
import ProxyTypes
import ReactorTestSupport
import Testing
import Tuning

@testable import ForwardProxy
@testable import Upstream

@Suite("A client's requests that wait for one another")
struct PipelinedWaitTests {
    private func get(_ origin: Int, _ path: String) -> String {
        "GET http://192.0.2.\(origin)/\(path) HTTP/1.1\r\nHost: 192.0.2.\(origin)\r\n\r\n"
    }

    @Test("none takes a connection while an earlier one waits for one, which it could keep from it")
    func inOrder() throws {
        var configuration = ProxyConfiguration()
        configuration.maxUpstreamConnections = 1
        let proxy = ScriptedProxy(configuration)
        let other = try proxy.connect()
        other.send(get(1, "other"))
        proxy.rest()
        let first = try #require(proxy.kernel.outgoing.first)
        let client = try proxy.connect()
        client.send(get(2, "a") + get(1, "b") + get(1, "c"))
        proxy.rest()
        first.send(ScriptedProxy.ok)
        proxy.rest()
        first.end()
        proxy.rest()
        #expect(!first.received.contains("/b"))
        let second = try #require(proxy.kernel.outgoing.last)
        #expect(second.received.contains("/a"))
        second.send(ScriptedProxy.ok)
        second.end()
        proxy.rest()
        let third = try #require(proxy.kernel.outgoing.last)
        #expect(third.take().contains("/b"))
        third.send(ScriptedProxy.ok)
        proxy.rest()
        #expect(third.take().contains("/c"))
        third.send(ScriptedProxy.ok)
        proxy.rest()
        #expect(client.received.split(separator: "HTTP/1.1 200 OK").count == 3)
    }

    @Test("one that an earlier one kept starts when that has its connection, before it is answered")
    func startsBeside() throws {
        var settings = EffectiveSettings()
        settings.maxConnections = 1
        let proxy = ScriptedProxy(ProxyConfiguration(), settings)
        let other = try proxy.connect()
        other.send(get(1, "other"))
        proxy.rest()
        let first = try #require(proxy.kernel.outgoing.first)
        let client = try proxy.connect()
        client.send(get(1, "a") + get(2, "b"))
        proxy.rest()
        #expect(proxy.kernel.outgoing.count == 1)
        _ = first.take()
        first.send(ScriptedProxy.ok)
        proxy.rest()
        #expect(first.take().contains("/a"))
        #expect(try #require(proxy.kernel.outgoing.last).received.contains("/b"))
    }

    @Test(
        "a client that takes nothing of its answer is given up after client_idle_timeout, in its next request's body too"
    )
    func takesNothing() throws {
        let proxy = ScriptedProxy()
        let client = try proxy.connect()
        client.send(ScriptedProxy.get())
        proxy.rest()
        client.takeOnly(10)
        let origin = try #require(proxy.kernel.outgoing.first)
        origin.send("HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n" + String(repeating: "a", count: 500_000))
        proxy.rest()
        client.send(ScriptedProxy.post(length: 2_000_000))
        for _ in 0..<20 {
            client.send(String(repeating: "b", count: 50_000))
            proxy.rest()
        }
        #expect(!client.unread.isEmpty)
        let (body, idle) = (proxy.loop.configuration.clientBodyTimeout, proxy.loop.configuration.clientIdleTimeout)
        for _ in 0..<4 { proxy.pass(max(body, idle)) }
        #expect(client.isClosed && proxy.closed(.writeFailed) == 1)
        proxy.expectNoClients()
    }

    @Test(
        "so is one whose next request became whole, or unreadable, after it stopped taking",
        arguments: ["4\r\nbody\r\n0\r\n\r\n", "no chunk\r\n"])
    func takesNothingBehindBody(body: String) throws {
        let proxy = ScriptedProxy()
        let client = try proxy.connect()
        client.send(ScriptedProxy.get())
        proxy.rest()
        client.send("POST \(ScriptedProxy.origin)/ HTTP/1.1\r\nHost: 192.0.2.1\r\nTransfer-Encoding: chunked\r\n\r\n")
        proxy.rest()
        client.takeOnly(10)
        let origin = try #require(proxy.kernel.outgoing.first)
        origin.send("HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n" + String(repeating: "a", count: 500_000))
        proxy.rest()
        client.send(body)
        proxy.rest()
        for _ in 0..<4 { proxy.pass(proxy.loop.configuration.clientIdleTimeout) }
        #expect(client.isClosed && proxy.closed(.writeFailed) == 1)
        proxy.expectNoClients()
    }

    private let longAnswer =
        "HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n" + String(repeating: "a", count: 500_000)

    enum BodyEnd: CaseIterable {
        case whole, tooLate
    }

    @Test(
        "a client that takes nothing of its answer is given up however its next request's body ends",
        arguments: BodyEnd.allCases)
    func takesNothing(end: BodyEnd) throws {
        let proxy = ScriptedProxy()
        let (client, origin) = try proxy.start(ScriptedProxy.get() + ScriptedProxy.post(length: 10) + "12345")
        client.takeOnly(10)
        proxy.send(origin, longAnswer)
        switch end {
        case .whole: proxy.send(client, "67890")
        case .tooLate: proxy.pass(proxy.loop.configuration.clientBodyTimeout)
        }
        #expect(!client.isClosed)
        proxy.pass(proxy.loop.configuration.clientIdleTimeout)
        #expect(client.isClosed && proxy.closed(.writeFailed) == 1)
        proxy.expectNoClients()
    }

    @Test("a client that takes nothing of an early answer is given up when its body has ended")
    func takesNothingOfEarlyAnswer() throws {
        let proxy = ScriptedProxy()
        let (client, origin) = try proxy.start(ScriptedProxy.post(length: 10) + "12345")
        client.takeOnly(10)
        proxy.send(origin, longAnswer)
        proxy.send(client, "67890")
        #expect(!client.isClosed)
        proxy.pass(proxy.loop.configuration.clientIdleTimeout)
        #expect(client.isClosed && proxy.closed(.writeFailed) == 1)
        proxy.expectNoClients()
    }
}
