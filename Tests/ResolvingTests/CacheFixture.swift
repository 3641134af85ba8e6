import ProxyTypes
import Reactor
import ReactorTestSupport

@testable import Resolving

/// A cache over a resolver whose answers a test gives, on a clock that it sets.
final class CacheFixture {
    let kernel = ScriptedKernel()
    let reactor: Reactor
    private(set) var cache: AddressCache
    let log = Log()
    /// What every look-up brings before it returns.
    var atOnce: NameAnswer? {
        get { script.atOnce }
        set { script.atOnce = newValue }
    }
    /// What need not be looked up.
    var known: [String: NameAnswer] {
        get { script.known }
        set { script.known = newValue }
    }
    var lifetimes = CacheFixture.lifetimes
    private let script = Script()

    static let lifetimes = NameLifetimes(minTTL: .seconds(5), maxTTL: .minutes(5), stale: .seconds(30))

    final class Log {
        var lines: [String] = []
    }

    private final class Script {
        var pending: [(host: String, completion: Resolver.Completion)] = []
        var abandoned: [String] = []
        var atOnce: NameAnswer?
        var known: [String: NameAnswer] = [:]
    }

    final class Waiter: AddressWaiter {
        let name: String
        let log: Log

        init(_ name: String, _ log: Log) {
            self.name = name
            self.log = log
        }

        func resolved(_ result: Result<KnownAddresses, ProxyError>) {
            switch result {
            case .success(let known): log.lines.append(known.isStale ? "\(name) stale" : name)
            case .failure(let error): log.lines.append("\(name) \(error.kind.name)")
            }
        }
    }

    final class Follower: AddressFollower {
        private(set) var told: [Set<IPAddress>] = []
        func addressesChanged(to addresses: Set<IPAddress>) { told.append(addresses) }
    }

    init() {
        reactor = Reactor(kernel: kernel, readSize: 4096)
        let script = script
        let resolver = Resolver(known: { host, _ in script.known[host] }) { host, _, completion in
            if let answer = script.atOnce {
                completion(answer)
                return {}
            }
            script.pending.append((host, completion))
            return {
                script.abandoned.append(host)
                script.pending.removeAll { $0.host == host }
            }
        }
        cache = AddressCache(resolver: resolver, reactor: reactor, seed: 1)
    }

    func key(_ host: String) -> NameKey { NameKey(host, .auto) }

    /// The addresses where they are known at once. A refusal goes to the log.
    func ask(_ host: String, _ waiter: Waiter) -> [IPAddress]? {
        switch cache.resolve(key(host), lifetimes, for: waiter) {
        case .success(let known): return known.addresses
        case .failure(let error):
            waiter.resolved(.failure(error))
            return nil
        case nil: return nil
        }
    }

    func ask(_ host: String, _ waiter: String) -> [IPAddress]? { ask(host, Waiter(waiter, log)) }

    var hosts: [String] { script.pending.map(\.host) }
    var abandoned: [String] { script.abandoned }

    /// Of the oldest look-up. What it returns answers the same look-up again.
    @discardableResult
    func answer(_ answer: NameAnswer) -> Resolver.Completion {
        let completion = script.pending.removeFirst().completion
        completion(answer)
        return completion
    }

    func advance(by interval: Interval) {
        kernel.advance(by: interval)
        for _ in 0..<3 { reactor.turn() }
    }
}
