import ProxyTypes
import Tuning

/// Many clients of one origin at the same time, and few other events.
extension ScenarioGenerator {
    /// They send two requests each, all at the same two times. The connections of the first requests are dead by the
    /// second ones: the origin ends each at its next request, or has lost their state.
    mutating func makeStampede() -> Scenario {
        // After the shorter gap the first requests still count for the retry budget, after the longer one they do not.
        let gap: Interval = chance(50) ? .milliseconds(800) : .seconds(12)
        let restarts = chance(30)
        let kind: AnswerPlan.Fault.Kind = pick(.fin, .reset)
        let origin = makeCrowded(maxConnections: pick(16, 64, 64))
        let clients = (0..<pick(from: 20, to: 40)).map { _ in
            var first = RequestPlan(nonce: nextNonce(), origin: 0)
            // Long enough that no other client gets its connection.
            first.answers = [AnswerPlan(delay: .milliseconds(100))]
            var second = RequestPlan(nonce: nextNonce(), origin: 0)
            second.verb = pick(.get, .get, .get, .head, .delete, .post)
            if second.verb == .post { second.body = RequestPlan.Body(size: 20, isChunked: false) }
            second.think = gap
            if !restarts { second.answers = [AnswerPlan(fault: AnswerPlan.Fault(kind: kind, at: 0)), AnswerPlan()] }
            return ClientPlan(start: milliseconds(0, 2), requests: [first, second])
        }
        let restart = Happening(at: .milliseconds(400), what: .restart(origin: 0))
        // Longer than the time between the clients: each is served before the connections of others are known to be
        // dead.
        return makeCrowd(.nowhere, origin, clients, latency: .milliseconds(5), restarts ? [restart] : [])
    }

    /// They wait for few connections, some with one request and some with several at once.
    mutating func makeQueue() -> Scenario {
        let origin = makeCrowded(maxConnections: pick(from: 1, to: 3))
        let clients = (0..<pick(from: 4, to: 16)).map { _ in
            var client = ClientPlan(start: milliseconds(0, 60))
            let isPipelined = chance(40)
            for place in 0..<(isPipelined ? pick(from: 3, to: 8) : pick(1, 1, 2)) {
                var request = RequestPlan(nonce: nextNonce(), origin: 0)
                request.isPipelined = isPipelined && place > 0
                request.answers = [AnswerPlan(delay: milliseconds(1, 60), size: 100)]
                client.requests.append(request)
            }
            return client
        }
        return makeCrowd(.everywhere, origin, clients, latency: .milliseconds(Int64(pick(0, 1))), [])
    }

    private mutating func makeCrowded(maxConnections: Int) -> OriginPlan {
        var origin = OriginPlan()
        origin.addressCount = pick(1, 1, 2)
        origin.settings.maxConnections = maxConnections
        origin.settings.maxIdle = maxConnections
        origin.settings.maxQueue = 1000
        origin.settings.maxRetries = pick(1, 2, 3)
        origin.settings.reuseOrder = pick(.lifo, .fifo, .widest)
        origin.settings.queueTimeout = .minutes(1)
        if features.tls, chance(60) { addTLS(&origin) }
        return origin
    }

    private func makeCrowd(
        _ calm: Scenario.Calm, _ origin: OriginPlan, _ clients: [ClientPlan], latency: Interval,
        _ happenings: [Happening]
    ) -> Scenario {
        var path = Path()
        path.minLatency = latency
        path.maxLatency = latency + .milliseconds(1)
        return Scenario(
            seed: seed, calm: calm, proxy: ProxyPlan(), clientPath: Path(), originPath: path, origins: [origin],
            clients: clients, happenings: happenings)
    }
}
