import CTLS
import ProxyTypes

/// A session of libssl. Loop-bound.
final class LibrarySession: TLSSession {
    let pointer: OpaquePointer

    /// The reference is this object's.
    init(taking pointer: OpaquePointer) {
        self.pointer = pointer
    }

    deinit {
        SSL_SESSION_free(pointer)
    }

    var isUsedOnce: Bool { SSL_SESSION_get_protocol_version(pointer) == TLS1_3_VERSION }

    /// As the peer says, at most a week, in TLS 1.3 perhaps not at all (RFC 8446 4.6.1), and no longer than the certificate
    /// that it stands for.
    var expires: Int64 {
        let began = Int64(SSL_SESSION_get_time(pointer))
        let lifetime = Int64(min(max(SSL_SESSION_get_timeout(pointer), 0), 7 * 86_400))
        let hint = Int64(SSL_SESSION_get_ticket_lifetime_hint(pointer))
        // To TLS 1.2, 0 says nothing (RFC 5077 3.3).
        let until = (began + (hint > 0 || isUsedOnce ? min(hint, lifetime) : lifetime)) * 1000
        guard let certificate = SSL_SESSION_get0_peer(pointer) else { return until }
        return min(until, connd_time_milliseconds(X509_get0_notAfter(certificate)))
    }
}
