import LocalCA
import ProxyTypes
import Reactor

/// The certificates that clients are shown, by host: made by workers when they are first wanted, once for all that wait, and
/// anew after half their time. The least recently used go when there are too many. Loop-bound.
final class LeafContexts {
    typealias Waiter = (Result<any TLSServerContext, TLSFailure>) -> Void

    private struct Entry {
        var context: LeafContext?
        /// Nil: none is being made.
        var waiters: [Waiter]?
        var lastUse: UInt64
    }

    private let reactor: Reactor
    private let run: @Sendable (@escaping @Sendable () -> Void) -> Void
    private var entries: [OriginHost: Entry] = [:]
    private var uses: UInt64 = 0
    var authorities = SigningAuthorities() {
        didSet {
            for (host, entry) in entries where entry.waiters == nil {
                let isKept = authorities.all.contains { $0 === entry.context?.authority }
                if !isKept { entries[host] = nil }
            }
        }
    }

    static let maxEntries = 1000

    init(reactor: Reactor, run: @escaping @Sendable (@escaping @Sendable () -> Void) -> Void) {
        self.reactor = reactor
        self.run = run
    }

    var count: Int { entries.count }

    /// `waiter` is called once, within this call or later from the loop.
    func find(_ host: OriginHost, _ waiter: @escaping Waiter) {
        let now = reactor.wallClock
        guard let authority = authorities.authority(for: host, now: now) else {
            return waiter(.failure(TLSFailure(.configuration, "no authority may sign for \(host)")))
        }
        uses += 1
        var entry = entries[host] ?? Entry(lastUse: uses)
        entry.lastUse = uses
        let known = entry.context.flatMap { $0.authority === authority && $0.isValid(at: now) ? $0 : nil }
        if let known, known.renewal > now {
            entries[host] = entry
            return waiter(.success(known))
        }
        let isUnderWay = entry.waiters != nil
        if known == nil {
            entry.waiters = (entry.waiters ?? []) + [waiter]
        } else if !isUnderWay {
            entry.waiters = []
        }
        if entries[host] == nil { makeRoom() }
        entries[host] = entry
        if !isUnderWay { make(host, by: authority, now: now) }
        if let known { waiter(.success(known)) }
    }

    private func make(_ host: OriginHost, by authority: SigningAuthority, now: Int64) {
        let bound = LoopBound(self, on: reactor)
        let mailbox = reactor.mailbox
        run {
            let result: Result<LeafContext, TLSFailure>
            do throws(TLSFailure) {
                result = .success(try LeafContext.make(for: host, by: authority, now: now))
            } catch {
                result = .failure(error)
            }
            mailbox.execute { bound.value.made(host, result) }
        }
    }

    private func made(_ host: OriginHost, _ result: Result<LeafContext, TLSFailure>) {
        guard var entry = entries[host] else { return Invariant.broken("a certificate was made that nobody wanted") }
        let waiters = entry.waiters ?? []
        entry.waiters = nil
        switch result {
        case .success(let context): entry.context = context
        case .failure: break
        }
        entries[host] = entry.context == nil ? nil : entry
        for waiter in waiters { waiter(result.map { $0 }) }
    }

    /// Those that are being made stay.
    private func makeRoom() {
        guard entries.count >= Self.maxEntries else { return }
        let free = entries.filter { $0.value.waiters == nil }
        for (host, _) in free.sorted(by: { $0.value.lastUse < $1.value.lastUse }).prefix(Self.maxEntries / 8) {
            entries[host] = nil
        }
    }
}
