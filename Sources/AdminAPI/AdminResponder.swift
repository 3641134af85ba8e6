import AdminModels
import Logging
import NIOCore
import NIOHTTP1
import ProxyTypes

/// Answers one request: admits it, finds its operation, reads its parameters and body, and asks the backend.
/// It holds no state of its own. Shared.
struct AdminResponder: Sendable {
    let backend: any AdminBackend
    let routes: RouteTable
    let rules: AccessRules
    let streams: EventStreams
    let logger: Logger
    let now: @Sendable () -> Int64

    func respond(
        to head: HTTPRequestHead, _ requests: inout RequestReader, from peer: AdminPeer, over channel: any Channel
    ) async -> AdminResponse {
        var response: AdminResponse
        do {
            response = try await answer(head, &requests, from: peer, over: channel)
        } catch let problem as Problem {
            response = problem.response
        } catch let refusal as AdminRefusal {
            response = Problem(refusal).response
        } catch {
            logger.error(
                "an admin request failed",
                metadata: ["method": "\(head.method)", "path": "\(Self.split(head.uri).path)", "error": "\(error)"])
            response = Problem(500, "connd failed to answer this; its log says more").response
        }
        response.headers.replaceOrAdd(name: "Date", value: DateText.http(seconds: now() / 1000))
        response.headers.replaceOrAdd(name: "Cache-Control", value: "no-store")
        response.headers.replaceOrAdd(name: "X-Content-Type-Options", value: "nosniff")
        // The client may still be sending the rest of the body.
        if [408, 413].contains(response.status) { response.headers.replaceOrAdd(name: "Connection", value: "close") }
        return response
    }

    private func answer(
        _ head: HTTPRequestHead, _ requests: inout RequestReader, from peer: AdminPeer, over channel: any Channel
    ) async throws -> AdminResponse {
        let authentication = rules.current
        try authentication.admit(head.headers, from: peer)
        let (path, query) = Self.split(head.uri)
        if path == "*" { return allow(routes.methods, status: 204) }
        let match: RouteTable.Match
        do {
            match = try routes.find(head.method.rawValue, path)
        } catch {
            switch error {
            case .notFound(let detail): throw Problem(404, detail)
            case .malformed(let detail): throw Problem(400, detail)
            case .notAllowed(let methods):
                return allow(methods, status: head.method == .OPTIONS ? 204 : 405)
            }
        }
        let operation = match.operation
        let actor =
            operation.verb.changes
            ? try authentication.actor(of: head.headers, from: peer) : AdminActor(name: "reader")
        let condition = try self.condition(of: operation, head.headers)
        let content = try await collect(&requests, of: operation, head.headers)
        let values = try parameters(of: operation, match.segments, query: query)
        let call = AdminCall(
            backend: backend, actor: actor, values: values, body: try read(content, for: operation),
            condition: condition, headers: head.headers, now: now())
        return try response(to: try await operation.run(call), isHead: head.method == .HEAD, over: channel)
    }

    /// Path and query, without a fragment.
    private static func split(_ target: String) -> (path: String, query: String) {
        let whole = target.prefix { $0 != "#" }
        let path = whole.prefix { $0 != "?" }
        return (String(path), String(whole[path.endIndex...].dropFirst()))
    }

    private func allow(_ methods: [String], status: Int) -> AdminResponse {
        let list = methods.joined(separator: ", ")
        var response =
            status == 405 ? Problem(405, "this takes \(list) only").response : AdminResponse(status: status)
        response.headers.replaceOrAdd(name: "Allow", value: list)
        return response
    }

    // MARK: Reading

    private func condition(of operation: Operation, _ headers: HTTPHeaders) throws -> Revision.Condition? {
        guard operation.isRevisioned else { return nil }
        if operation.verb.changes {
            guard let field = headers.combined("If-Match") else { return nil }
            guard let condition = Revision.condition(field) else {
                throw Problem(400, "If-Match must be * or a list of ETags in double quotes, such as \"r12\"")
            }
            return condition
        }
        return headers.combined("If-None-Match").flatMap(Revision.condition)
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
        for parameter in operation.parameters where parameter.location == .path {
            take(parameter, segments[parameter.name] ?? "")
        }
        let known = operation.parameters.filter { $0.location == .query }
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

    private func collect(
        _ requests: inout RequestReader, of operation: Operation, _ headers: HTTPHeaders
    ) async throws -> ByteBuffer {
        let longest = operation.body?.longest ?? 64 << 10
        let tooLarge = Problem(413, "the body is over \(longest >> 10) KiB")
        if let length = headers.combined("Content-Length").flatMap({ Int($0) }), length > longest { throw tooLarge }
        var content = ByteBuffer()
        do {
            while let part = try await requests.nextBodyPart() {
                content.writeImmutableBuffer(part)
                if content.readableBytes > longest { throw tooLarge }
            }
        } catch is ConnectionGuard.BodyTooSlow {
            throw Problem(408, "the body did not come in time")
        } catch let error as HTTPParserError {
            throw Problem(400, "the body is not framed as HTTP requires: \(error)")
        }
        if operation.verb.changes, content.readableBytes > 0 { try checkType(headers.combined("Content-Type")) }
        return content
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
            // An empty object is as good as no body.
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

    private func response(to answer: AdminAnswer, isHead: Bool, over channel: any Channel) throws -> AdminResponse {
        switch answer {
        case .json(let value, let status, let revision):
            var response = AdminResponse(
                status: status, type: "application/json", body: .whole(try ModelEncoder.encode(value)))
            if let revision { response.headers.replaceOrAdd(name: "ETag", value: Revision.tag(revision)) }
            return response
        case .document(let value):
            return AdminResponse(type: "application/json", body: .whole(ByteBuffer(string: value.printed + "\n")))
        case .text(let text, let type): return AdminResponse(type: type, body: .whole(ByteBuffer(string: text)))
        case .nothing: return AdminResponse(status: 204)
        case .notModified(let revision):
            var response = AdminResponse(status: 304)
            response.headers.replaceOrAdd(name: "ETag", value: Revision.tag(revision))
            return response
        case .bytes(let bytes, let type): return AdminResponse(type: type, body: Self.parts(of: bytes))
        case .events(let events): return try stream(events, isHead: isHead, over: channel)
        }
    }

    /// A large answer is read and written piece by piece rather than held in memory.
    private static func parts(of bytes: AdminBytes) -> AdminResponse.Body {
        .parts(length: bytes.count) { write in
            var offset = 0
            while offset < bytes.count {
                let part = try bytes.read(offset, min(partSize, bytes.count - offset))
                guard !part.isEmpty else { throw CutShort() }
                try await write(ByteBuffer(bytes: part))
                offset += part.count
            }
        }
    }

    private struct CutShort: Error {}

    private static let partSize = 128 << 10

    private func stream(_ events: AsyncStream<EventReport>, isHead: Bool, over channel: any Channel) throws
        -> AdminResponse
    {
        if isHead { return AdminResponse(type: EventStreams.mediaType, body: .none) }
        guard let stream = streams.open() else {
            throw Problem(503, "there are \(EventStreams.limit) streams of events already; end one first")
        }
        // The stream is released as soon as the client leaves, not at the next heartbeat.
        channel.closeFuture.whenComplete { [weak stream] _ in stream?.close() }
        return AdminResponse(
            type: EventStreams.mediaType,
            body: .parts(length: nil) { write in
                defer { stream.close() }
                try await stream.run(events, write: write)
            })
    }
}
