/// What an origin's pool would do under other settings: `GET /v1/origins/{origin}/whatif`. Value.
package struct WhatIfReport: Codable, Sendable {
    package var origin = ""
    /// How long its traffic was recorded, and how many requests came in that time. What is older than a day counts half.
    package var observed = ""
    package var observedMs: Int64 = 0
    package var requests: Int64 = 0
    /// How many of the latest were replayed one by one, for `waiting_ratio` and `wait`.
    package var replayed = 0
    package var settings: [WhatIfSettingReport] = []
    package var inForce = WhatIfFiguresReport()
    package var asked = WhatIfFiguresReport()
    package var check = WhatIfCheckReport()
    /// The difference in words.
    package var summary = ""
    /// What else is to be known, for people.
    package var notes: [String] = []

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case origin, observed
        case observedMs = "observed_ms"
        case requests, replayed, settings
        case inForce = "in_force"
        case asked, check, summary, notes
    }
}

/// One setting as it is and as it was asked about. Value.
package struct WhatIfSettingReport: Codable, Sendable {
    package var name = ""
    package var inForce = ""
    package var asked = ""

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case name
        case inForce = "in_force"
        case asked
    }
}

/// What is predicted under some settings. Each `..._error` is how far the figure may be off. Value.
package struct WhatIfFiguresReport: Codable, Sendable {
    /// The share of requests that get a connection that has served before.
    package var reuseRatio = 0.0
    package var reuseRatioError = 0.0
    /// New connections.
    package var dialsPerHour = 0.0
    package var dialsPerHourError = 0.0
    /// Idle and busy connections on average.
    package var idle = 0.0
    package var idleError = 0.0
    package var busy = 0.0
    /// The share of requests that wait because `max_connections` are busy, and how long they do on average.
    package var waitingRatio = 0.0
    package var waitingRatioError = 0.0
    package var wait = ""
    package var waitMs = 0.0
    /// The share that `queue_timeout` ends.
    package var refusedRatio = 0.0
    /// The share of requests that are sent while the origin closes their connection.
    package var raceRatio = 0.0
    /// More requests come than so few connections can serve.
    package var overloaded = false

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case reuseRatio = "reuse_ratio"
        case reuseRatioError = "reuse_ratio_error"
        case dialsPerHour = "dials_per_hour"
        case dialsPerHourError = "dials_per_hour_error"
        case idle
        case idleError = "idle_error"
        case busy
        case waitingRatio = "waiting_ratio"
        case waitingRatioError = "waiting_ratio_error"
        case wait
        case waitMs = "wait_ms"
        case refusedRatio = "refused_ratio"
        case raceRatio = "race_ratio"
        case overloaded
    }
}

/// What the model tells of the settings that were in force while it was recorded, beside what was counted. Value.
package struct WhatIfCheckReport: Codable, Sendable {
    package var predictedReuseRatio = 0.0
    package var reuseRatio = 0.0
    package var predictedDials = 0.0
    package var dials = 0.0
    package var predictedIdle = 0.0
    package var idle = 0.0
    package var predictedWaitingRatio = 0.0
    package var waitingRatio = 0.0

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case predictedReuseRatio = "predicted_reuse_ratio"
        case reuseRatio = "reuse_ratio"
        case predictedDials = "predicted_dials"
        case dials
        case predictedIdle = "predicted_idle"
        case idle
        case predictedWaitingRatio = "predicted_waiting_ratio"
        case waitingRatio = "waiting_ratio"
    }
}

/// The settings that can be asked about, by name. Value.
package struct WhatIfQuery: Sendable {
    package static let names = [
        "idle_timeout", "max_idle", "max_connections", "max_lifetime", "max_requests_per_connection",
    ]

    package var settings: [String: String] = [:]

    package init() {}
}
