import ProxyTypes
import Tuning

/// Faults that the simulation has found in the data path, each as the shortest scenario that shows it.
package enum PinnedScenario: String, CaseIterable, Sendable {
    case transferEncodingToHTTP10 = "a client of HTTP/1.0 is told of no transfer coding, not even in an answer to HEAD"
    case warmConnectionGivesWay = "a connection that min_idle keeps gives way to a request of another origin"
    case reconnectOfTunnels = "nothing is kept idle for CONNECT, whose tunnels could not use it"
    case bodyFailsBeforeTurn = "a request whose body stops before its turn counts as begun, as it counts as ended"
    case silentPath = "a request after an idle minute is answered though the path has dropped its connection"

    package var run: SimulationRun { SimulationRun(scenario, isTraced: true) }

    private var scenario: Scenario {
        switch self {
        case .transferEncodingToHTTP10:
            var request = RequestPlan(nonce: 1, origin: 0)
            request.verb = .head
            request.minorVersion = 0
            request.answers = [AnswerPlan(framing: .chunked)]
            return Self.scenario(requests: [request])
        case .warmConnectionGivesWay:
            var scenario = Self.scenario(requests: [RequestPlan(nonce: 1, origin: 1)])
            scenario.proxy.maxUpstreamConnections = 1
            var warm = OriginPlan()
            warm.settings.minIdle = 1
            warm.settings.queueTimeout = .minutes(1)
            scenario.origins = [OriginPlan(), warm]
            scenario.origins[0].settings.queueTimeout = .minutes(1)
            // The request comes while the warm connection is being dialled again, so that none can be closed for it.
            var answer = AnswerPlan()
            answer.delay = .milliseconds(50)
            scenario.clients[0].requests[0].answers = [answer]
            var late = ClientPlan(requests: [RequestPlan(nonce: 2, origin: 0)])
            late.start = .milliseconds(20)
            scenario.clients.append(late)
            return scenario
        case .reconnectOfTunnels:
            var request = RequestPlan(nonce: 1, origin: 0)
            request.verb = .connect
            request.kind = .tunnel(TunnelPlan(fromClient: 100, fromOrigin: 100))
            var scenario = Self.scenario(requests: [request])
            scenario.origins[0].settings.minIdle = 2
            scenario.origins[0].settings.maxTunnels = 1
            scenario.happenings = [Happening(at: .seconds(1), what: .reconnect(origin: 0))]
            return scenario
        case .bodyFailsBeforeTurn:
            var first = RequestPlan(nonce: 1, origin: 0)
            first.answers = [AnswerPlan(delay: .seconds(30))]
            var second = RequestPlan(nonce: 2, origin: 0)
            second.verb = .put
            second.body = RequestPlan.Body(size: 16, isChunked: false)
            second.isPipelined = true
            second.stop = RequestPlan.Stop(at: 900, manner: .silence)
            var scenario = Self.scenario(requests: [first, second])
            scenario.calm = .nowhere
            return scenario
        case .silentPath:
            let first = RequestPlan(nonce: 1, origin: 0)
            var second = RequestPlan(nonce: 2, origin: 0)
            second.think = .seconds(100)
            var scenario = Self.scenario(requests: [first, second])
            scenario.origins[0].settings.idleTimeout = .fixed(.minutes(5))
            scenario.happenings = [Happening(at: .seconds(50), what: .endIdle(origin: 0, .silence))]
            return scenario
        }
    }

    /// One client and one origin, without faults.
    private static func scenario(seed: UInt64 = 1, requests: [RequestPlan]) -> Scenario {
        Scenario(
            seed: seed, calm: .everywhere, proxy: ProxyPlan(), clientPath: Path(), originPath: Path(),
            origins: [OriginPlan()], clients: [ClientPlan(requests: requests)], happenings: [])
    }
}
