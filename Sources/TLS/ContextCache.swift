import ProxyTypes
import Reactor

/// The contexts that profiles need: loaded by workers, and loaded again when their files change. Loop-bound.
///
///     unknown ──find──▶ loading ──▶ ready ──its files changed──▶ ready, of another generation
///                          └──────▶ failed ──its files changed──▶ ready
final class ContextCache {
    typealias Waiter = (Result<Ready, TLSFailure>) -> Void

    struct Ready {
        let context: any TLSContext
        /// Different for each context that was ever made.
        let generation: UInt64
    }

    private enum State {
        case loading([Waiter])
        case ready(Ready, FileStamps)
        case failed(TLSFailure, FileStamps)
    }

    private struct Entry {
        /// In the order in which they were made.
        let number: UInt64
        var state: State
        var lastUse: Instant
    }

    /// What a worker has made of the files.
    private struct Loaded: Sendable {
        let key: TLSProfile.ContextKey
        let result: Result<any TLSContext, TLSFailure>
        let stamps: FileStamps
    }

    private unowned let reactor: Reactor
    private let maker: any TLSContextMaker
    /// Runs a job elsewhere, as files may be slow.
    private let run: @Sendable (@escaping @Sendable () -> Void) -> Void
    private var entries: [TLSProfile.ContextKey: Entry] = [:]
    private var lastNumber: UInt64 = 0
    private var lastGeneration: UInt64 = 0
    private let timer = Deadline()
    /// The context of this generation is out of use: its connections and sessions are to go.
    var onReplaced: ((TLSProfile.ContextKey, _ generation: UInt64) -> Void)?
    /// The files of a context in use have changed and cannot be used. What was loaded before stays in use.
    var onUnusable: ((TLSFailure) -> Void)?

    /// Files are re-read within 10 s of a change.
    private static let checkInterval = Interval.seconds(5)
    private static let maxEntries = 1024

    init(
        reactor: Reactor, maker: any TLSContextMaker, run: @escaping @Sendable (@escaping @Sendable () -> Void) -> Void
    ) {
        self.reactor = reactor
        self.maker = maker
        self.run = run
        timer.owner = self
    }

    deinit {
        timer.owner = nil
    }

    /// The outcome where it is known at once. Nil: the waiter is told later, from the loop.
    func find(_ key: TLSProfile.ContextKey, _ waiter: @escaping Waiter) -> Result<Ready, TLSFailure>? {
        guard var entry = entries[key] else {
            makeRoom()
            lastNumber += 1
            entries[key] = Entry(number: lastNumber, state: .loading([waiter]), lastUse: reactor.now)
            load([(key, nil)])
            return nil
        }
        entry.lastUse = reactor.now
        defer { entries[key] = entry }
        switch entry.state {
        case .loading(let waiters):
            entry.state = .loading(waiters + [waiter])
            return nil
        case .ready(let ready, _): return .success(ready)
        case .failed(let failure, _): return .failure(failure)
        }
    }

    var count: Int { entries.count }

    /// Makes the contexts whose files differ from the stamps given.
    private func load(_ keys: [(TLSProfile.ContextKey, FileStamps?)]) {
        let bound = LoopBound(self, on: reactor)
        let (mailbox, maker) = (reactor.mailbox, maker)
        run {
            var loaded: [Loaded] = []
            for (key, known) in keys {
                // Before the files are read: a change while they are read must count as a change.
                let stamps = maker.stamps(key)
                guard stamps != known else { continue }
                loaded.append(Loaded(key: key, result: maker.make(key), stamps: stamps))
            }
            mailbox.execute { [loaded] in bound.value.loaded(loaded) }
        }
    }

    private func loaded(_ all: [Loaded]) {
        for loaded in all { install(loaded) }
        if !entries.isEmpty { reactor.timer.wake(timer, at: reactor.now + Self.checkInterval) }
    }

    private func install(_ loaded: Loaded) {
        let key = loaded.key
        // Dropped while it was loading.
        guard let entry = entries[key] else { return }
        lastGeneration += 1
        let result = loaded.result.map { Ready(context: $0, generation: lastGeneration) }
        func set(_ state: State) { entries[key]?.state = state }
        switch (entry.state, result) {
        case (.ready(let old, _), .success(let ready)):
            set(.ready(ready, loaded.stamps))
            onReplaced?(key, old.generation)
        // More often an update half done than the operator's intention: what works stays in use.
        case (.ready(let old, _), .failure(let failure)):
            set(.ready(old, loaded.stamps))
            onUnusable?(failure)
        case (.loading, .success(let ready)), (.failed, .success(let ready)): set(.ready(ready, loaded.stamps))
        case (.loading, .failure(let failure)), (.failed, .failure(let failure)):
            set(.failed(failure, loaded.stamps))
        }
        guard case .loading(let waiters) = entry.state else { return }
        for waiter in waiters { waiter(result) }
    }

    /// The least recently used go first; connections keep what they use.
    private func makeRoom() {
        guard entries.count >= Self.maxEntries else { return }
        let free = entries.filter { if case .loading = $0.value.state { false } else { true } }
        for (key, _) in free.sorted(by: { $0.value.lastUse < $1.value.lastUse }).prefix(Self.maxEntries / 8) {
            entries[key] = nil
        }
    }
}

extension ContextCache: DeadlineOwner {
    func deadlineReached(now: Instant) -> Instant {
        // Replacements must come in an order that does not depend on a dictionary's.
        let inOrder = entries.sorted { $0.value.number < $1.value.number }
        let known = inOrder.compactMap { key, entry -> (TLSProfile.ContextKey, FileStamps?)? in
            switch entry.state {
            case .loading: nil
            case .ready(_, let stamps), .failed(_, let stamps): (key, stamps)
            }
        }
        // `loaded` sets the timer again.
        if !entries.isEmpty { load(known) }
        return .distantFuture
    }
}
