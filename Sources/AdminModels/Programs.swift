/// The programs behind clients' connections: `GET /v1/programs`. Value.
package struct ProgramsReport: Codable, Sendable {
    package var time = ""
    package var timeMs: Int64 = 0
    /// Whether connections are attributed to programs (proxy.client_programs).
    package var enabled = true
    /// How the look-ups ended, since connd was started.
    package var attribution = AttributionReport()
    /// By what they have done within a minute, the busiest first.
    package var programs: [ProgramReport] = []

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case time
        case timeMs = "time_ms"
        case enabled
        case attribution
        case programs
    }
}

/// How many connections of clients were attributed to a program, and why the others were not. Value.
package struct AttributionReport: Codable, Sendable {
    package var found = 0
    /// Gone before connd looked, while one program alone had connected within 5 s: counted as that program's.
    package var assumed = 0
    /// Only the user is known: connd may not look at the processes of that user.
    package var userOnly = 0
    /// Only the user is known: no process was found that holds the socket.
    package var processNotFound = 0
    /// Closed before connd asked.
    package var gone = 0
    package var remote = 0
    /// Too many came at once.
    package var tooMany = 0
    /// The kernel did not tell.
    package var failed = 0
    /// Still being looked up.
    package var waiting = 0
    /// Connections whose requests were not counted, as too many waited.
    package var dropped = 0
    /// What the look-ups have cost.
    package var cpuMs: Double = 0

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case found
        case assumed
        case userOnly = "user_only"
        case processNotFound = "process_not_found"
        case gone
        case remote
        case tooMany = "too_many"
        case failed
        case waiting
        case dropped
        case cpuMs = "cpu_ms"
    }
}

/// One program, since connd was started. Value.
package struct ProgramReport: Codable, Sendable {
    /// As in the label of metrics: `nginx.service`, `curl`, `user:1000`, `remote:private`, `unknown`, `other`.
    package var program = ""
    /// By what its connections are counted together: `unit`, `executable`, `user`, `remote`, `unknown` or `other`.
    package var kind = ""
    package var uid: Int?
    package var user: String?
    /// Of the process that connected last; null where it is not known.
    package var pid: Int?
    package var executable: String?
    package var unit: String?
    package var requests = 0
    package var requestsPerMinute = 0.0
    package var connections = 0
    package var connectionsPerMinute = 0.0
    /// Connected now.
    package var open = 0
    package var errors = 0
    /// The busiest first.
    package var origins: [ProgramOriginReport] = []
    /// To origins that are not listed, as they were less busy.
    package var otherOriginsRequests = 0

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case program
        case kind
        case uid
        case user
        case pid
        case executable
        case unit
        case requests
        case requestsPerMinute = "requests_per_minute"
        case connections
        case connectionsPerMinute = "connections_per_minute"
        case open
        case errors
        case origins
        case otherOriginsRequests = "other_origins_requests"
    }
}

/// What a program has asked of one origin. Value.
package struct ProgramOriginReport: Codable, Sendable {
    package var origin = ""
    package var requests = 0
    package var requestsPerMinute = 0.0
    /// Of the program, those that have asked this origin.
    package var connections = 0
    package var connectionsPerMinute = 0.0
    package var errors = 0

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case origin
        case requests
        case requestsPerMinute = "requests_per_minute"
        case connections
        case connectionsPerMinute = "connections_per_minute"
        case errors
    }
}
