package import AdminModels

/// Why a request to the admin API failed. Value.
package enum AdminFailure: Error, Sendable {
    /// No answer; the reason is a clause.
    case notReachable(AdminAddress, String)
    /// The daemon said no, and why.
    case refused(Problem)
    /// What answered does not speak this API, or another version of it: what came, as a clause.
    case unexpected(AdminAddress, String)
}

/// What a request was answered with. Value.
package struct AdminAnswer<Content: Sendable>: Sendable {
    package var content: Content
    /// As it came.
    package var body: [UInt8]
    /// With its quotes, as `If-Match` wants it.
    package var etag: String?

    package init(content: Content, body: [UInt8], etag: String? = nil) {
        self.content = content
        self.body = body
        self.etag = etag
    }
}
