import CTLS
import Glibc
import LocalCA
import ProxyTypes
import Reactor

/// What all connections of a profile share in libssl: an SSL_CTX, and the certificates that it trusts.
///
/// Made on a worker and then handed to one loop, which alone uses it from then on: libssl counts references atomically, and no
/// other thread keeps one.
final class LibraryContext: TLSContext, @unchecked Sendable {
    let pointer: OpaquePointer
    /// Kept for its memory: it is shared by all contexts that trust the same bundle.
    private let trust: TrustStore?

    static let suites = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
    /// What follows the first two is libssl's `DEFAULT` in other words, as that one counts for nothing unless it stands first.
    private static let suitesOfTLS12 =
        "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ALL:!COMPLEMENTOFDEFAULT:!eNULL"

    private init(_ pointer: OpaquePointer, _ trust: TrustStore?) {
        self.pointer = pointer
        self.trust = trust
    }

    deinit {
        SSL_CTX_free(pointer)
    }

    /// May read files. `trust` is nil where nothing is verified.
    static func make(_ key: TLSProfile.ContextKey, trust: TrustStore?) throws(TLSFailure) -> LibraryContext {
        let context = try empty(trusting: trust)
        let pointer = context.pointer
        SSL_CTX_set_options(pointer, connd_tls_options)
        connd_tls_set_modes(pointer, connd_tls_modes)
        connd_tls_set_session_cache_mode(pointer, connd_tls_session_cache)
        guard connd_tls_set_min_version(pointer, key.minVersion == .v1_3 ? TLS1_3_VERSION : TLS1_2_VERSION) == 1 else {
            throw TLSFailure(.configuration, "libssl does not take tls_min_version")
        }
        // AES-128 first, as in browsers: its hash is SHA-256, for which processors have instructions, so a resumed handshake
        // takes about a tenth less CPU than in libssl's own order. libssl and the system choose the rest.
        SSL_CTX_set_ciphersuites(pointer, Self.suites)
        SSL_CTX_set_cipher_list(pointer, Self.suitesOfTLS12)
        // One protocol, with its length: http/1.1.
        let protocols: [UInt8] = [8] + Array("http/1.1".utf8)
        SSL_CTX_set_alpn_protos(pointer, protocols, UInt32(protocols.count))
        LibraryEngine.register(pointer)
        if let trust {
            SSL_CTX_set1_cert_store(pointer, trust.pointer)
            SSL_CTX_set_verify(pointer, SSL_VERIFY_PEER, LibraryEngine.verify)
            // An intermediate of the bundle may be the anchor, as with curl.
            X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(pointer), UInt(X509_V_FLAG_PARTIAL_CHAIN))
        } else {
            SSL_CTX_set_verify(pointer, SSL_VERIFY_NONE, nil)
        }
        try context.loadClientCertificate(key.files)
        return context
    }

    static func empty(trusting trust: TrustStore? = nil) throws(TLSFailure) -> LibraryContext {
        ERR_clear_error()
        guard let pointer = SSL_CTX_new(TLS_client_method()) else {
            throw TLSFailure(.configuration, "libssl makes no context: \(LibraryErrors.words(ERR_get_error()))")
        }
        return LibraryContext(pointer, trust)
    }

    func engine(
        over stream: any ByteStream, for peer: TLSPeer, resuming session: (any TLSSession)?
    ) throws(TLSFailure) -> any TLSEngine {
        try LibraryEngine(over: stream, peer, self, resuming: session as? LibrarySession)
    }

    private func loadClientCertificate(_ files: TLSProfile.Files) throws(TLSFailure) {
        guard let certificate = files.certificate else { return }
        do throws(FileFault) { try loadCertificate(certificate) } catch {
            throw error.failure("tls_client_cert", certificate)
        }
        let key = files.key ?? certificate
        do throws(FileFault) { try loadKey(key) } catch {
            throw error.failure("tls_client_key", key, certificate: certificate)
        }
    }

    func loadCertificate(_ path: String) throws(FileFault) {
        guard SSL_CTX_use_certificate_chain_file(pointer, path) == 1 else { throw .of(path, holds: "certificate") }
    }

    /// Compared with the certificate, where one was loaded.
    func loadKey(_ path: String) throws(FileFault) {
        var wasEncrypted = false
        let result = withUnsafeMutablePointer(to: &wasEncrypted) { wasEncrypted in
            // By itself libssl asks the terminal for a passphrase, and waits for the answer.
            SSL_CTX_set_default_passwd_cb(pointer) { _, _, _, wasEncrypted in
                wasEncrypted?.assumingMemoryBound(to: Bool.self).pointee = true
                return -1
            }
            SSL_CTX_set_default_passwd_cb_userdata(pointer, wasEncrypted)
            defer { SSL_CTX_set_default_passwd_cb_userdata(pointer, nil) }
            return SSL_CTX_use_PrivateKey_file(pointer, path, SSL_FILETYPE_PEM)
        }
        guard result != 1 else { return }
        let code = ERR_peek_last_error()
        if connd_error_library(code) == ERR_LIB_X509 {
            switch connd_error_reason(code) {
            case X509_R_KEY_VALUES_MISMATCH, X509_R_KEY_TYPE_MISMATCH:
                ERR_clear_error()
                throw .belongsToAnother
            default: break
            }
        } else if wasEncrypted {
            ERR_clear_error()
            throw .encrypted
        }
        throw .of(path, holds: "private key")
    }
}

/// Makes contexts of libssl from files. Shared.
final class LibraryContextMaker: TLSContextMaker {
    private let trustStores = TrustStores()

    func make(_ key: TLSProfile.ContextKey) -> Result<any TLSContext, TLSFailure> {
        do {
            let trust = key.verification == .full ? try trustStores.store(of: key.files.authorities) : nil
            return .success(try LibraryContext.make(key, trust: trust))
        } catch {
            return .failure(error)
        }
    }

    func leaveOut(_ roots: [LocalCA.Certificate]) { trustStores.leaveOut(roots) }

    func stamps(_ key: TLSProfile.ContextKey) -> FileStamps {
        FileStamps(key.files, trusting: key.verification == .full)
    }
}

/// The certificates that chains may end at, loaded once for all contexts that trust the same file. Shared, and never changed
/// after it was made.
final class TrustStore: @unchecked Sendable {
    let pointer: OpaquePointer

    private init(_ pointer: OpaquePointer) {
        self.pointer = pointer
    }

    deinit {
        X509_STORE_free(pointer)
    }

    /// Reads the file: tens of milliseconds for the system's.
    static func load(_ path: String?, without roots: [LocalCA.Certificate] = []) throws(TLSFailure) -> TrustStore {
        guard let pointer = X509_STORE_new() else {
            throw TLSFailure(.configuration, "libssl makes no store of certificates")
        }
        let store = TrustStore(pointer)
        let file = path ?? system
        guard X509_STORE_load_file(pointer, file) == 1 else {
            throw FileFault.of(file, holds: "certificate").failure(
                path == nil ? "the system's bundle (package ca-certificates)" : "tls_ca_file", file)
        }
        guard !roots.isEmpty else { return store }
        guard let rest = connd_store_without(pointer, roots.map(\.pointer), roots.count) else {
            throw TLSFailure(.configuration, "libssl makes no store of certificates")
        }
        return TrustStore(rest)
    }

    /// The bundle, never the directory beside it, which libssl would search on the loop during each handshake.
    static let system: String = {
        if let variable = getenv("SSL_CERT_FILE").map({ String(cString: $0) }), variable.hasPrefix("/") {
            return variable
        }
        let debian = "/etc/ssl/certs/ca-certificates.crt"
        guard access(debian, R_OK) != 0, let file = X509_get_default_cert_file() else { return debian }
        return String(cString: file)
    }()
}
