import Metering
import ProxyTypes
import ReactorTestSupport
import Testing
import Tuning

@testable import Upstream

/// Congestion windows that idleness takes away, as they are counted.
@Suite("A long request on a connection that was idle")
struct SlowStartTests {
    private let fixture = UpstreamFixture { $0.idleTimeout = .fixed(.minutes(30)) }

    private func set(
        _ peer: ScriptedPeer, window: Int = 320, silence: Int, threshold: Int = 0, peerWindow: Int = 4 << 20
    ) {
        var info = TCPInfo()
        (info.roundTripTime, info.minRoundTripTime) = (66_000, 50_000)
        (info.retransmissionTimeout, info.maximumSegment) = (250_000, 1000)
        (info.congestionWindow, info.slowStartThreshold, info.peerWindow) = (window, threshold, peerWindow)
        info.sinceDataSent = silence
        peer.info = info
    }

    private func upload(_ bytes: Int = 1_000_000, in fixture: UpstreamFixture) -> RecordingExchange {
        let exchange = RecordingExchange()
        exchange.uploads = bytes
        fixture.lease(exchange)
        return exchange
    }

    private var counted: SlowStartStatistics { fixture.pool.statistics.slowStart }

    @Test("begins with the initial window, and takes as many round trips more as it doubles fewer")
    func collapsed() {
        let peer = fixture.idlePeer()
        fixture.advance(by: .seconds(42))
        set(peer, silence: 42_000)
        // 10, 30, 70, 150, 310, 630, 1270 segments and 320, 960, 2240.
        let restart = upload(in: fixture).restart
        #expect(
            restart
                == WindowRestart(idle: 42_000, windowBefore: 320, window: 10, roundTrips: 4, roundTripTime: 50_000))
        #expect(counted.uploads == 1 && counted.collapsed == 1 && counted.costly == 1)
        #expect(counted.roundTripsLost == 4 && counted.timeLost == 200_000)
        #expect(fixture.loop.takeReport().origins.first?.statistics.slowStart == counted)
    }

    @Test("costs less where the origin's window or an earlier loss holds the connection back")
    func heldBack() {
        let peer = fixture.idlePeer()
        fixture.advance(by: .seconds(42))
        // 10, 30, 70, 134, 198, … 64 at a time and 64, 128, …
        set(peer, window: 64, silence: 42_000, threshold: 32)
        #expect(upload(319_000, in: fixture).restart?.roundTrips == 2)
        fixture.respond(peer)
        fixture.advance(by: .seconds(42))
        // The origin takes 20 segments at first: 10, 30, 70 and 20, 60, 140.
        set(peer, silence: 42_000, peerWindow: 20_000)
        #expect(upload(59_000, in: fixture).restart?.roundTrips == 1)
    }

    @Test("is as fast as before within the time-out, and counts no collapse")
    func kept() {
        let peer = fixture.idlePeer()
        fixture.advance(by: .milliseconds(200))
        set(peer, silence: 240)
        #expect(upload(in: fixture).restart == nil)
        #expect(counted.uploads == 1 && counted.collapsed == 0)
    }

    @Test("is as fast as before where tcp_slow_start_after_idle is off")
    func turnedOff() {
        fixture.loop.slowStartAfterIdle = false
        let peer = fixture.idlePeer()
        fixture.advance(by: .seconds(42))
        set(peer, silence: 42_000)
        #expect(upload(in: fixture).restart == nil)
        #expect(counted.uploads == 1 && counted.collapsed == 0)
    }

    @Test("is not looked at where the connection was idle for less than 200 ms, or where it fits the initial window")
    func notLookedAt() {
        let peer = fixture.idlePeer()
        fixture.advance(by: .milliseconds(199))
        set(peer, silence: 42_000)
        #expect(upload(in: fixture).restart == nil)
        fixture.respond(peer)
        fixture.advance(by: .seconds(1))
        #expect(upload(9900, in: fixture).restart == nil)
        #expect(counted == SlowStartStatistics())
    }

    @Test("gains by reuse_order: widest what the window of the connection used last would have cost it")
    func widest() {
        let fixture = UpstreamFixture {
            $0.idleTimeout = .fixed(.minutes(30))
            $0.reuseOrder = .widest
        }
        let (first, second) = (RecordingExchange("first"), RecordingExchange("second"))
        let peers = (fixture.start(first), fixture.start(second))
        set(peers.0, window: 160, silence: 10)
        fixture.respond(peers.0)
        set(peers.1, window: 20, silence: 10)
        fixture.respond(peers.1)
        // 160, 480, 1120 and 20, 60, 140, 300, 620, 1260.
        let exchange = upload(in: fixture)
        #expect(exchange.connection?.number == 1 && exchange.restart == nil)
        let counted = fixture.pool.statistics.slowStart
        #expect(counted.uploads == 1 && counted.widened == 1 && counted.collapsed == 0)
        #expect(counted.roundTripsGained == 3 && counted.timeGained == 150_000)
    }

    // MARK: Answers

    private func answer(_ peer: ScriptedPeer, _ parts: [(after: Interval, bytes: Int)], in fixture: UpstreamFixture) {
        let length = parts.reduce(0) { $0 + $1.bytes }
        fixture.lease(RecordingExchange())
        fixture.send(peer, "HTTP/1.1 200 OK\r\nContent-Length: \(length)\r\n\r\n")
        for part in parts {
            fixture.advance(by: part.after)
            fixture.send(peer, String(repeating: "x", count: part.bytes))
        }
    }

    /// As over a path with a round trip of 100 ms.
    private func farPeer() -> ScriptedPeer {
        fixture.lease(RecordingExchange("warm"))
        fixture.turn()
        fixture.advance(by: .milliseconds(100))
        fixture.peer.accept()
        fixture.turn()
        fixture.respond(fixture.peer)
        return fixture.peer
    }

    @Test("what an answer brings in its first round trip is counted by how long the origin was silent before")
    func firstRoundTrips() {
        let peer = farPeer()
        let parts: [(Interval, Int)] = [
            (.milliseconds(0), 1000), (.milliseconds(74), 600), (.milliseconds(30), 1000), (.zero, 1000),
        ]
        answer(peer, parts, in: fixture)
        #expect(counted.answersKept.answers == 1 && counted.answersKept.bytes == 1600)
        fixture.advance(by: .milliseconds(500))
        answer(peer, parts, in: fixture)
        #expect(counted.answersKept.answers == 1 && counted.answersIdle.answers == 0)
        fixture.advance(by: .seconds(1))
        answer(peer, [(.zero, 700), (.milliseconds(100), 2000), (.zero, 900)], in: fixture)
        #expect(counted.answersIdle.answers == 1 && counted.answersIdle.bytes == 700)
        // One that comes within a round trip tells nothing.
        answer(peer, [(.zero, 1000), (.milliseconds(60), 1000), (.zero, 1000)], in: fixture)
        #expect(counted.answersKept.answers == 1 && counted.answersFresh.answers == 0)
    }
}
