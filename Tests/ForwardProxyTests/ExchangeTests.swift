import Metering
import Pooling
import ProxyTypes
import ReactorTestSupport
import Testing
import Tuning

@testable import ForwardProxy
@testable import Upstream

@Suite("An exchange")
struct ExchangeTests {
    private let proxy = ScriptedProxy()

    private func settings(_ change: (inout EffectiveSettings) -> Void) -> EffectiveSettings {
        var settings = EffectiveSettings()
        settings.maxConnections = 16
        settings.maxIdle = 16
        change(&settings)
        return settings
    }

    @Test("lost before the answer on a kept connection, it is sent again with its body; a POST is not")
    func retry() throws {
        for method in ["PUT", "POST"] {
            let proxy = ScriptedProxy()
            let (client, first) = try proxy.start()
            proxy.send(first, ScriptedProxy.ok)
            proxy.pass(.seconds(1))
            _ = client.take()
            let request = ScriptedProxy.post("/again", length: 4).replacing("POST", with: method, maxReplacements: 1)
            proxy.send(client, request + "body")
            #expect(first.received.hasSuffix("body"))
            proxy.end(first)
            if method == "PUT" {
                let second = try #require(proxy.kernel.outgoing.last)
                #expect(second !== first)
                #expect(second.received.contains("PUT /again") && second.received.hasSuffix("body"))
                proxy.send(second, ScriptedProxy.ok)
                #expect(client.received.hasSuffix("ok"))
                #expect(proxy.upstream.metrics.retryOutcomes[.succeeded] == 1)
            } else {
                #expect(proxy.kernel.outgoing.count == 1)
                #expect(client.received.hasPrefix("HTTP/1.1 502 "))
                #expect(proxy.upstream.metrics.retryOutcomes[.refusedMethod] == 1)
            }
        }
    }

    @Test("a retry whose connection is refused is counted as failed, and the client is told why")
    func retryRefused() throws {
        let proxy = ScriptedProxy()
        let (client, first) = try proxy.start()
        proxy.send(first, ScriptedProxy.ok)
        proxy.pass(.seconds(1))
        _ = client.take()
        proxy.kernel.opensAtOnce = false
        proxy.send(client, ScriptedProxy.get("/again"))
        proxy.end(first)
        let second = try #require(proxy.kernel.outgoing.last)
        #expect(second !== first)
        second.refuse()
        proxy.rest()
        #expect(client.received.hasPrefix("HTTP/1.1 502 ") && client.received.contains("refused the connection"))
        #expect(proxy.upstream.metrics.retryOutcomes[.failed] == 1 && proxy.upstream.metrics.retryOutcomes[.sent] == 1)
    }

    @Test("on a fresh connection no retry is in question, and none is counted")
    func freshConnection() throws {
        let (client, origin) = try proxy.start()
        proxy.end(origin)
        #expect(client.received.hasPrefix("HTTP/1.1 502 "))
        #expect(proxy.kernel.outgoing.count == 1)
        for outcome in RetryOutcome.allCases { #expect(proxy.upstream.metrics.retryOutcomes[outcome] == 0) }
        for cause in RetryCause.allCases { #expect(proxy.upstream.metrics.retryCauses[cause] == 0) }
    }

    @Test("one that is cut takes those behind it along, wherever they run, and its client's end is counted once")
    func cutWithOthers() throws {
        let proxy = ScriptedProxy(
            ProxyConfiguration(),
            settings {
                $0.maxConnections = 2
                $0.pipelining = .idempotent
            })
        let client = try proxy.connect()
        for number in 1...4 {
            proxy.send(client, ScriptedProxy.get("/\(number)"))
        }
        let first = try #require(proxy.kernel.outgoing.first)
        #expect(proxy.kernel.outgoing.count == 2)
        proxy.send(first, "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n1234567890")
        proxy.end(first)
        #expect(client.received.hasSuffix("1234567890") && client.ending == .fin)
        #expect(proxy.closed(.responseCut) == 1)
        #expect(proxy.upstream.metrics.responsesCut == 1)
        proxy.end(client)
        proxy.expectNoClients()
    }

    @Test("a client that the origin keeps from sending is read again once the origin takes more")
    func slowOrigin() throws {
        let (client, origin) = try proxy.start(ScriptedProxy.post(length: 20))
        origin.takeOnly(0)
        proxy.send(client, "1234567890")
        proxy.send(client, "1234567890")
        #expect(client.unread.count == 10)
        origin.takeAll()
        proxy.rest()
        #expect(client.unread.isEmpty && origin.received.hasSuffix("12345678901234567890"))
    }

    @Test("a client that the origin keeps from sending is answered and read on when that origin fails")
    func slowOriginFails() throws {
        let (client, origin) = try proxy.start(ScriptedProxy.post(length: 100))
        origin.takeOnly(0)
        proxy.send(client, "1234567890")
        proxy.send(client, "1234567890")
        #expect(client.unread.count == 10)
        proxy.reset(origin)
        #expect(client.received.hasPrefix("HTTP/1.1 502 ") && client.received.contains("Connection: close\r\n"))
        #expect(client.unread.isEmpty && client.ending == .fin)
    }

    @Test("a client that leaves while its request waits leaves nothing behind")
    func leavesWhileWaiting() throws {
        let proxy = ScriptedProxy(ProxyConfiguration(), settings { $0.maxConnections = 1 })
        let (first, second) = (try proxy.connect(), try proxy.connect())
        proxy.send(first, ScriptedProxy.get("/1"))
        proxy.send(second, ScriptedProxy.get("/2"))
        proxy.reset(second)
        let origin = try #require(proxy.kernel.outgoing.first)
        proxy.send(origin, ScriptedProxy.ok)
        #expect(first.received.hasSuffix("ok"))
        #expect(!origin.received.contains("/2"))
        #expect(proxy.loop.clientCount == 1)
        #expect(proxy.upstream.allPools.allSatisfy { $0.counts.waiting == 0 && $0.active == 0 })
    }

    @Test("one whose body fails before its turn counts with its origin as begun and as ended")
    func failsBeforeItsTurn() throws {
        let proxy = ScriptedProxy()
        let client = try proxy.connect()
        client.send(ScriptedProxy.get("/1"))
        proxy.rest()
        client.send("PUT \(ScriptedProxy.origin)/2 HTTP/1.1\r\nHost: 192.0.2.1\r\n")
        client.send("Transfer-Encoding: chunked\r\n\r\nno chunk\r\n")
        proxy.rest()
        let origin = try #require(proxy.kernel.outgoing.first)
        origin.send(ScriptedProxy.ok)
        proxy.rest()
        #expect(client.received.contains("ok") && client.received.contains("HTTP/1.1 400 "))
        #expect(proxy.upstream.metrics.requests == 2)
        #expect(proxy.upstream.allPools.reduce(0) { $0 + $1.statistics.requests.total } == 2)
    }
}
