import ProxyTypes

/// Sends two requests in one write.
struct PipeliningProbe: Probe {
    private enum State {
        case opening
        case asked(at: Instant)
        /// The first is answered.
        case answeredFirst
    }

    private let request: ProbeRequest
    private var state = State.opening

    init(_ request: ProbeRequest) {
        self.request = request
    }

    mutating func handle(_ event: ProbeEvent, now: Instant) -> ProbeStep {
        switch (state, event) {
        case (.opening, .opened):
            state = .asked(at: now)
            return .send([request, request])
        case (.asked(let sent), .answered(let answer)):
            if answer.isOverload { return .end(.notMeasured(.overload(status: answer.status))) }
            if answer.status == 400 || answer.status == 501 { return .end(.pipelining(.refuses)) }
            guard answer.persistent else { return .end(.pipelining(.closesAfterFirst)) }
            state = .answeredFirst
            return .wait(until: now + (now - sent) + ExaminationPlan.extraTime)
        case (.asked, .interim): return .wait(until: now + ExaminationPlan.patience)
        case (.answeredFirst, .interim): return .wait(until: now + ExaminationPlan.extraTime)
        case (.answeredFirst, .answered): return .end(.pipelining(.answersBoth))
        case (.answeredFirst, .ended): return .end(.pipelining(.closesAfterFirst))
        case (.answeredFirst, .timer): return .end(.pipelining(.dropsSecond))
        case (.asked, .ended): return .end(.pipelining(.refuses))
        default: return .end(.notMeasured(event.obstacle))
        }
    }
}

/// Sends a request and ends its own output behind it.
struct HalfCloseProbe: Probe {
    private let request: ProbeRequest
    private var isAsked = false

    init(_ request: ProbeRequest) {
        self.request = request
    }

    mutating func handle(_ event: ProbeEvent, now: Instant) -> ProbeStep {
        switch event {
        case .opened:
            isAsked = true
            return .sendLast(request)
        case .answered: return .end(.halfClose(.answers))
        case .interim: return .wait(until: now + ExaminationPlan.patience)
        case .ended(.fin) where isAsked: return .end(.halfClose(.closes))
        case .ended(.reset) where isAsked: return .end(.halfClose(.resets))
        case .timer where isAsked: return .end(.halfClose(.ignores))
        case .notOpened, .malformed, .unsolicited, .ended, .acknowledged, .timer:
            return .end(.notMeasured(event.obstacle))
        }
    }
}

/// Announces a body and asks whether it is wanted. It never sends one, so that the request is never whole.
struct ContinueProbe: Probe {
    private let request: ProbeRequest
    private var asked: Instant?

    init(_ request: ProbeRequest) {
        self.request = request
    }

    mutating func handle(_ event: ProbeEvent, now: Instant) -> ProbeStep {
        switch (asked, event) {
        case (nil, .opened):
            asked = now
            return .send([request])
        case (let sent?, .interim(100)): return .end(.expectContinue(.continues(after: now - sent)))
        case (_?, .interim): return .wait(until: now + ExaminationPlan.extraTime)
        case (_?, .answered(let answer)): return .end(.expectContinue(.answers(status: answer.status)))
        case (_?, .ended): return .end(.expectContinue(.closes))
        case (let sent?, .timer): return .end(.expectContinue(.waitsForBody(now - sent)))
        default: return .end(.notMeasured(event.obstacle))
        }
    }
}

/// Sends the greater part of a request on a connection that has carried some, and looks when the peer's kernel
/// acknowledges it: there is nothing to answer yet that an acknowledgement could go with.
struct AcknowledgementProbe: Probe {
    private enum State {
        /// Kernels acknowledge at once while a connection is new.
        case used(requests: Int)
        case sentPart
        case asking
        case sentRest(Acknowledgement)
    }

    private let request: ProbeRequest
    private var state = State.used(requests: 0)
    private var roundTrip = Interval.zero

    private static let requestsBefore = 4
    /// Longer than any kernel waits for something to send an acknowledgement with (RFC 9293 3.8.6.3: half a second).
    private static let watch = Interval.milliseconds(550)
    /// What the kernel's clocks and the peer's load may add to a round trip.
    private static let slack = Interval.milliseconds(15)

    init(_ request: ProbeRequest) {
        self.request = request
    }

    mutating func handle(_ event: ProbeEvent, now: Instant) -> ProbeStep {
        switch (state, event) {
        case (.used(0), .opened(let connection)):
            roundTrip = connection.connectTime
            return .send([request])
        case (.used(let before), .answered(let answer)):
            guard answer.persistent, !answer.isOverload else { return .end(.notMeasured(.notKept)) }
            state = before + 1 < Self.requestsBefore ? .used(requests: before + 1) : .sentPart
            return before + 1 < Self.requestsBefore ? .send([request]) : .sendPart(request)
        case (.used, .interim), (.sentRest, .interim): return .wait(until: now + ExaminationPlan.patience)
        case (.sentPart, .timer):
            state = .asking
            return .askAcknowledgement
        case (.asking, .acknowledged(let after)):
            state = .sentRest(verdict(after))
            return .sendRest
        // Whatever becomes of the rest: this was measured before.
        case (.sentRest(let verdict), .answered), (.sentRest(let verdict), .ended), (.sentRest(let verdict), .timer):
            return .end(.acknowledgement(verdict))
        default: return .end(.notMeasured(event.obstacle))
        }
    }

    private func verdict(_ time: Interval?) -> Acknowledgement {
        guard let time else { return .none(Self.watch) }
        return time <= roundTrip + Self.slack ? .atOnce(time) : .delayed(time)
    }

    /// How long after its part the acknowledgement is looked at.
    static func due(_ sent: Instant) -> Instant { sent + watch }
}
