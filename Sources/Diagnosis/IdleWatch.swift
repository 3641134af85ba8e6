import ProxyTypes

/// Asks once, and watches what becomes of the idle connection. One that is open when the time is over is asked again:
/// only an answer shows that the origin has it still.
///
/// ```
/// opening ──▶ asked ──▶ idle ──▶ proving ──▶ end
/// ```
/// Where no answer comes, whether the request was acknowledged tells a path that forgets from an origin that is slow.
struct IdleWatch: Probe {
    private enum State {
        case opening
        case asked(at: Instant)
        case idle(Idle)
        case proving(Idle, at: Instant)
    }

    private struct Idle {
        let since: Instant
        let lag: Interval
        /// Bytes have come, such as a 408, and the end is to follow.
        var announced: Instant?
    }

    private let request: ProbeRequest
    private let wait: Interval
    private var state = State.opening

    init(_ request: ProbeRequest, wait: Interval) {
        self.request = request
        self.wait = wait
    }

    /// Since when it is idle; nil while it is not.
    var idleSince: Instant? {
        if case .idle(let idle) = state { idle.since } else { nil }
    }

    mutating func handle(_ event: ProbeEvent, now: Instant) -> ProbeStep {
        switch (state, event) {
        case (.opening, .opened):
            state = .asked(at: now)
            return .send([request])
        case (.asked(let sent), .answered(let answer)):
            guard answer.persistent else { return .end(.notMeasured(.notKept)) }
            state = .idle(Idle(since: now, lag: now - sent))
            return .wait(until: now + wait)
        case (.asked, .interim), (.proving, .interim): return .wait(until: now + ExaminationPlan.patience)
        case (.idle(var idle), .unsolicited):
            if idle.announced == nil { idle.announced = now }
            state = .idle(idle)
            return .wait(until: now + ExaminationPlan.extraTime)
        // What came says that the origin gives the connection up, whether or not its end follows.
        case (.idle(let idle), .timer) where idle.announced != nil, (.idle(let idle), .ended(.fin)):
            return .tell(.closed(age(idle, at: idle.announced ?? now), .fin))
        case (.idle(let idle), .ended(.reset)): return .tell(.closed(age(idle, at: idle.announced ?? now), .reset))
        case (.idle(let idle), .timer):
            state = .proving(idle, at: now)
            return .send([request])
        case (.proving(let idle, let at), .answered): return .tell(.outlived(age(idle, at: at)))
        case (.proving(let idle, let at), .ended(.fin)): return .tell(.closed(age(idle, at: at), .onUse))
        case (.proving(let idle, let at), .ended(.reset)): return .tell(.forgotten(age(idle, at: at)))
        // Where the request has arrived, it is the origin that takes its time.
        case (.proving, .timer): return .askAcknowledgement
        case (.proving(let idle, let at), .acknowledged(after: nil)): return .tell(.silent(age(idle, at: at)))
        case (.proving, .acknowledged(after: .some)): return .end(.notMeasured(ProbeEvent.timer.obstacle))
        default: return .end(.notMeasured(event.obstacle))
        }
    }

    private func age(_ idle: Idle, at now: Instant) -> IdleAge {
        IdleAge(age: now - idle.since, lag: idle.lag, at: now, requests: 1)
    }
}
