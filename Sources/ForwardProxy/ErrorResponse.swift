package import HTTPWire
package import ProxyTypes
package import Reactor

/// The answer to a request that cannot be served: the one table from failures to statuses, and the one place that writes such
/// answers.
package struct ErrorResponse: Error, Equatable, Sendable {
    package let status: Int
    package let kind: ProxyError.Kind
    package let detail: String

    package init(_ error: ProxyError) {
        status = Self.status(for: error.kind)
        kind = error.kind
        detail = error.detail
    }

    package init(_ error: WireError) {
        status = error.status
        kind = .httpRequestError
        detail = error.message
    }

    package init(status: Int, kind: ProxyError.Kind, detail: String) {
        self.status = status
        self.kind = kind
        self.detail = detail
    }

    /// To a request that still waits for a connection when connd is about to stop.
    static let stopping = ErrorResponse(
        status: 503, kind: .destinationUnavailable,
        detail: "connd is stopping, and no connection to the origin became available within shutdown_grace: try again")

    static func status(for kind: ProxyError.Kind) -> Int {
        switch kind {
        case .dnsError, .connectionRefused, .connectionTerminated, .tlsProtocolError, .tlsCertificateError,
            .httpResponseIncomplete, .httpProtocolError, .destinationUnavailable:
            502
        case .dnsTimeout, .connectionTimeout, .connectionReadTimeout, .connectionWriteTimeout, .httpResponseTimeout: 504
        case .connectionLimitReached: 503
        case .destinationIPProhibited, .httpRequestDenied: 403
        case .httpRequestError: 400
        case .proxyInternalError: 500
        case .proxyLoopDetected: 508
        }
    }

    /// A whole response. To a HEAD request it has no body, but says the length that one would have had.
    package func write(
        into buffer: inout ByteQueue, origin: Origin?, isHead: Bool, persists: Bool, version: HTTPVersion,
        now seconds: Int64
    ) {
        let line = String(detail.map { $0.isNewline || $0.asciiValue.map { $0 < 0x20 } == true ? " " : $0 })
        var body = "connd: \(status) \(kind.name): \(line)"
        if let origin { body += " (\(origin))" }
        body += "\n"
        var head = "HTTP/1.1 \(status) \(Self.reason(status))\r\n"
        head += "Date: \(DateText.http(seconds: seconds))\r\n"
        head += "Content-Type: text/plain; charset=utf-8\r\nContent-Length: \(body.utf8.count)\r\n"
        head += "Proxy-Status: connd; error=\(kind.name); details=\"\(Self.quoted(detail))\"\r\n"
        if status == 503 { head += "Retry-After: 1\r\n" }
        // RFC 9110 15.5.6: the one method that a gateway does not know.
        if status == 405 { head += "Allow: GET, HEAD, POST, PUT, DELETE, OPTIONS, TRACE, PATCH\r\n" }
        if !persists {
            head += "Connection: close\r\n"
        } else if version == .http10 {
            head += "Connection: keep-alive\r\n"
        }
        head += "\r\n"
        buffer.append(head)
        if !isHead { buffer.append(body) }
    }

    /// An sf-string (RFC 8941 3.3.3) takes visible ASCII only.
    private static func quoted(_ text: String) -> String {
        var out = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": out += "\\\(scalar)"
            case " "..."~": out.unicodeScalars.append(scalar)
            default: out += "?"
            }
        }
        return out
    }

    static func reason(_ status: Int) -> String {
        switch status {
        case 200: "OK"
        case 400: "Bad Request"
        case 403: "Forbidden"
        case 405: "Method Not Allowed"
        case 408: "Request Timeout"
        case 413: "Content Too Large"
        case 414: "URI Too Long"
        case 421: "Misdirected Request"
        case 431: "Request Header Fields Too Large"
        case 500: "Internal Server Error"
        case 501: "Not Implemented"
        case 502: "Bad Gateway"
        case 503: "Service Unavailable"
        case 504: "Gateway Timeout"
        case 505: "HTTP Version Not Supported"
        case 508: "Loop Detected"
        default: "Error"
        }
    }
}
