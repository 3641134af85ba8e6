package import Learning

/// When a backend closes idle connections. Seconds.
package enum CloseModel: Sendable {
    /// `limit` after its last response, or after the last request came; a busy event loop sees its timer before what came
    /// in while it was busy.
    case fixed(Double, jitter: Double = 0.002, fromRequest: Bool = false, busy: Double = 0)
    /// Every `period` it looks for connections idle for `limit`.
    case sweep(Double, every: Double)
    /// The least recently used goes when others need room: random ages, rising hazard.
    case pressure(Double)
    case never

    package func closesAt(_ random: inout ZooRandom, responded: Double, asked: Double) -> Double {
        switch self {
        case .fixed(let limit, let jitter, let fromRequest, _):
            (fromRequest ? asked : responded) + limit + random.exponential(jitter)
        case .sweep(let limit, let period):
            ((responded + limit) / period).rounded(.up) * period + random.exponential(0.002)
        case .pressure(let scale): responded + scale * random.weibull(1.5)
        case .never: .infinity
        }
    }

    /// What an oracle knows of it: of a sweep its beginning.
    package func known(lag: Double, roundTrip: Double) -> Double {
        switch self {
        case .fixed(let limit, _, let fromRequest, _): limit - (fromRequest ? lag - roundTrip : 0)
        case .sweep(let limit, _): limit
        case .pressure, .never: .infinity
        }
    }

    package var limit: Double { known(lag: 0, roundTrip: 0) }

    package var busy: Double {
        if case .fixed(_, _, _, let busy) = self { busy } else { 0 }
    }
}

/// An origin and the path to it. Seconds.
package struct ZooOrigin: Sendable, CustomStringConvertible {
    package struct Backend: Sendable {
        package var weight: Double
        package var model: CloseModel

        package init(weight: Double, model: CloseModel) {
            self.weight = weight
            self.model = model
        }
    }

    package struct Change: Sendable {
        package var at: Double
        package var model: CloseModel

        package init(at: Double, model: CloseModel) {
            self.at = at
            self.model = model
        }
    }

    package enum Silence: Sendable {
        case none
        /// What is sent after so long is dropped, or answered by a RST.
        case drops(after: Double)
        case resets(after: Double)

        var limit: Double {
            switch self {
            case .none: .infinity
            case .drops(let limit), .resets(let limit): limit
            }
        }
    }

    package var name: String
    package var backends: [Backend]
    package var roundTrip = 0.02
    package var jitter: Double
    package var loss = 0.0
    package var silence = Silence.none
    /// Mean time between restarts of each backend; 0: none.
    package var restarts = 0.0
    package var hint: Double?
    /// Each with a restart.
    package var changes: [Change] = []
    /// Closes after so many requests without saying so; 0: any number.
    package var maxRequests = 0
    package var service = 0.02
    /// The longest of slow requests, which are three in ten; 0: none.
    package var slow = 0.0
    /// The limit that is to be learned.
    package var truth: Double?
    /// What is known of it in the end.
    package var ends: Set<IdleLimitState> = [.learned]
    /// How much less than an oracle's its reuse may be.
    package var shortfall = 0.01

    package init(_ name: String, _ model: CloseModel, roundTrip: Double = 0.02) {
        self.init(name, [Backend(weight: 1, model: model)], roundTrip: roundTrip)
    }

    package init(_ name: String, _ backends: [Backend], roundTrip: Double = 0.02) {
        self.name = name
        self.backends = backends
        self.roundTrip = roundTrip
        jitter = roundTrip * 0.05
    }

    package var roundTripBound: Double { roundTrip + 8 * jitter }

    /// Whether every connection has the same limit.
    package var isSharp: Bool {
        if case .fixed = backends[0].model {
            truth != nil && Set(backends.map(\.model.limit)).count == 1
        } else {
            false
        }
    }

    package var isSweep: Bool {
        if case .sweep = backends[0].model { true } else { false }
    }

    package var description: String { name }

    package func with(_ change: (inout ZooOrigin) -> Void) -> ZooOrigin {
        var copy = self
        change(&copy)
        return copy
    }
}
