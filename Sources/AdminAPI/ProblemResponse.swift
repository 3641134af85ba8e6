import AdminModels
import NIOCore
import NIOHTTP1

extension Problem {
    /// The titles of the statuses.
    static let titles: [Int: String] = [
        400: "Bad request", 401: "Token needed", 403: "Forbidden", 404: "Not found", 405: "Method not allowed",
        408: "Request timeout", 409: "Conflict", 412: "Changed meanwhile", 413: "Body too large",
        415: "Wrong content type", 421: "Not this host", 422: "Fields are not right", 431: "Head too large",
        500: "Fault of connd", 503: "Not possible now", 505: "HTTP version not supported",
    ]

    static let mediaType = "application/problem+json"

    init(_ status: Int, _ detail: String, errors: [FieldProblem] = []) {
        self.init()
        self.status = status
        self.title = Self.titles[status] ?? "Error"
        self.detail = detail
        self.errors = errors.isEmpty ? nil : errors
    }

    init(_ refusal: AdminRefusal) {
        switch refusal {
        case .notFound(let detail): self.init(404, detail)
        case .invalid(let detail, let errors): self.init(422, detail, errors: errors)
        case .conflict(let detail, let errors): self.init(409, detail, errors: errors)
        case .stale(let detail): self.init(412, detail)
        case .unavailable(let detail): self.init(503, detail)
        }
    }

    /// A 422 for the problems found while reading.
    init(fields: [FieldProblem]) {
        let first = fields.first.map { "\($0.pointer.isEmpty ? "the body" : $0.pointer): \($0.detail)" } ?? ""
        self.init(422, fields.count > 1 ? "\(first) (and \(fields.count - 1) more)" : first, errors: fields)
    }

    var body: ByteBuffer { (try? ModelEncoder.encode(self)) ?? ByteBuffer(string: "{}\n") }

    var response: AdminResponse {
        var response = AdminResponse(status: status, type: Self.mediaType, body: .whole(body))
        if status == 401 { response.headers.add(name: "WWW-Authenticate", value: #"Bearer realm="connd""#) }
        if status == 503 { response.headers.add(name: "Retry-After", value: "5") }
        return response
    }
}
