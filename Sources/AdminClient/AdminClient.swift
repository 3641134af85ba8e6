import AdminModels
import ProxyTypes

/// Speaks the admin API to one daemon: one method per resource, each answer typed. Never follows redirects, never uses
/// a proxy, and never repeats a request. Value.
package struct AdminClient: Sendable {
    package struct Timeouts: Sendable {
        package var connect: Duration
        /// From the start of a request to the end of its answer.
        package var request: Duration

        package init(connect: Duration, request: Duration) {
            self.connect = connect
            self.request = request
        }

        package static let standard = Timeouts(connect: .seconds(2), request: .seconds(10))
        /// For requests that a person waits for while typing.
        package static let interactive = Timeouts(connect: .milliseconds(300), request: .milliseconds(700))
    }

    package let address: AdminAddress
    private let token: String?
    private let timeouts: Timeouts

    static let largestAnswer = 64 << 20

    /// `token`: sent only with requests that change something.
    package init(_ address: AdminAddress, token: String? = nil, timeouts: Timeouts = .standard) {
        self.address = address
        self.token = token
        self.timeouts = timeouts
    }

    // MARK: Requests

    /// A request to one resource. Value.
    struct Call {
        var method = "GET"
        var path: String
        var query: [(name: String, value: String?)] = []
        var body: [UInt8]?
        var ifMatch: String?
    }

    func send<Content: Decodable & Sendable>(_ call: Call, as type: Content.Type = Content.self)
        async throws(AdminFailure) -> AdminAnswer<Content>
    {
        let answer = try await send(call)
        do {
            return AdminAnswer(
                content: try APIJSON.decode(type, from: answer.body), body: answer.body, etag: answer.etag)
        } catch {
            throw .unexpected(address, "its answer to \(call.path) cannot be read (\(DecodingText.describe(error)))")
        }
    }

    @discardableResult
    func send(_ call: Call) async throws(AdminFailure) -> AdminAnswer<Void> {
        let transfer = try HTTPTransfer(
            request(for: call), to: address, limits: .init(connect: timeouts.connect, total: timeouts.request))
        let head = try await transfer.head()
        let body = try await transfer.collect(upTo: Self.largestAnswer)
        try check(head, body)
        return AdminAnswer(content: (), body: body, etag: head.fields["etag"])
    }

    func request(for call: Call, accept: String = "application/json") -> HTTPRequest {
        let query = call.query.compactMap { name, value in value.map { "\(name)=\(PercentEncoding.segment($0))" } }
        let suffix = query.isEmpty ? "" : "?" + query.joined(separator: "&")
        var request = HTTPRequest(method: call.method, target: call.path + suffix, body: call.body)
        request.fields = [("Accept", "\(accept), application/problem+json"), ("User-Agent", "connctl")]
        if let ifMatch = call.ifMatch { request.fields.append(("If-Match", ifMatch)) }
        if let token, call.method != "GET" { request.fields.append(("Authorization", "Bearer \(token)")) }
        if call.body != nil { request.fields.append(("Content-Type", "application/json")) }
        return request
    }

    /// Throws the daemon's problem where it refused the request.
    func check(_ head: HTTPResponseHead, _ body: [UInt8]) throws(AdminFailure) {
        guard !head.isSuccess else { return }
        let type = head.fields["content-type"] ?? "no content type"
        if type.lowercased().hasPrefix("application/problem+json"),
            let problem = try? APIJSON.decode(Problem.self, from: body)
        {
            throw .refused(problem)
        }
        throw .unexpected(address, "it answered \(head.status) with \(type), as connd's admin API never does")
    }
}
