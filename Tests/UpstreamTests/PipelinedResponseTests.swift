import Pooling
import ProxyTypes
import Reactor
import ReactorTestSupport
import Testing
import Tuning

@testable import Upstream

@Suite("Pipelined exchanges on an upstream connection")
struct PipelinedResponseTests {
    private let fixture = UpstreamFixture {
        $0.maxConnections = 1
        $0.pipelining = .idempotent
        $0.pipelineDepth = 3
    }
    private let exchanges = ["one", "two", "three"].map { RecordingExchange($0) }

    private func start() -> ScriptedPeer {
        let peer = fixture.idlePeer()
        for exchange in exchanges { fixture.lease(exchange, mayPipeline: true) }
        #expect(exchanges.allSatisfy { $0.events == ["granted reused"] } && fixture.kernel.peers.count == 1)
        return peer
    }

    private func response(_ body: String) -> String {
        "HTTP/1.1 200 OK\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
    }

    @Test("responses go to their exchanges in order, however they are cut")
    func order() {
        let all = exchanges.map { response($0.name) }.joined()
        for cut in 1..<all.utf8.count {
            let test = Self()
            let peer = test.start()
            test.fixture.send(peer, String(all.prefix(cut)))
            test.fixture.send(peer, String(all.dropFirst(cut)))
            #expect(test.exchanges.allSatisfy { $0.body == $0.name && $0.events.last == "ended" }, "cut at \(cut)")
            #expect(test.fixture.counts.idle == 1)
        }
    }

    @Test("what is behind the response that ends the connection is lost, and each is told once")
    func lostBehindClose() {
        let peer = start()
        fixture.send(peer, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n" + response("two"))
        #expect(exchanges[0].events == ["granted reused", "200", "ended"])
        for lost in exchanges.dropFirst() { #expect(lost.events == ["granted reused", "lost before response"]) }
        #expect(fixture.reasons == [.originConnectionClose] && fixture.counts.leased == 0)
        fixture.end(peer)
        #expect(fixture.isAtRest)
    }

    @Test("a FIN in the second response loses it and the third")
    func lostInSecond() {
        let peer = start()
        fixture.send(peer, response("one") + "HTTP/1.1 200 OK\r\nContent-Le")
        fixture.end(peer)
        #expect(exchanges[0].events == ["granted reused", "200", "ended"])
        #expect(exchanges[1].events == ["granted reused", "next", "response lost"])
        #expect(exchanges[2].events == ["granted reused", "lost before response"])
        #expect(fixture.reasons == [.originClosedMidResponse] && fixture.isAtRest)
    }

    @Test("responses that come together with the FIN behind them are passed on, and only what is missing is lost")
    func endBehindSecond() {
        let peer = start()
        peer.send(response("one") + response("two"))
        fixture.end(peer)
        for whole in exchanges.prefix(2) { #expect(whole.body == whole.name && whole.events.last == "ended") }
        #expect(exchanges[2].events == ["granted reused", "next", "lost before response"])
        #expect(fixture.reasons == [.originClosedMidResponse] && fixture.isAtRest)
    }

    @Test("an alert behind a response fails the next as an alert, which is not the keep-alive race")
    func alertBehindFirst() {
        let peer = start()
        let connection = exchanges[0].connection
        exchanges[0].onEvent = {
            if $0 == "ended" { connection?.closed(.tls(TLSFailure(.alert, "the origin sent alert 80"))) }
        }
        peer.send(response("one"))
        fixture.end(peer)
        #expect(exchanges[0].body == "one")
        #expect(exchanges[1].events == ["granted reused", "next", "tls tls_protocol_error"])
        #expect(exchanges[2].events == ["granted reused", "lost before response"])
        #expect(fixture.reasons == [.tlsFailed] && fixture.isAtRest)
    }

    @Test("one that is given up takes the others with it, and is not told", arguments: [0, 1, 2])
    func abandoned(index: Int) {
        _ = start()
        exchanges[index].abandon(now: fixture.loop.now)
        for (other, exchange) in exchanges.enumerated() {
            #expect(
                exchange.events == (other == index ? ["granted reused"] : ["granted reused", "lost before response"]))
        }
        #expect(fixture.reasons == [.clientAborted] && fixture.isAtRest)
    }

    @Test("one that is given up while others are being told is not told")
    func abandonedMeanwhile() {
        let peer = start()
        let (first, third) = (exchanges[0], exchanges[2])
        first.onEvent = { [fixture] in
            if $0 == "lost before response" { third.abandon(now: fixture.loop.now) }
        }
        fixture.end(peer)
        #expect(exchanges[1].events.last == "lost before response" && third.events == ["granted reused"])
        #expect(fixture.isAtRest)
    }

    @Test("a slow client behind others does not hold their responses back, nor does it resume them")
    func pace() {
        let peer = start()
        exchanges[1].setReading(false, now: fixture.loop.now)
        fixture.send(peer, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\no")
        #expect(exchanges[0].body == "o")
        exchanges[0].setReading(false, now: fixture.loop.now)
        exchanges[1].setReading(true, now: fixture.loop.now)
        fixture.send(peer, "ne" + response("two"))
        #expect(exchanges[0].body == "o")
        exchanges[0].setReading(true, now: fixture.loop.now)
        fixture.turn()
        #expect(exchanges[0].body == "one" && exchanges[1].events == ["granted reused", "next", "200", "ended"])
    }

    @Test("the origin's time for the next head begins when the last response has ended")
    func time() {
        let peer = start()
        let limit = fixture.settings.headersTimeout
        fixture.advance(by: limit + .milliseconds(-1))
        fixture.send(peer, response("one"))
        fixture.advance(by: limit + .milliseconds(-1))
        #expect(exchanges[1].events == ["granted reused", "next"])
        fixture.advance(by: .milliseconds(2))
        #expect(exchanges[1].events.last == "timeout http_response_timeout")
        #expect(exchanges[2].events.last == "lost before response" && fixture.isAtRest)
    }
}
