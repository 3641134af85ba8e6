import Metering
import Pooling
import ProxyTypes
import Testing
import Tuning

@testable import ForwardProxy
@testable import Upstream

@Suite("An exchange")
struct ExchangeTests {
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
            let client = try proxy.connect()
            client.send(ScriptedProxy.get())
            proxy.rest()
            let first = try #require(proxy.kernel.outgoing.first)
            first.send(ScriptedProxy.ok)
            proxy.rest()
            proxy.pass(.seconds(1))
            _ = client.take()
            let request = ScriptedProxy.post("/again", length: 4).replacing("POST", with: method, maxReplacements: 1)
            client.send(request + "body")
            proxy.rest()
            #expect(first.received.hasSuffix("body"))
            first.shut()
            proxy.rest()
            if method == "PUT" {
                let second = try #require(proxy.kernel.outgoing.last)
                #expect(second !== first)
                #expect(second.received.contains("PUT /again") && second.received.hasSuffix("body"))
                second.send(ScriptedProxy.ok)
                proxy.rest()
                #expect(client.received.hasSuffix("ok"))
                #expect(proxy.upstream.metrics.retryOutcomes[.succeeded] == 1)
            } else {
                #expect(proxy.kernel.outgoing.count == 1)
                #expect(client.received.hasPrefix("HTTP/1.1 502 "))
                #expect(proxy.upstream.metrics.retryOutcomes[.refusedMethod] == 1)
            }
        }
    }

    @Test("on a fresh connection no retry is in question, and none is counted")
    func freshConnection() throws {
        let proxy = ScriptedProxy()
        let client = try proxy.connect()
        client.send(ScriptedProxy.get())
        proxy.rest()
        let origin = try #require(proxy.kernel.outgoing.first)
        origin.shut()
        proxy.rest()
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
            client.send(ScriptedProxy.get("/\(number)"))
            proxy.rest()
        }
        let first = try #require(proxy.kernel.outgoing.first)
        #expect(proxy.kernel.outgoing.count == 2)
        first.send("HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n1234567890")
        proxy.rest()
        first.shut()
        proxy.rest()
        #expect(client.received.hasSuffix("1234567890") && client.ending == .fin)
        #expect(proxy.closed(.responseCut) == 1)
        #expect(proxy.upstream.metrics.responsesCut == 1)
        client.shut()
        proxy.rest()
        proxy.expectNoClients()
    }

    @Test("a client that the origin keeps from sending is read again once the origin takes more")
    func slowOrigin() throws {
        let proxy = ScriptedProxy()
        let client = try proxy.connect()
        client.send(ScriptedProxy.post(length: 20))
        proxy.rest()
        let origin = try #require(proxy.kernel.outgoing.first)
        origin.takesNoMore()
        client.send("1234567890")
        proxy.rest()
        client.send("1234567890")
        proxy.rest()
        #expect(client.unread.count == 10)
        origin.takes()
        proxy.rest()
        #expect(client.unread.isEmpty && origin.received.hasSuffix("12345678901234567890"))
    }

    @Test("a client that the origin keeps from sending is answered and read on when that origin fails")
    func slowOriginFails() throws {
        let proxy = ScriptedProxy()
        let client = try proxy.connect()
        client.send(ScriptedProxy.post(length: 100))
        proxy.rest()
        let origin = try #require(proxy.kernel.outgoing.first)
        origin.takesNoMore()
        client.send("1234567890")
        proxy.rest()
        client.send("1234567890")
        proxy.rest()
        #expect(client.unread.count == 10)
        origin.reset()
        proxy.rest()
        #expect(client.received.hasPrefix("HTTP/1.1 502 ") && client.received.contains("Connection: close\r\n"))
        #expect(client.unread.isEmpty && client.ending == .fin)
    }

    @Test("a client that leaves while its request waits leaves nothing behind")
    func leavesWhileWaiting() throws {
        let proxy = ScriptedProxy(ProxyConfiguration(), settings { $0.maxConnections = 1 })
        let (first, second) = (try proxy.connect(), try proxy.connect())
        first.send(ScriptedProxy.get("/1"))
        proxy.rest()
        second.send(ScriptedProxy.get("/2"))
        proxy.rest()
        second.reset()
        proxy.rest()
        let origin = try #require(proxy.kernel.outgoing.first)
        origin.send(ScriptedProxy.ok)
        proxy.rest()
        #expect(first.received.hasSuffix("ok"))
        #expect(!origin.received.contains("/2"))
        #expect(proxy.loop.clientCount == 1)
        #expect(proxy.upstream.allPools.allSatisfy { $0.counts.waiting == 0 && $0.active == 0 })
    }
}
