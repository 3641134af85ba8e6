import HTTPWire
import Learning
import Metering
import Pooling
import ProxyTypes
import ReactorTestSupport
import Testing
import Tuning

@testable import Upstream

/// What a pool learns of an origin that closes idle connections after 5 s.
@Suite("A pool learns how long its origin keeps idle connections")
struct LearningTests {
    private static let limit = Interval.seconds(5)

    private func fixture(_ change: (inout EffectiveSettings) -> Void = { _ in }) -> UpstreamFixture {
        UpstreamFixture {
            $0.idleExploration = true
            change(&$0)
        }
    }

    private func post() -> RecordingExchange {
        let exchange = RecordingExchange("post")
        exchange.method = .post
        return exchange
    }

    /// A connection serves once, and the origin closes it at its limit.
    private func close(_ fixture: UpstreamFixture, after limit: Interval = limit) {
        let peer = fixture.idlePeer()
        fixture.advance(by: limit)
        fixture.end(peer)
        fixture.advance(by: .seconds(2))
    }

    @Test("an idle connection whose time is over is watched, serves no request, and its end by the origin teaches")
    func watches() {
        let fixture = fixture()
        let peer = fixture.idlePeer()
        fixture.advance(by: .milliseconds(4_500))
        #expect(!peer.isClosed && fixture.counts.idle == 1 && fixture.reasons.isEmpty)
        let exchange = RecordingExchange("other")
        let fresh = fixture.start(exchange)
        #expect(exchange.events == ["granted"] && fresh !== peer)
        fixture.advance(by: .milliseconds(500))
        fixture.end(peer)
        #expect(fixture.reasons == [.originFinIdle] && fixture.pool.learning.learner.closes == 1)
        #expect(fixture.pool.learning.bounds.state == .tentative)
    }

    @Test(
        "three closes make a limit: then a GET takes what is just below it, a POST only what is well below",
        arguments: [(4_880, HTTPWire.Method.get, true), (4_880, .post, false), (4_000, .post, true)])
    func obeys(age: Int64, method: HTTPWire.Method, isReused: Bool) throws {
        let fixture = fixture()
        for _ in 0..<3 { close(fixture) }
        let learning = fixture.pool.learning
        #expect(learning.bounds.state == .learned && learning.isObeyed && learning.changed != nil)
        let limit = try #require(learning.learner.estimate()?.limit)
        #expect(abs((limit - Self.limit).wholeMilliseconds) < 50, "\(limit)")
        _ = fixture.idlePeer()
        fixture.advance(by: .milliseconds(age))
        let (exchange, count) = (RecordingExchange("next"), fixture.kernel.peers.count)
        exchange.method = method
        exchange.isRetryable = method == .get
        fixture.lease(exchange)
        fixture.turn()
        #expect((fixture.kernel.peers.count == count) == isReused)
    }

    @Test("an operator's own idle_timeout is obeyed instead, and nothing is held on for it")
    func fixed() {
        let fixture = fixture { $0.idleTimeout = .fixed(.seconds(30)) }
        for _ in 0..<4 { close(fixture) }
        #expect(fixture.pool.learning.bounds.state == .learned)
        _ = fixture.idlePeer()
        fixture.advance(by: .milliseconds(4_990))
        let exchange = post()
        let count = fixture.kernel.peers.count
        fixture.lease(exchange)
        #expect(exchange.events == ["granted reused"] && fixture.kernel.peers.count == count)
        fixture.respond(fixture.peer)
        fixture.advance(by: .seconds(31))
        #expect(fixture.reasons.last == .idleTimeout && fixture.counts.idle == 0)
    }

    @Test("without exploration no connection is held on")
    func off() {
        let fixture = fixture { $0.idleExploration = false }
        _ = fixture.idlePeer()
        fixture.advance(by: .milliseconds(4_100))
        #expect(fixture.reasons == [.idleTimeout] && fixture.counts.idle == 0)
    }

    @Test("without exploration what was learned bounds reuse only: otherwise a limit could not be seen to have grown")
    func stays() {
        let fixture = fixture { $0.idleExploration = false }
        for _ in 0..<3 { close(fixture, after: .seconds(2)) }
        #expect(fixture.pool.learnedIdleBound == .seconds(4))
        let peer = fixture.idlePeer()
        fixture.advance(by: .milliseconds(1_990))
        #expect(!peer.isClosed && fixture.counts.idle == 1)
        let count = fixture.kernel.peers.count
        fixture.lease(post())
        fixture.turn()
        #expect(fixture.kernel.peers.count == count + 1)
    }

    @Test("a request that is lost to the origin's close teaches its age, and one that is answered proves it")
    func races() {
        let fixture = fixture { $0.idleTimeout = .fixed(.seconds(60)) }
        let peer = fixture.idlePeer()
        fixture.advance(by: .seconds(10))
        fixture.lease(RecordingExchange("alive"))
        fixture.respond(peer)
        #expect(fixture.pool.learning.learner.closes == 0)
        fixture.advance(by: .seconds(20))
        let lost = RecordingExchange("lost")
        fixture.lease(lost)
        fixture.end(peer)
        #expect(fixture.pool.learning.learner.closes == 1 && fixture.pool.learning.bounds.state == .tentative)
    }

    @Test(
        "a request kept from a connection of unsafe age is counted, and as a race prevented where its bytes came too late",
        arguments: [(39, 1), (41, 0)])
    func prevents(delay: Int64, prevented: Int) throws {
        let fixture = fixture()
        for _ in 0..<3 { close(fixture) }
        let peer = fixture.idlePeer()
        fixture.advance(by: .milliseconds(4_900))
        let count = fixture.kernel.peers.count
        fixture.lease(post())
        fixture.turn()
        #expect(fixture.kernel.peers.count == count + 1)
        var info = TCPInfo()
        (info.roundTripTime, info.minRoundTripTime) = (40_000, 40_000)
        peer.info = info
        fixture.advance(by: .milliseconds(delay))
        fixture.end(peer)
        let races = fixture.pool.statistics.races
        #expect(races.passedOver == 1 && races.prevented == prevented)
    }

    @Test("what was learned comes with the next report, once, and a later pool knows it from the start")
    func kept() throws {
        let fixture = fixture()
        for _ in 0..<3 { close(fixture) }
        let kept = try #require(fixture.loop.takeReport().ended.learned.last)
        #expect(kept.origin == fixture.pool.origin && !kept.state.isEmpty && kept.changed != nil)
        #expect(fixture.loop.takeReport().ended.learned.isEmpty)
        let next = self.fixture()
        let other = Origin(scheme: .http, host: "10.0.0.9", port: 80)
        next.loop.restoreLearning([other: LearnedLimit(origin: other, state: kept.state, changed: kept.changed)])
        let pool = next.loop.pool(for: other)
        #expect(pool.learning.isObeyed && pool.learning.learner.estimate()?.hits == 3)
        #expect(next.loop.forgetLearned(other) && !pool.learning.isObeyed && !next.loop.forgetLearned(other))
        #expect(next.loop.takeReport().ended.learned == [LearnedLimit(origin: other, state: [], changed: nil)])
    }

    @Test("bytes that are not a learner's are not believed")
    func spoiled() {
        let fixture = fixture()
        let other = Origin(scheme: .http, host: "10.0.0.9", port: 80)
        fixture.loop.restoreLearning([other: LearnedLimit(origin: other, state: [1, 2, 3], changed: 5)])
        #expect(fixture.loop.pool(for: other).learning.bounds.state == .unknown)
    }

    @Test("a hint that changes is told, and holds until closes say otherwise")
    func hints() {
        let fixture = fixture()
        let peer = fixture.start(RecordingExchange("first"))
        fixture.send(peer, "HTTP/1.1 200 OK\r\nKeep-Alive: timeout=20\r\nContent-Length: 0\r\n\r\n")
        #expect(fixture.pool.learning.bounds.state == .hinted && !fixture.pool.learning.isObeyed)
        fixture.advance(by: .milliseconds(18_900))
        #expect(fixture.counts.idle == 1 && fixture.reasons.isEmpty)
    }
}
