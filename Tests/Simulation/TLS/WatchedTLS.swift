import ProxyTypes
import Reactor
import TLS

/// The real `TLSLoop`, and a count of what it was asked and has answered.
final class WatchedTLS: TLSClient {
    let loop: TLSLoop
    private let ledger: TLSLedger
    private(set) var started = 0
    private(set) var succeeded = 0
    private(set) var failed = 0
    private(set) var cancelled = 0
    private var isStarting = false

    init(_ reactor: Reactor, _ ledger: TLSLedger) {
        self.ledger = ledger
        let shared = SingleThreaded(ledger)
        loop = TLSLoop(reactor: reactor, maker: ScriptedContextMaker(ledger: shared)) { shared.value.run($0) }
    }

    /// Neither ended nor cancelled.
    var underWay: Int { started - succeeded - failed - cancelled }

    var onFilesChanged: ((TLSProfile.Files) -> Void)? {
        get { loop.onFilesChanged }
        set { loop.onFilesChanged = newValue }
    }

    var onFilesUnusable: ((TLSFailure) -> Void)? {
        get { loop.onFilesUnusable }
        set { loop.onFilesUnusable = newValue }
    }

    func prepare(_ profile: TLSProfile) {
        ledger.isSearching = true
        loop.prepare(profile)
        ledger.isSearching = false
    }

    func startHandshake(
        over stream: any ByteStream, with peer: TLSPeer, completion: @escaping TLSCompletion
    ) -> any TLSHandshake {
        started += 1
        let watched = Handshake(self)
        ledger.isSearching = true
        isStarting = true
        watched.inner = loop.startHandshake(over: stream, with: peer) { [self] result in
            if isStarting { ledger.broken("a handshake ends before its start returns") }
            guard watched.end() else { return ledger.broken("a handshake ends twice") }
            switch result {
            case .success: succeeded += 1
            case .failure: failed += 1
            }
            completion(result)
        }
        isStarting = false
        ledger.isSearching = false
        return watched
    }

    private final class Handshake: TLSHandshake {
        private enum State {
            case underWay, ended
        }

        private let watch: WatchedTLS
        private var state = State.underWay
        var inner: (any TLSHandshake)?

        init(_ watch: WatchedTLS) {
            self.watch = watch
        }

        /// False if it has ended before.
        func end() -> Bool {
            guard case .underWay = state else { return false }
            state = .ended
            // It holds this one by its completion.
            inner = nil
            return true
        }

        func cancel() {
            let inner = inner
            if end() { watch.cancelled += 1 }
            inner?.cancel()
        }
    }
}
