import Pooling
import ProxyTypes
import ReactorTestSupport
import Testing
import Tuning

@testable import Upstream

@Suite("Tunnels over an upstream connection")
struct TunnelTests {
    private let fixture = UpstreamFixture()
    private let exchange = RecordingExchange()

    @Test("bytes pass, and the origin's end is passed on while the client's side goes on")
    func originEndsFirst() {
        let peer = fixture.startTunnel(exchange)
        #expect(fixture.pool.openTunnels == 1)
        fixture.send(peer, "from the origin")
        fixture.end(peer)
        exchange.write("from the client")
        #expect(exchange.body == "from the origin" && peer.received == "from the client")
        #expect(exchange.events == ["granted", "input closed"] && !peer.isClosed)
        exchange.connection?.shutTunnelOutput()
        fixture.turn()
        #expect(exchange.events == ["granted", "input closed", "tunnel closed"] && peer.isClosed)
        #expect(fixture.reasons == [.drained] && fixture.isAtRest)
    }

    @Test("the client's end is passed on while the origin goes on")
    func clientEndsFirst() {
        let peer = fixture.startTunnel(exchange)
        exchange.connection?.shutTunnelOutput()
        #expect(peer.isHalfClosed)
        fixture.send(peer, "still here")
        #expect(exchange.body == "still here" && exchange.events == ["granted"])
        fixture.end(peer)
        #expect(exchange.events == ["granted", "input closed", "tunnel closed"])
        #expect(fixture.reasons == [.drained] && fixture.isAtRest)
    }

    /// Both sides have ended, and the origin has yet to take what was written.
    private func flushing() -> ScriptedPeer {
        let peer = fixture.startTunnel(exchange)
        peer.takeOnly(4)
        exchange.write("the last words")
        fixture.end(peer)
        exchange.connection?.shutTunnelOutput()
        fixture.turn()
        #expect(exchange.events == ["granted", "input closed"] && !peer.isClosed && fixture.reasons.isEmpty)
        #expect(fixture.pool.openTunnels == 1)
        return peer
    }

    @Test("what was written goes out before the tunnel closes")
    func flush() {
        let peer = flushing()
        peer.takeAll()
        fixture.turn()
        #expect(peer.received == "the last words" && peer.isClosed)
        #expect(exchange.events.last == "tunnel closed" && fixture.reasons == [.drained] && fixture.isAtRest)
    }

    @Test("an order, or the client's going away, ends a tunnel that has yet to flush", arguments: [true, false])
    func endedWhileFlushing(byOrder: Bool) throws {
        let peer = flushing()
        let connection = try #require(exchange.connection)
        if byOrder {
            fixture.pool.close(connection, force: true, now: fixture.loop.now)
            #expect(exchange.events.last == "tunnel closed" && fixture.reasons == [.killed])
        } else {
            connection.closeTunnel(.clientAborted)
            #expect(exchange.events.last == "input closed" && fixture.reasons == [.clientAborted])
        }
        #expect(peer.isClosed && fixture.isAtRest)
    }

    @Test("a reset ends it at once, whichever sides have ended", arguments: ["none", "input", "output"])
    func reset(ended: String) {
        let peer = fixture.startTunnel(exchange)
        if ended == "output" { exchange.connection?.shutTunnelOutput() }
        if ended == "input" {
            fixture.end(peer)
            peer.reset()
        }
        fixture.reset(peer)
        #expect(exchange.events.last == "tunnel closed" && fixture.reasons == [.originRstIdle] && fixture.isAtRest)
    }

    @Test("an exchange that ends its tunnel is not told of it")
    func closedByExchange() {
        let peer = fixture.startTunnel(exchange)
        exchange.connection?.shutTunnelOutput()
        exchange.onEvent = { [unowned exchange] in
            if $0 == "input closed" { exchange.connection?.closeTunnel(.clientAborted) }
        }
        fixture.end(peer)
        #expect(exchange.events == ["granted", "input closed"])
        #expect(peer.isClosed && fixture.reasons == [.clientAborted] && fixture.isAtRest)
    }

    @Test("a 101 turns a pooled connection into a tunnel, which never goes back to the pool")
    func upgrade() {
        exchange.asksUpgrade = true
        exchange.sendsAll = false
        let peer = fixture.start(exchange)
        fixture.send(peer, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nhello")
        #expect(exchange.events == ["granted", "upgraded"] && exchange.body == "hello")
        // The rest of the request's content is still to come.
        exchange.write("content")
        exchange.connection?.requestEnded(now: fixture.loop.now)
        fixture.advance(by: .hours(1))
        #expect(exchange.events == ["granted", "upgraded"] && fixture.pool.openTunnels == 1)
        fixture.end(peer)
        exchange.connection?.shutTunnelOutput()
        fixture.turn()
        #expect(exchange.events.last == "tunnel closed" && fixture.reasons == [.drained] && fixture.isAtRest)
    }

    @Test("a 101 that nobody asked for is an error")
    func unasked() {
        let peer = fixture.start(exchange)
        fixture.send(peer, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n")
        #expect(exchange.events == ["granted", "response lost"])
        #expect(fixture.reasons == [.framingError] && fixture.pool.openTunnels == 0 && fixture.isAtRest)
    }

    @Test("a tunnel holds its origin back by pausing")
    func pace() {
        let peer = fixture.startTunnel(exchange)
        exchange.setReading(false, now: fixture.loop.now)
        fixture.send(peer, "waits")
        #expect(exchange.body.isEmpty)
        exchange.setReading(true, now: fixture.loop.now)
        fixture.turn()
        #expect(exchange.body == "waits")
    }
}
