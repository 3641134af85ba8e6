package import ProxyTypes

/// What happened to the connection of a probe. Value.
package enum ProbeEvent: Equatable, Sendable {
    case opened(OpenedConnection)
    case notOpened(NotOpened)
    /// A final response has come, with its whole body.
    case answered(ProbeAnswer)
    /// An interim one, such as 100.
    case interim(status: Int)
    /// Bytes that no request called for.
    case unsolicited
    /// What came is no HTTP, or too long; in words.
    case malformed(String)
    case ended(ProbeEnd)
    /// How long the peer's kernel took to acknowledge what was sent last; nil where it has not.
    case acknowledged(after: Interval?)
    /// The time is over that the probe has set.
    case timer
}

package enum ProbeEnd: Equatable, Sendable {
    case fin, reset
}

/// Why there is no connection. Value.
package enum NotOpened: Equatable, Sendable {
    /// In words.
    case failed(String)
    /// A limit allows no more.
    case noRoom
}

/// Value.
package struct OpenedConnection: Equatable, Sendable {
    package var address: IPAddress?
    package var connectTime: Interval
    /// Nil: not encrypted.
    package var tls: TLSInfo?

    package init(address: IPAddress?, connectTime: Interval, tls: TLSInfo? = nil) {
        self.address = address
        self.connectTime = connectTime
        self.tls = tls
    }
}

/// What the head of a response says about its connection. Value.
package struct ProbeAnswer: Equatable, Sendable {
    package var status: Int
    package var version: ProbeRequest.Version
    /// The connection can carry another request.
    package var persistent: Bool
    package var saysClose: Bool
    /// Nothing but the end of the connection ends the body.
    package var endsWithConnection: Bool
    /// Seconds, of a Keep-Alive field.
    package var timeoutHint: Int?
    package var maxHint: Int?
    package var server: String?

    package init(
        status: Int = 200, version: ProbeRequest.Version = .http11, persistent: Bool = true, saysClose: Bool = false,
        endsWithConnection: Bool = false, timeoutHint: Int? = nil, maxHint: Int? = nil, server: String? = nil
    ) {
        self.status = status
        self.version = version
        self.persistent = persistent
        self.saysClose = saysClose
        self.endsWithConnection = endsWithConnection
        self.timeoutHint = timeoutHint
        self.maxHint = maxHint
        self.server = server
    }

    /// The origin asks to be left alone for a while.
    var isOverload: Bool { status == 429 || status == 503 }
    /// Of HEAD: another method may be allowed.
    var refusesMethod: Bool { status == 405 || status == 501 }

    var persistence: Persistence {
        if persistent { return .keeps }
        return .closes(saysClose ? .connectionClose : endsWithConnection ? .bodyWithoutLength : .http10)
    }
}

/// What a probe does next. Value.
enum ProbeStep: Equatable {
    /// For what comes, at most until then.
    case wait(until: Instant)
    /// Requests in one write.
    case send([ProbeRequest])
    /// One, and our end of output behind it.
    case sendLast(ProbeRequest)
    /// All but the last bytes of its head.
    case sendPart(ProbeRequest)
    case sendRest
    case askAcknowledgement
    /// The connection is closed, and this is what it has shown.
    case end(Verdict)
    /// For the learner of idle limits, and the end.
    case tell(IdleOutcome)
}

/// One connection with a purpose: a machine that is told what happens to the connection and says what to do next.
protocol Probe: Sendable {
    mutating func handle(_ event: ProbeEvent, now: Instant) -> ProbeStep
}

extension ProbeEvent {
    /// Why a probe can go no further that none of its rules covers.
    var obstacle: Obstacle {
        switch self {
        case .notOpened(.failed(let text)): .failed(text)
        case .notOpened(.noRoom): .noRoom
        case .malformed(let text): .failed(text)
        case .unsolicited: .failed("the origin sent bytes that no request called for")
        case .ended(.fin): .failed("the origin closed the connection without an answer")
        case .ended(.reset): .failed("the origin reset the connection without an answer")
        case .timer: .failed("no answer came in \(DurationWords.of(ExaminationPlan.patience))")
        case .opened, .answered, .interim, .acknowledged: .failed("the origin answered what it was not asked")
        }
    }
}
