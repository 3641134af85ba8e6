import ProxyTypes
import Reactor

/// What the last look-up of each name brought, for a while; one look-up at a time per name. Loop-bound.
///
/// The system's resolver tells no TTL, so that an answer counts for `dns_min_ttl`; when a later look-up fails, the old
/// answer serves on for `dns_serve_stale`.
final class AddressCache {
    struct Lifetimes {
        var fresh: Interval
        var stale: Interval
        var timeout: Interval
    }

    typealias Completion = (Result<[IPAddress], ProxyError>) -> Void

    private struct Entry {
        var addresses: [IPAddress]
        var expires: Instant
        var lastUse: Instant
    }

    private struct Waiting {
        var completions: [(expires: Instant, completion: Completion)] = []
    }

    private let resolver: Resolver
    private unowned let reactor: Reactor
    private var timer: Deadline?
    private var entries: [String: Entry] = [:]
    private var underWay: [String: Waiting] = [:]

    private static let maxEntries = 20_000
    private static let maxLookupsUnderWay = 1_024

    init(resolver: Resolver, reactor: Reactor) {
        self.resolver = resolver
        self.reactor = reactor
    }

    deinit {
        timer?.owner = nil
    }

    /// `completion` may be called at once.
    func resolve(_ host: String, _ lifetimes: Lifetimes, _ completion: @escaping Completion) {
        let time = reactor.now
        if var entry = entries[host], time < entry.expires {
            entry.lastUse = time
            entries[host] = entry
            return completion(.success(entry.addresses))
        }
        let isFirst = underWay[host] == nil
        guard !isFirst || underWay.count < Self.maxLookupsUnderWay else {
            return completion(
                .failure(ProxyError(.dnsError, detail: "too many name look-ups are under way")))
        }
        let expires = time + lifetimes.timeout
        underWay[host, default: Waiting()].completions.append((expires, completion))
        let timer = timer ?? Deadline(owner: self)
        self.timer = timer
        reactor.timer.wake(timer, at: expires)
        guard isFirst else { return }
        let bound = LoopBound(self, on: reactor)
        let mailbox = reactor.mailbox
        resolver.resolve(host) { answer in mailbox.execute { bound.value.answered(host, answer, lifetimes) } }
    }

    /// The next use looks the name up again.
    func expire(_ host: String) {
        entries[host]?.expires = .zero
    }

    private func answered(_ host: String, _ answer: ResolverAnswer, _ lifetimes: Lifetimes) {
        let waiting = underWay.removeValue(forKey: host)
        let time = reactor.now
        let result: Result<[IPAddress], ProxyError>
        switch answer {
        case .addresses(let addresses):
            makeRoom()
            entries[host] = Entry(addresses: addresses, expires: time + lifetimes.fresh, lastUse: time)
            result = .success(addresses)
        case .noSuchName(let text):
            entries[host] = nil
            result = .failure(ProxyError(.dnsError, detail: "the name \(host) does not resolve: \(text)"))
        case .failed(let text):
            if let entry = entries[host], time < entry.expires + lifetimes.stale {
                result = .success(entry.addresses)
            } else {
                result = .failure(ProxyError(.dnsError, detail: "the look-up of \(host) failed: \(text)"))
            }
        }
        for waiter in waiting?.completions ?? [] { waiter.completion(result) }
    }

    private func makeRoom() {
        guard entries.count >= Self.maxEntries else { return }
        let byAge = entries.sorted { $0.value.lastUse < $1.value.lastUse }
        for (host, _) in byAge.prefix(Self.maxEntries / 10) { entries[host] = nil }
    }
}

extension AddressCache: DeadlineOwner {
    func deadlineReached(now: Instant) -> Instant {
        var late: [(String, Completion)] = []
        for (host, waiting) in underWay {
            late += waiting.completions.filter { $0.expires <= now }.map { (host, $0.completion) }
            underWay[host]?.completions.removeAll { $0.expires <= now }
        }
        for (host, completion) in late {
            completion(.failure(ProxyError(.dnsTimeout, detail: "the look-up of \(host) took too long")))
        }
        return underWay.values.lazy.flatMap(\.completions).map(\.expires).min() ?? .distantFuture
    }
}
