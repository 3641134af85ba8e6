import CTLS
import ProxyTypes

/// What a peer gave to resume a connection with. Loop-bound.
final class TLSSession {
    let pointer: OpaquePointer

    /// The reference is this object's.
    init(taking pointer: OpaquePointer) {
        self.pointer = pointer
    }

    deinit {
        SSL_SESSION_free(pointer)
    }

    /// Tickets of TLS 1.3 are used once, so that connections cannot be linked with each other (RFC 8446 C.4).
    var isUsedOnce: Bool { SSL_SESSION_get_protocol_version(pointer) == TLS1_3_VERSION }

    /// Until when it may be resumed, in milliseconds since 1970: as the peer says, at most a week (RFC 8446 4.6.1), and no
    /// longer than the certificate that it stands for.
    var expires: Int64 {
        let began = Int64(SSL_SESSION_get_time(pointer))
        let lifetime = Int64(min(max(SSL_SESSION_get_timeout(pointer), 0), 7 * 86_400))
        let hint = Int64(SSL_SESSION_get_ticket_lifetime_hint(pointer))
        let until = (began + (hint > 0 ? min(hint, lifetime) : lifetime)) * 1000
        guard let certificate = SSL_SESSION_get0_peer(pointer) else { return until }
        return min(until, connd_time_milliseconds(X509_get0_notAfter(certificate)))
    }
}
