import AdminModels
import AsyncHTTPClient
import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix
import ProxyTypes

/// Speaks the admin API to one daemon: one method per resource, each answer typed. Never follows redirects, never goes
/// through a proxy, and repeats nothing by itself. Shared.
package final class AdminClient: Sendable {
    /// How long anything may take. Value.
    package struct Patience: Sendable {
        package var connect: Duration
        package var request: Duration

        package init(connect: Duration, request: Duration) {
            self.connect = connect
            self.request = request
        }

        package static let standard = Patience(connect: .seconds(2), request: .seconds(10))
        /// For what a person waits for between two keys.
        package static let short = Patience(connect: .milliseconds(300), request: .milliseconds(700))
    }

    package let address: AdminAddress
    private let token: String?
    private let patience: Patience
    private let http: HTTPClient

    static let largestAnswer = 64 << 20

    /// `token`: sent with what changes something, and with nothing else. `close` must be called.
    package init(_ address: AdminAddress, token: String? = nil, patience: Patience = .standard) {
        self.address = address
        self.token = token
        self.patience = patience
        http = Self.makeClient(patience, read: TimeAmount(patience.request))
    }

    package func close() async {
        try? await http.shutdown()
    }

    static func makeClient(_ patience: Patience, read: TimeAmount) -> HTTPClient {
        var configuration = HTTPClient.Configuration(
            redirectConfiguration: .disallow, timeout: .init(connect: TimeAmount(patience.connect), read: read),
            proxy: nil,
            decompression: .disabled)
        configuration.httpVersion = .http1Only
        configuration.connectionPool.retryConnectionEstablishment = false
        return HTTPClient(eventLoopGroup: .singletonMultiThreadedEventLoopGroup, configuration: configuration)
    }

    // MARK: Requests

    /// What a request is made of. Value.
    struct Call {
        var method = HTTPMethod.GET
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
        do {
            let response = try await http.execute(request(for: call), timeout: TimeAmount(patience.request))
            let body = try await response.body.collect(upTo: Self.largestAnswer)
            let bytes = Array(body.readableBytesView)
            try check(response, bytes)
            return AdminAnswer(content: (), body: bytes, etag: response.headers.first(name: "etag"))
        } catch let failure as AdminFailure {
            throw failure
        } catch {
            throw translate(error)
        }
    }

    func request(for call: Call) -> HTTPClientRequest {
        let query = call.query.compactMap { name, value in value.map { "\(name)=\(PercentEncoding.segment($0))" } }
        let suffix = query.isEmpty ? "" : "?" + query.joined(separator: "&")
        var request = HTTPClientRequest(url: address.base + call.path + suffix)
        request.method = call.method
        if address.isUnixSocket { request.headers.add(name: "Host", value: "localhost") }
        request.headers.add(name: "Accept", value: "application/json, application/problem+json")
        request.headers.add(name: "User-Agent", value: "connctl")
        if let ifMatch = call.ifMatch { request.headers.add(name: "If-Match", value: ifMatch) }
        if let token, call.method != .GET { request.headers.add(name: "Authorization", value: "Bearer \(token)") }
        if let body = call.body {
            request.headers.add(name: "Content-Type", value: "application/json")
            request.body = .bytes(ByteBuffer(bytes: body))
        }
        return request
    }

    /// Throws what the daemon said where it said no.
    func check(_ response: HTTPClientResponse, _ body: [UInt8]) throws(AdminFailure) {
        let status = Int(response.status.code)
        guard !(200..<300).contains(status) else { return }
        let type = response.headers.first(name: "content-type") ?? "no content type"
        if type.lowercased().hasPrefix("application/problem+json"),
            let problem = try? APIJSON.decode(Problem.self, from: body)
        {
            throw .refused(problem)
        }
        throw .unexpected(address, "it answered \(status) with \(type), as connd's admin API never does")
    }

    func translate(_ error: any Error) -> AdminFailure {
        switch error {
        case let error as HTTPClientError where error == .connectTimeout:
            return .notReachable(address, "no connection within \(patience.connect)")
        case let error as HTTPClientError where error == .deadlineExceeded || error == .readTimeout:
            return .notReachable(address, "no answer within \(patience.request)")
        case let error as HTTPClientError where error == .remoteConnectionClosed:
            return .notReachable(address, "it closed the connection without an answer")
        case let error as NIOConnectionError:
            if let first = error.connectionErrors.first { return translate(first.error) }
            return .notReachable(address, "no such host")
        case let error as IOError:
            return .notReachable(address, String(cString: strerror(error.errnoCode)))
        case is NIOTooManyBytesError:
            return .unexpected(address, "its answer is larger than any of connd's")
        case is HTTPParserError:
            return .unexpected(address, "what answers there does not speak HTTP")
        default:
            return .notReachable(address, "\(error)")
        }
    }
}
