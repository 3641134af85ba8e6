import CTLS
import ProxyTypes
import Reactor

/// One TLS connection of libssl over a byte stream: bytes that have come are fed to it, and what it sends goes out through the
/// stream at once. It makes no callbacks. Loop-bound.
final class LibraryEngine: TLSEngine {
    let below: any ByteStream
    fileprivate let side: Side
    private let ssl: OpaquePointer
    /// What has come and libssl has not taken yet; valid within one call of `feed`.
    fileprivate var input = UnsafeRawBufferPointer(start: nil, count: 0)
    private var condition = Condition.sound
    /// The first thing that was wrong with the peer's certificates.
    fileprivate(set) var certificateFailure: TLSFailure?
    /// The newest sessions that the peer has given for later connections, until `takeNewSessions`.
    private var newSessions: [LibrarySession] = []

    private enum Condition {
        case sound
        /// libssl must not be called again, nor the session be kept.
        case broken
    }

    fileprivate(set) var wantsCertificate = false
    private(set) var receivedAlert: UInt8?

    enum Side {
        case client(of: TLSPeer)
        case server

        /// Who is at the other end, in messages.
        var other: LibraryErrors.Peer {
            switch self {
            case .client: .origin
            case .server: .client
            }
        }
    }

    /// A peer may send any number of sessions in one read.
    private static let maxNewSessions = 4

    private init(over stream: any ByteStream, _ side: Side, _ context: OpaquePointer) throws(TLSFailure) {
        below = stream
        self.side = side
        guard let ssl = SSL_new(context), let bio = StreamBIO.make() else {
            throw TLSFailure(.malformed, "libssl has no memory for a connection")
        }
        self.ssl = ssl
        SSL_set_bio(ssl, bio, bio)
        let owner = Unmanaged.passUnretained(self).toOpaque()
        BIO_set_data(bio, owner)
        connd_tls_set_owner(ssl, owner)
    }

    /// `session` is resumed if the peer agrees.
    convenience init(
        over stream: any ByteStream, _ peer: TLSPeer, _ context: LibraryContext, resuming session: LibrarySession?
    ) throws(TLSFailure) {
        try self.init(over: stream, .client(of: peer), context.pointer)
        SSL_set_connect_state(ssl)
        guard setName(of: peer) else {
            throw TLSFailure(.configuration, "`\(peer.name)` cannot be verified as a name")
        }
        if let session { SSL_set_session(ssl, session.pointer) }
    }

    /// The server's side.
    convenience init(over stream: any ByteStream, _ context: LeafContext) throws(TLSFailure) {
        try self.init(over: stream, .server, context.pointer)
        SSL_set_accept_state(ssl)
    }

    deinit {
        // Otherwise libssl regards the connection as cut, and marks its sessions as not resumable.
        if condition == .sound { SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN) }
        SSL_free(ssl)
    }

    /// Addresses are not sent as a name (RFC 6066 3), but must be in the certificate.
    private func setName(of peer: TLSPeer) -> Bool {
        let name = peer.name
        // libssl would verify no name at all, or any below it.
        guard let first = name.utf8.first, first != UInt8(ascii: ".") else { return false }
        guard IPAddress(name) == nil else {
            guard peer.profile.verification == .full else { return true }
            return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1
        }
        guard connd_tls_set_server_name(ssl, name) == 1 else { return false }
        guard peer.profile.verification == .full else { return true }
        // The common name does not count (RFC 9525 2).
        SSL_set_hostflags(ssl, UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT))
        return SSL_set1_host(ssl, name) == 1
    }

    // MARK: Input

    func feed<Result>(_ bytes: UnsafeRawBufferPointer, _ body: () -> Result) -> Result {
        input = bytes
        defer { input = UnsafeRawBufferPointer(start: nil, count: 0) }
        return body()
    }

    // MARK: Steps

    func handshake() -> TLSHandshakeStep {
        ERR_clear_error()
        let result = SSL_do_handshake(ssl)
        if result == 1 { return .done }
        switch SSL_get_error(ssl, result) {
        case SSL_ERROR_WANT_READ: return .wantsInput
        case SSL_ERROR_ZERO_RETURN:
            condition = .broken
            return .failed(TLSFailure(.closed, "\(side.other.name) closed the connection during the handshake"))
        default: return .failed(broke(in: .handshake))
        }
    }

    /// libssl has given the connection up.
    private func broke(in phase: LibraryErrors.Phase) -> TLSFailure {
        condition = .broken
        let (failure, alert) = LibraryErrors.take(in: phase, from: side.other)
        receivedAlert = alert
        return certificateFailure ?? failure
    }

    var unreadInput: UnsafeRawBufferPointer { input }

    func read(into room: UnsafeMutableRawBufferPointer) -> TLSReadStep {
        guard condition == .sound else { return .wantsInput }
        ERR_clear_error()
        var count = 0
        if SSL_read_ex(ssl, room.baseAddress, room.count, &count) == 1 { return .bytes(count) }
        switch SSL_get_error(ssl, 0) {
        case SSL_ERROR_WANT_READ: return .wantsInput
        case SSL_ERROR_ZERO_RETURN: return .closeNotify
        default: return .failed(broke(in: .data))
        }
    }

    /// While a message of the protocol has come in part, such as a ticket that is longer than a record, libssl writes nothing.
    var takesOutput: Bool { SSL_in_init(ssl) == 0 }

    /// The stream below keeps what it cannot send, so this takes everything. Nil: it went out.
    func write(_ bytes: UnsafeRawBufferPointer) -> TLSFailure? {
        guard condition == .sound, !bytes.isEmpty else { return nil }
        ERR_clear_error()
        var count = 0
        if SSL_write_ex(ssl, bytes.baseAddress, bytes.count, &count) == 1 { return nil }
        return broke(in: .data)
    }

    /// Tells the peer that nothing more comes, behind what was written.
    func sendCloseNotify() {
        guard condition == .sound else { return }
        ERR_clear_error()
        _ = SSL_shutdown(ssl)
    }

    // MARK: What was agreed on

    /// Whether the peer has one of the profile's keys.
    func checkPins() -> TLSFailure? {
        guard case .client(let peer) = side, !peer.profile.pins.isEmpty else { return nil }
        guard let certificate = SSL_get0_peer_certificate(ssl), let pin = Certificate.pin(of: certificate) else {
            return TLSFailure(.pinMismatch, "the origin showed no certificate to compare with tls_pin")
        }
        guard !peer.profile.pins.contains(pin) else { return nil }
        let text = "the certificate has another public key than tls_pin allows: it is \(pin)"
        return TLSFailure(.pinMismatch, text)
    }

    private var isVerified: Bool {
        switch side {
        case .client(let peer): peer.profile.verification == .full
        case .server: false
        }
    }

    var info: TLSInfo {
        TLSInfo(
            version: SSL_version(ssl) == TLS1_3_VERSION ? .v1_3 : .v1_2,
            cipher: SSL_get_current_cipher(ssl).flatMap { SSL_CIPHER_standard_name($0) }.map { String(cString: $0) }
                ?? "unknown",
            isResumed: SSL_session_reused(ssl) == 1, isVerified: isVerified,
            certificateExpires: SSL_get0_peer_certificate(ssl).map { connd_time_milliseconds(X509_get0_notAfter($0)) })
    }

    func takeNewSessions() -> [any TLSSession] {
        defer { newSessions = [] }
        return newSessions
    }

    fileprivate func offered(_ session: LibrarySession) {
        if newSessions.count == Self.maxNewSessions { newSessions.removeFirst() }
        newSessions.append(session)
    }

    fileprivate func objected(_ failure: TLSFailure) {
        if certificateFailure == nil { certificateFailure = failure }
    }

    /// Takes as much of the input as there is room for. 0: there is none.
    fileprivate func takeInput(into room: UnsafeMutableRawPointer, _ size: Int) -> Int {
        let count = min(size, input.count)
        guard count > 0, let start = input.baseAddress else { return 0 }
        room.copyMemory(from: start, byteCount: count)
        input = UnsafeRawBufferPointer(start: start + count, count: input.count - count)
        return count
    }
}

// MARK: What libssl calls

/// The end of libssl that faces the stream below.
private enum StreamBIO {
    static func make() -> OpaquePointer? {
        guard let method, let bio = BIO_new(method) else { return nil }
        BIO_set_init(bio, 1)
        return bio
    }

    // Written once, before any connection; libssl only reads it.
    nonisolated(unsafe) private static let method: OpaquePointer? = {
        guard let method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "connd stream") else { return nil }
        BIO_meth_set_read(method) { bio, room, size in
            guard let bio, let room, let engine = StreamBIO.engine(bio) else { return -1 }
            connd_bio_clear_retry(bio)
            let count = engine.takeInput(into: room, Int(size))
            guard count > 0 else {
                connd_bio_set_retry_read(bio)
                return -1
            }
            return CInt(count)
        }
        BIO_meth_set_write(method) { bio, bytes, size in
            guard let bio, let bytes, let engine = StreamBIO.engine(bio) else { return -1 }
            connd_bio_clear_retry(bio)
            engine.below.write(UnsafeRawBufferPointer(start: bytes, count: Int(size)))
            return size
        }
        BIO_meth_set_ctrl(method) { _, command, _, _ in
            switch command {
            case BIO_CTRL_FLUSH, BIO_CTRL_PUSH, BIO_CTRL_POP, BIO_CTRL_DUP: 1
            default: 0
            }
        }
        return method
    }()

    private static func engine(_ bio: OpaquePointer) -> LibraryEngine? {
        BIO_get_data(bio).map { Unmanaged<LibraryEngine>.fromOpaque($0).takeUnretainedValue() }
    }
}

extension LibraryEngine {
    private static func of(_ ssl: OpaquePointer?) -> LibraryEngine? {
        ssl.flatMap { connd_tls_owner($0) }.map { Unmanaged<LibraryEngine>.fromOpaque($0).takeUnretainedValue() }
    }

    /// Have libssl tell each connection of the context what it must know.
    static func register(_ context: OpaquePointer) {
        // Called where the peer wants a certificate and the context has none.
        SSL_CTX_set_client_cert_cb(context) { ssl, _, _ in
            LibraryEngine.of(ssl)?.wantsCertificate = true
            return 0
        }
        SSL_CTX_sess_set_new_cb(context) { ssl, session in
            guard let engine = LibraryEngine.of(ssl), let session else { return 0 }
            // 1: the reference is ours now.
            engine.offered(LibrarySession(taking: session))
            return 1
        }
    }

    /// Called for each certificate of a chain, and for each objection to it.
    static let verify: @convention(c) (CInt, OpaquePointer?) -> CInt = { isFine, verification in
        guard isFine == 0, let verification else { return isFine }
        if let engine = LibraryEngine.of(connd_tls_of_verification(verification)) {
            if case .client(let peer) = engine.side { engine.objected(Certificate.objection(verification, peer)) }
        }
        return 0
    }
}
