import CTLS
import TestSupport

/// One connection of an origin that libssl plays: a test carries what it sends and is to receive. Loop-bound.
package final class ServerConnection {
    private let server: LibraryServer
    private let ssl: OpaquePointer
    private let input: OpaquePointer
    private let output: OpaquePointer
    package private(set) var isEncrypted = false
    /// What the client has sent.
    package private(set) var received: [UInt8] = []
    package private(set) var sawCloseNotify = false
    package private(set) var failure: String?

    init(_ server: LibraryServer) throws {
        guard let ssl = SSL_new(server.pointer), let input = BIO_new(BIO_s_mem()), let output = BIO_new(BIO_s_mem())
        else { throw TestFailure("libssl has no memory") }
        (self.server, self.ssl, self.input, self.output) = (server, ssl, input, output)
        SSL_set_bio(ssl, input, output)
        SSL_set_accept_state(ssl)
        SSL_ctrl(ssl, SSL_CTRL_SET_MAX_SEND_FRAGMENT, server.fragment, nil)
    }

    deinit {
        // Otherwise its session could not be resumed.
        SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN)
        SSL_free(ssl)
    }

    // MARK: What goes in and out

    package func feed(_ bytes: [UInt8]) {
        if !bytes.isEmpty { BIO_write(input, bytes, CInt(bytes.count)) }
        guard failure == nil else { return }
        if !isEncrypted { shakeHands() }
        if isEncrypted { read() }
    }

    package func takeOutput() -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: BIO_ctrl_pending(output))
        let count = BIO_read(output, &bytes, CInt(bytes.count))
        return Array(bytes.prefix(max(Int(count), 0)))
    }

    private func shakeHands() {
        ERR_clear_error()
        let result = SSL_do_handshake(ssl)
        if result == 1 { isEncrypted = true } else { note(SSL_get_error(ssl, result)) }
    }

    private func read() {
        var room = [UInt8](repeating: 0, count: 20_000)
        while true {
            ERR_clear_error()
            var count = 0
            guard SSL_read_ex(ssl, &room, room.count, &count) == 1 else { break }
            received += room[..<count]
        }
        note(SSL_get_error(ssl, 0))
    }

    private func note(_ error: CInt) {
        switch error {
        case SSL_ERROR_WANT_READ: break
        case SSL_ERROR_ZERO_RETURN: sawCloseNotify = true
        default: failure = LibraryServer.takeError()
        }
    }

    // MARK: What it does

    package func write(_ bytes: [UInt8]) {
        guard !bytes.isEmpty else { return }
        ERR_clear_error()
        var count = 0
        let result = SSL_write_ex(ssl, bytes, bytes.count, &count)
        if result != 1 { note(SSL_get_error(ssl, result)) }
    }

    package func sendCloseNotify() {
        ERR_clear_error()
        SSL_shutdown(ssl)
    }

    /// Of TLS 1.3.
    package func updateKeys(asking: Bool) {
        SSL_key_update(ssl, asking ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED)
        SSL_do_handshake(ssl)
    }

    /// Of TLS 1.3.
    package func sendTicket() {
        SSL_new_session_ticket(ssl)
        SSL_do_handshake(ssl)
    }

    /// Asks for a new handshake, which TLS 1.3 has no more.
    package func renegotiate() {
        SSL_renegotiate(ssl)
        SSL_do_handshake(ssl)
    }

    // MARK: What it knows

    package var isResumed: Bool { SSL_session_reused(ssl) == 1 }
    package var version: LibraryServer.Version? { LibraryServer.Version(rawValue: SSL_version(ssl)) }
    package var serverName: String? {
        SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name).map { String(cString: $0) }
    }
    /// Of the certificate that the client has shown.
    package var clientShowedCertificate: Bool { SSL_get0_peer_certificate(ssl) != nil }
}
