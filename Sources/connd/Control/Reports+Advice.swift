import AdminModels
import Advising
import ProxyTypes

/// Advice for people. No state.
enum AdviceText {
    static func value(_ value: Double, _ unit: Unit) -> String {
        switch unit {
        case .count: number(value)
        case .perHour: number(value) + " an hour"
        case .perDay: number(value) + " a day"
        case .share: percent(value)
        case .microseconds: APIFormat.duration(microseconds: whole(value))
        case .microsecondsPerHour: APIFormat.duration(microseconds: whole(value)) + " an hour"
        }
    }

    private static func number(_ value: Double) -> String {
        let tenths = whole((value * 10).rounded())
        return value >= 100 || tenths % 10 == 0 ? "\(whole(value.rounded()))" : "\(tenths / 10).\(tenths % 10)"
    }

    /// Texts are no place to fail in.
    private static func whole(_ value: Double) -> Int64 { value.isNaN ? 0 : Int64(min(max(value, -9e18), 9e18)) }

    private static func percent(_ share: Double) -> String { number(share * 100) + " %" }

    static func name(_ figure: Figure) -> String {
        switch figure {
        case .newConnections: "requests on new connections"
        case .waiting: "requests that wait for a connection"
        case .stale: "reuses of dead connections"
        case .failures: "requests that fail"
        case .delayedAnswers: "answers that wait for an acknowledgement"
        case .delayedRequests: "requests that wait for an acknowledgement"
        case .restarts: "uploads that begin slowly again"
        case .nameTime: "time that a look-up takes"
        case .idle: "idle connections"
        }
    }

    static func prediction(_ advice: Advice) -> String {
        let prediction = advice.prediction
        let unit = prediction.figure.unit
        let now = "\(name(prediction.figure)): \(value(prediction.now, unit)) now"
        guard Verification(advice).isFallPredicted else { return now + ", no more then" }
        return now + ", \(value(prediction.least, unit)) to \(value(prediction.most, unit)) then"
    }

    static func verification(_ advice: Advice) -> String {
        let verification = Verification(advice)
        let unit = verification.figure.unit
        let effect =
            verification.isFallPredicted
            ? "\(name(verification.figure)) must fall to \(value(verification.goal, unit)), and not by chance"
            : "\(name(verification.figure)) must not rise"
        return effect
            + "; judged after \(verification.leastRequests) requests and a quarter of an hour, reverted at once "
            + "if more requests fail or answers become slower, and after 6h in any case without enough traffic"
    }

    static func outcome(_ finding: TrialOutcome.Finding, of advice: Advice) -> String {
        let figure = advice.prediction.figure
        func change(_ after: Double) -> String {
            "\(name(figure)): \(value(advice.prediction.now, figure.unit)) before, \(value(after, figure.unit)) since"
        }
        switch finding {
        case .confirmed(let after): return "the effect is there: " + change(after)
        case .reverted(.noEffect(let after)): return "the effect is not there: " + change(after)
        case .reverted(.tooLittleTraffic): return "too little traffic to tell"
        case .reverted(.harm(.failures(let before, let after))):
            return "more requests fail: \(percent(before)) before, \(percent(after)) since"
        case .reverted(.harm(.slower(let before, let after))):
            return "requests take longer: half of them over \(value(before, .microseconds)) before, "
                + "\(value(after, .microseconds)) since"
        case .settledElsewhere(let isInForce):
            return isInForce ? "confirmed without waiting for the effect" : "ended without waiting for the effect"
        }
    }
}

extension AdviceReport {
    init(_ record: AdviceRecord) {
        self.init()
        let advice = record.advice
        id = record.id.description
        origin = record.id.origin.description
        rule = record.id.rule.rawValue
        state = record.state.name
        text = advice.text
        switch advice.change {
        case .set(let name, let wanted): (setting, value) = (name, wanted)
        case .people(let what): action = what
        }
        evidence = advice.evidence.map(EvidenceReport.init)
        prediction = PredictionReport(advice)
        confidence = advice.confidence.rawValue
        safe = advice.isSafe
        givenMs = record.given
        given = APIFormat.time(givenMs)
        switch record.state {
        case .waiting: break
        case .dismissed(let decision): take(decision)
        case .onTrial(let trial): take(trial.accepted)
        case .ended(let ended):
            take(ended.accepted)
            outcome = AdviceText.outcome(ended.finding, of: advice)
            measured = ended.measured
            endedMs = ended.time
            self.ended = APIFormat.time(ended.time)
        }
    }

    private mutating func take(_ decision: AdviceDecision) {
        decidedBy = decision.actor
        decidedMs = decision.time
        decided = APIFormat.time(decision.time)
        reason = decision.reason
    }
}

extension EvidenceReport {
    init(_ evidence: Evidence) {
        self.init()
        label = evidence.label
        value = evidence.value
        unit = evidence.unit.rawValue
        text = AdviceText.value(evidence.value, evidence.unit)
    }
}

extension PredictionReport {
    init(_ advice: Advice) {
        self.init()
        let prediction = advice.prediction
        figure = prediction.figure.rawValue
        unit = prediction.figure.unit.rawValue
        (now, least, most, goal) = (prediction.now, prediction.least, prediction.most, prediction.goal)
        text = AdviceText.prediction(advice)
        verification =
            switch advice.change {
            case .set: AdviceText.verification(advice)
            case .people: "measured by the same figure once people have acted"
            }
    }
}
