import ForwardProxy
import Metering
import Pooling
import ProxyTypes
import Upstream

/// What must hold when everything is at rest.
extension World {
    /// Nothing is under way in the network, and connd waits only for clients.
    func checkRest(_ proxy: ProxyUnderTest) {
        checkSettled()
        if !isStopping, proxy.loop.clientCount > 0 {
            violated(.rest, "clients are gone, and connd still has some: \(residue(proxy))")
        }
        // An immediate stop does not end exchanges one by one.
        for pool in proxy.upstream.allPools where !proxy.isStopped {
            let gauges = pool.gauges
            if gauges.leased + gauges.waiting + gauges.dialing + gauges.draining + gauges.closing + gauges.active > 0 {
                violated(.rest, "all is quiet, and connd holds for \(pool.origin): \(residue(proxy))")
            }
        }
        checkCounters(proxy)
        checkTLS(proxy)
    }

    func checkSettled() {
        for account in ledger.accounts where account.outcome == .pending {
            switch account.sent {
            case .nothing: continue
            case .part, .whole: violated(.rest, "request \(account.request.nonce) waits for ever")
            }
        }
        checkOrder()
        checkRetries()
        for account in ledger.accounts where scenario.mustServe(account.client) {
            switch account.outcome {
            case .answered, .tunnelEnded: break
            case .pending, .refused, .cut, .unanswered, .abandoned:
                violated(.calm, "request \(account.request.nonce) ended as \(account.outcome)")
            }
        }
    }

    func residue(_ proxy: ProxyUnderTest) -> String {
        let pools = proxy.upstream.allPools.map { pool in
            let gauges = pool.gauges
            return "\(pool.origin) dialing \(gauges.dialing) idle \(gauges.idle) leased \(gauges.leased)"
                + " pinned \(gauges.pinned) draining \(gauges.draining) closing \(gauges.closing)"
                + " waiting \(gauges.waiting) active \(gauges.active) tunnels \(gauges.tunnels)"
        }.sorted().joined(separator: "; ")
        return "\(proxy.loop.clientCount) clients, \(kernel.openDescriptors) descriptors, \(pools)"
    }

    // MARK: Counters

    func checkCounters(_ proxy: ProxyUnderTest) {
        let metrics = proxy.upstream.metrics
        var statistics = proxy.upstream.forgotten
        for pool in proxy.upstream.allPools { statistics += pool.statistics }
        func equal(_ name: String, _ a: Int, _ b: Int) {
            if a != b { violated(.counters, "\(name): \(a) and \(b)") }
        }
        equal(
            "clients: accepted; closed and there", metrics.clientsAccepted,
            metrics.clientsClosed.total + proxy.loop.clientCount)
        // At rest no dial is under way.
        let open = kernel.ownConnections
        equal("connections: opened; closed and open", metrics.upstreamOpened, metrics.upstreamClosed.total + open)
        if !proxy.isStopped { equal("places taken; connections", proxy.upstream.total.taken, open) }
        let inPools = proxy.upstream.allPools.reduce(0) { $0 + $1.gauges.idle + $1.gauges.pinned + $1.gauges.leased }
        equal("pooled connections: opened; closed and open", statistics.opened.total, statistics.closed.total + inPools)
        equal("reused", metrics.upstreamReused, statistics.reused)
        equal(
            "tunnels: opened; closed and open", statistics.tunnels.opened,
            statistics.tunnels.closed + proxy.upstream.allPools.reduce(0) { $0 + $1.gauges.tunnels })
        let received = statistics.bytesReceived + statistics.tunnels.bytesReceived
        // What TLS has taken out of its records may go no further, where the connection cannot be used.
        if scenario.isCalm || received > kernel.traffic.fromOrigins || origins.allSatisfy({ $0.plan.tls == nil }) {
            equal("bytes from origins", received, kernel.traffic.fromOrigins)
        }
        if scenario.isCalm {
            equal("bytes to origins", statistics.bytesSent + statistics.tunnels.bytesSent, kernel.traffic.toOrigins)
        }
        let upgrades = MethodClass.allCases.reduce(0) { $0 + statistics.requests[RequestClass($1, .informational)] }
        equal(
            "requests: begun; ended", metrics.requests,
            statistics.requests.total - upgrades + statistics.tunnels.opened + statistics.tunnels.failed)
        equal("cut responses", metrics.responsesCut, statistics.total { $1 == .cut })
        for outcome in RetryOutcome.allCases {
            equal("retries \(outcome)", metrics.retryOutcomes[outcome], statistics.retryOutcomes[outcome])
        }
        let settled = metrics.retryOutcomes[.succeeded] + metrics.retryOutcomes[.failed]
        if settled > metrics.retryOutcomes[.sent] {
            equal("retries: sent; ended", metrics.retryOutcomes[.sent], settled)
        }
        if scenario.isCalm { checkOutcomes(statistics) }
    }

    /// Compares the counted outcomes with what clients saw.
    private func checkOutcomes(_ statistics: OriginStatistics) {
        for outcome in [OutcomeClass.success, .redirection, .clientError, .serverError] {
            let seen = ledger.accounts.count { account in
                guard case .answered(let status) = account.outcome else { return false }
                return OutcomeClass(status: status) == outcome
            }
            let counted = statistics.total { $1 == outcome }
            if seen != counted { violated(.counters, "\(seen) answers of class \(outcome), \(counted) counted") }
        }
    }
}

extension OriginStatistics {
    fileprivate func total(_ isMeant: (MethodClass, OutcomeClass) -> Bool) -> Int {
        RequestClass.allCases.reduce(0) { isMeant($1.method, $1.outcome) ? $0 + requests[$1] : $0 }
    }
}
