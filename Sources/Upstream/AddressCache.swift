import ProxyTypes
import Reactor

/// Waits for the addresses of a name. Loop-bound.
protocol AddressWaiter: AnyObject {
    func resolved(_ result: Result<[IPAddress], ProxyError>)
}

/// The addresses of each name as last looked up, and the look-ups under way: one at a time per name. Loop-bound.
///
/// ```
///            resolve              answer         dns_min_ttl        dns_serve_stale
/// unknown ───────────▶ under way ────────▶ fresh ───────────▶ stale ───────────────▶ expired
/// ```
///
/// The system's resolver reports no TTL, hence `dns_min_ttl`. A stale or expired name is looked up again on its next use;
/// where that fails, stale addresses are used on.
final class AddressCache {
    struct Lifetimes {
        var fresh: Interval
        var stale: Interval
    }

    private struct Entry {
        var addresses: [IPAddress]
        var expires: Instant
        var lastUse: Instant
    }

    private struct LookUp {
        /// Of the first waiter.
        let lifetimes: Lifetimes
        /// In the order in which they came.
        var waiters: [any AddressWaiter]
    }

    private let resolver: Resolver
    private unowned let reactor: Reactor
    private var entries: [String: Entry] = [:]
    private var lookUps: [String: LookUp] = [:]

    private static let maxEntries = 20_000
    private static let maxLookUps = 1_024

    init(resolver: Resolver, reactor: Reactor) {
        self.resolver = resolver
        self.reactor = reactor
    }

    /// The result where it is known at once. Nil: the waiter is told later, from the loop, unless it cancels; it is kept
    /// alive until then.
    func resolve(
        _ host: String, _ lifetimes: Lifetimes, for waiter: any AddressWaiter
    ) -> Result<[IPAddress], ProxyError>? {
        let now = reactor.now
        if let entry = entries[host], now < entry.expires {
            entries[host]?.lastUse = now
            return .success(entry.addresses)
        }
        guard lookUps[host] == nil else {
            #if CONND_PLANTED_FAULTS
                if PlantedFault.isActive(.secondLookUpForgotten) { return nil }
            #endif
            lookUps[host]?.waiters.append(waiter)
            return nil
        }
        guard lookUps.count < Self.maxLookUps else {
            return .failure(ProxyError(.dnsError, detail: "too many name look-ups are under way"))
        }
        lookUps[host] = LookUp(lifetimes: lifetimes, waiters: [waiter])
        let bound = LoopBound(self, on: reactor)
        let mailbox = reactor.mailbox
        resolver.resolve(host) { answer in mailbox.execute { bound.value.answered(host, answer) } }
        return nil
    }

    /// The waiter is not told. The look-up itself goes on, and its answer is kept.
    func cancel(_ host: String, for waiter: any AddressWaiter) {
        lookUps[host]?.waiters.removeAll { $0 === waiter }
    }

    /// The next use looks the name up again.
    func expire(_ host: String) {
        guard let entry = entries[host] else { return }
        entries[host]?.expires = min(entry.expires, reactor.now)
    }

    private func answered(_ host: String, _ answer: ResolverAnswer) {
        guard let lookUp = lookUps.removeValue(forKey: host) else {
            return Invariant.broken("an answer for a name that is not being looked up")
        }
        let result = result(of: answer, host, lookUp.lifetimes)
        for waiter in lookUp.waiters { waiter.resolved(result) }
    }

    private func result(
        of answer: ResolverAnswer, _ host: String, _ lifetimes: Lifetimes
    ) -> Result<[IPAddress], ProxyError> {
        let now = reactor.now
        switch answer {
        case .addresses(let addresses):
            makeRoom()
            entries[host] = Entry(addresses: addresses, expires: now + lifetimes.fresh, lastUse: now)
            return .success(addresses)
        case .noSuchName(let text):
            entries[host] = nil
            return .failure(ProxyError(.dnsError, detail: "the name \(host) does not resolve: \(text)"))
        case .failed(let text):
            if let entry = entries[host], now < entry.expires + lifetimes.stale { return .success(entry.addresses) }
            return .failure(ProxyError(.dnsError, detail: "the look-up of \(host) failed: \(text)"))
        }
    }

    /// The least recently used go first; the name decides between equals, so that the same events always lead to the same
    /// entries.
    private func makeRoom() {
        guard entries.count >= Self.maxEntries else { return }
        let byAge = entries.map { ($0.value.lastUse, $0.key) }.sorted { $0 < $1 }
        for (_, host) in byAge.prefix(Self.maxEntries / 10) { entries[host] = nil }
    }
}
