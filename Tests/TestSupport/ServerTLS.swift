import CTLS
import Glibc

/// The origin's side of TLS on blocking sockets. Shared, as one context serves all connections.
package final class ServerTLS: @unchecked Sendable {
    // libssl locks what its connections share of a context.
    private let context: OpaquePointer

    package init(_ identity: TestAuthority.Identity, clientAuthority: String? = nil, maxVersion: Int32 = 0) throws {
        guard let context = SSL_CTX_new(TLS_server_method()) else { throw TestFailure("SSL_CTX_new") }
        self.context = context
        // libssl writes without MSG_NOSIGNAL.
        Glibc.signal(SIGPIPE, SIG_IGN)
        guard SSL_CTX_use_certificate_chain_file(context, identity.certificate) == 1,
            SSL_CTX_use_PrivateKey_file(context, identity.key, SSL_FILETYPE_PEM) == 1
        else { throw TestFailure("libssl takes no \(identity)") }
        if maxVersion > 0 { connd_tls_set_max_version(context, maxVersion) }
        if let clientAuthority {
            SSL_CTX_load_verify_locations(context, clientAuthority, nil)
            SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nil)
        }
    }

    deinit {
        SSL_CTX_free(context)
    }

    /// Nil where the client does not finish its handshake.
    func accept(_ descriptor: Int32) -> Session? {
        guard let ssl = SSL_new(context) else { return nil }
        SSL_set_fd(ssl, descriptor)
        ERR_clear_error()
        guard SSL_accept(ssl) == 1 else {
            SSL_free(ssl)
            return nil
        }
        return Session(ssl)
    }

    /// One connection. Used by the thread of its socket.
    final class Session: @unchecked Sendable {
        private let ssl: OpaquePointer

        init(_ ssl: OpaquePointer) {
            self.ssl = ssl
        }

        deinit {
            SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN)
            SSL_free(ssl)
        }

        var isResumed: Bool { SSL_session_reused(ssl) == 1 }
        var hasPending: Bool { SSL_pending(ssl) > 0 }

        /// 0: the other side takes nothing more.
        func send(_ bytes: ArraySlice<UInt8>) -> Int {
            ERR_clear_error()
            return max(0, Int(bytes.withUnsafeBytes { SSL_write(ssl, $0.baseAddress, Int32($0.count)) }))
        }

        func receive(upTo limit: Int) -> Arrival {
            ERR_clear_error()
            var result: Int32 = 0
            let bytes = [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
                result = SSL_read(ssl, buffer.baseAddress, Int32(limit))
                count = max(Int(result), 0)
            }
            if result > 0 { return .bytes(bytes) }
            return .end(SSL_get_error(ssl, result) == SSL_ERROR_ZERO_RETURN ? .fin : .reset)
        }

        func sendCloseNotify() {
            _ = SSL_shutdown(ssl)
        }
    }
}
