import HTTPWire
import Metering
import Pooling
import ProxyTypes
import Reactor
import Resolving
import ReactorTestSupport
import Tuning

@testable import Upstream

/// One origin's pool over a scripted kernel: no socket, no clock, no thread.
final class UpstreamFixture {
    let kernel = ScriptedKernel()
    let reactor: Reactor
    let loop: UpstreamLoop
    let pool: UpstreamPool
    let settings: EffectiveSettings

    init(
        host: String = "127.0.0.1", resolver: Resolver = Resolver { _, _ in },
        _ change: (inout EffectiveSettings) -> Void = { _ in }
    ) {
        var settings = EffectiveSettings()
        change(&settings)
        self.settings = settings
        reactor = Reactor(kernel: kernel, readSize: 4096)
        loop = UpstreamLoop(
            reactor: reactor, resolver: resolver, total: ConnectionBudget(limit: 100), headLimits: HeadLimits(),
            seed: 1, settings: { [settings] _ in settings })
        pool = loop.pool(for: Origin(scheme: .http, host: host, port: 80))
    }

    /// Handles what has been signalled, and what that leads to.
    func turn() {
        for _ in 0..<3 { reactor.turn() }
    }

    func advance(by interval: Interval) {
        kernel.advance(by: interval)
        turn()
    }

    var peer: ScriptedPeer { kernel.peers[kernel.peers.count - 1] }

    func lease(_ exchange: RecordingExchange, mayPipeline: Bool = false) {
        _ = pool.lease(
            for: exchange, client: ClientID(rawValue: 1), fresh: false, mayPipeline: mayPipeline, now: loop.now)
    }

    /// The exchange's request is on its way over a new connection.
    func start(_ exchange: RecordingExchange) -> ScriptedPeer {
        lease(exchange)
        turn()
        let peer = peer
        peer.accept()
        turn()
        return peer
    }

    /// A connection that has served once, idle.
    func idlePeer() -> ScriptedPeer {
        let peer = start(RecordingExchange("warm"))
        respond(peer)
        return peer
    }

    func openTunnel(_ exchange: RecordingExchange) {
        exchange.method = .connect
        _ = pool.openTunnel(for: exchange, client: ClientID(rawValue: 1), now: loop.now)
    }

    var connections: [UpstreamConnection] { pool.sockets.connections }

    func startTunnel(_ exchange: RecordingExchange) -> ScriptedPeer {
        openTunnel(exchange)
        turn()
        let peer = peer
        peer.accept()
        turn()
        return peer
    }

    func respond(_ peer: ScriptedPeer, _ body: String = "") {
        send(peer, "HTTP/1.1 200 OK\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
    }

    func send(_ peer: ScriptedPeer, _ text: String) {
        peer.send(text)
        turn()
    }

    func end(_ peer: ScriptedPeer) {
        peer.end()
        turn()
    }

    func reset(_ peer: ScriptedPeer) {
        peer.reset()
        turn()
    }

    /// Reasons of the connections that have ended or are closing.
    var reasons: [CloseReason] { loop.ended.connections.compactMap(\.reason) }
    var counts: PoolCounts { pool.counts }
    /// Nothing is left of any exchange or connection.
    var isAtRest: Bool { pool.isUnused && pool.openTunnels == 0 && loop.total.taken == 0 && counts == PoolCounts() }
}
