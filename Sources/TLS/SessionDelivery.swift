/// Hands the sessions that one connection brings to the cache, and says when others need not wait for it. Loop-bound.
final class SessionDelivery {
    private enum State {
        /// Others may be waiting.
        case awaited
        case over
    }

    private let cache: SessionCache
    let key: SessionCache.Key
    private var state = State.awaited

    init(_ cache: SessionCache, _ key: SessionCache.Key) {
        self.cache = cache
        self.key = key
    }

    deinit {
        end()
    }

    func deliver(_ sessions: [any TLSSession]) {
        guard !sessions.isEmpty else { return }
        for session in sessions { cache.add(session, key) }
        end()
    }

    /// It has brought what it will, or never will.
    func end() {
        switch state {
        case .awaited:
            state = .over
            cache.bringerEnded(key)
        case .over: break
        }
    }
}
