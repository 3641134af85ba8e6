import HTTPWire
import Pooling
import ProxyTypes
import ReactorTestSupport
import Testing
import Tuning

@testable import Upstream

/// An idle connection has ended, and the loop has not read that yet.
@Suite("A request meets a connection that has ended")
struct StaleConnectionTests {
    private let fixture = UpstreamFixture {
        $0.maxConnections = 1
        $0.maxIdle = 1
    }

    private func post(_ name: String) -> RecordingExchange {
        let exchange = RecordingExchange(name)
        exchange.method = .post
        return exchange
    }

    @Test("a POST is not sent onto it, but over a new one; a GET is, as it can be sent again")
    func idle() {
        for isIdempotent in [true, false] {
            let fixture = UpstreamFixture()
            let stale = fixture.idlePeer()
            let sent = stale.received
            stale.end()
            let exchange = isIdempotent ? RecordingExchange() : post("post")
            fixture.lease(exchange)
            #expect((stale.received == sent) == !isIdempotent && exchange.events.isEmpty == !isIdempotent)
            guard !isIdempotent else { continue }
            fixture.turn()
            #expect(stale.isClosed && fixture.kernel.peers.count == 2 && fixture.reasons == [.originFinIdle])
            fixture.peer.accept()
            fixture.turn()
            #expect(exchange.events == ["granted"] && fixture.peer.received == exchange.request)
        }
    }

    @Test("a POST that waited is not sent onto one that ends right behind the response before it")
    func waiting() {
        let (first, second) = (RecordingExchange("first"), post("second"))
        let stale = fixture.start(first)
        fixture.lease(second)
        // Behind the event that the loop is handling, so that only a look at the socket can tell.
        first.onEvent = { if $0 == "200" { stale.end() } }
        fixture.respond(stale)
        #expect(first.events == ["granted", "200", "ended"] && stale.received == first.request && stale.isClosed)
        #expect(second.events.isEmpty && fixture.kernel.peers.count == 2)
        fixture.peer.accept()
        fixture.turn()
        #expect(second.events == ["granted"] && fixture.peer.received == second.request)
        fixture.respond(fixture.peer)
        fixture.end(fixture.peer)
        #expect(fixture.isAtRest)
    }
}
