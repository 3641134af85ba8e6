import HTTPWire
import Metering
import Pooling
import ProxyTypes
import ReactorTestSupport
import Testing

@testable import Upstream

/// Several pools on one loop, under max_upstream_connections and out of descriptors.
@Suite("Room for connections is shared among pools")
struct TotalLimitTests {
    private let fixture = UpstreamFixture()
    private var loop: UpstreamLoop { fixture.loop }

    private func pool(_ port: UInt16) -> UpstreamPool {
        loop.pool(for: Origin(scheme: .http, host: "127.0.0.1", port: port))
    }

    @discardableResult
    private func lease(_ pool: UpstreamPool, client: UInt64 = 1) -> RecordingExchange {
        let exchange = RecordingExchange()
        _ = pool.lease(
            for: exchange, client: ClientID(rawValue: client), fresh: false, mayPipeline: false, now: loop.now)
        fixture.turn()
        return exchange
    }

    /// The origins of the dials so far, in order.
    private var dialled: [UInt16] { fixture.kernel.peers.compactMap(\.endpoint?.port) }

    private func accept(_ peer: ScriptedPeer) {
        peer.accept()
        fixture.turn()
    }

    /// So many connections to port 80 that have served once, idle.
    private func idlePeers(_ count: Int) -> [ScriptedPeer] {
        for number in 0..<count { lease(pool(80), client: UInt64(number)) }
        let peers = fixture.kernel.peers
        for peer in peers { accept(peer) }
        for peer in peers { fixture.respond(peer) }
        return peers
    }

    @Test("an idle connection is closed for a request to another origin, which gets its room")
    func idleElsewhere() {
        loop.setMaxConnections(1)
        let idle = fixture.idlePeer()
        lease(pool(81))
        #expect(idle.isHalfClosed && dialled == [80])
        fixture.end(idle)
        #expect(idle.isClosed && dialled == [80, 81] && loop.total.taken == 1)
    }

    @Test("room that a pool gives back goes to the pool that waited before, not to a newer request of its own")
    func waitedLonger() {
        loop.setMaxConnections(1)
        let idle = fixture.idlePeer()
        lease(pool(81))
        lease(pool(80), client: 2)
        fixture.end(idle)
        #expect(dialled == [80, 81])
    }

    @Test("no more idle connections are closed than requests wait")
    func asManyAsNeeded() {
        let idle = idlePeers(3)
        loop.setMaxConnections(3)
        lease(pool(81))
        lease(pool(81), client: 2)
        #expect(idle.map(\.isHalfClosed) == [true, true, false])
        for peer in idle.prefix(2) { fixture.end(peer) }
        #expect(dialled == [80, 80, 80, 81, 81])
    }

    @Test("a connection that becomes idle while another pool waits is closed for it")
    func idleLater() {
        loop.setMaxConnections(1)
        let busy = fixture.start(RecordingExchange())
        lease(pool(81))
        #expect(!busy.isHalfClosed)
        fixture.respond(busy)
        #expect(busy.isHalfClosed)
        fixture.end(busy)
        #expect(dialled == [80, 81])
    }

    @Test("idle connections that came while no pool waited are found by the next that does")
    func foundAgain() {
        loop.setMaxConnections(1)
        let busy = fixture.start(RecordingExchange())
        let exchange = RecordingExchange()
        let id = pool(81).lease(
            for: exchange, client: ClientID(rawValue: 1), fresh: false, mayPipeline: false, now: loop.now)
        if let id { pool(81).cancel(id, now: loop.now) }
        fixture.respond(busy)
        #expect(!busy.isHalfClosed && fixture.counts.idle == 1)
        lease(pool(81))
        #expect(busy.isHalfClosed)
    }

    @Test("pools take turns with room that comes free elsewhere")
    func turns() {
        for number in 0..<2 { lease(pool(80), client: UInt64(number)) }
        let busy = fixture.kernel.peers
        for peer in busy { accept(peer) }
        loop.setMaxConnections(2)
        lease(pool(81))
        lease(pool(81), client: 2)
        lease(pool(82))
        for peer in busy {
            fixture.send(peer, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
            fixture.end(peer)
        }
        #expect(dialled == [80, 80, 81, 82])
    }

    @Test(
        "a busy pool gives a connection up for one whose requests have waited for a second, and not for a younger one")
    func starved() {
        loop.setMaxConnections(1)
        let busy = fixture.start(RecordingExchange())
        lease(pool(81))
        fixture.advance(by: .milliseconds(1))
        for client in 2...4 { lease(pool(80), client: UInt64(client)) }
        fixture.respond(busy)
        #expect(!busy.isHalfClosed)
        fixture.advance(by: .seconds(1))
        fixture.respond(busy)
        #expect(busy.isHalfClosed)
        fixture.end(busy)
        #expect(dialled == [80, 81])
    }

    @Test("a raised limit serves those that wait")
    func raised() {
        loop.setMaxConnections(1)
        _ = fixture.start(RecordingExchange())
        lease(pool(81))
        #expect(dialled == [80])
        loop.setMaxConnections(2)
        #expect(dialled == [80, 81])
    }

    @Test("a CONNECT gets the room of an idle connection, of its own origin too")
    func tunnel() {
        loop.setMaxConnections(1)
        let idle = fixture.idlePeer()
        let exchange = RecordingExchange()
        exchange.method = .connect
        _ = fixture.pool.openTunnel(for: exchange, client: ClientID(rawValue: 1), now: loop.now)
        fixture.turn()
        #expect(idle.isHalfClosed && dialled == [80])
        fixture.end(idle)
        #expect(dialled == [80, 80])
        accept(fixture.peer)
        #expect(exchange.events == ["granted"] && fixture.counts.tunnels == 1)
    }

    @Test("a CONNECT whose client leaves ends its dial, and gives its room to the next")
    func cancelledTunnel() {
        loop.setMaxConnections(1)
        let exchange = RecordingExchange()
        let id = fixture.pool.openTunnel(for: exchange, client: ClientID(rawValue: 1), now: loop.now)
        fixture.turn()
        lease(pool(81))
        #expect(dialled == [80])
        if let id { fixture.pool.cancel(id, now: loop.now) }
        fixture.turn()
        #expect(fixture.kernel.peers[0].isClosed && dialled == [80, 81])
        #expect(exchange.events.isEmpty && fixture.pool.isUnused && fixture.pool.statistics.tunnels.failed == 1)
    }

    @Test("out of descriptors a quarter of the idle connections is closed at once")
    func descriptors() {
        #expect(!loop.relieveDescriptorPressure())
        let idle = idlePeers(5)
        #expect(loop.relieveDescriptorPressure())
        #expect(idle.map(\.isClosed) == [true, true, false, false, false])
        #expect(fixture.reasons == [.fdPressure, .fdPressure])
    }

    @Test("forgetting an origin keeps the order of the others")
    func order() {
        for port in 81...84 as ClosedRange<UInt16> { _ = pool(port) }
        #expect(loop.forget(pool(82).origin))
        #expect(loop.allPools.map(\.origin.port) == [80, 81, 83, 84])
        _ = pool(82)
        #expect(loop.allPools.map(\.origin.port) == [80, 81, 83, 84, 82])
    }
}
