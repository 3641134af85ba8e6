import CTLS
import TestSupport

/// The settings and sessions of an origin that libssl plays. Loop-bound.
package final class LibraryServer {
    package enum Version: CInt, Comparable, Sendable {
        case v1_0 = 0x301
        case v1_1 = 0x302
        case v1_2 = 0x303
        case v1_3 = 0x304

        package static func < (a: Version, b: Version) -> Bool { a.rawValue < b.rawValue }
    }

    package struct Options {
        package var versions = Version.v1_2...Version.v1_3
        /// Of TLS 1.2.
        package var ciphers: String?
        package var suites: String?
        /// How many a full handshake of TLS 1.3 brings; with 0 TLS 1.2 has no tickets either.
        package var tickets = 2
        /// The authority of the clients' certificates.
        package var clientAuthority: String?
        /// How much it takes before the handshake is done, of TLS 1.3.
        package var earlyData: UInt32 = 0
        /// The size of its records.
        package var fragment = 16_384

        package init() {}

        package init(_ version: Version) {
            versions = version...version
        }
    }

    let pointer: OpaquePointer
    let fragment: Int

    package init(_ identity: TestIdentity, _ options: Options = Options()) throws {
        guard let pointer = SSL_CTX_new(TLS_server_method()) else { throw TestFailure("no SSL_CTX") }
        self.pointer = pointer
        fragment = options.fragment
        // Of what it shows, the client is to judge.
        SSL_CTX_set_security_level(pointer, 0)
        SSL_CTX_ctrl(pointer, SSL_CTRL_SET_MIN_PROTO_VERSION, Int(options.versions.lowerBound.rawValue), nil)
        SSL_CTX_ctrl(pointer, SSL_CTRL_SET_MAX_PROTO_VERSION, Int(options.versions.upperBound.rawValue), nil)
        if let ciphers = options.ciphers { SSL_CTX_set_cipher_list(pointer, ciphers) }
        if let suites = options.suites { SSL_CTX_set_ciphersuites(pointer, suites) }
        SSL_CTX_set_num_tickets(pointer, options.tickets)
        SSL_CTX_set_max_early_data(pointer, options.earlyData)
        if options.tickets == 0 {
            SSL_CTX_ctrl(pointer, SSL_CTRL_SET_SESS_CACHE_MODE, Int(SSL_SESS_CACHE_OFF), nil)
            SSL_CTX_set_options(pointer, UInt64(1) << 14)  // SSL_OP_NO_TICKET
        }
        var identifier: [UInt8] = [1]
        SSL_CTX_set_session_id_context(pointer, &identifier, 1)
        guard SSL_CTX_use_certificate_chain_file(pointer, identity.certificate) == 1,
            SSL_CTX_use_PrivateKey_file(pointer, identity.key, SSL_FILETYPE_PEM) == 1
        else { throw TestFailure("\(identity) cannot be used: \(Self.takeError())") }
        if let authority = options.clientAuthority {
            SSL_CTX_load_verify_file(pointer, authority)
            SSL_CTX_set_verify(pointer, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nil)
        }
    }

    deinit {
        SSL_CTX_free(pointer)
    }

    package func accept() throws -> ServerConnection { try ServerConnection(self) }

    /// Of the server's own side; the client clears its queue before each call.
    static func takeError() -> String {
        let code = ERR_get_error()
        ERR_clear_error()
        return ERR_reason_error_string(code).map { String(cString: $0) } ?? "error \(code)"
    }
}
