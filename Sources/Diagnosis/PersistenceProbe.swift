import ProxyTypes

/// Asks twice on one connection: whether it answers at all, and whether it keeps the connection.
///
/// ```
/// opening ──▶ asked ──▶ askedAgain ──▶ end
///    │          │ closes: end
///    └──────────┴── no answer: end
/// ```
struct PersistenceProbe: Probe {
    private enum State {
        case opening
        case asked(at: Instant, OpenedConnection)
        case askedAgain(Contact)
    }

    private let request: ProbeRequest
    private var state = State.opening
    /// Of the first answer.
    private(set) var contact: Contact?
    private(set) var hints = KeepAliveHints()
    /// The method is refused, and nothing else is known.
    private(set) var refusesMethod = false

    init(_ request: ProbeRequest) {
        self.request = request
    }

    mutating func handle(_ event: ProbeEvent, now: Instant) -> ProbeStep {
        switch (state, event) {
        case (.opening, .opened(let connection)):
            state = .asked(at: now, connection)
            return .send([request])
        case (.asked(let since, let connection), .answered(let answer)):
            let contact = Contact(
                method: request.method, status: answer.status, version: answer.version, server: answer.server,
                connectTime: connection.connectTime, answerTime: now - since)
            self.contact = contact
            hints = KeepAliveHints(timeout: answer.timeoutHint, max: answer.maxHint)
            refusesMethod = answer.refusesMethod
            if answer.isOverload { return .end(.notMeasured(.overload(status: answer.status))) }
            guard answer.persistent, !refusesMethod || request.method != .head else {
                return .end(.persistence(answer.persistence))
            }
            state = .askedAgain(contact)
            return .send([request])
        case (.askedAgain, .answered): return .end(.persistence(.keeps))
        case (.askedAgain, .ended): return .end(.persistence(.closesUnannounced))
        case (.asked, .interim), (.askedAgain, .interim): return .wait(until: now + ExaminationPlan.patience)
        default: return .end(.notMeasured(event.obstacle))
        }
    }
}
