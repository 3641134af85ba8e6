import HTTPWire
import Metering
import Pooling
import ProxyTypes
import ReactorTestSupport
import Testing
import Tuning

@testable import Upstream

@Suite("Responses on an upstream connection")
struct ResponseTests {
    private static let response = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

    @Test("a whole response gives the connection back, and the next request uses it")
    func reuse() {
        let fixture = UpstreamFixture()
        let (first, second) = (RecordingExchange("first"), RecordingExchange("second"))
        let peer = fixture.start(first)
        #expect(peer.received == first.request)
        fixture.send(peer, Self.response)
        #expect(first.events == ["granted", "100", "200", "ended"] && first.body == "hello")
        #expect(fixture.counts.idle == 1)
        fixture.lease(second)
        #expect(second.events == ["granted reused"] && fixture.counts.leased == 1)
        fixture.respond(peer)
        #expect(second.events == ["granted reused", "200", "ended"] && fixture.kernel.peers.count == 1)
    }

    @Test("it may come cut anywhere")
    func cutAnywhere() {
        for cut in 1..<Self.response.utf8.count {
            let fixture = UpstreamFixture()
            let exchange = RecordingExchange()
            let peer = fixture.start(exchange)
            fixture.send(peer, String(Self.response.prefix(cut)))
            fixture.send(peer, String(Self.response.dropFirst(cut)))
            #expect(exchange.events == ["granted", "100", "200", "ended"] && exchange.body == "hello", "cut at \(cut)")
            #expect(fixture.counts.idle == 1)
        }
    }

    @Test("the last bytes come before the end that came with them", arguments: [true, false])
    func endBehindData(together: Bool) {
        let fixture = UpstreamFixture()
        let exchange = RecordingExchange()
        let peer = fixture.start(exchange)
        peer.send("HTTP/1.1 200 OK\r\n\r\nuntil the end")
        if !together { fixture.turn() }
        fixture.end(peer)
        #expect(exchange.events == ["granted", "200", "ended"] && exchange.body == "until the end")
        #expect(fixture.reasons == [.responseUntilClose] && fixture.isAtRest)
    }

    @Test("a FIN that comes with a response keeps the connection from being used again")
    func finWithResponse() {
        let fixture = UpstreamFixture()
        let exchange = RecordingExchange()
        let peer = fixture.start(exchange)
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        fixture.end(peer)
        #expect(exchange.events == ["granted", "200", "ended"])
        #expect(fixture.reasons == [.originFinIdle] && fixture.isAtRest && peer.isClosed)
    }

    @Test(
        "how far the response got decides how its loss is told",
        arguments: [
            ("", "before response"), ("HTTP/1.1 2", "response lost"),
            ("HTTP/1.1 100 Continue\r\n\r\n", "response lost"),
            ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "response lost"),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n", "response lost"),
        ])
    func lost(part: String, event: String) {
        for isReset in [true, false] {
            let fixture = UpstreamFixture()
            let exchange = RecordingExchange()
            let peer = fixture.start(exchange)
            if !part.isEmpty { fixture.send(peer, part) }
            if isReset { fixture.reset(peer) } else { fixture.end(peer) }
            let expected = event == "response lost" ? event : (isReset ? "reset " : "lost ") + event
            #expect(exchange.events.last == expected, "\(part)")
            #expect(fixture.reasons == [.originClosedMidResponse] && fixture.isAtRest)
        }
    }

    @Test("a FIN between two writes of a request fails it once, and the second write goes nowhere")
    func finBetweenWrites() {
        let fixture = UpstreamFixture()
        let exchange = RecordingExchange()
        exchange.sendsAll = false
        let peer = fixture.start(exchange)
        let sent = peer.received.utf8.count
        fixture.end(peer)
        exchange.write("more")
        exchange.connection?.requestEnded(now: fixture.loop.now)
        fixture.turn()
        #expect(exchange.events == ["granted", "lost before response"] && peer.received.utf8.count == sent)
        #expect(fixture.isAtRest)
    }

    @Test("a response before the whole request ends the connection at once")
    func earlyResponse() {
        let fixture = UpstreamFixture()
        let exchange = RecordingExchange()
        exchange.sendsAll = false
        let peer = fixture.start(exchange)
        fixture.respond(peer, "no")
        #expect(exchange.events == ["granted", "200", "ended"] && exchange.body == "no")
        #expect(fixture.reasons == [.earlyResponse] && peer.isClosed && fixture.isAtRest)
    }

    @Test("bytes behind a response that nobody asked for end the connection")
    func unsolicited() {
        let fixture = UpstreamFixture()
        let exchange = RecordingExchange()
        let peer = fixture.start(exchange)
        fixture.send(peer, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200")
        #expect(exchange.events == ["granted", "200", "ended"])
        #expect(fixture.reasons == [.unsolicitedBytes] && fixture.isAtRest)
    }

    @Test("an origin that sends only interim responses is cut off")
    func interim() {
        let fixture = UpstreamFixture()
        let exchange = RecordingExchange()
        let peer = fixture.start(exchange)
        for _ in 0..<101 { fixture.send(peer, "HTTP/1.1 102 Processing\r\n\r\n") }
        #expect(exchange.events.count { $0 == "102" } == 100 && exchange.events.last == "response lost")
        #expect(fixture.reasons == [.framingError] && fixture.isAtRest)
    }

    @Test("an exchange may give the connection up at any event, and is told nothing more", arguments: ["100", "200"])
    func abandonedWithin(event: String) {
        let fixture = UpstreamFixture()
        let exchange = RecordingExchange()
        exchange.onEvent = { [unowned exchange] in
            if $0 == event { exchange.abandon(now: fixture.loop.now) }
        }
        let peer = fixture.start(exchange)
        fixture.send(peer, Self.response)
        #expect(exchange.events.last == event && exchange.body.isEmpty)
        #expect(fixture.reasons == [.clientAborted] && peer.isClosed && fixture.isAtRest)
    }

    // MARK: Idle

    @Test("what an origin does to an idle connection ends it")
    func idle() {
        for (act, reason) in [
            ({ $0.end() }, .originFinIdle), ({ $0.reset() }, .originRstIdle), ({ $0.send("?") }, .unsolicitedBytes),
        ] as [((ScriptedPeer) -> Void, CloseReason)] {
            let fixture = UpstreamFixture()
            let peer = fixture.idlePeer()
            act(peer)
            fixture.turn()
            #expect(fixture.reasons == [reason] && peer.isClosed && fixture.isAtRest)
        }
    }

    // MARK: Pace

    @Test("while reading is paused nothing is passed on, and what came meanwhile comes with its end afterwards")
    func pausedEnd() {
        let fixture = UpstreamFixture()
        let exchange = RecordingExchange()
        let peer = fixture.start(exchange)
        fixture.send(peer, "HTTP/1.1 200 OK\r\n\r\none ")
        exchange.setReading(false, now: fixture.loop.now)
        peer.send("two")
        fixture.end(peer)
        fixture.advance(by: fixture.settings.bodyIdleTimeout + .hours(1))
        #expect(exchange.events == ["granted", "200"] && exchange.body == "one ")
        exchange.setReading(true, now: fixture.loop.now)
        fixture.turn()
        #expect(exchange.events == ["granted", "200", "ended"] && exchange.body == "one two")
        #expect(fixture.isAtRest)
    }

    @Test("a pause ends with its exchange: an idle connection is watched")
    func pauseEnds() {
        let fixture = UpstreamFixture()
        let exchange = RecordingExchange()
        exchange.onEvent = { [unowned exchange] in
            if $0 == "200" { exchange.setReading(false, now: fixture.loop.now) }
        }
        let peer = fixture.start(exchange)
        fixture.respond(peer)
        #expect(exchange.events.last == "ended" && fixture.counts.idle == 1)
        fixture.end(peer)
        #expect(fixture.reasons == [.originFinIdle] && fixture.isAtRest)
    }

    // MARK: Time

    @Test("the origin has headers_timeout for its head, and body_idle_timeout between parts of the body")
    func timeouts() {
        let fixture = UpstreamFixture {
            $0.headersTimeout = .seconds(10)
            $0.bodyIdleTimeout = .seconds(20)
        }
        let headless = RecordingExchange("headless")
        _ = fixture.start(headless)
        fixture.advance(by: .seconds(9))
        #expect(headless.events == ["granted"])
        fixture.advance(by: .seconds(2))
        #expect(headless.events == ["granted", "timeout http_response_timeout"])
        let slow = RecordingExchange("slow")
        let peer = fixture.start(slow)
        fixture.advance(by: .seconds(9))
        fixture.send(peer, "HTTP/1.1 102 Processing\r\n\r\n")
        fixture.advance(by: .seconds(9))
        fixture.send(peer, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\none")
        fixture.advance(by: .seconds(19))
        fixture.send(peer, "two")
        fixture.advance(by: .seconds(19))
        #expect(slow.events == ["granted", "102", "200"] && slow.body == "onetwo")
        fixture.advance(by: .seconds(2))
        #expect(slow.events.last == "timeout connection_read_timeout")
        #expect(fixture.reasons == [.headersTimeout, .bodyTimeout] && fixture.isAtRest)
    }

    @Test("a pause stops the origin's time, which begins anew when it ends")
    func pausedTime() {
        let fixture = UpstreamFixture { $0.headersTimeout = .seconds(10) }
        let exchange = RecordingExchange()
        _ = fixture.start(exchange)
        exchange.setReading(false, now: fixture.loop.now)
        fixture.advance(by: .hours(1))
        exchange.setReading(true, now: fixture.loop.now)
        fixture.advance(by: .seconds(9))
        #expect(exchange.events == ["granted"])
        fixture.advance(by: .seconds(2))
        #expect(exchange.events.last == "timeout http_response_timeout" && fixture.isAtRest)
    }

    @Test("while the request is incomplete it is the client that is waited for, unless the origin takes none of it")
    func incompleteRequest() {
        let fixture = UpstreamFixture { $0.headersTimeout = .seconds(10) }
        let exchange = RecordingExchange()
        exchange.sendsAll = false
        let peer = fixture.start(exchange)
        fixture.advance(by: .hours(1))
        #expect(exchange.events == ["granted"])
        peer.takeOnly(2)
        exchange.write("more than two bytes")
        exchange.connection?.requestProgressed(now: fixture.loop.now)
        fixture.advance(by: .seconds(9))
        peer.takeAll()
        fixture.turn()
        #expect(exchange.events == ["granted", "drained"])
        peer.takeOnly(2)
        exchange.write("more than two bytes")
        exchange.connection?.requestProgressed(now: fixture.loop.now)
        fixture.advance(by: .seconds(11))
        #expect(exchange.events.last == "timeout connection_write_timeout")
        #expect(fixture.reasons == [.writeTimeout] && fixture.isAtRest)
    }

    // MARK: Orders

    @Test("an operator's forced close fails the exchange at once")
    func closedByOrder() throws {
        let fixture = UpstreamFixture()
        let exchange = RecordingExchange()
        let peer = fixture.start(exchange)
        let connection = try #require(exchange.connection)
        fixture.pool.close(connection, force: false, now: fixture.loop.now)
        #expect(exchange.events == ["granted"] && fixture.counts.draining == 1)
        fixture.pool.close(connection, force: true, now: fixture.loop.now)
        #expect(exchange.events == ["granted", "response lost"])
        #expect(fixture.reasons == [.killed] && peer.isClosed && fixture.isAtRest)
    }

    @Test("a kill ends everything, and nobody is told")
    func kill() {
        let fixture = UpstreamFixture()
        let (exchange, tunnel) = (RecordingExchange(), RecordingExchange("tunnel"))
        _ = fixture.start(exchange)
        _ = fixture.startTunnel(tunnel)
        fixture.lease(RecordingExchange("dialling"))
        fixture.pool.shutdown(now: fixture.loop.now)
        fixture.pool.kill()
        fixture.turn()
        #expect(exchange.events == ["granted"] && tunnel.events == ["granted"])
        #expect(fixture.kernel.peers.allSatisfy(\.isClosed) && fixture.pool.openTunnels == 0)
    }

    @Test("a trailer that must not be one is dropped, and the others and the content are passed on")
    func trailers() {
        let fixture = UpstreamFixture()
        let exchange = RecordingExchange()
        let peer = fixture.start(exchange)
        fixture.send(
            peer,
            """
            HTTP/1.1 200 OK\r
            Transfer-Encoding: chunked\r
            Connection: X-Hop\r
            \r
            5\r
            hello\r
            0\r
            X-Kept: 1\r
            Content-Length: 7\r
            X-Hop: 2\r
            \r

            """)
        #expect(exchange.events == ["granted", "200", "ended"])
        #expect(exchange.body == "5\r\nhello\r\n0\r\nX-Kept: 1\r\n\r\n")
        #expect(fixture.loop.metrics.trailersDropped == 2 && fixture.counts.idle == 1)
    }
}
