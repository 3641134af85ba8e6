package import ProxyTypes

/// Which rule, for which origin: advice keeps its name for as long as it is given. Value.
package struct AdviceID: Hashable, Sendable, CustomStringConvertible {
    package let rule: AdviceRule
    package let origin: Origin

    package init(rule: AdviceRule, origin: Origin) {
        self.rule = rule
        self.origin = origin
    }

    /// Nil where the text names no rule or no origin.
    package init?(_ text: some StringProtocol) {
        guard let at = text.firstIndex(of: "@"), let rule = AdviceRule(rawValue: String(text[..<at])),
            let origin = Origin(String(text[text.index(after: at)...]))
        else { return nil }
        self.init(rule: rule, origin: origin)
    }

    /// Such as `idle_timeout_short@http://example.com`.
    package var description: String { "\(rule.rawValue)@\(origin)" }
}

/// Advice and what has become of it. Value. Times are in milliseconds since 1970.
package struct AdviceRecord: Hashable, Sendable {
    package let id: AdviceID
    package internal(set) var advice: Advice
    package internal(set) var given: Int64
    package internal(set) var state: AdviceState

    package init(id: AdviceID, advice: Advice, given: Int64, state: AdviceState) {
        self.id = id
        self.advice = advice
        self.given = given
        self.state = state
    }
}

package enum AdviceState: Hashable, Sendable, Codable {
    case waiting
    case dismissed(AdviceDecision)
    case onTrial(RunningTrial)
    case ended(TrialOutcome)

    /// A closed set, in the API and the database.
    package var name: String {
        switch self {
        case .waiting: "waiting"
        case .dismissed: "dismissed"
        case .onTrial: "trial"
        case .ended(let outcome): outcome.isConfirmed ? "confirmed" : "reverted"
        }
    }

    package static let names = ["waiting", "dismissed", "trial", "confirmed", "reverted"]
}

/// Who decided, when and why. Value.
package struct AdviceDecision: Hashable, Sendable, Codable {
    package var actor: String
    package var reason: String?
    package var time: Int64

    package init(actor: String, reason: String?, time: Int64) {
        self.actor = actor
        self.reason = reason
        self.time = time
    }
}

/// A trial under way, with the figures from before it. Value.
package struct RunningTrial: Hashable, Sendable, Codable {
    package var accepted: AdviceDecision
    package var before: Sample

    package init(accepted: AdviceDecision, before: Sample) {
        self.accepted = accepted
        self.before = before
    }
}

/// What came of a trial. Value.
package struct TrialOutcome: Hashable, Sendable, Codable {
    package enum Finding: Hashable, Sendable, Codable {
        case confirmed(after: Double)
        case reverted(TrialFault)
        /// An operator settled it first, or it expired while connd did not run.
        case settledElsewhere(isInForce: Bool)
    }

    package var accepted: AdviceDecision
    package var finding: Finding
    package var time: Int64

    package init(accepted: AdviceDecision, finding: Finding, time: Int64) {
        self.accepted = accepted
        self.finding = finding
        self.time = time
    }

    /// The figure that was predicted, since the trial began; nil where that was not what ended it.
    package var measured: Double? {
        switch finding {
        case .confirmed(let after), .reverted(.noEffect(let after)): after
        case .reverted(.harm), .reverted(.tooLittleTraffic), .settledElsewhere: nil
        }
    }

    package var isConfirmed: Bool {
        switch finding {
        case .confirmed: true
        case .reverted: false
        case .settledElsewhere(let isInForce): isInForce
        }
    }
}
