import Metering
import ProxyTypes
import TLS
import Upstream

/// What must hold of TLS.
extension World {
    /// At rest, and again after the stop.
    func checkTLS(_ proxy: ProxyUnderTest) {
        let watch = proxy.tls
        if watch.underWay > 0 { violated(.rest, "\(watch.underWay) handshakes are left over") }
        let waiting = watch.loop.waitingHandshakes
        if waiting > 0 { violated(.rest, "\(waiting) handshakes wait at rest") }
        var statistics = proxy.upstream.forgotten.tls
        for pool in proxy.upstream.allPools { statistics += pool.statistics.tls }
        func equal(_ name: String, _ a: Int, _ b: Int) {
            if a != b { violated(.counters, "\(name): \(a) and \(b)") }
        }
        equal("handshakes: done; counted", watch.succeeded, statistics.handshakes.total)
        // Those that take too long are cancelled.
        let timedOut = statistics.failures[.timedOut]
        equal("handshakes: failed; counted", watch.failed, statistics.failures.total - timedOut)
        if timedOut > watch.cancelled { equal("handshakes: timed out; cancelled", timedOut, watch.cancelled) }
        guard scenario.isCalm else { return }
        equal("handshakes that failed in calm", watch.failed + timedOut, 0)
        for reason in [CloseReason.originFinIdle, .unsolicitedBytes, .tlsFailed] {
            equal("connections closed in calm by \(reason)", proxy.upstream.metrics.upstreamClosed[reason], 0)
        }
    }

    /// Between two rounds.
    func watchTLS(_ proxy: ProxyUnderTest) {
        if proxy.tls.loop.sessionsAreAwaitedFromNobody {
            violated(.waiting, "a handshake waits for a session that nobody will bring")
        }
    }
}
