import AdminModels
import HTTPTypes
import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1
import ProxyTypes

/// Turns one request into one answer: admits it, finds its operation, reads its parameters and body, asks the backend.
/// It holds no state of its own. Shared.
struct AdminResponder: Sendable {
    let backend: any AdminBackend
    let routes: RouteTable
    let rules: AccessRules
    let streams: EventStreams
    let logger: Logger
    let now: @Sendable () -> Int64

    func respond(to request: Request, from peer: AdminPeer, over channel: any Channel) async -> Response {
        var response: Response
        do {
            response = try await answer(request, from: peer, over: channel)
        } catch let problem as Problem {
            response = problem.response
        } catch let refusal as AdminRefusal {
            response = Problem(refusal).response
        } catch {
            logger.error(
                "an admin request failed",
                metadata: ["method": "\(request.method)", "path": "\(request.uri.path)", "error": "\(error)"])
            response = Problem(500, "connd failed to answer this; its log says more").response
        }
        response.headers[.date] = DateText.http(seconds: now() / 1000)
        response.headers[.cacheControl] = "no-store"
        response.headers[.xContentTypeOptions] = "nosniff"
        if response.status == .contentTooLarge || response.status == .requestTimeout {
            response.headers[.connection] = "close"
        }
        return response
    }

    private func answer(_ request: Request, from peer: AdminPeer, over channel: any Channel) async throws -> Response {
        let authentication = rules.current
        try authentication.admit(request.head, from: peer)
        let target = (request.head.path ?? "/").split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)[0]
        let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        let path = String(parts[0])
        if path == "*" { return allow(routes.methods, status: .noContent) }
        let match: RouteTable.Match
        do {
            match = try routes.find(request.method.rawValue, path)
        } catch {
            switch error {
            case .notFound(let detail): throw Problem(404, detail)
            case .malformed(let detail): throw Problem(400, detail)
            case .notAllowed(let methods):
                if request.method == .options { return allow(methods, status: .noContent) }
                return allow(methods, status: .methodNotAllowed)
            }
        }
        let operation = match.operation
        let actor =
            operation.verb.changes
            ? try authentication.actor(of: request.head, from: peer) : AdminActor(name: "reader")
        let condition = try self.condition(of: operation, request.headers)
        let body = try await self.body(of: operation, request)
        let values = try parameters(of: operation, match.segments, query: parts.count > 1 ? String(parts[1]) : "")
        let call = AdminCall(
            backend: backend, actor: actor, values: values, body: try read(body, for: operation),
            condition: condition, headers: request.headers, now: now())
        return try response(to: try await operation.run(call), isHead: request.method == .head, over: channel)
    }

    private func allow(_ methods: [String], status: HTTPResponse.Status) -> Response {
        let list = methods.joined(separator: ", ")
        var response =
            status == .methodNotAllowed
            ? Problem(405, "this takes \(list) only").response : Self.empty(status, headers: [:])
        response.headers[.allow] = list
        return response
    }

    /// `Response` would state a length of 0, which 204 and 304 must not.
    private static func empty(_ status: HTTPResponse.Status, headers: HTTPFields) -> Response {
        var response = Response(status: status, headers: headers)
        response.headers[.contentLength] = nil
        return response
    }

    // MARK: Reading

    private func condition(of operation: Operation, _ headers: HTTPFields) throws -> Revision.Condition? {
        guard operation.isRevisioned else { return nil }
        if operation.verb.changes {
            guard let field = headers[.ifMatch] else { return nil }
            guard let condition = Revision.condition(field) else {
                throw Problem(400, "If-Match must be * or a list of ETags in double quotes, such as \"r12\"")
            }
            return condition
        }
        return headers[.ifNoneMatch].flatMap(Revision.condition)
    }

    private func parameters(of operation: Operation, _ segments: [String: String], query: String) throws
        -> [String: Parameter.Value]
    {
        let now = now()
        var problems: [FieldProblem] = []
        var values: [String: Parameter.Value] = [:]
        func take(_ parameter: Parameter, _ text: String) {
            switch parameter.read(text, now: now) {
            case .success(let value): values[parameter.name] = value
            case .failure(let problem):
                problems.append(FieldProblem(pointer: parameter.pointer, detail: problem.detail))
            }
        }
        for parameter in operation.parameters where parameter.place == .path {
            take(parameter, segments[parameter.name] ?? "")
        }
        let known = operation.parameters.filter { $0.place == .query }
        var seen: Set<String> = []
        for (name, value) in QueryString.parse(query) {
            guard let name, let value else {
                problems.append(FieldProblem(pointer: "?", detail: "the query is not percent-encoded UTF-8"))
                continue
            }
            guard let parameter = known.first(where: { $0.name == name }) else {
                let hint = Suggestion.of(name, among: known.map(\.name))
                problems.append(FieldProblem(pointer: "?\(name.prefix(100))", detail: "unknown parameter\(hint)"))
                continue
            }
            guard seen.insert(name).inserted else {
                problems.append(FieldProblem(pointer: parameter.pointer, detail: "is given twice"))
                continue
            }
            take(parameter, value)
        }
        if !problems.isEmpty { throw Problem(fields: problems) }
        return values
    }

    private func body(of operation: Operation, _ request: Request) async throws -> ByteBuffer {
        let longest = operation.body?.longest ?? 64 << 10
        let tooLarge = Problem(413, "the body is over \(longest >> 10) KiB")
        if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > longest { throw tooLarge }
        var body = ByteBuffer()
        do {
            for try await part in request.body {
                body.writeImmutableBuffer(part)
                if body.readableBytes > longest { throw tooLarge }
            }
        } catch is ConnectionGuard.BodyTooSlow {
            throw Problem(408, "the body did not come in time")
        } catch let error as HTTPParserError {
            throw Problem(400, "the body is not framed as HTTP wants it: \(error)")
        }
        if operation.verb.changes, body.readableBytes > 0 {
            try checkType(request.headers[.contentType])
        }
        return body
    }

    private func checkType(_ field: String?) throws {
        let parts = (field ?? "").lowercased().split(separator: ";").map { $0.filter { $0 != " " && $0 != "\t" } }
        let isJSON = parts.first == "application/json"
        let isUTF8 = parts.dropFirst().allSatisfy { ["charset=utf-8", "charset=\"utf-8\"", ""].contains($0) }
        guard isJSON, isUTF8 else {
            let given = field.map { "not \($0.prefix(100))" } ?? "and there is none"
            throw Problem(415, "the body must come with `Content-Type: application/json`, \(given)")
        }
    }

    private func read(_ body: ByteBuffer, for operation: Operation) throws -> (any RequestBody)? {
        guard operation.verb.changes else { return nil }
        guard let expected = operation.body else {
            // Only an empty object says no more than no body does.
            if body.readableBytes > 0, try Self.parse(body) != .object([]) {
                throw Problem(fields: [FieldProblem(pointer: "", detail: "this takes no body, or an empty object")])
            }
            return nil
        }
        if body.readableBytes == 0 {
            guard let standard = expected.type.whenEmpty else {
                throw Problem(400, "the body is empty; it must be JSON such as \(expected.example.printed)")
            }
            return standard
        }
        let value = try Self.parse(body)
        var reader = BodyReader()
        let content = expected.type.read(value, with: &reader)
        if !reader.problems.isEmpty { throw Problem(fields: reader.problems) }
        return content
    }

    private static func parse(_ body: ByteBuffer) throws(Problem) -> JSONValue {
        do { return try JSONParser.parse(body.readableBytesView) } catch {
            throw Problem(400, "the body is no JSON: \(error)")
        }
    }

    // MARK: Answering

    private func response(to answer: AdminAnswer, isHead: Bool, over channel: any Channel) throws -> Response {
        switch answer {
        case .json(let value, let status, let revision):
            var response = Self.content(try ModelEncoder.encode(value), "application/json")
            response.status = .init(code: status)
            if let revision { response.headers[.eTag] = Revision.tag(revision) }
            return response
        case .document(let value): return Self.content(ByteBuffer(string: value.printed + "\n"), "application/json")
        case .text(let text, let type): return Self.content(ByteBuffer(string: text), type)
        case .nothing: return Self.empty(.noContent, headers: [:])
        case .notModified(let revision):
            return Self.empty(.notModified, headers: [.eTag: Revision.tag(revision)])
        case .bytes(let bytes, let type): return Self.content(bytes, type)
        case .events(let events): return try stream(events, isHead: isHead, over: channel)
        }
    }

    private static func content(_ body: ByteBuffer, _ type: String) -> Response {
        Response(status: .ok, headers: [.contentType: type], body: ResponseBody(byteBuffer: body))
    }

    /// Part by part: an answer may be larger than what memory it is worth.
    private static func content(_ bytes: AdminBytes, _ type: String) -> Response {
        Response(
            status: .ok, headers: [.contentType: type],
            body: ResponseBody(contentLength: bytes.count) { writer in
                var offset = 0
                while offset < bytes.count {
                    let part = try bytes.read(offset, min(partSize, bytes.count - offset))
                    guard !part.isEmpty else { throw CutShort() }
                    try await writer.write(ByteBuffer(bytes: part))
                    offset += part.count
                }
                try await writer.finish(nil)
            })
    }

    private struct CutShort: Error {}

    private static let partSize = 128 << 10

    private func stream(_ events: AsyncStream<EventReport>, isHead: Bool, over channel: any Channel) throws -> Response
    {
        let headers: HTTPFields = [.contentType: EventStreams.mediaType]
        if isHead { return Self.empty(.ok, headers: headers) }
        guard let stream = streams.open() else {
            throw Problem(503, "there are \(EventStreams.limit) streams of events already; end one first")
        }
        // The place is given back at once when the client goes, not at the next heartbeat.
        channel.closeFuture.whenComplete { [weak stream] _ in stream?.close() }
        return Response(
            status: .ok, headers: headers,
            body: ResponseBody { writer in
                defer { stream.close() }
                try await stream.run(events) { try await writer.write($0) }
                try await writer.finish(nil)
            })
    }
}
