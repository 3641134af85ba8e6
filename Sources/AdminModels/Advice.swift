/// One item of `GET /v1/advice`: what to change for one origin, why, what will come of it, and what has. Value.
package struct AdviceReport: Codable, Sendable {
    /// The rule and the origin: `max_requests_low@http://example.com`.
    package var id = ""
    package var origin = ""
    package var rule = ""
    /// `waiting`, `dismissed`, `trial`, `confirmed` or `reverted`.
    package var state = ""
    /// What was found.
    package var text = ""
    /// What to set; null where no setting helps.
    package var setting: String?
    package var value: String?
    /// What people have to do; null where a setting helps.
    package var action: String?
    package var evidence: [EvidenceReport] = []
    package var prediction = PredictionReport()
    /// `low`, `medium` or `high`.
    package var confidence = ""
    /// Whether `advice: auto` tries it without asking.
    package var safe = false
    package var given = ""
    package var givenMs: Int64 = 0
    /// Who accepted or dismissed it, when and why; null while it waits.
    package var decidedBy: String?
    package var decided: String?
    package var decidedMs: Int64?
    package var reason: String?
    /// What a trial has shown; null before its end.
    package var outcome: String?
    /// The figure of the prediction since the trial began; null where it was not measured.
    package var measured: Double?
    package var ended: String?
    package var endedMs: Int64?

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case id, origin, rule, state, text, setting, value, action, evidence, prediction, confidence, safe, given
        case givenMs = "given_ms"
        case decidedBy = "decided_by"
        case decided
        case decidedMs = "decided_ms"
        case reason, outcome, measured, ended
        case endedMs = "ended_ms"
    }
}

/// One figure that led to advice. Value.
package struct EvidenceReport: Codable, Sendable {
    package var label = ""
    package var value = 0.0
    /// `count`, `per_hour`, `per_day`, `share`, `microseconds` or `microseconds_per_hour`.
    package var unit = ""
    /// The value for people.
    package var text = ""

    package init() {}
}

/// What a figure is now, and what it will be. Value.
package struct PredictionReport: Codable, Sendable {
    /// `new_connections` and the like: what a trial compares before and after.
    package var figure = ""
    package var unit = ""
    package var now = 0.0
    /// It will be between these.
    package var least = 0.0
    package var most = 0.0
    /// A trial confirms the advice where the figure is at most this.
    package var goal = 0.0
    /// For people.
    package var text = ""
    /// How a trial is judged, for people.
    package var verification = ""

    package init() {}
}

/// What a look at the origins has found: `POST /v1/advice`. Value.
package struct AdviceLookReport: Codable, Sendable {
    /// Origins with traffic that were looked at.
    package var origins = 0
    /// New advice.
    package var new = 0
    /// Trials that have ended.
    package var ended = 0
    /// Advice that waits for a decision now.
    package var waiting = 0

    package init() {}
}

/// The body of a request that accepts or dismisses advice. Value.
package struct AdviceDecisionRequest: Codable, Sendable {
    package var reason: String?

    package init(reason: String? = nil) {
        self.reason = reason
    }
}

/// The parameters of `GET /v1/advice`. Value.
package struct AdviceQuery: Sendable {
    package static let states = ["waiting", "dismissed", "trial", "confirmed", "reverted"]

    package var page = PageRequest()
    package var origin: String?
    package var state: String?

    package init() {}
}
