package import HTTPWire
package import ProxyTypes
package import Reactor

/// What a client is told when its request cannot be served: the one table from failures to answers, and the one place that
/// writes them.
package struct ErrorResponse: Equatable, Sendable {
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

    /// To a request that waits for a connection while connd comes to its end.
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
        head += "Date: \(HTTPDate.text(seconds))\r\n"
        head += "Content-Type: text/plain; charset=utf-8\r\nContent-Length: \(body.utf8.count)\r\n"
        head += "Proxy-Status: connd; error=\(kind.name); details=\"\(Self.quoted(detail))\"\r\n"
        if status == 503 { head += "Retry-After: 1\r\n" }
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
        case 408: "Request Timeout"
        case 413: "Content Too Large"
        case 414: "URI Too Long"
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

/// IMF-fixdate (RFC 9110 5.6.7) from seconds since 1970, by arithmetic.
package enum HTTPDate {
    private static let days = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    package static func text(_ seconds: Int64) -> String {
        let c = components(seconds)
        let weekday = days[Int((seconds / 86_400) % 7)]
        return
            "\(weekday), \(two(c.day)) \(months[c.month - 1]) \(c.year) \(two(c.hour)):\(two(c.minute)):\(two(c.second)) GMT"
    }

    /// RFC 3339, UTC, with milliseconds.
    package static func timestamp(milliseconds: Int64) -> String {
        let c = components(milliseconds / 1000)
        let fraction = String(1000 + milliseconds % 1000).dropFirst()
        return "\(c.year)-\(two(c.month))-\(two(c.day))T\(two(c.hour)):\(two(c.minute)):\(two(c.second)).\(fraction)Z"
    }

    private struct Components {
        var year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0
    }

    /// Days to a civil date, with years that begin in March so that the leap day comes last.
    private static func components(_ seconds: Int64) -> Components {
        let day = seconds / 86_400 + 719_468
        let era = day / 146_097
        let dayOfEra = day - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        let month = shifted < 10 ? shifted + 3 : shifted - 9
        let rest = seconds % 86_400
        return Components(
            year: Int(yearOfEra + era * 400 + (month <= 2 ? 1 : 0)), month: Int(month),
            day: Int(dayOfYear - (153 * shifted + 2) / 5 + 1), hour: Int(rest / 3600), minute: Int(rest / 60 % 60),
            second: Int(rest % 60))
    }

    private static func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
}
