import CTLS
import ProxyTypes

/// What libssl's error queue says of a connection that broke.
enum LibraryErrors {
    enum Phase {
        case handshake, data
    }

    enum Peer {
        case origin, client

        var name: String { self == .origin ? "the origin" : "the client" }
    }

    /// The first entry is the cause; those behind it follow from it.
    static func take(in phase: Phase, from peer: Peer) -> (TLSFailure, alert: UInt8?) {
        let code = ERR_get_error()
        ERR_clear_error()
        let alert = connd_error_alert(code)
        switch peer {
        case .origin: return (ofOrigin(code, alert, in: phase), UInt8(exactly: alert))
        case .client: return (ofClient(code, alert, in: phase), UInt8(exactly: alert))
        }
    }

    private static func ofClient(_ code: UInt, _ alert: CInt, in phase: Phase) -> TLSFailure {
        if alert >= 0 { return TLSFailure(.alert, "the client sent alert \(alert) (\(name(ofAlert: alert)))") }
        guard code != 0 else { return TLSFailure(.malformed, "libssl gave no reason") }
        switch (connd_error_reason(code), phase) {
        case (SSL_R_NO_SHARED_CIPHER, .handshake):
            return TLSFailure(.noSharedCipher, "the client offers no cipher for a P-256 certificate")
        case (SSL_R_UNSUPPORTED_PROTOCOL, .handshake), (SSL_R_VERSION_TOO_LOW, .handshake):
            return TLSFailure(.noSharedVersion, "the client speaks no version of TLS from 1.2 on")
        default: return TLSFailure(.malformed, words(code))
        }
    }

    private static func ofOrigin(_ code: UInt, _ alert: CInt, in phase: Phase) -> TLSFailure {
        if alert >= 0 { return failure(forAlert: alert, in: phase) }
        guard code != 0, connd_error_library(code) == ERR_LIB_SSL else {
            return TLSFailure(.malformed, code == 0 ? "libssl gave no reason" : words(code))
        }
        switch connd_error_reason(code) {
        case SSL_R_UNSUPPORTED_PROTOCOL, SSL_R_WRONG_SSL_VERSION, SSL_R_VERSION_TOO_LOW:
            return TLSFailure(.noSharedVersion, "the origin speaks an older version than tls_min_version allows")
        case SSL_R_WRONG_VERSION_NUMBER, SSL_R_HTTP_REQUEST, SSL_R_PACKET_LENGTH_TOO_LONG:
            return phase == .handshake
                ? TLSFailure(.notTLS, "the origin answered with something that is not TLS")
                : TLSFailure(.malformed, words(code))
        case SSL_R_NO_SHARED_CIPHER, SSL_R_WRONG_CIPHER_RETURNED, SSL_R_UNKNOWN_CIPHER_RETURNED:
            return TLSFailure(.noSharedCipher, words(code))
        case SSL_R_EE_KEY_TOO_SMALL, SSL_R_CA_KEY_TOO_SMALL, SSL_R_CA_MD_TOO_WEAK, SSL_R_DH_KEY_TOO_SMALL:
            return TLSFailure(.weakSignature, words(code))
        default: return TLSFailure(.malformed, words(code))
        }
    }

    private static func failure(forAlert alert: CInt, in phase: Phase) -> TLSFailure {
        let text = "the origin sent alert \(alert) (\(name(ofAlert: alert)))"
        switch (alert, phase) {
        case (SSL_AD_PROTOCOL_VERSION, .handshake):
            return TLSFailure(.noSharedVersion, "\(text): it speaks no version that tls_min_version allows")
        case (SSL_AD_HANDSHAKE_FAILURE, .handshake):
            let none = "there is no cipher or group that both have"
            return TLSFailure(.alert, "\(text): \(none), or it wants a client certificate (tls_client_cert)")
        case (SSL_AD_NO_APPLICATION_PROTOCOL, .handshake):
            return TLSFailure(.alert, "\(text): it does not speak http/1.1")
        case (SSL_AD_UNRECOGNIZED_NAME, .handshake):
            return TLSFailure(.alert, "\(text): it does not answer to the name that it was sent (tls_server_name)")
        case (SSL_AD_CERTIFICATE_REQUIRED, _), (SSL_AD_BAD_CERTIFICATE, _), (SSL_AD_UNKNOWN_CA, _),
            (SSL_AD_CERTIFICATE_UNKNOWN, _), (SSL_AD_CERTIFICATE_EXPIRED, _), (SSL_AD_UNSUPPORTED_CERTIFICATE, _):
            return TLSFailure(.alert, "\(text): it does not accept the client certificate (tls_client_cert)")
        default: return TLSFailure(.alert, text)
        }
    }

    /// As RFC 8446 6 has it; libssl does not know all.
    private static func name(ofAlert alert: CInt) -> String {
        switch alert {
        case SSL_AD_MISSING_EXTENSION: "missing extension"
        case SSL_AD_CERTIFICATE_REQUIRED: "certificate required"
        case SSL_AD_NO_APPLICATION_PROTOCOL: "no application protocol"
        default: String(cString: SSL_alert_desc_string_long(alert))
        }
    }

    /// Such as `bad decrypt`.
    static func words(_ code: UInt) -> String {
        guard let text = ERR_reason_error_string(code) else { return "libssl error \(code)" }
        return String(cString: text)
    }
}
