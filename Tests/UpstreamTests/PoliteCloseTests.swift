import Pooling
import ProxyTypes
import ReactorTestSupport
import Testing
import Tuning

@testable import Upstream

@Suite("How an upstream connection closes")
struct PoliteCloseTests {
    /// A connection that was drained while it was leased, and has now answered.
    private func lingering(_ linger: Interval = .seconds(2)) -> (UpstreamFixture, ScriptedPeer) {
        let fixture = UpstreamFixture { $0.closeLinger = linger }
        let exchange = RecordingExchange()
        let peer = fixture.start(exchange)
        _ = fixture.pool.drain(.settingsChanged, now: fixture.loop.now)
        #expect(exchange.events == ["granted"] && peer.ending == .none)
        fixture.respond(peer)
        #expect(exchange.events == ["granted", "200", "ended"] && fixture.reasons == [.settingsChanged])
        return (fixture, peer)
    }

    @Test("a connection that is drained while leased closes politely when its response is whole")
    func drained() {
        let (fixture, peer) = lingering()
        #expect(peer.isHalfClosed && fixture.counts.closing == 1)
        fixture.send(peer, "dropped")
        #expect(!peer.isClosed)
        fixture.end(peer)
        #expect(peer.isClosed && fixture.isAtRest && fixture.reasons == [.settingsChanged])
    }

    @Test("the linger ends with a reset, after close_linger, or when too much comes")
    func lingerEnds() {
        let (resetting, first) = lingering()
        resetting.reset(first)
        #expect(first.isClosed && resetting.isAtRest)
        let (silent, second) = lingering()
        silent.advance(by: .milliseconds(1999))
        #expect(!second.isClosed)
        silent.advance(by: .milliseconds(2))
        #expect(second.isClosed && silent.isAtRest)
        let (talkative, third) = lingering()
        for _ in 0..<16 { talkative.send(third, String(repeating: "x", count: 4096)) }
        #expect(!third.isClosed)
        talkative.send(third, "x")
        #expect(third.isClosed && talkative.isAtRest && talkative.reasons == [.settingsChanged])
    }

    @Test("without close_linger it closes at once")
    func noLinger() {
        let (fixture, peer) = lingering(.zero)
        #expect(peer.isClosed && fixture.isAtRest)
    }

    @Test("an operator's forced close ends the linger")
    func forced() {
        let (fixture, peer) = lingering()
        fixture.pool.kill()
        #expect(peer.isClosed && fixture.isAtRest && fixture.reasons == [.settingsChanged])
    }

    @Test("an idle connection closes as its reason says, or at once where its place is needed")
    func manners() {
        for (reason, abruptly, isPolite) in [
            (.maxLifetime, false, true), (.poolShrink, false, true), (.poolShrink, true, false),
            (.fdPressure, false, false), (.distrusted, false, false),
        ] as [(CloseReason, Bool, Bool)] {
            let fixture = UpstreamFixture()
            let peer = fixture.idlePeer()
            _ = fixture.pool.shedIdle(1, reason, abruptly: abruptly, now: fixture.loop.now)
            #expect(peer.isClosed == !isPolite && peer.isHalfClosed == isPolite, "\(reason.name)")
            #expect(fixture.reasons == [reason])
        }
    }

    @Test(
        "after a response that says so the origin has a quarter of a second to send its FIN first",
        arguments: [true, false])
    func connectionClose(originEndsFirst: Bool) {
        let fixture = UpstreamFixture()
        let exchange = RecordingExchange()
        let peer = fixture.start(exchange)
        fixture.send(peer, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
        #expect(exchange.events.last == "ended" && peer.ending == .none && fixture.counts.closing == 1)
        #expect(fixture.reasons == [.originConnectionClose])
        if !originEndsFirst {
            fixture.advance(by: .milliseconds(250))
            #expect(peer.isHalfClosed)
        }
        fixture.end(peer)
        #expect(fixture.isAtRest)
    }
}
