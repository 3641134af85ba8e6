import ProxyTypes

/// How many connections a pool has, and for how many requests each.
extension AdviceRule {
    /// Requests wait for connections that others hold.
    static func poolSmall(_ facts: OriginFacts, _ bar: Bar) -> Advice? {
        // The others waited for their own dial.
        let waiting = facts.queued - facts.dials
        let waited = max(facts.queueTime.sum - facts.waited.all, 0)
        // While an origin cannot be reached, or no port is left, no pool is large enough.
        guard facts.dialFailures * 10 <= waiting, facts.fewPorts == nil,
            bar.isOver(waiting, Bar.fewest) || bar.isOver(facts.refusedByLimit, Bar.fewest),
            bar.isOver(Double(waiting + facts.refusedByLimit), Double(facts.requests) * 0.02),
            bar.isOver(waited / facts.hours, Bar.leastSaving) || bar.isOver(facts.refusedByLimit, Bar.fewest)
        else { return nil }
        let limit = facts.settings.maxConnections
        let wanted = min(limit * 2, 10_000)
        guard wanted > limit else { return nil }
        let busy = max(facts.totalTime.sum - facts.queueTime.sum, 0) / max(Double(facts.window.microseconds), 1)
        let now = Double(facts.queued) / Double(max(facts.requests, 1))
        let dialled = Double(min(facts.dials, facts.queued)) / Double(max(facts.requests, 1))
        let model = (now: Queueing.waitShare(busy: busy, of: limit), then: Queueing.waitShare(busy: busy, of: wanted))
        // Requests come in crowds: as much more often than by chance as they do now.
        let crowds = min(max((now - dialled) / max(model.now, 1e-6), 1), 100)
        let then = min(model.then * crowds, (now - dialled) * 0.5)
        return Advice(
            rule: .poolSmall, change: .set(setting: "max_connections", value: "\(wanted)"),
            text: "Requests wait until another one returns its connection: max_connections is reached.",
            evidence: [
                Evidence("requests that waited for a connection in use", waiting),
                Evidence("time that they waited", waited / facts.hours, .microsecondsPerHour),
                Evidence("requests refused as the queue was full or took too long", facts.refusedByLimit),
                Evidence("connections in use, on average", busy, .count),
                Evidence("connections at most", limit),
            ],
            prediction: Prediction(.waiting, now: now, least: 0, most: dialled * 2 + then * 1.5),
            confidence: model.now > 0.01 ? .high : .medium, isSafe: false)
    }

    /// Many more connections are held idle than were ever in use.
    static func poolLarge(_ facts: OriginFacts, _ bar: Bar) -> Advice? {
        let idle = facts.pool.meanIdle
        let wanted = max(facts.pool.mostBusy * 2, 2)
        guard facts.pool.looks >= 30, bar.isOver(idle, 10), bar.isOver(idle, Double(wanted) * 2),
            facts.settings.minIdle <= wanted, facts.settings.maxIdle > wanted
        else { return nil }
        return Advice(
            rule: .poolLarge, change: .set(setting: "max_idle", value: "\(wanted)"),
            text: "Many more connections are held idle than are ever in use.",
            evidence: [
                Evidence("idle connections, on average", idle, .count),
                Evidence("connections in use at once, at most", facts.pool.mostBusy),
                Evidence("looks at the pool", facts.pool.looks),
            ],
            prediction: Prediction(.idle, now: idle, least: 0, most: Double(wanted)), confidence: .medium,
            isSafe: false)
    }

    /// connd ends connections after so few requests that new ones are opened all the time.
    static func maxRequestsLow(_ facts: OriginFacts, _ bar: Bar) -> Advice? {
        let (ended, limit) = (min(facts.closes.maxRequests, facts.fresh), facts.settings.maxRequests)
        let learned = facts.learned?.maxRequests ?? 0
        let wanted = learned > 0 ? learned : 1000
        guard limit > 0, wanted >= limit * 2, bar.isOver(ended, Bar.fewest),
            bar.isOver(Double(ended), Double(facts.leases) * 0.02)
        else { return nil }
        let saved = Double(ended) * (1 - Double(limit) / Double(wanted))
        guard bar.isWorth(dials: saved, each: facts.waitPerDial, in: facts) else { return nil }
        let then = facts.freshShare - saved / Double(facts.leases)
        return Advice(
            rule: .maxRequestsLow, change: .set(setting: "max_requests_per_connection", value: "\(wanted)"),
            text: "Connections are retired after a few requests, though the origin would keep them.",
            evidence: [
                Evidence("connections retired by max_requests_per_connection", ended),
                Evidence("requests of one connection at most", limit),
                Evidence("requests on new connections", facts.freshShare, .share),
                Evidence("time that a request waits for a new connection", facts.waitPerDial, .microseconds),
            ],
            prediction: Prediction(
                .newConnections, now: facts.freshShare, least: max(then * 0.5, 0),
                most: then + saved / Double(facts.leases) * 0.3),
            confidence: learned > 0 ? .high : .medium, isSafe: true)
    }
}

extension AdviceRule {
    /// The host, not the pool, limits how many connections there can be.
    static func portsShort(_ facts: OriginFacts) -> Advice? {
        guard let ports = facts.fewPorts, facts.requests + facts.tunnels.opened > 0 else { return nil }
        let waiting = Double(facts.queued) / Double(max(facts.requests, 1))
        return Advice(
            rule: .portsShort,
            change: .people(
                "give connd more local addresses in source_address, or widen net.ipv4.ip_local_port_range "
                    + "(connctl ports)"),
            text: "Few local ports are left for connections to this origin, so requests wait rather than dial.",
            evidence: [
                Evidence("local ports that are free", ports.free), Evidence("of so many", ports.usable),
                Evidence("connections opened for a waiting request", facts.perHour(facts.dials), .perHour),
            ],
            prediction: Prediction(.waiting, now: waiting, least: 0, most: waiting), confidence: .high, isSafe: false)
    }
}

/// The textbook's queue: arrivals by chance, so many servers. No state.
enum Queueing {
    /// The share of requests that wait (Erlang's C formula). `busy`: servers in use on average.
    static func waitShare(busy: Double, of servers: Int) -> Double {
        guard servers > 0, busy > 0 else { return 0 }
        guard busy < Double(servers) else { return 1 }
        // Erlang's B, which has a recurrence that neither overflows nor loses digits.
        var blocked = 1.0
        for server in 1...servers { blocked = busy * blocked / (Double(server) + busy * blocked) }
        let load = busy / Double(servers)
        return blocked / (1 - load + load * blocked)
    }
}
