/// How long an origin keeps idle connections, as its own closes have shown. Value.
package struct LearnedReport: Codable, Sendable {
    /// `unknown`, `hinted`, `tentative`, `partial`, `learned`, `doubtful`, `erratic`, `path` or `unlimited`.
    package var state = ""
    /// The evidence, for people.
    package var text = ""
    /// 0 to 100.
    package var confidence = 0
    /// The origin's own limit, and how far its closes were from it; null while none is known.
    package var limit: String?
    package var limitMs: Int64?
    package var deviation: String?
    package var deviationMs: Int64?
    /// Closes at this limit.
    package var hits: Int?
    /// Idle connections that the origin has ended, and times that it ended all at once, as a restart does.
    package var closes = 0
    package var restarts = 0
    /// A request that must not be sent twice takes only a connection that has been idle for less than this.
    package var once = ""
    package var onceMs: Int64 = 0
    /// The same for one that may be repeated.
    package var repeatable = ""
    package var repeatableMs: Int64 = 0
    /// Idle connections are closed at this age.
    package var retire = ""
    package var retireMs: Int64 = 0
    /// Ages that requests that must not be sent twice keep away from as well.
    package var zones: [IdleZoneReport] = []
    /// Whether this is in force: `idle_timeout` is `auto`, and something was seen.
    package var inForce = false
    /// Ages count from the request instead of the response.
    package var countsFromRequest = false
    /// When the state or the limit last changed; null: never.
    package var changed: String?
    package var changedMs: Int64?

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case state, text, confidence, limit
        case limitMs = "limit_ms"
        case deviation
        case deviationMs = "deviation_ms"
        case hits, closes, restarts, once
        case onceMs = "once_ms"
        case repeatable
        case repeatableMs = "repeatable_ms"
        case retire
        case retireMs = "retire_ms"
        case zones
        case inForce = "in_force"
        case countsFromRequest = "counts_from_request"
        case changed
        case changedMs = "changed_ms"
    }
}

/// Idle ages at which some of an origin's backends close. Value.
package struct IdleZoneReport: Codable, Sendable {
    package var from = ""
    package var fromMs: Int64 = 0
    package var to = ""
    package var toMs: Int64 = 0

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case from
        case fromMs = "from_ms"
        case to
        case toMs = "to_ms"
    }
}
