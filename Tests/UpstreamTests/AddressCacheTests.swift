import ProxyTypes
import Testing

@testable import Upstream

@Suite("The cache of addresses")
struct AddressCacheTests {
    private let resolver = ScriptedResolver()
    private let fixture: UpstreamFixture
    private let log = Log()
    private static let lifetimes = AddressCache.Lifetimes(fresh: .seconds(30), stale: .seconds(300))
    private static let addresses = [IPAddress(ipv4: 0xC000_0201)]

    private final class Log {
        var lines: [String] = []
    }

    private final class Waiter: AddressWaiter {
        let name: String
        let log: Log
        init(_ name: String, _ log: Log) {
            self.name = name
            self.log = log
        }

        func resolved(_ result: Result<[IPAddress], ProxyError>) {
            switch result {
            case .success: log.lines.append(name)
            case .failure(let error): log.lines.append("\(name) \(error.kind.name)")
            }
        }
    }

    init() { fixture = UpstreamFixture(resolver: resolver.resolver) }

    private var cache: AddressCache { fixture.loop.addresses }

    private func ask(_ host: String, _ waiter: Waiter) -> [IPAddress]? {
        try? cache.resolve(host, Self.lifetimes, for: waiter)?.get()
    }

    private func ask(_ host: String, _ name: String) -> [IPAddress]? { ask(host, Waiter(name, log)) }

    private func answer(_ answer: ResolverAnswer = .addresses(addresses)) {
        resolver.answer(answer)
        fixture.turn()
    }

    @Test("one look-up serves all who ask for a name, in the order in which they came")
    func order() {
        let names = (0..<20).map { "waiter \($0)" }
        for name in names { #expect(ask("a.example", name) == nil) }
        #expect(resolver.hosts == ["a.example"])
        answer()
        #expect(log.lines == names)
    }

    @Test("who has cancelled is not told, is not kept, and leaves the look-up to others")
    func cancelled() {
        weak var remains: Waiter?
        do {
            let waiter = Waiter("cancelled", log)
            remains = waiter
            #expect(ask("a.example", waiter) == nil)
            cache.cancel("a.example", for: waiter)
        }
        #expect(remains == nil && ask("a.example", "other") == nil && resolver.hosts.count == 1)
        answer()
        #expect(log.lines == ["other"] && ask("a.example", "later") == Self.addresses)
    }

    @Test("an answer is fresh for dns_min_ttl; when a later look-up fails it serves on for dns_serve_stale")
    func lifetimes() {
        _ = ask("a.example", "first")
        answer()
        fixture.advance(by: .seconds(29))
        #expect(ask("a.example", "cached") == Self.addresses && resolver.hosts.isEmpty)
        fixture.advance(by: .seconds(1))
        #expect(ask("a.example", "stale") == nil)
        answer(.failed("no server"))
        fixture.advance(by: .seconds(300))
        #expect(ask("a.example", "expired") == nil)
        answer(.failed("no server"))
        #expect(log.lines == ["first", "stale", "expired dns_error"])
    }

    @Test("a name that does not exist any more has no stale addresses")
    func noSuchName() {
        _ = ask("a.example", "first")
        answer()
        cache.expire("a.example")
        _ = ask("a.example", "second")
        answer(.noSuchName("not found"))
        _ = ask("a.example", "third")
        answer(.failed("no server"))
        #expect(log.lines == ["first", "second dns_error", "third dns_error"])
    }

    @Test("an address that was expired early is looked up again, and serves on where that fails")
    func expiredEarly() {
        _ = ask("a.example", "first")
        answer()
        cache.expire("a.example")
        #expect(ask("a.example", "second") == nil && resolver.hosts == ["a.example"])
        answer(.failed("no server"))
        #expect(log.lines == ["first", "second"])
    }

    // MARK: Bounds

    @Test("no more than 1024 names are looked up at a time; one more fails at once")
    func lookUps() {
        for number in 0..<1024 { _ = ask("\(number).example", "waiter") }
        let result = cache.resolve("last.example", Self.lifetimes, for: Waiter("last", log))
        #expect(throws: ProxyError.self) { try result?.get() }
        #expect(resolver.hosts.count == 1024)
        #expect(ask("0.example", "joins a look-up that is under way") == nil && resolver.hosts.count == 1024)
        answer()
        #expect(ask("last.example", "later") == nil && resolver.hosts.last == "last.example")
    }

    @Test("with 20,000 names kept, those that were used least recently make room")
    func entries() {
        for number in 0..<20_000 {
            _ = ask("\(number).example", "waiter")
            answer()
        }
        fixture.advance(by: .seconds(1))
        #expect(ask("0.example", "used again") == Self.addresses)
        _ = ask("new.example", "new")
        answer()
        #expect(ask("new.example", "new") == Self.addresses && ask("0.example", "kept") == Self.addresses)
        let kept = (1..<20_000).count { ask("\($0).example", "kept") != nil }
        #expect(kept == 18_000 - 1)
    }
}
