/// The body of `POST /v1/origins/{origin}/doctor`. Value.
package struct DoctorRequest: Codable, Sendable {
    /// What is asked for, by HEAD, or by GET where HEAD is refused; `/` unless given.
    package var path: String?
    /// Where a request with `Expect: 100-continue` is begun, whose body is never sent; none is unless given.
    package var postPath: String?
    /// How long idle connections are watched, `1s` to `15m`, or `0s`: not at all. `75s` unless given.
    package var wait: String?
    package var reason: String?

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case path
        case postPath = "post_path"
        case wait
        case reason
    }
}

/// The examination of an origin: `GET /v1/origins/{origin}/doctor`. Value.
package struct DoctorReport: Codable, Sendable {
    package var origin = ""
    package var path = ""
    package var postPath: String?
    /// How long idle connections are watched; 0: not at all.
    package var wait = ""
    package var waitMs: Int64 = 0
    /// `running`, `done`, `stopped` or `unreachable`.
    package var state = ""
    /// Why it was stopped, in words.
    package var stoppedBecause: String?
    package var started = ""
    package var startedMs: Int64 = 0
    package var ended: String?
    package var endedMs: Int64?
    /// The finding that is being looked for; null while only idle connections are watched.
    package var doing: String?
    /// Those that are watched, and for how long the first has been idle.
    package var idleConnections = 0
    package var idleFor = ""
    package var idleForMs: Int64 = 0
    /// Sent and opened so far.
    package var requests = 0
    package var connections = 0
    package var findings: [FindingReport] = []
    /// What the findings mean for what was learned before and for the settings in force when it began.
    package var remarks: [RemarkReport] = []

    package init() {}

    package static let states = ["running", "done", "stopped", "unreachable"]

    private enum CodingKeys: String, CodingKey {
        case origin, path
        case postPath = "post_path"
        case wait
        case waitMs = "wait_ms"
        case state
        case stoppedBecause = "stopped_because"
        case started
        case startedMs = "started_ms"
        case ended
        case endedMs = "ended_ms"
        case doing
        case idleConnections = "idle_connections"
        case idleFor = "idle_for"
        case idleForMs = "idle_for_ms"
        case requests, connections, findings, remarks
    }
}

/// One thing that an examination has found out. Value.
package struct FindingReport: Codable, Sendable {
    package var name = ""
    /// A word, such as `keeps`, `closes` or `longer_than`.
    package var verdict = ""
    /// False: it could not be measured, and `verdict` says why.
    package var measured = true
    package var text = ""
    /// The time that it is about, in milliseconds, and how far single ones were from that.
    package var valueMs: Double?
    package var deviationMs: Double?
    /// Requests, connections or addresses.
    package var count: Int?

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case name, verdict, measured, text
        case valueMs = "value_ms"
        case deviationMs = "deviation_ms"
        case count
    }
}

/// A finding beside what was learned, hinted or set. Value.
package struct RemarkReport: Codable, Sendable {
    /// The name of the finding.
    package var finding = ""
    /// `agrees`, `differs` (something could be better), or `warns` (requests may fail).
    package var kind = ""
    package var text = ""
    /// What would help, as `connctl set` takes it.
    package var setting: String?

    package init() {}
}
