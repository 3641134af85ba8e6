import ProxyTypes
import Tuning

/// Many clients come at the same time, and come back at the same time. Meanwhile their origin has lost what it knew of its
/// connections, so that each request of the second time meets a connection that is dead.
extension ScenarioGenerator {
    /// By then all of the first time are answered.
    private static let answered = Interval.milliseconds(400)

    mutating func makeStampede() -> Scenario {
        let origin = makeTrampledOrigin()
        // Requests of the first time count for the retries of the second, or do not any more.
        let gap: Interval = chance(50) ? .milliseconds(800) : .seconds(12)
        let clients = (0..<pick(from: 20, to: 40)).map { _ in makeRunner(gap) }
        let way: Happening.What = chance(50) ? .restart(origin: 0) : .endIdle(origin: 0, pick(.vanish, .reset, .fin))
        // Longer than the clients are apart: none hears of the others' resets before it sends.
        var path = Path()
        path.minLatency = .milliseconds(5)
        path.maxLatency = .milliseconds(6)
        return Scenario(
            seed: seed, calm: .nowhere, proxy: ProxyPlan(), clientPath: Path(), originPath: path, origins: [origin],
            clients: clients, happenings: [Happening(at: Self.answered, what: way)])
    }

    private mutating func makeTrampledOrigin() -> OriginPlan {
        var origin = OriginPlan()
        origin.addressCount = pick(1, 1, 2)
        origin.settings.maxConnections = pick(16, 64)
        origin.settings.maxIdle = origin.settings.maxConnections
        origin.settings.maxQueue = 1000
        origin.settings.maxRetries = pick(1, 2, 3)
        origin.settings.reuseOrder = pick(.lifo, .fifo, .widest)
        origin.settings.queueTimeout = .seconds(5)
        return origin
    }

    private mutating func makeRunner(_ gap: Interval) -> ClientPlan {
        var first = RequestPlan(nonce: nextNonce(), origin: 0)
        // So long that none of the others gets its connection.
        first.answers = [AnswerPlan(delay: .milliseconds(100))]
        var second = RequestPlan(nonce: nextNonce(), origin: 0)
        second.verb = pick(.get, .get, .head, .put, .post)
        if second.verb == .post || second.verb == .put { second.body = RequestPlan.Body(size: 20, isChunked: false) }
        second.think = gap
        return ClientPlan(start: milliseconds(0, 2), requests: [first, second])
    }
}
