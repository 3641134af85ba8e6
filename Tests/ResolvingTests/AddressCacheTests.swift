import Metering
import ProxyTypes
import Reactor
import ReactorTestSupport
import Testing

@testable import Resolving

@Suite("The cache of addresses")
struct AddressCacheTests {
    private let names = CacheFixture()
    private var cache: AddressCache { names.cache }

    private static let first = [IPAddress(ipv4: 0xC000_0201)]
    private static let second = [IPAddress(ipv4: 0xC000_0202)]

    @Test("one look-up serves all who ask for a name, in the order in which they came")
    func order() {
        let waiters = (0..<20).map { "waiter \($0)" }
        for waiter in waiters { #expect(names.ask("a.example", waiter) == nil) }
        #expect(names.hosts == ["a.example"])
        names.answer(.addresses(Self.first))
        #expect(names.log.lines == waiters)
        #expect(cache.statistics.uses[.asked] == 1 && cache.statistics.uses[.joined] == 19)
    }

    @Test("an answer that comes at once is given at once")
    func atOnce() {
        names.atOnce = .addresses(Self.first, source: .hosts)
        #expect(names.ask("a.example", "first") == Self.first && names.log.lines.isEmpty)
        names.atOnce = .noSuchName("no")
        #expect(names.ask("b.example", "second") == nil && names.log.lines == ["second dns_error"])
    }

    @Test("who has cancelled is not told and not kept; a look-up that nobody waits for is given up")
    func cancelled() {
        weak var remains: CacheFixture.Waiter?
        do {
            let waiter = CacheFixture.Waiter("cancelled", names.log)
            remains = waiter
            #expect(names.ask("a.example", waiter) == nil)
            #expect(names.ask("a.example", "other") == nil)
            cache.cancel(names.key("a.example"), for: waiter)
        }
        #expect(remains == nil && names.abandoned.isEmpty)
        names.answer(.addresses(Self.first))
        #expect(names.log.lines == ["other"])
        let alone = CacheFixture.Waiter("alone", names.log)
        #expect(names.ask("b.example", alone) == nil)
        cache.cancel(names.key("b.example"), for: alone)
        #expect(names.abandoned == ["b.example"] && cache.lookUpsUnderWay == 0)
        #expect(cache.statistics.lookUps[.abandoned] == 1)
        #expect(names.ask("b.example", "again") == nil && names.hosts == ["b.example"])
    }

    // MARK: Lifetimes

    @Test(
        "an answer is fresh for its TTL, within dns_min_ttl and dns_max_ttl",
        arguments: [(nil, 5), (1, 5), (60, 60), (9000, 300)] as [(Int64?, Int64)])
    func ttl(told: Int64?, kept: Int64) {
        _ = names.ask("a.example", "first")
        names.answer(.addresses(Self.first, ttl: told.map { .seconds($0) }, source: .dns))
        names.advance(by: .seconds(kept) - .milliseconds(1))
        #expect(names.ask("a.example", "second") == Self.first && names.hosts.isEmpty)
        names.advance(by: .milliseconds(1))
        #expect(names.ask("a.example", "third") == nil && names.hosts == ["a.example"])
    }

    @Test("that a name does not exist is kept for its TTL, and serves nothing stale")
    func negative() {
        _ = names.ask("a.example", "first")
        names.answer(.addresses(Self.first))
        names.advance(by: .seconds(5))
        _ = names.ask("a.example", "second")
        names.answer(.noSuchName("not found", ttl: .seconds(20)))
        names.advance(by: .seconds(19))
        #expect(names.ask("a.example", "third") == nil && names.hosts.isEmpty)
        names.advance(by: .seconds(1))
        #expect(names.ask("a.example", "fourth") == nil && names.hosts == ["a.example"])
        #expect(names.log.lines == ["first", "second dns_error", "third dns_error"])
    }

    @Test("a failed look-up is remembered for a second")
    func failed() {
        _ = names.ask("a.example", "first")
        names.answer(.failed("no server", isTimeout: true))
        names.advance(by: .milliseconds(999))
        _ = names.ask("a.example", "second")
        #expect(names.hosts.isEmpty)
        names.advance(by: .milliseconds(1))
        #expect(names.ask("a.example", "third") == nil && names.hosts == ["a.example"])
        #expect(names.log.lines == ["first dns_timeout", "second dns_timeout"])
    }

    // MARK: Stale addresses

    @Test("while a refresh is silent, stale addresses are given after a moment, and then at once")
    func silent() {
        _ = names.ask("a.example", "first")
        names.answer(.addresses(Self.first))
        names.advance(by: .seconds(6))
        #expect(names.ask("a.example", "second") == nil)
        names.advance(by: .milliseconds(199))
        #expect(names.log.lines == ["first"])
        names.advance(by: .milliseconds(1))
        #expect(names.log.lines == ["first", "second stale"])
        #expect(names.ask("a.example", "third") == Self.first && names.hosts == ["a.example"])
        names.answer(.addresses(Self.second))
        #expect(names.ask("a.example", "fourth") == Self.second)
    }

    @Test("while look-ups fail, stale addresses serve for dns_serve_stale and are asked for again at growing intervals")
    func failing() {
        _ = names.ask("a.example", "first")
        names.answer(.addresses(Self.first))
        names.advance(by: .seconds(6))
        _ = names.ask("a.example", "second")
        names.answer(.failed("no server"))
        #expect(names.log.lines == ["first", "second stale"])
        #expect(names.ask("a.example", "third") == Self.first && names.hosts.isEmpty)
        names.advance(by: .seconds(1))
        #expect(names.ask("a.example", "fourth") == nil && names.hosts == ["a.example"])
        names.answer(.failed("no server"))
        names.advance(by: .milliseconds(1999))
        #expect(names.ask("a.example", "fifth") == Self.first && names.hosts.isEmpty)
        names.advance(by: .seconds(27))
        _ = names.ask("a.example", "sixth")
        names.answer(.failed("no server"))
        #expect(names.log.lines.last == "sixth dns_error")
    }

    @Test("a family that nobody answered for keeps its addresses; one that has none loses them")
    func families() {
        let both = [IPAddress(high: 0x2001_0DB8 << 32, low: 1)] + Self.first
        _ = names.ask("a.example", "first")
        names.answer(.addresses(both))
        names.advance(by: .seconds(6))
        _ = names.ask("a.example", "second")
        names.answer(NameAnswer(ipv4: .addresses(Self.second, ttl: nil), ipv6: .unknown, source: .dns))
        #expect(names.ask("a.example", "third") == [both[0]] + Self.second)
        names.advance(by: .seconds(6))
        _ = names.ask("a.example", "fourth")
        names.answer(NameAnswer(ipv4: .addresses(Self.second, ttl: nil), ipv6: .absent(ttl: nil), source: .dns))
        #expect(names.ask("a.example", "fifth") == Self.second)
    }

    @Test("a family that comes late is added")
    func late() {
        let ipv6 = IPAddress(high: 0x2001_0DB8 << 32, low: 1)
        _ = names.ask("a.example", "first")
        let late = names.answer(NameAnswer(ipv4: .addresses(Self.first, ttl: nil), ipv6: .unknown, source: .dns))
        #expect(names.ask("a.example", "second") == Self.first)
        var rest = NameAnswer(ipv4: .unknown, ipv6: .addresses([ipv6], ttl: nil), source: .dns)
        rest.isAddition = true
        late(rest)
        #expect(names.ask("a.example", "third") == [ipv6] + Self.first && names.log.lines == ["first"])
    }

    @Test("a family that comes late does not make the other one's addresses fresh again, nor undo a flush")
    func lateAndOld() {
        var rest = NameAnswer(ipv4: .unknown, ipv6: .absent(ttl: .seconds(300)), source: .dns)
        rest.isAddition = true
        for isFlushed in [false, true] {
            let host = isFlushed ? "flushed.example" : "a.example"
            _ = names.ask(host, "first")
            let late = names.answer(
                NameAnswer(ipv4: .addresses(Self.first, ttl: .seconds(9)), ipv6: .unknown, source: .dns))
            names.advance(by: .seconds(4))
            if isFlushed { cache.expire(names.key(host)) }
            late(rest)
            names.advance(by: .seconds(isFlushed ? 0 : 6))
            #expect(names.ask(host, "asks again") == nil && names.hosts == [host])
            names.answer(.addresses(Self.first))
        }
    }

    // MARK: Ahead of time

    @Test("a name that connections are open to is refreshed before it expires, and its moves are told")
    func followed() {
        let follower = CacheFixture.Follower()
        _ = names.ask("a.example", "first")
        names.answer(.addresses(Self.first, ttl: .seconds(60)))
        _ = cache.follow(names.key("a.example"), CacheFixture.lifetimes, by: follower)
        names.advance(by: .seconds(50))
        #expect(names.hosts.isEmpty)
        names.advance(by: .seconds(8))
        #expect(names.hosts == ["a.example"] && cache.statistics.refreshes == 1)
        names.answer(.addresses(Self.first, ttl: .seconds(60)))
        #expect(follower.told.isEmpty)
        names.advance(by: .seconds(59))
        names.answer(.addresses(Self.second, ttl: .seconds(60)))
        #expect(follower.told == [Set(Self.second)] && cache.statistics.moves == 1)
        cache.unfollow(names.key("a.example"), by: follower)
        names.advance(by: .seconds(3600))
        #expect(names.hosts.isEmpty)
    }

    @Test("a name that does not exist for a while, or cannot be asked for, leaves its connections alone")
    func absentWhileFollowed() {
        let follower = CacheFixture.Follower()
        _ = names.ask("a.example", "first")
        names.answer(.addresses(Self.first, ttl: .seconds(10)))
        _ = cache.follow(names.key("a.example"), CacheFixture.lifetimes, by: follower)
        for answer in [NameAnswer.noSuchName("gone"), .failed("no server"), .addresses(Self.first)] {
            names.advance(by: .seconds(10))
            #expect(names.hosts == ["a.example"])
            names.answer(answer)
        }
        #expect(follower.told.allSatisfy { $0 == Set(Self.first) })
    }

    @Test("where servers give other ones of many addresses each time, those stay that were given lately")
    func rotation() {
        var history = AddressHistory()
        let many = (1...9).map { IPAddress(ipv4: 0xC000_0200 | UInt32($0)) }
        var now = Instant.zero
        var members: Set<IPAddress> = []
        for number in 0..<12 {
            members = history.note((0..<3).map { many[(number * 3 + $0) % 9] }, now: now)
            #expect(members.count == (number < 5 ? 3 : 9), "\(number)")
            now = now + .seconds(60)
        }
        #expect(history.rotates && members == Set(many))
        now = now + AddressHistory.memory
        #expect(history.note([many[0]], now: now) == [many[0]])
    }

    @Test("a move there and back is no rotation")
    func thereAndBack() {
        var history = AddressHistory()
        for (number, list) in [Self.first, Self.second, Self.first, Self.second].enumerated() {
            #expect(history.note(list, now: .zero + .seconds(Int64(number))) == Set(list))
        }
        #expect(!history.rotates)
    }

    @Test("a name that is asked for often is refreshed ahead; one that is asked for once is not")
    func busy() {
        for host in ["busy.example", "quiet.example"] {
            _ = names.ask(host, "first")
            names.answer(.addresses(Self.first))
        }
        for _ in 0..<3 { #expect(names.ask("busy.example", "more") == Self.first) }
        names.advance(by: .seconds(5))
        #expect(names.hosts == ["busy.example"])
    }

    @Test("an answer that may not be kept does not have its name looked up all the time")
    func noLifetime() {
        let follower = CacheFixture.Follower()
        names.lifetimes = NameLifetimes(minTTL: .zero, maxTTL: .seconds(1), stale: .zero)
        _ = names.ask("a.example", "first")
        names.answer(.addresses(Self.first, ttl: .zero))
        _ = cache.follow(names.key("a.example"), names.lifetimes, by: follower)
        names.advance(by: .milliseconds(999))
        #expect(names.hosts.isEmpty)
        names.advance(by: .milliseconds(1))
        #expect(names.hosts == ["a.example"])
    }

    // MARK: Orders

    @Test("an expired name is asked for again; where that fails its addresses serve on")
    func expired() {
        _ = names.ask("a.example", "first")
        names.answer(.addresses(Self.first))
        cache.expire(names.key("a.example"))
        #expect(names.ask("a.example", "second") == nil && names.hosts == ["a.example"])
        names.answer(.failed("no server"))
        #expect(names.log.lines == ["first", "second stale"])
    }

    @Test("a flush forgets names, and asks for those with connections at once")
    func flush() {
        let follower = CacheFixture.Follower()
        for host in ["a.example", "b.example"] {
            _ = names.ask(host, "first")
            names.answer(.addresses(Self.first))
        }
        _ = cache.follow(names.key("b.example"), CacheFixture.lifetimes, by: follower)
        #expect(cache.flush("none.example") == 0 && cache.flush(nil) == 2)
        #expect(names.hosts == ["b.example"] && cache.nameCount == 1)
    }

    // MARK: Bounds

    @Test("no more than 1024 names are looked up at a time; one more fails at once; who gives up makes room")
    func lookUps() {
        let waiter = CacheFixture.Waiter("waiter", names.log)
        for number in 0..<1024 { _ = names.ask("\(number).example", waiter) }
        #expect(names.ask("last.example", "last") == nil && names.log.lines == ["last dns_error"])
        #expect(cache.nameCount == 1024)
        #expect(names.ask("0.example", "joins one") == nil && names.hosts.count == 1024)
        cache.cancel(names.key("1.example"), for: waiter)
        #expect(names.ask("last.example", "later") == nil && names.hosts.last == "last.example")
    }

    @Test("of so many names those that hang for a second give way, the oldest first")
    func crowding() {
        let waiter = CacheFixture.Waiter("waiter", names.log)
        let first = CacheFixture.Waiter("first", names.log)
        _ = names.ask("first.example", first)
        names.advance(by: .milliseconds(500))
        for number in 0..<1023 { _ = names.ask("\(number).example", waiter) }
        names.advance(by: .milliseconds(499))
        #expect(names.log.lines.isEmpty && names.ask("new.example", "refused") == nil)
        names.log.lines = []
        names.advance(by: .milliseconds(1))
        #expect(names.log.lines == ["first dns_timeout"] && names.abandoned == ["first.example"])
        #expect(names.ask("new.example", "new") == nil && names.hosts.last == "new.example")
        names.advance(by: .milliseconds(500))
        #expect(names.log.lines.count == 129 && cache.lookUpsUnderWay == 896)
        names.advance(by: .seconds(5))
        #expect(cache.lookUpsUnderWay == 896)
    }

    @Test("with so many under way, what is known needs none: expired addresses, and names of files")
    func withoutLookUp() {
        _ = names.ask("a.example", "first")
        names.answer(.addresses(Self.first))
        names.advance(by: .seconds(6))
        names.known["localhost"] = .addresses(Self.second, source: .loopback)
        let waiter = CacheFixture.Waiter("waiter", names.log)
        for number in 0..<1024 { _ = names.ask("\(number).example", waiter) }
        #expect(names.ask("a.example", "stale") == Self.first)
        #expect(names.ask("localhost", "known") == Self.second)
        names.lifetimes.minTTL = .zero
        names.advance(by: .seconds(1))
        #expect(names.ask("localhost", "known") == Self.second)
    }

    @Test("what is known without a look-up moves connections too while there is no room for one")
    func movesWithoutLookUp() {
        names.known["a.example"] = .addresses(Self.first, source: .hosts)
        names.atOnce = names.known["a.example"]
        _ = names.ask("a.example", "first")
        names.atOnce = nil
        let follower = CacheFixture.Follower()
        _ = cache.follow(names.key("a.example"), CacheFixture.lifetimes, by: follower)
        let waiter = CacheFixture.Waiter("waiter", names.log)
        for number in 0..<1024 { _ = names.ask("\(number).example", waiter) }
        names.known["a.example"] = .addresses(Self.second, source: .hosts)
        #expect(names.ask("a.example", "second") == Self.second)
        #expect(follower.told == [Set(Self.second)])
    }

    @Test("an answer that comes at once is for who asked, though it holds for no time")
    func atOnceAndOver() {
        names.lifetimes.minTTL = .zero
        names.atOnce = .addresses(Self.first, ttl: .zero)
        #expect(names.ask("a.example", "first") == Self.first)
        #expect(names.ask("a.example", "second") == Self.first)
        names.atOnce = .noSuchName("there is none", ttl: .zero)
        #expect(names.ask("b.example", "third") == nil && names.log.lines == ["third dns_error"])
    }

    @Test("of very many addresses 64 of a family are kept")
    func manyAddresses() {
        names.atOnce = .addresses((0..<1000).map { IPAddress(ipv4: 0x0A00_0000 | UInt32($0)) }, ttl: .seconds(60))
        #expect(names.ask("a.example", "first")?.count == 64)
    }

    @Test("a name with connections that is denied for no time is asked again after a second, not at once")
    func deniedForNoTime() {
        names.lifetimes.minTTL = .zero
        _ = names.ask("a.example", "first")
        names.answer(.addresses(Self.first, ttl: .seconds(9)))
        let follower = CacheFixture.Follower()
        _ = cache.follow(names.key("a.example"), names.lifetimes, by: follower)
        cache.expireAll()
        names.advance(by: .seconds(1))
        #expect(names.hosts == ["a.example"])
        names.answer(.noSuchName("there is none", ttl: .zero, source: .dns))
        names.advance(by: .milliseconds(900))
        #expect(names.hosts == [])
        names.advance(by: .milliseconds(100))
        #expect(names.hosts == ["a.example"])
    }

    @Test("with 20,000 names kept, those that were used least recently make room")
    func entries() {
        names.atOnce = .addresses(Self.first, ttl: .seconds(300))
        for number in 0..<20_000 { _ = names.ask("\(number).example", "waiter") }
        names.advance(by: .seconds(1))
        #expect(names.ask("0.example", "used again") == Self.first)
        _ = names.ask("new.example", "new")
        #expect(cache.nameCount == 18_001)
        func isKept(_ host: String) -> Bool { cache.names[names.key(host)] != nil }
        #expect(isKept("new.example") && isKept("0.example"))
        #expect((1..<20_000).count { isKept("\($0).example") } == 18_000 - 1)
    }
}
