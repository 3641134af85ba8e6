import Metering
import Pooling
import ProxyTypes
import Reactor
import ReactorTestSupport
import Testing
import Tuning

@testable import Upstream

@Suite("Reports of a loop, and orders to it")
struct ReportTests {
    private let fixture = UpstreamFixture()
    private var loop: UpstreamLoop { fixture.loop }
    private var origin: Origin { fixture.pool.origin }

    private func numbers(of origin: Origin? = nil, _ state: ConnectionState? = nil, after: UInt64 = 0, limit: Int = 9)
        -> [UInt64]
    {
        loop.connections(of: origin, state: state, after: after, limit: limit).map(\.number)
    }

    /// One idle connection, and then a leased one.
    private func open() -> (idle: ScriptedPeer, leased: ScriptedPeer) {
        let (first, second) = (RecordingExchange("first"), RecordingExchange("second"))
        let peers = (fixture.start(first), fixture.start(second))
        fixture.respond(peers.0)
        return peers
    }

    @Test("an origin is reported when something has happened to it, and what ended is reported once")
    func changes() {
        let peer = fixture.idlePeer()
        let report = loop.takeReport()
        #expect(report.origins.map(\.origin) == [origin] && report.origins[0].gauges.idle == 1)
        #expect(report.metrics.upstreamOpened == 1 && report.ended.connections.isEmpty)
        #expect(loop.takeReport().origins.isEmpty)
        fixture.end(peer)
        let last = loop.takeReport()
        #expect(last.origins[0].gauges.idle == 0 && last.ended.connections.map(\.reason) == [.originFinIdle])
        #expect(loop.takeReport().ended.connections.isEmpty)
    }

    @Test("connections are listed by number, in parts, of one origin or state")
    func list() {
        _ = open()
        #expect(numbers() == [1, 2] && numbers(limit: 1) == [1] && numbers(after: 1) == [2] && numbers(after: 2) == [])
        #expect(numbers(.idle) == [1] && numbers(.leased) == [2] && numbers(of: origin) == [1, 2])
        #expect(numbers(of: Origin(scheme: .http, host: "127.0.0.1", port: 81)) == [])
        #expect(loop.connection(2)?.state == .leased && loop.connection(3) == nil)
    }

    private func numbers(_ state: ConnectionState) -> [UInt64] { numbers(of: nil, state) }

    @Test("a connection is closed by its number: an idle one now, a leased one after its response or by force")
    func close() {
        let peers = open()
        #expect(loop.close(connection: 9, force: false) == nil)
        #expect(loop.close(connection: 1, force: false)?.state == .idle)
        fixture.turn()
        #expect(peers.idle.isClosed)
        #expect(loop.close(connection: 2, force: false)?.state == .leased)
        fixture.turn()
        #expect(peers.leased.ending == .none && !peers.leased.isClosed)
        #expect(loop.close(connection: 2, force: true) != nil)
        fixture.turn()
        #expect(peers.leased.isClosed)
    }

    @Test("what the kernel refused of an origin's settings is told until they change")
    func refused() {
        fixture.pool.note([SocketTuning.Refusal(setting: .tcpFastOpen, cause: .failed(95))])
        #expect(loop.refusedSettings(of: origin).map(\.setting) == [.tcpFastOpen])
        #expect(loop.takeReport().ended.refusedSettings.map(\.origin) == [origin])
        var settings = fixture.settings
        settings.tcpFastOpen = false
        settings.maxIdle += 1
        loop.apply([(origin, settings)])
        #expect(loop.refusedSettings(of: origin).isEmpty)
    }
}
