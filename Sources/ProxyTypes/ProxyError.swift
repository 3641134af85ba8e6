/// Why an exchange could not be served as asked: what failed, on which side, and whether sending it again may help. Value.
package struct ProxyError: Error, Equatable, Sendable {
    /// The error types of RFC 9209 section 2.3 that a forward proxy can meet.
    package enum Kind: UInt8, CaseIterable, BitwiseCopyable, Sendable {
        case dnsError, dnsTimeout, destinationUnavailable, destinationIPProhibited
        case connectionRefused, connectionTerminated, connectionTimeout, connectionLimitReached
        case connectionReadTimeout, connectionWriteTimeout, tlsProtocolError, tlsCertificateError
        case httpRequestError, httpRequestDenied, httpResponseIncomplete, httpResponseTimeout, httpProtocolError
        case proxyInternalError, proxyLoopDetected

        /// As Proxy-Status, the access log and the metrics spell it.
        package var name: String {
            switch self {
            case .dnsError: "dns_error"
            case .dnsTimeout: "dns_timeout"
            case .destinationUnavailable: "destination_unavailable"
            case .destinationIPProhibited: "destination_ip_prohibited"
            case .connectionRefused: "connection_refused"
            case .connectionTerminated: "connection_terminated"
            case .connectionTimeout: "connection_timeout"
            case .connectionLimitReached: "connection_limit_reached"
            case .connectionReadTimeout: "connection_read_timeout"
            case .connectionWriteTimeout: "connection_write_timeout"
            case .tlsProtocolError: "tls_protocol_error"
            case .tlsCertificateError: "tls_certificate_error"
            case .httpRequestError: "http_request_error"
            case .httpRequestDenied: "http_request_denied"
            case .httpResponseIncomplete: "http_response_incomplete"
            case .httpResponseTimeout: "http_response_timeout"
            case .httpProtocolError: "http_protocol_error"
            case .proxyInternalError: "proxy_internal_error"
            case .proxyLoopDetected: "proxy_loop_detected"
            }
        }
    }

    package enum Side: UInt8, BitwiseCopyable, Sendable {
        case client, origin, ours
    }

    /// Whether the failure by its nature allows the request to be sent again; RetryPolicy has the last word.
    package enum Retry: UInt8, BitwiseCopyable, Sendable {
        case never, ifReused, always
    }

    package let kind: Kind
    package let side: Side
    package let retry: Retry
    /// What failed, for a human: one line.
    package let detail: String

    package init(_ kind: Kind, side: Side = .origin, retry: Retry = .never, detail: String) {
        self.kind = kind
        self.side = side
        self.retry = retry
        self.detail = detail
    }
}
