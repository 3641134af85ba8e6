import NIOCore
import NIOHTTP1

/// A response of the API before it is framed. Value.
struct AdminResponse: Sendable {
    typealias Write = (ByteBuffer) async throws -> Void

    enum Body: Sendable {
        /// Also no `Content-Length`, which 204 and 304 must not have.
        case none
        case whole(ByteBuffer)
        /// Written piece by piece. Without a length it is chunked, and what throws cuts it off so that the client sees it.
        case parts(length: Int?, @Sendable (Write) async throws -> Void)
    }

    let status: Int
    var headers = HTTPHeaders()
    let body: Body

    init(status: Int = 200, type: String? = nil, body: Body = .none) {
        self.status = status
        self.body = body
        if let type { headers.add(name: "Content-Type", value: type) }
        switch body {
        case .none, .parts(nil, _): break
        case .whole(let buffer): headers.add(name: "Content-Length", value: "\(buffer.readableBytes)")
        case .parts(let length?, _): headers.add(name: "Content-Length", value: "\(length)")
        }
    }

    var head: HTTPResponseHead { HTTPResponseHead(version: .http1_1, status: Self.line(status), headers: headers) }

    private static func line(_ status: Int) -> HTTPResponseStatus {
        // NIO has the older names of these two.
        switch status {
        case 413: .custom(code: 413, reasonPhrase: "Content Too Large")
        case 422: .custom(code: 422, reasonPhrase: "Unprocessable Content")
        default: HTTPResponseStatus(statusCode: status)
        }
    }
}

extension HTTPHeaders {
    /// All values of a field as one (RFC 9110 5.3); nil where there is none. A field that is sent twice is never taken
    /// for its first value.
    func combined(_ name: String) -> String? {
        let values = self[name]
        return values.isEmpty ? nil : values.joined(separator: ", ")
    }
}
