/// Why an exchange could not be served as requested: what failed, as a label and in words. Value.
package struct ProxyError: Error, Equatable, Sendable {
    /// The error types of RFC 9209 section 2.3 that a forward proxy can encounter.
    package enum Kind: UInt8, CaseIterable, BitwiseCopyable, Sendable {
        case dnsError, dnsTimeout, destinationUnavailable, destinationIPProhibited
        case connectionRefused, connectionTerminated, connectionTimeout, connectionLimitReached
        case connectionReadTimeout, connectionWriteTimeout
        case httpRequestError, httpRequestDenied, httpResponseIncomplete, httpResponseTimeout, httpProtocolError
        case proxyLoopDetected
        /// Reserved: nothing sets these yet.
        case tlsProtocolError, tlsCertificateError, proxyInternalError

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

    package let kind: Kind
    /// What failed, for a human: one line.
    package let detail: String

    package init(_ kind: Kind, detail: String) {
        self.kind = kind
        self.detail = detail
    }
}
