package import Learning
import Metering
import Pooling
import ProxyTypes
package import Tuning

/// The pool records its traffic, from which `WhatIf` tells what it would do under other settings.
extension UpstreamPool {
    /// Origins that had fewer requests have no record.
    static let requestsToRecord = 32

    /// To be called now and then. `mayBegin`: there is room for one more record.
    func noteTraffic(mayBegin: Bool, now: Instant) {
        let leases = statistics.reused + statistics.firstLeases
        if traffic == nil, mayBegin, leases >= Self.requestsToRecord, leases > notedLeases {
            let idle = sockets.connections.compactMap { $0.requestsServed > 0 ? $0.idleSince : nil }.sorted()
            traffic = RecordedTraffic(TrafficRecord(poolTotals(now: now), idle: idle, now: now))
        }
        traffic?.note(
            poolTotals(now: now), busy: machine.leases + machine.counts.waiting,
            inForce: WhatIf.Settings(settings).question(knowledge), now: now)
        notedLeases = leases
    }

    /// Nobody has asked for a while.
    func isTrafficOld(now: Instant) -> Bool { now - (traffic?.lastRequest ?? now) > .hours(1) }

    /// Nil: nothing was recorded.
    func whatIf(now: Instant) -> WhatIf? {
        noteTraffic(mayBegin: false, now: now)
        guard let record = traffic?.record else { return nil }
        return WhatIf(record, inForce: WhatIf.Settings(settings), knowledge: knowledge, now: now)
    }

    private func poolTotals(now: Instant) -> PoolTotals {
        var idle = statistics.idleGap.sum + unusedIdleTime
        for connection in sockets.connections {
            if let since = connection.idleSince, connection.requestsServed > 0 { idle += idleTime(now - since) }
        }
        return PoolTotals(
            reused: Int64(statistics.reused), first: Int64(statistics.firstLeases),
            dials: Int64(statistics.opened.total), idleTime: idle)
    }

    /// It was idle for so long, and is closed.
    func endedIdle(after age: Interval) { unusedIdleTime += idleTime(age) }

    /// Without the time for which it was held to be watched.
    private func idleTime(_ age: Interval) -> Int64 {
        min(age, settings.idleTimeout == .auto ? knowledge.retire : .infinite).microseconds
    }

    /// What is known of the origin.
    private var knowledge: WhatIf.Knowledge {
        let hint = learning.hints.named
        var known: WhatIf.Knowledge
        if let bounds = obeyedBounds {
            known = WhatIf.Knowledge(once: bounds.once, repeatable: bounds.repeatable, retire: bounds.retire)
        } else {
            let age = machine.policy.autoIdleBound(hint: hint)
            known = WhatIf.Knowledge(once: age, repeatable: age, retire: age)
        }
        known.hinted = hint.map { max($0 - settings.keepAliveMargin, .zero) }
        if let estimate = learning.learner.estimate() {
            known.limit = estimate.limit
            known.reach = learning.learner.reachOfPath + estimate.deviation
        }
        return known
    }
}

extension WhatIf.Settings {
    package init(_ settings: EffectiveSettings) {
        self.init(
            idleTimeout: settings.idleTimeout, maxIdle: settings.maxIdle, maxConnections: settings.maxConnections,
            maxLifetime: settings.maxLifetime, maxRequestsPerConnection: settings.maxRequestsPerConnection,
            queueTimeout: settings.queueTimeout)
    }
}
