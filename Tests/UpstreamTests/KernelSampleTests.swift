import Metering
import ProxyTypes
import ReactorTestSupport
import Testing
import Tuning

@testable import Upstream

/// What the kernel knows of connections, as it is counted.
@Suite("The kernel is asked about connections")
struct KernelSampleTests {
    private let fixture = UpstreamFixture()

    private func set(_ peer: ScriptedPeer, segments: Int, retransmits: Int) {
        var info = TCPInfo()
        (info.roundTripTime, info.minRoundTripTime, info.congestionWindow) = (50_000, 40_000, 12)
        (info.segmentsSent, info.retransmits, info.deliveryRate) = (segments, retransmits, 8_000_000)
        peer.info = info
    }

    @Test("at every 64th response and at the end, and each time what is new is added")
    func samples() {
        let peer = fixture.idlePeer()
        set(peer, segments: 70, retransmits: 1)
        for _ in 2...63 {
            fixture.lease(RecordingExchange())
            fixture.respond(peer)
        }
        #expect(fixture.pool.statistics.tcp.roundTripTime.isEmpty)
        fixture.lease(RecordingExchange())
        fixture.respond(peer)
        let first = fixture.pool.statistics.tcp
        #expect(first.roundTripTime.count == 1 && first.segmentsSent == 70 && first.segmentsRetransmitted == 1)
        #expect(first.deliveryRate.mean == 1_000_000 && first.congestionWindow.mean == 12)
        set(peer, segments: 75, retransmits: 3)
        fixture.end(peer)
        let last = fixture.pool.statistics.tcp
        #expect(last.minRoundTripTime.count == 2 && last.segmentsSent == 75 && last.segmentsRetransmitted == 3)
        #expect(fixture.loop.ended.connections.first?.tcp?.segmentsSent == 75)
    }

    @Test("one that failed is recorded with what the kernel knew last")
    func failed() {
        let peer = fixture.idlePeer()
        set(peer, segments: 9, retransmits: 4)
        fixture.reset(peer)
        #expect(peer.isClosed && fixture.loop.ended.connections.first?.tcp?.retransmits == 4)
    }
}
