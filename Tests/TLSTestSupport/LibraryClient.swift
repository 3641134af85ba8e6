import CTLS
import TestSupport

/// A client of TLS that libssl plays: a test carries what it sends and is to receive. Loop-bound.
package final class LibraryClient {
    private let context: OpaquePointer
    private let ssl: OpaquePointer
    private let input: OpaquePointer
    private let output: OpaquePointer
    package private(set) var isEncrypted = false
    package private(set) var received: [UInt8] = []
    package private(set) var sawCloseNotify = false
    package private(set) var failure: String?

    /// `root`: the file of the authority that it trusts. `time`: when it verifies, in milliseconds since 1970.
    package init(
        name: String, root: String, time: Int64, protocols: [String] = ["http/1.1"],
        version: LibraryServer.Version = .v1_3, resuming former: LibraryClient? = nil
    ) throws {
        guard let context = SSL_CTX_new(TLS_client_method()) else { throw TestFailure("no SSL_CTX") }
        self.context = context
        SSL_CTX_load_verify_file(context, root)
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nil)
        X509_VERIFY_PARAM_set_time(SSL_CTX_get0_param(context), Int(time / 1000))
        SSL_CTX_ctrl(context, SSL_CTRL_SET_MAX_PROTO_VERSION, Int(version.rawValue), nil)
        guard let ssl = SSL_new(context), let input = BIO_new(BIO_s_mem()), let output = BIO_new(BIO_s_mem()) else {
            throw TestFailure("libssl has no memory")
        }
        (self.ssl, self.input, self.output) = (ssl, input, output)
        SSL_set_bio(ssl, input, output)
        SSL_set_connect_state(ssl)
        SSL_set1_host(ssl, name)
        var sent = Array(name.utf8CString)
        sent.withUnsafeMutableBufferPointer { _ = SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, 0, $0.baseAddress) }
        let list = protocols.flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) }
        SSL_set_alpn_protos(ssl, list, UInt32(list.count))
        if let session = former.flatMap({ SSL_get1_session($0.ssl) }) {
            SSL_set_session(ssl, session)
            SSL_SESSION_free(session)
        }
        shakeHands()
    }

    deinit {
        SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN)
        SSL_free(ssl)
        SSL_CTX_free(context)
    }

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

    package func write(_ text: String) {
        let bytes = Array(text.utf8)
        ERR_clear_error()
        var count = 0
        if SSL_write_ex(ssl, bytes, bytes.count, &count) != 1 { failure = LibraryServer.takeError() }
    }

    package func sendCloseNotify() { SSL_shutdown(ssl) }

    package var text: String { String(decoding: received, as: UTF8.self) }

    package var chosenProtocol: String? {
        var (name, length): (UnsafePointer<UInt8>?, UInt32) = (nil, 0)
        SSL_get0_alpn_selected(ssl, &name, &length)
        return name.map { String(decoding: UnsafeBufferPointer(start: $0, count: Int(length)), as: UTF8.self) }
    }
}
