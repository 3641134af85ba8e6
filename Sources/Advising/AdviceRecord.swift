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

extension AdviceRecord {
    /// Whether all its numbers are such as are measured: a damaged document's would overflow in sums, and in texts.
    package var isSound: Bool {
        let prediction = advice.prediction
        let figures = advice.evidence.map(\.value) + [prediction.now, prediction.least, prediction.most]
        guard Self.isSound(given), figures.allSatisfy(Self.isSound) else { return false }
        switch state {
        case .waiting: return true
        case .dismissed(let decision): return Self.isSound(decision.time)
        case .onTrial(let trial): return Self.isSound(trial.accepted.time) && trial.before.isSound
        case .ended(let outcome):
            return Self.isSound(outcome.accepted.time) && Self.isSound(outcome.time)
                && outcome.finding.figures.allSatisfy(Self.isSound)
        }
    }

    fileprivate static func isSound(_ figure: Double) -> Bool { figure.isFinite && abs(figure) <= 1e17 }

    /// Until the year 2286.
    private static func isSound(_ time: Int64) -> Bool { (0...10_000_000_000_000).contains(time) }
}

extension Sample {
    fileprivate var isSound: Bool {
        let delays = [delaysOfOrigin, delaysOfOurs].flatMap {
            [$0.exchanges, $0.waits, $0.exchangesWithSetting, $0.waitsWithSetting]
        }
        let tallies = [totalTime, nameTime]
        let counts =
            [requests, failures, reused, fresh, queued, stale, uploads, restarts] + delays
            + tallies.flatMap { $0.buckets.map(\.count) }
        return counts.allSatisfy((0...1_000_000_000_000).contains) && tallies.allSatisfy { $0.buckets.count <= 10_000 }
            && (tallies.map(\.sum) + [idle ?? 0]).allSatisfy(AdviceRecord.isSound)
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

extension TrialOutcome.Finding {
    fileprivate var figures: [Double] {
        switch self {
        case .confirmed(let after), .reverted(.noEffect(let after)): [after]
        case .reverted(.harm(.failures(let before, let after))), .reverted(.harm(.slower(let before, let after))):
            [before, after]
        case .reverted(.tooLittleTraffic), .settledElsewhere: []
        }
    }
}
