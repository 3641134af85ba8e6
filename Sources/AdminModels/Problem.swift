/// RFC 9457, `application/problem+json`. Value.
package struct Problem: Codable, Sendable, Error {
    /// `about:blank`, or `/problems/<word>`.
    package var type = "about:blank"
    package var title = ""
    package var status = 500
    /// What went wrong and what to do next.
    package var detail = ""
    package var errors: [FieldProblem]?

    package init() {}
}

/// What is wrong with one field. Value.
package struct FieldProblem: Codable, Hashable, Sendable {
    /// JSON pointer into the body (`/settings/max_connections`), or the name of a query parameter (`?limit`).
    package var pointer: String
    package var detail: String

    package init(pointer: String, detail: String) {
        self.pointer = pointer
        self.detail = detail
    }
}

/// Why a backend refuses a request; the API turns it into a `Problem`.
package enum AdminRefusal: Error, Sendable {
    /// 404: no such origin, connection, exchange.
    case notFound(String)
    /// 422: fields are invalid.
    case invalid(String, [FieldProblem])
    /// 409: valid, but not possible in the current state.
    case conflict(String, [FieldProblem] = [])
    /// 412: `If-Match` names another revision.
    case stale(String)
    /// 503: not done because the database could not make it durable, or because connd is stopping.
    case unavailable(String)
}
