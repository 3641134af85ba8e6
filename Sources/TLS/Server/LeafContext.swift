import CTLS
import LocalCA
import ProxyTypes
import Reactor

/// What all connections of clients to one host share in libssl: an SSL_CTX with the host's certificate.
///
/// Made on a worker and then handed to one loop, which alone uses it from then on: libssl counts references atomically, and no
/// other thread keeps one.
final class LeafContext: TLSServerContext, @unchecked Sendable {
    let pointer: OpaquePointer
    let authority: SigningAuthority
    /// In milliseconds since 1970.
    let renewal: Int64
    private let made: Int64
    private let expires: Int64

    private init(_ pointer: OpaquePointer, _ authority: SigningAuthority, made: Int64, expires: Int64) {
        self.pointer = pointer
        self.authority = authority
        self.expires = expires
        self.made = made
        renewal = made + (expires - made) / 2
    }

    /// The clock may have been set back since.
    func isValid(at now: Int64) -> Bool { (made - LeafMaker.clockDifference..<expires).contains(now) }

    deinit {
        SSL_CTX_free(pointer)
    }

    /// Signs a certificate: half a millisecond. `now`: in milliseconds since 1970.
    static func make(for host: OriginHost, by authority: SigningAuthority, now: Int64) throws(TLSFailure) -> LeafContext
    {
        let leaf: LocalCA.Certificate
        do {
            leaf = try authority.leaves.leaf(for: host, now: now)
        } catch {
            throw TLSFailure(.configuration, "\(error)")
        }
        ERR_clear_error()
        guard let pointer = SSL_CTX_new(TLS_server_method()) else {
            throw TLSFailure(.configuration, "libssl makes no context: \(LibraryErrors.words(ERR_get_error()))")
        }
        let context = LeafContext(pointer, authority, made: now, expires: leaf.expires)
        SSL_CTX_set_options(pointer, connd_tls_options)
        connd_tls_set_modes(pointer, connd_tls_modes)
        connd_tls_set_session_cache_mode(pointer, connd_tls_no_session_cache)
        // One ticket for a client that comes back: most never do.
        guard connd_tls_set_min_version(pointer, TLS1_2_VERSION) == 1, SSL_CTX_set_num_tickets(pointer, 1) == 1,
            SSL_CTX_set_ciphersuites(pointer, LibraryContext.suites) == 1,
            SSL_CTX_use_certificate(pointer, leaf.pointer) == 1,
            connd_tls_add_chain(pointer, authority.intermediate.pointer) == 1,
            SSL_CTX_use_PrivateKey(pointer, authority.leaves.key.pointer) == 1
        else {
            throw TLSFailure(
                .configuration, "libssl does not take a certificate: \(LibraryErrors.words(ERR_get_error()))")
        }
        SSL_CTX_set_alpn_select_cb(pointer, chooseProtocol, nil)
        return context
    }

    func engine(over stream: any ByteStream) throws(TLSFailure) -> any TLSEngine {
        try LibraryEngine(over: stream, self)
    }

    /// http/1.1 where the client offers it. The answer points into its own list.
    private static let chooseProtocol: SSL_CTX_alpn_select_cb_func = { _, chosen, length, offered, count, _ in
        let wanted = Array("http/1.1".utf8)
        guard let offered, let chosen, let length else { return SSL_TLSEXT_ERR_NOACK }
        var index = 0
        while index < Int(count) {
            let size = Int(offered[index])
            let name = UnsafeBufferPointer(start: offered + index + 1, count: min(size, Int(count) - index - 1))
            if name.elementsEqual(wanted) {
                chosen.pointee = offered + index + 1
                length.pointee = UInt8(size)
                return SSL_TLSEXT_ERR_OK
            }
            index += 1 + size
        }
        return SSL_TLSEXT_ERR_NOACK
    }
}
