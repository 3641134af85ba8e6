import AdminModels
import NIOHTTP1

/// One row of the table of operations, which routes and checks requests and generates the OpenAPI document.
/// Value.
struct Operation: Sendable {
    enum Verb: String, Sendable {
        case get = "GET"
        case post = "POST"
        case put = "PUT"
        case patch = "PATCH"
        case delete = "DELETE"

        var changes: Bool { self != .get }
    }

    /// The type of a request's body.
    struct Body: Sendable {
        let type: any RequestBody.Type
        let longest: Int
        let example: JSONValue
    }

    /// The content of a successful response.
    enum Content: Sendable {
        case nothing
        case json(any (Decodable & Sendable).Type)
        /// JSON without a model.
        case document
        case text(String)
        /// Bytes of this media type.
        case bytes(String)
        case events
    }

    struct Success: Sendable {
        let status: Int
        let help: String
        let content: Content
    }

    typealias Handler = @Sendable (AdminCall) async throws -> AdminAnswer

    let verb: Verb
    let path: String
    /// `operationId`.
    let name: String
    let summary: String
    var help = ""
    var parameters: [Parameter] = []
    var body: Body?
    let success: Success
    /// Problems beyond those that follow from the parameters, the body and the verb.
    var problems: [Int] = []
    /// The same content may also come with status 503.
    var mayBeUnready = false
    /// The response is a state of the settings or of the gateways: it has an ETag, and conditional requests are honoured.
    var isRevisioned = false
    let run: Handler

    /// The segments of the path; `{name}` matches any one segment.
    var segments: ArraySlice<Substring> { path.split(separator: "/", omittingEmptySubsequences: false).dropFirst() }
}

/// The input of a handler: validated parameters and body. Value.
struct AdminCall: Sendable {
    let backend: any AdminBackend
    let actor: AdminActor
    let values: [String: Parameter.Value]
    let body: (any RequestBody)?
    let condition: Revision.Condition?
    let headers: HTTPHeaders
    let now: Int64

    func text(_ name: String) -> String? {
        if case .text(let text)? = values[name] { text } else { nil }
    }

    func integer(_ name: String) -> Int? {
        if case .integer(let number)? = values[name] { number } else { nil }
    }

    func flag(_ name: String) -> Bool? {
        if case .flag(let flag)? = values[name] { flag } else { nil }
    }

    func time(_ name: String) -> Int64? {
        if case .time(let time)? = values[name] { time } else { nil }
    }

    /// A path parameter, which the router guarantees to be present.
    func segment(_ name: String) -> String { text(name) ?? "" }

    func content<Content: RequestBody>(_ type: Content.Type) throws -> Content {
        guard let content = body as? Content ?? Content.whenEmpty else { throw Problem(422, "the body is missing") }
        return content
    }

    var page: PageRequest {
        var page = PageRequest()
        page.limit = integer("limit") ?? PageRequest.standardLimit
        page.cursor = text("cursor")
        return page
    }

    /// The revision of the settings that a change must be based on; nil: any.
    func expectedRevision() async throws -> UInt64? {
        try await expectedRevision(of: "settings") { await backend.patterns().revision }
    }

    func expectedGatewayRevision() async throws -> UInt64? {
        try await expectedRevision(of: "gateways") { await backend.gateways().revision }
    }

    private func expectedRevision(of what: String, _ read: () async -> UInt64) async throws -> UInt64? {
        guard case .tags(let strong, _)? = condition else { return nil }
        if strong.count == 1 { return strong[0] }
        let current = await read()
        guard strong.contains(current) else {
            throw Problem(
                412, "the \(what) are at \(Revision.tag(current)), which If-Match does not name; read them again")
        }
        return current
    }

    /// `If-None-Match` compares weakly.
    func isFresh(_ revision: UInt64) -> Bool {
        switch condition {
        case nil: false
        case .any: true
        case .tags(let strong, let weak): strong.contains(revision) || weak.contains(revision)
        }
    }
}

/// The result of a handler. Value.
enum AdminAnswer: Sendable {
    case json(any Encodable & Sendable, status: Int = 200, revision: UInt64? = nil)
    case document(JSONValue)
    case text(String, type: String)
    case nothing
    case notModified(revision: UInt64)
    case bytes(AdminBytes, type: String)
    case events(AsyncStream<EventReport>)
}
