import ProxyTypes

/// What the simulation has found in the data path, each as short as it goes, so that it is found again should it come back.
package enum PinnedScenario: String, CaseIterable, Sendable {
    case transferEncodingToHTTP10 = "a client of HTTP/1.0 is told of no transfer coding, not even in an answer to HEAD"

    package var run: SimulationRun { SimulationRun(scenario, isTraced: true) }

    private var scenario: Scenario {
        switch self {
        case .transferEncodingToHTTP10:
            var request = RequestPlan(nonce: 1, origin: 0)
            request.verb = .head
            request.minorVersion = 0
            request.answers = [AnswerPlan(framing: .chunked)]
            return Self.scenario(requests: [request])
        }
    }

    /// One client, one origin, and nothing that goes wrong.
    private static func scenario(seed: UInt64 = 1, requests: [RequestPlan]) -> Scenario {
        Scenario(
            seed: seed, calm: .everywhere, proxy: ProxyPlan(), clientPath: Path(), originPath: Path(),
            origins: [OriginPlan()], clients: [ClientPlan(requests: requests)], happenings: [])
    }
}
