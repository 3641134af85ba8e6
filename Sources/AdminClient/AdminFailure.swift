package import AdminModels

/// Why a request to the admin API failed. Value.
package enum AdminFailure: Error, Sendable {
    /// No complete answer arrived. The reason is a clause that follows a colon.
    case notReachable(AdminAddress, String)
    /// The daemon refused the request, with this problem.
    case refused(Problem)
    /// The answer is not one of this API, or of another version of it. The reason is a clause that follows a colon.
    case unexpected(AdminAddress, String)
}

/// The answer to a request. Value.
package struct AdminAnswer<Content: Sendable>: Sendable {
    package var content: Content
    /// As received.
    package var body: [UInt8]
    /// With its quotes, as `If-Match` takes it.
    package var etag: String?

    package init(content: Content, body: [UInt8], etag: String? = nil) {
        self.content = content
        self.body = body
        self.etag = etag
    }
}
