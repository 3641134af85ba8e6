import Metering
import Pooling
import ProxyTypes
import ReactorTestSupport
import Synchronization
import Testing
import Tuning

@testable import Upstream

#if canImport(Glibc)
    import Glibc
#endif

@Suite("Local ports run short")
struct PortTests {
    private func applyShortage(_ fixture: UpstreamFixture, dials: Int = 0) throws {
        let path = try #require(fixture.loop.portPaths(limit: 10).first?.paths.first)
        let shortage = PortShortage(path: path, free: 7, usable: 200, dials: dials)
        fixture.loop.apply([fixture.pool.origin: shortage], dialsUntilNext: 4)
        fixture.turn()
    }

    // MARK: Dials without a port

    @Test("a request whose dial finds no port waits, and is served when a connection comes free")
    func waits() {
        let fixture = UpstreamFixture()
        let (first, second) = (RecordingExchange("first"), RecordingExchange("second"))
        let peer = fixture.start(first)
        fixture.kernel.connectErrors = [EADDRNOTAVAIL]
        fixture.lease(second)
        fixture.turn()
        #expect(second.events.isEmpty && fixture.loop.metrics.dialsWithoutPort == 1)
        fixture.respond(peer)
        #expect(second.events.first == "granted reused")
        #expect(fixture.loop.metrics.dialFailures.total == 0)
    }

    @Test("it is dialled for again, after a delay")
    func again() {
        let fixture = UpstreamFixture()
        fixture.kernel.connectErrors = [EADDRNOTAVAIL, EADDRNOTAVAIL]
        let exchange = RecordingExchange()
        fixture.lease(exchange)
        fixture.turn()
        fixture.advance(by: .milliseconds(60))
        #expect(fixture.loop.metrics.dialsWithoutPort == 2 && exchange.events.isEmpty)
        fixture.advance(by: .milliseconds(120))
        fixture.peer.accept()
        fixture.turn()
        #expect(exchange.events == ["granted"])
    }

    @Test("after queue_timeout it is refused for want of a port, in words that name the remedies")
    func refused() throws {
        let fixture = UpstreamFixture { $0.queueTimeout = .milliseconds(40) }
        fixture.kernel.connectErrors = [EADDRNOTAVAIL]
        let exchange = RecordingExchange()
        fixture.lease(exchange)
        fixture.advance(by: .milliseconds(40))
        let error = try #require(exchange.refusal)
        #expect(error.kind == .connectionLimitReached)
        for part in ["ip_local_port_range", "source_address", "connctl ports"] { #expect(error.detail.contains(part)) }
    }

    @Test("a dial without a port calls for a census at once, and so do many dials")
    func calls() {
        let fixture = UpstreamFixture()
        let calls = Calls()
        fixture.loop.census.call = { calls.count() }
        fixture.kernel.connectErrors = [EADDRNOTAVAIL]
        fixture.lease(RecordingExchange())
        fixture.turn()
        #expect(calls.all == 1)
        fixture.loop.apply([:], dialsUntilNext: 2)
        for _ in 0..<2 {
            fixture.lease(RecordingExchange())
            fixture.turn()
            fixture.peer.accept()
            fixture.turn()
        }
        #expect(calls.all == 2)
    }

    @Test("a dial without a port makes its path known, so that a census counts it")
    func pathOfFailure() {
        let fixture = UpstreamFixture()
        fixture.kernel.connectErrors = [EADDRNOTAVAIL]
        fixture.lease(RecordingExchange())
        fixture.turn()
        #expect(fixture.loop.portPaths(limit: 10).first?.paths.map(\.description) == ["127.0.0.1 to 127.0.0.1:80"])
    }

    @Test("an address that the host cannot connect from is no lack of ports")
    func noAddress() throws {
        let fixture = UpstreamFixture()
        fixture.kernel.source = nil
        fixture.kernel.connectErrors = [EADDRNOTAVAIL]
        let exchange = RecordingExchange()
        fixture.lease(exchange)
        fixture.turn()
        #expect(exchange.refusal?.kind == .destinationUnavailable)
        #expect(fixture.loop.metrics.dialsWithoutPort == 0)
    }

    @Test("the next source address is tried where one has no port left")
    func nextSource() {
        let own = [IPAddress(ipv4: 0x0A00_0001), IPAddress(ipv4: 0x0A00_0002)]
        let fixture = UpstreamFixture { $0.sourceAddress = own }
        fixture.kernel.connectErrors = [EADDRNOTAVAIL]
        let exchange = RecordingExchange()
        let peer = fixture.start(exchange)
        #expect(exchange.events == ["granted"] && peer.source == own[1])
        #expect(fixture.loop.metrics.dialsWithoutPort == 0)
    }

    @Test("a source address that is not the host's is named")
    func wrongSource() throws {
        let fixture = UpstreamFixture { $0.sourceAddress = [IPAddress(ipv4: 0x0A00_0009)] }
        fixture.kernel.addresses = [IPAddress(ipv4: 0x0A00_0001)]
        fixture.kernel.connectErrors = [EADDRNOTAVAIL]
        let exchange = RecordingExchange()
        fixture.lease(exchange)
        fixture.turn()
        let error = try #require(exchange.refusal)
        #expect(error.kind == .destinationUnavailable && error.detail.contains("source_address (10.0.0.9)"))
    }

    // MARK: Few are left

    @Test("while few are left a request waits for the connection that there is")
    func few() throws {
        let fixture = UpstreamFixture()
        let peer = fixture.start(RecordingExchange("first"))
        try applyShortage(fixture, dials: 3)
        let second = RecordingExchange("second")
        fixture.lease(second)
        fixture.turn()
        #expect(second.events.isEmpty && fixture.kernel.peers.count == 1)
        fixture.respond(peer)
        #expect(second.events == ["granted reused"])
    }

    @Test("a refusal tells how few")
    func fewRefused() throws {
        let fixture = UpstreamFixture { $0.maxQueue = 0 }
        _ = fixture.start(RecordingExchange("first"))
        try applyShortage(fixture)
        let exchange = RecordingExchange()
        fixture.lease(exchange)
        fixture.turn()
        let error = try #require(exchange.refusal)
        #expect(error.kind == .connectionLimitReached)
        #expect(error.detail.hasPrefix("only 7 of 200 local ports are free from 127.0.0.1 to 127.0.0.1:80"))
        fixture.loop.apply([:], dialsUntilNext: 4)
        let next = RecordingExchange()
        fixture.lease(next)
        fixture.turn()
        #expect(next.refusal == nil && fixture.kernel.peers.count == 2)
    }

    // MARK: Closing without TIME_WAIT

    @Test("where ports are short an idle connection ends by a reset, when its origin has had time to read all")
    func reset() throws {
        let fixture = UpstreamFixture()
        let peer = fixture.idlePeer()
        try applyShortage(fixture)
        fixture.advance(by: .seconds(1))
        _ = fixture.pool.shedIdle(1, .poolShrink, now: fixture.loop.now)
        #expect(peer.isClosed && peer.ending == .reset && fixture.isAtRest)
    }

    @Test("one that was in use a moment ago is reset later, unless the origin ends it first", arguments: [false, true])
    func resetLater(endsFirst: Bool) throws {
        let fixture = UpstreamFixture()
        let peer = fixture.idlePeer()
        try applyShortage(fixture)
        _ = fixture.pool.shedIdle(1, .maxLifetime, now: fixture.loop.now)
        #expect(!peer.isClosed && peer.ending == .none && fixture.counts.closing == 1)
        if endsFirst { fixture.end(peer) } else { fixture.advance(by: .seconds(1)) }
        #expect(peer.isClosed && peer.ending == (endsFirst ? .fin : .reset))
    }

    @Test(
        "it is never reset with bytes that have not been read, here or there", arguments: ["unread", "unacknowledged"])
    func notReset(cause: String) throws {
        let fixture = UpstreamFixture()
        let peer = fixture.idlePeer()
        try applyShortage(fixture)
        fixture.kernel.advance(by: .seconds(2))
        if cause == "unread" { peer.unread = [65] } else { fixture.kernel.acknowledges = false }
        _ = fixture.pool.shedIdle(1, .poolShrink, now: fixture.loop.now)
        #expect(!peer.isClosed)
        fixture.kernel.advance(by: .seconds(3))
        fixture.turn()
        #expect(peer.ending == .fin)
    }

    @Test("where ports are ample it ends with a FIN, as ever")
    func polite() {
        let fixture = UpstreamFixture()
        let peer = fixture.idlePeer()
        fixture.advance(by: .seconds(2))
        _ = fixture.pool.shedIdle(1, .poolShrink, now: fixture.loop.now)
        #expect(peer.isHalfClosed)
    }

    @Test("the port of a connection that leaves no TIME_WAIT is dialled from at once", arguments: [true, false])
    func returned(originEndsFirst: Bool) throws {
        let fixture = UpstreamFixture()
        let peer = fixture.start(RecordingExchange("first"))
        try applyShortage(fixture)
        let second = RecordingExchange("second")
        fixture.lease(second)
        fixture.turn()
        if originEndsFirst {
            fixture.end(peer)
        } else {
            fixture.pool.kill()
            fixture.turn()
        }
        #expect(fixture.kernel.peers.count == (originEndsFirst ? 2 : 1))
    }

    // MARK: Paths

    @Test("each source address has a path of its own, also before anything is dialled from it")
    func sourcePaths() {
        let own = [IPAddress(ipv4: 0x0A00_0001), IPAddress(ipv4: 0x0A00_0002)]
        let fixture = UpstreamFixture { $0.sourceAddress = own }
        _ = fixture.start(RecordingExchange())
        #expect(Set(fixture.loop.portPaths(limit: 10).first?.paths.map(\.source) ?? []) == Set(own))
    }

    @Test("paths are those of open connections and of those dialled within two minutes")
    func paths() {
        let fixture = UpstreamFixture()
        let peer = fixture.idlePeer()
        #expect(fixture.loop.portPaths(limit: 10).first?.paths.count == 1)
        fixture.end(peer)
        fixture.advance(by: .seconds(119))
        #expect(fixture.loop.portPaths(limit: 10).first?.paths.count == 1)
        fixture.advance(by: .seconds(2))
        #expect(fixture.loop.portPaths(limit: 10).isEmpty)
    }
}

/// Shared, as the loop may be called from elsewhere.
private final class Calls: Sendable {
    private let counted = Mutex(0)
    func count() { counted.withLock { $0 += 1 } }
    var all: Int { counted.withLock { $0 } }
}
