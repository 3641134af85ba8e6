import Metering
import Pooling
import ProxyTypes
import ReactorTestSupport
import Resolving
import Testing
import Tuning

@testable import Upstream

@Suite("An origin's name gets other addresses")
struct MovingOriginTests {
    private let resolver = ScriptedResolver()
    private let fixture: UpstreamFixture

    private static let old = IPAddress(ipv4: 0xC000_0201)
    private static let new = IPAddress(ipv4: 0xC000_0202)
    private static let response = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

    init() {
        fixture = UpstreamFixture(host: "a.example", resolver: resolver.resolver) {
            $0.idleTimeout = .fixed(.minutes(10))
            $0.connectTimeout = .seconds(30)
            $0.maxIdle = 64
            $0.maxConnections = 64
        }
    }

    /// An exchange on a connection of its own.
    private func begin() -> (RecordingExchange, ScriptedPeer) {
        let exchange = RecordingExchange()
        fixture.lease(exchange)
        if !resolver.hosts.isEmpty { resolver.answer(.addresses([Self.old])) }
        fixture.turn()
        let peer = fixture.peer
        peer.accept()
        fixture.turn()
        return (exchange, peer)
    }

    private func end(_ peer: ScriptedPeer) {
        peer.send(Self.response)
        fixture.turn()
    }

    /// The refresh ahead of the expiry brings this.
    private func refresh(_ address: IPAddress) {
        fixture.advance(by: .seconds(5))
        #expect(resolver.hosts == ["a.example"])
        resolver.answer(.addresses([address]))
        fixture.turn()
    }

    private var idle: Int { fixture.pool.counts.idle }
    private func closed(_ reason: CloseReason) -> Int { fixture.loop.metrics.upstreamClosed[reason] }

    @Test("idle connections to an address that left close within ten seconds, not all at once")
    func idleOnes() {
        let peers = (0..<8).map { _ in begin().1 }
        for peer in peers { end(peer) }
        #expect(idle == 8)
        refresh(Self.new)
        #expect(idle == 8)
        fixture.advance(by: .seconds(4))
        #expect((1...7).contains(idle))
        fixture.advance(by: .seconds(6))
        #expect(idle == 0 && closed(.dnsDrain) == 8)
    }

    @Test("they serve no new request")
    func notServing() {
        let peers = (0..<4).map { _ in begin().1 }
        for peer in peers { end(peer) }
        refresh(Self.new)
        let exchange = RecordingExchange()
        fixture.lease(exchange)
        fixture.turn()
        #expect(fixture.peer.endpoint?.address == Self.new && peers.allSatisfy { fixture.peer !== $0 })
        // Not closed because a request met them: that would end all at once.
        #expect(closed(.dnsDrain) == 0 && idle == 4)
    }

    @Test("one whose room a request needs is closed at once, though its origin does not answer the FIN")
    func givesWay() {
        let peers = (0..<64).map { _ in begin().1 }
        for peer in peers { end(peer) }
        refresh(Self.new)
        let exchange = RecordingExchange()
        fixture.lease(exchange)
        fixture.turn()
        #expect(peers.count { $0.isClosed } == 1 && peers.allSatisfy { !$0.isHalfClosed })
        #expect(closed(.dnsDrain) == 1 && fixture.peer.endpoint?.address == Self.new)
    }

    @Test("busy ones close when their exchange ends, and a new one goes to the new address")
    func busyOnes() {
        let (_, peer) = begin()
        refresh(Self.new)
        #expect(closed(.dnsDrain) == 0 && fixture.pool.counts.leased == 1)
        end(peer)
        #expect(closed(.dnsDrain) == 1 && idle == 0)
    }

    @Test("if the address comes back they stay")
    func back() {
        let peers = (0..<8).map { _ in begin().1 }
        for peer in peers { end(peer) }
        refresh(Self.new)
        fixture.advance(by: .seconds(4))
        let left = idle
        fixture.advance(by: .seconds(1))
        resolver.answer(.addresses([Self.old]))
        fixture.advance(by: .seconds(60))
        #expect(idle >= left - 2 && idle > 0)
        let exchange = RecordingExchange()
        fixture.lease(exchange)
        #expect(fixture.loop.metrics.upstreamReused == 1)
    }

    @Test("connections close no later because the name moves on")
    func movesOn() {
        let peers = (0..<60).map { _ in begin().1 }
        for peer in peers { end(peer) }
        refresh(Self.new)
        for last in 3...4 as ClosedRange<UInt32> {
            fixture.advance(by: .milliseconds(4900))
            resolver.answer(.addresses([IPAddress(ipv4: 0xC000_0200 | last)]))
        }
        fixture.advance(by: .milliseconds(300))
        #expect(idle == 0 && closed(.dnsDrain) == 60)
    }

    @Test("one that was dialled ahead to an address that left meanwhile goes too")
    func aheadOfTheMove() {
        let (_, peer) = begin()
        end(peer)
        _ = fixture.pool.prewarm(2, now: fixture.loop.now)
        fixture.turn()
        let dialled = fixture.peer
        refresh(Self.new)
        dialled.accept()
        fixture.turn()
        #expect(idle == 2)
        fixture.advance(by: .seconds(10))
        #expect(idle == 0 && closed(.dnsDrain) == 2)
    }

    @Test("the name is followed no more once the last connection has closed and the dial that was under way has failed")
    func unfollowedAfterFailure() {
        let (_, peer) = begin()
        end(peer)
        _ = fixture.pool.prewarm(2, now: fixture.loop.now)
        fixture.turn()
        let dialled = fixture.peer
        _ = fixture.pool.drain(now: fixture.loop.now)
        peer.end()
        fixture.turn()
        dialled.refuse()
        fixture.turn()
        fixture.advance(by: .seconds(30))
        #expect(resolver.hosts == [])
    }

    @Test("the name is followed only while connections are open")
    func unfollowed() {
        let (_, peer) = begin()
        end(peer)
        _ = fixture.pool.drain(now: fixture.loop.now)
        peer.end()
        fixture.turn()
        #expect(fixture.pool.openConnections == 0)
        fixture.advance(by: .minutes(1))
        #expect(resolver.hosts.isEmpty)
    }

    @Test("several addresses share the connections of a pool")
    func spread() {
        let addresses = (1...4).map { IPAddress(ipv4: 0xC000_0200 | UInt32($0)) }
        for number in 0..<8 {
            fixture.lease(RecordingExchange())
            if number == 0 { resolver.answer(.addresses(addresses)) }
            fixture.turn()
            fixture.peer.accept()
            fixture.turn()
        }
        #expect(fixture.pool.load.connections == Dictionary(uniqueKeysWithValues: addresses.map { ($0, 2) }))
        fixture.pool.kill()
        fixture.turn()
        #expect(fixture.pool.load.connections.isEmpty)
    }
}
