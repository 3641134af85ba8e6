import CTLS
package import LocalCA
package import ProxyTypes
package import Reactor

/// TLS of one loop: its contexts, sessions, and what all connections share. Loop-bound.
package final class TLSLoop {
    let reactor: Reactor
    let contexts: ContextCache
    private let maker: any TLSContextMaker
    let sessions = SessionCache()
    let leaves: LeafContexts
    let pacer: HandshakePacer
    /// Where all streams decrypt to.
    let plainBuffer: UnsafeMutableRawBufferPointer
    /// Where a stream reads and decrypts to when it is asked whether it is silent: the caller may be handling what another
    /// stream has put into `plainBuffer` or into the reactor's buffer.
    let askedInput: UnsafeMutableRawBufferPointer
    let askedPlain: UnsafeMutableRawBufferPointer
    /// Where a head and the beginning of its body are joined into one record.
    var joined = ByteQueue()
    package var onFilesChanged: ((TLSProfile.Files) -> Void)?

    /// A record of which a part came earlier adds to what one read brings.
    private static let roomForRecord = 64 * 1024
    private static let askedSize = 16 * 1024

    /// By libssl, with files that workers read.
    package convenience init(reactor: Reactor, workers: WorkerPool) {
        self.init(reactor: reactor, maker: LibraryContextMaker()) { workers.run($0) }
    }

    /// `run` runs a job that may block on another thread.
    package init(
        reactor: Reactor, maker: any TLSContextMaker, run: @escaping @Sendable (@escaping @Sendable () -> Void) -> Void
    ) {
        self.reactor = reactor
        self.maker = maker
        contexts = ContextCache(reactor: reactor, maker: maker, run: run)
        leaves = LeafContexts(reactor: reactor, run: run)
        pacer = HandshakePacer(reactor: reactor)
        plainBuffer = .allocate(byteCount: reactor.readSize + Self.roomForRecord, alignment: 64)
        askedInput = .allocate(byteCount: Self.askedSize, alignment: 64)
        askedPlain = .allocate(byteCount: Self.askedSize + Self.roomForRecord, alignment: 64)
        contexts.onReplaced = { [unowned self] key, generation in
            sessions.removeAll(generation: generation)
            onFilesChanged?(key.files)
        }
    }

    deinit {
        plainBuffer.deallocate()
        askedInput.deallocate()
        askedPlain.deallocate()
    }

    package var onFilesUnusable: ((TLSFailure) -> Void)? {
        get { contexts.onUnusable }
        set { contexts.onUnusable = newValue }
    }

    /// How many hosts have a certificate ready.
    package var readyCertificates: Int { leaves.count }

    /// Handshakes that wait for a session or for their turn: tests check that none is forgotten.
    package var waitingHandshakes: Int { sessions.waitingCount + pacer.waitingCount }
    /// Whether a handshake waits for a session that nothing will bring: tests check that none does.
    package var sessionsAreAwaitedFromNobody: Bool { sessions.isAwaitedFromNobody }

    /// To be called first in a process that uses libssl, which stays usable while the process ends: what it holds is the
    /// kernel's to free.
    package static func startLibrary() {
        _ = TLSMemory.count()
        OPENSSL_init_ssl(UInt64(OPENSSL_INIT_NO_ATEXIT), nil)
    }
}

extension TLSLoop: TLSServer {
    package var authorities: SigningAuthorities {
        get { leaves.authorities }
        set {
            leaves.authorities = newValue
            maker.leaveOut(newValue.roots)
        }
    }

    package func findCertificate(
        for host: OriginHost, _ found: @escaping (Result<any TLSServerContext, TLSFailure>) -> Void
    ) {
        leaves.find(host, found)
    }

    package func startHandshake(
        over stream: any ByteStream, as context: any TLSServerContext, hello: UnsafeRawBufferPointer,
        completion: @escaping (Result<TLSConnection, ClientTLSFailure>) -> Void
    ) -> any TLSServerHandshake {
        let handshake = ServerHandshake(self, over: stream, completion: completion)
        handshake.start(context, hello: hello)
        return handshake
    }
}

extension TLSLoop: TLSClient {
    package func prepare(_ profile: TLSProfile) {
        _ = contexts.find(profile.contextKey) { _ in }
    }

    package func startHandshake(
        over stream: any ByteStream, with peer: TLSPeer, completion: @escaping TLSCompletion
    ) -> any TLSHandshake {
        let handshake = StreamHandshake(self, over: stream, with: peer, completion: completion)
        handshake.start()
        return handshake
    }
}
