import ProxyTypes

/// Asks one request after another on one connection until the origin ends it, or it was asked often enough.
struct RequestLimitProbe: Probe {
    private let request: ProbeRequest
    private let most: Int
    private var answered = 0
    private var begin = Instant.zero

    init(_ request: ProbeRequest, most: Int) {
        self.request = request
        self.most = most
    }

    mutating func handle(_ event: ProbeEvent, now: Instant) -> ProbeStep {
        switch event {
        case .opened:
            begin = now
            return .send([request])
        case .answered(let answer):
            answered += 1
            if answer.isOverload { return end(.overloaded(after: answered, status: answer.status)) }
            guard answer.persistent else { return end(.closesAfter(answered, announced: true)) }
            guard answered < most, now - begin < ExaminationPlan.requestsTime else { return end(.moreThan(answered)) }
            return .send([request])
        case .interim: return .wait(until: now + ExaminationPlan.patience)
        case .ended where answered > 0: return end(.closesAfter(answered, announced: false))
        case .notOpened, .malformed, .unsolicited, .ended, .acknowledged, .timer:
            return .end(.notMeasured(event.obstacle))
        }
    }

    private func end(_ limit: RequestLimit) -> ProbeStep { .end(.maxRequests(limit)) }
}
