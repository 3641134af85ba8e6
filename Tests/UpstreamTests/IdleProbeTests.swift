import HTTPWire
import Pooling
import ProxyTypes
import ReactorTestSupport
import Testing
import Tuning

@testable import Upstream

/// The first request after an idle minute, on a path that may have dropped the connection.
@Suite("A request after an idle minute")
struct IdleProbeTests {
    private let fixture = UpstreamFixture {
        $0.idleTimeout = .fixed(.minutes(30))
        $0.maxLifetime = .hours(2)
    }

    /// A connection that has been idle for so long, as its kernel knows.
    private func idle(_ length: Interval, in fixture: UpstreamFixture) -> ScriptedPeer {
        let peer = fixture.idlePeer()
        fixture.advance(by: length)
        set(peer, silence: length)
        return peer
    }

    private func set(_ peer: ScriptedPeer, silence: Interval, acknowledged: Int = 100) {
        var info = TCPInfo()
        info.sinceAcknowledged = Int(silence.wholeMilliseconds)
        info.bytesAcknowledged = acknowledged
        peer.info = info
    }

    private func vanish(_ peer: ScriptedPeer) {
        peer.vanish()
        fixture.turn()
    }

    @Test("what it sends may stay unacknowledged for tcp_idle_probe, until the first byte of the answer")
    func armed() {
        let peer = idle(.seconds(60), in: fixture)
        fixture.lease(RecordingExchange())
        #expect(peer.userTimeouts == [0, 10_000])
        fixture.send(peer, "H")
        #expect(peer.userTimeouts == [0, 10_000, 0])
        fixture.send(peer, "TTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        #expect(peer.userTimeouts == [0, 10_000, 0] && fixture.pool.machine.path.survived == .seconds(60))
    }

    @Test("a shorter silence changes nothing, be it that the connection was in use or that the kernel probed it")
    func notArmed() {
        let peer = idle(.milliseconds(59_999), in: fixture)
        fixture.lease(RecordingExchange())
        #expect(peer.userTimeouts == [0])
        let other = UpstreamFixture { $0.idleTimeout = .fixed(.minutes(30)) }
        let probed = idle(.minutes(10), in: other)
        set(probed, silence: .seconds(30))
        other.lease(RecordingExchange())
        #expect(probed.userTimeouts == [0])
    }

    @Test("tcp_idle_probe=0 turns it off")
    func off() {
        let other = UpstreamFixture {
            $0.idleTimeout = .fixed(.minutes(30))
            $0.tcpIdleProbe = .zero
        }
        let peer = idle(.minutes(2), in: other)
        other.lease(RecordingExchange())
        #expect(peer.userTimeouts == [0])
    }

    @Test("tcp_user_timeout stays where it is shorter, and comes back where it is longer", arguments: [3000, 60_000])
    func userTimeout(_ before: CInt) {
        let peer = fixture.idlePeer()
        peer.setUserTimeout(before)
        fixture.advance(by: .minutes(2))
        set(peer, silence: .minutes(2))
        fixture.lease(RecordingExchange())
        #expect(peer.userTimeouts.last == min(before, 10_000))
        fixture.respond(peer)
        #expect(peer.userTimeouts.last == before)
    }

    @Test("a request that was acknowledged is no longer bound by it, though its answer takes long")
    func acknowledged() {
        let peer = idle(.minutes(2), in: fixture)
        fixture.lease(RecordingExchange())
        fixture.advance(by: .milliseconds(4999))
        set(peer, silence: .zero, acknowledged: 180)
        #expect(peer.userTimeouts == [0, 10_000])
        fixture.advance(by: .milliseconds(1))
        #expect(peer.userTimeouts == [0, 10_000, 0])
        // Lost after that, it tells nothing of idle connections.
        vanish(peer)
        #expect(fixture.reasons == [.pathBlackHole] && fixture.pool.machine.path.drops == 0)
    }

    @Test("a request that was not acknowledged stays bound by it, fails as silence, and the path's limit is learned")
    func blackHole() {
        let (first, second) = (RecordingExchange("first"), RecordingExchange("second"))
        let peers = (fixture.start(first), fixture.start(second))
        fixture.respond(peers.0)
        // Within headers_timeout.
        fixture.advance(by: .seconds(50))
        fixture.respond(peers.1)
        fixture.advance(by: .seconds(200))
        set(peers.1, silence: .seconds(200))
        // The one that was used last goes first.
        let exchange = RecordingExchange()
        fixture.lease(exchange)
        fixture.advance(by: .seconds(5))
        #expect(peers.1.userTimeouts == [0, 10_000])
        fixture.advance(by: .seconds(5))
        vanish(peers.1)
        #expect(exchange.events == ["granted reused", "silence before response"])
        // The other had been idle for longer than the path is now thought to keep connections.
        #expect(fixture.reasons == [.learnedIdleBound, .pathBlackHole] && peers.0.isHalfClosed)
        let path = fixture.loop.path(to: fixture.pool.origin)
        #expect(path?.limit.dropped == .seconds(200) && path?.bound == .seconds(100))
        let drops = fixture.loop.takeReport().ended.pathDrops
        #expect(drops.map(\.silence) == [.seconds(200)] && drops.map(\.connection) == [2])
    }

    @Test("a reset or the origin's end after an idle minute is no silence", arguments: [true, false])
    func toldByTheOrigin(_ isReset: Bool) {
        let peer = idle(.minutes(5), in: fixture)
        let exchange = RecordingExchange()
        fixture.lease(exchange)
        if isReset { fixture.reset(peer) } else { fixture.end(peer) }
        #expect(exchange.events == ["granted reused", isReset ? "reset before response" : "lost before response"])
        #expect(fixture.reasons == [.originClosedMidResponse] && fixture.pool.machine.path == PathLimit())
    }

    @Test("an idle connection whose keep-alive probes are not answered is lost on its path, and shows the path's limit")
    func keepAlive() throws {
        let settings = try #require(TCPKeepalive(idle: .seconds(90), interval: .seconds(10), count: 3))
        for (idle, limit) in [(Interval.seconds(120), Interval.seconds(90)), (.seconds(300), .zero)] {
            let fixture = UpstreamFixture {
                $0.idleTimeout = .fixed(.minutes(30))
                $0.tcpKeepalive = settings
            }
            let peer = fixture.idlePeer()
            fixture.advance(by: idle)
            peer.vanish()
            fixture.turn()
            #expect(fixture.reasons == [.pathBlackHole] && fixture.pool.machine.path.dropped == limit)
        }
    }
}
