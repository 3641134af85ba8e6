/// One item of `GET /v1/audit`. Value.
package struct AuditReport: Codable, Sendable {
    package var id: Int64 = 0
    package var time = ""
    package var timeMs: Int64 = 0
    package var actor = ""
    package var action = ""
    /// A pattern, an origin, a connection's number, a gateway's name, an authority's serial, or `*`: all origins, or connd itself.
    package var subject = ""
    package var setting: String?
    package var before: String?
    package var after: String?
    package var reason: String?

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case id
        case time
        case timeMs = "time_ms"
        case actor
        case action
        case subject
        case setting
        case before
        case after
        case reason
    }
}

/// The parameters of `GET /v1/audit`. Value.
package struct AuditQuery: Sendable {
    package var page = PageRequest()
    package var subject: String?

    package init() {}
}

/// One event of `GET /v1/events`. Value.
package struct EventReport: Codable, Sendable {
    /// Rises by one; `Last-Event-ID` resumes after it. A client that names an event which is no longer stored gets
    /// `reset` first.
    package var id: UInt64 = 0
    /// `setting`, `action`, `reload`, `store`, `origin`, `ports`, `advice`, `tick` or `reset`.
    package var type = ""
    package var time = ""
    package var timeMs: Int64 = 0
    package var origin: String?
    package var message = ""

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case id
        case type
        case time
        case timeMs = "time_ms"
        case origin
        case message
    }
}
