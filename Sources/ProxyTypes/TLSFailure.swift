/// Why TLS with an origin failed: as a label and in words. Value.
package struct TLSFailure: Error, Equatable, Sendable {
    package enum Reason: UInt8, CaseIterable, BitwiseCopyable, Sendable {
        // Of the origin's certificate.
        case expired, notYetValid, wrongName, selfSigned, unknownIssuer, weakSignature, pinMismatch, untrusted
        // Of the protocol.
        case noSharedVersion, noSharedCipher, alert, notTLS, malformed, closed, timedOut
        /// A file that the origin's settings name cannot be used.
        case configuration

        package var name: String {
            switch self {
            case .expired: "expired"
            case .notYetValid: "not_yet_valid"
            case .wrongName: "wrong_name"
            case .selfSigned: "self_signed"
            case .unknownIssuer: "unknown_issuer"
            case .weakSignature: "weak_signature"
            case .pinMismatch: "pin_mismatch"
            case .untrusted: "untrusted"
            case .noSharedVersion: "no_shared_version"
            case .noSharedCipher: "no_shared_cipher"
            case .alert: "alert"
            case .notTLS: "not_tls"
            case .malformed: "malformed"
            case .closed: "closed"
            case .timedOut: "timed_out"
            case .configuration: "configuration"
            }
        }

        package var errorKind: ProxyError.Kind {
            switch self {
            case .expired, .notYetValid, .wrongName, .selfSigned, .unknownIssuer, .weakSignature, .pinMismatch,
                .untrusted:
                .tlsCertificateError
            case .noSharedVersion, .noSharedCipher, .alert, .notTLS, .malformed, .closed, .timedOut:
                .tlsProtocolError
            case .configuration: .proxyInternalError
            }
        }
    }

    package let reason: Reason
    /// For a human: continues a sentence that begins with the origin.
    package let detail: String

    package init(_ reason: Reason, _ detail: String) {
        self.reason = reason
        self.detail = detail
    }
}
