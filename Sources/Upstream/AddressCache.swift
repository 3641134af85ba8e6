import NIOCore
import ProxyTypes

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
        var completions: [(id: Int, completion: Completion)] = []
    }

    private let resolver: Resolver
    private let loop: any EventLoop
    private let now: () -> Instant
    private var entries: [String: Entry] = [:]
    private var underWay: [String: Waiting] = [:]
    private var nextID = 0

    private static let maxEntries = 20_000
    private static let maxLookupsUnderWay = 1_024

    init(resolver: Resolver, loop: any EventLoop, now: @escaping () -> Instant) {
        self.resolver = resolver
        self.loop = loop
        self.now = now
    }

    /// `completion` may be called at once.
    func resolve(_ host: String, _ lifetimes: Lifetimes, _ completion: @escaping Completion) {
        let time = now()
        if var entry = entries[host], time < entry.expires {
            entry.lastUse = time
            entries[host] = entry
            return completion(.success(entry.addresses))
        }
        let id = nextID
        nextID += 1
        let isFirst = underWay[host] == nil
        guard !isFirst || underWay.count < Self.maxLookupsUnderWay else {
            return completion(
                .failure(ProxyError(.dnsError, side: .ours, detail: "too many name look-ups are under way")))
        }
        underWay[host, default: Waiting()].completions.append((id, completion))
        let bound = NIOLoopBound(self, eventLoop: loop)
        loop.scheduleTask(in: .nanoseconds(lifetimes.timeout.nanoseconds)) { bound.value.timedOut(host, id) }
        guard isFirst else { return }
        resolver.resolve(host, on: loop).whenSuccess { bound.value.answered(host, $0, lifetimes) }
    }

    private func timedOut(_ host: String, _ id: Int) {
        guard let index = underWay[host]?.completions.firstIndex(where: { $0.id == id }),
            let waiting = underWay[host]?.completions.remove(at: index)
        else { return }
        waiting.completion(.failure(ProxyError(.dnsTimeout, detail: "the look-up of \(host) took too long")))
    }

    private func answered(_ host: String, _ answer: ResolverAnswer, _ lifetimes: Lifetimes) {
        let waiting = underWay.removeValue(forKey: host)
        let time = now()
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
