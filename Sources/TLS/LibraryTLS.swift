import CTLS
package import ProxyTypes
package import Reactor

/// TLS of one loop by libssl: its contexts, sessions, and what all connections share. Loop-bound.
package final class LibraryTLS {
    let reactor: Reactor
    let contexts: ContextCache
    let sessions = SessionCache()
    let pacer: HandshakePacer
    /// Where all streams decrypt to.
    let plainBuffer: UnsafeMutableRawBufferPointer
    /// Where a head and the beginning of its body become one record.
    var joined = ByteQueue()
    package var onFilesChanged: ((TLSProfile.Files) -> Void)?

    /// A record of which a part came earlier adds to what one read brings.
    private static let roomForRecord = 64 * 1024

    package init(reactor: Reactor, workers: WorkerPool) {
        self.reactor = reactor
        contexts = ContextCache(reactor: reactor, workers: workers)
        pacer = HandshakePacer(reactor: reactor)
        plainBuffer = .allocate(byteCount: reactor.readSize + Self.roomForRecord, alignment: 64)
        contexts.onReplaced = { [unowned self] key, generation in
            sessions.removeAll(generation: generation)
            onFilesChanged?(key.files)
        }
    }

    deinit {
        plainBuffer.deallocate()
    }

    package var onFilesUnusable: ((TLSFailure) -> Void)? {
        get { contexts.onUnusable }
        set { contexts.onUnusable = newValue }
    }

    /// To be called first in a process. libssl stays usable while it ends: what it holds is the kernel's to free.
    package static func start() {
        _ = TLSMemory.count()
        OPENSSL_init_ssl(UInt64(OPENSSL_INIT_NO_ATEXIT), nil)
    }
}

extension LibraryTLS: TLSClient {
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
