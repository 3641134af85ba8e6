import ProxyTypes
import Testing

@testable import Resolving

@Suite("What is asked of DNS for a name")
struct NameSearchTests {
    private static let address = IPAddress(ipv4: 0xC000_0201)
    private static let ipv6 = IPAddress(high: 0x2001_0DB8 << 32, low: 1)
    private static let found = DNSAnswer.addresses([address], ttl: .seconds(9))
    private static let noName = DNSAnswer.absent(nameExists: false, ttl: .seconds(3))
    private static let noAddress = DNSAnswer.absent(nameExists: true, ttl: .seconds(3))
    private static let now = Instant.zero

    /// The names in the order in which they are asked for, while none exists.
    private func order(_ name: String, _ domains: [String], _ minDots: Int) -> [String] {
        var search = NameSearch(name, domains: domains, minDots: minDots)
        var asked: [String] = []
        var step = search.start()
        while case .ask(let next) = step {
            asked.append(next)
            _ = search.answered(.ipv4, Self.noName, now: Self.now)
            step = search.answered(.ipv6, Self.noName, now: Self.now)
        }
        return asked
    }

    @Test("search domains come before a name with few dots and after others, and not at all for an absolute one")
    func domains() {
        #expect(order("a", ["x.example", "y.example"], 1) == ["a.x.example", "a.y.example", "a"])
        #expect(order("a.b", ["x.example"], 1) == ["a.b", "a.b.x.example"])
        #expect(order("a.b", ["x.example"], 2) == ["a.b.x.example", "a.b"])
        #expect(order("a.", ["x.example"], 1) == ["a."])
        #expect(order("a", ["."], 1) == ["a", "a"] && order("a", [], 1) == ["a"])
    }

    /// The first name of two is answered with these, and the second with those.
    private func search(_ first: (DNSAnswer, DNSAnswer), _ second: (DNSAnswer, DNSAnswer)) -> NameSearch.Step {
        var search = NameSearch("a", domains: ["x.example"], minDots: 1)
        _ = search.start()
        _ = search.answered(.ipv4, first.0, now: Self.now)
        let step = search.answered(.ipv6, first.1, now: Self.now)
        guard step == .ask("a") else { return step }
        _ = search.answered(.ipv4, second.0, now: Self.now)
        return search.answered(.ipv6, second.1, now: Self.now)
    }

    @Test("a name without an address and one whose servers fail hide no other, as with the C library")
    func goesOn() {
        let failed = DNSAnswer.failed("SERVFAIL", isTimeout: false)
        let firsts = [(Self.noAddress, Self.noAddress), (failed, failed), (Self.noName, failed)]
        for first in firsts {
            let found = NameAnswer(
                ipv4: .addresses([Self.address], ttl: .seconds(9)), ipv6: .absent(ttl: .seconds(3)), source: .dns)
            #expect(search(first, (Self.found, Self.noAddress)) == .done(found))
        }
    }

    @Test("no answer in time ends the search")
    func timeout() {
        guard case .done(let answer) = search((Self.noName, .failed("slow", isTimeout: true)), (Self.found, Self.found))
        else {
            Issue.record("the search goes on")
            return
        }
        #expect(!answer.hasAddresses && answer.isTimeout && answer.reason == "slow")
    }

    @Test("what failed on the way makes the whole a failure; an absence holds as long as the shortest on the way")
    func passed() {
        let failed = DNSAnswer.failed("SERVFAIL", isTimeout: false)
        guard case .done(let failure) = search((failed, failed), (Self.noName, Self.noName)),
            case .done(let absence) = search(
                (.absent(nameExists: true, ttl: .seconds(2)), Self.noName),
                (Self.noName, .absent(nameExists: false, ttl: nil)))
        else {
            Issue.record("the search goes on")
            return
        }
        #expect(!failure.isAbsent && !failure.isTimeout && failure.reason == "SERVFAIL")
        #expect(absence.ipv4 == .absent(ttl: .seconds(2)) && absence.ipv6 == .absent(ttl: .seconds(2)))
        #expect(absence.reason == "it has no address")
    }

    @Test("one family's addresses wait 50 ms for the other's, and are told again when those come")
    func delay() {
        var search = NameSearch("a", domains: [], minDots: 1)
        _ = search.start()
        let until = Self.now + .milliseconds(50)
        #expect(search.answered(.ipv4, Self.found, now: Self.now) == .settle(until: until))
        #expect(search.deadlineReached(now: Self.now + .milliseconds(49)) == .settle(until: until))
        let half = NameAnswer(ipv4: .addresses([Self.address], ttl: .seconds(9)), ipv6: .unknown, source: .dns)
        #expect(search.deadlineReached(now: until) == .done(half))
        var rest = NameAnswer(ipv4: .unknown, ipv6: .addresses([Self.ipv6], ttl: .seconds(2)), source: .dns)
        rest.isAddition = true
        let late = search.answered(.ipv6, .addresses([Self.ipv6], ttl: .seconds(2)), now: until + .seconds(1))
        #expect(late == .done(rest))
    }

    @Test("a late family without addresses or an answer takes nothing back")
    func lateFailure() {
        for late in [DNSAnswer.failed("time-out", isTimeout: true), Self.noName] {
            var search = NameSearch("a", domains: [], minDots: 1)
            _ = search.start()
            guard case .settle(let until) = search.answered(.ipv4, Self.noName, now: Self.now) else {
                Issue.record("a denial does not wait")
                continue
            }
            _ = search.deadlineReached(now: until)
            #expect(search.answered(.ipv6, late, now: until) == .wait)
        }
    }

    @Test("that there is no such name holds for both families where one is silent for a second (RFC 8020)")
    func denial() {
        var search = NameSearch("a", domains: ["x.example"], minDots: 1)
        _ = search.start()
        for next in ["a", nil] {
            guard case .settle(let until) = search.answered(.ipv6, Self.noName, now: Self.now) else {
                Issue.record("a denial does not wait")
                return
            }
            switch (search.deadlineReached(now: until), next) {
            case (.ask(let name), let next?): #expect(name == next)
            case (.done(let answer), nil): #expect(answer.isAbsent && answer.reason == "there is no such name")
            case (let step, _): Issue.record("\(step)")
            }
        }
    }

    @Test("addresses of one family are an answer though the other failed")
    func halfFailed() {
        var search = NameSearch("a", domains: [], minDots: 1)
        _ = search.start()
        #expect(search.answered(.ipv6, .failed("time-out", isTimeout: true), now: Self.now) == .wait)
        guard case .done(let answer) = search.answered(.ipv4, Self.found, now: Self.now) else {
            Issue.record("the search goes on")
            return
        }
        #expect(answer.hasAddresses && answer.ipv6 == .unknown)
    }
}

@Suite("Files of the resolver")
struct ResolverFileTests {
    @Test("hosts(5): several names and addresses, comments, case, what cannot be read")
    func hosts() {
        let text = """
            # comment
            192.0.2.1\tA.example  alias # b.example
            2001:db8::1 a.example
            192.0.2.1 a.example
            300.1.1.1 c.example
            fe80::1%eth0 d.example
            192.0.2.9
            192.0.2.2 e.example
            """
        let hosts = HostsFile(parsing: Array(text.utf8))
        let expected = [IPAddress(ipv4: 0xC000_0201), IPAddress(high: 0x2001_0DB8 << 32, low: 1)]
        #expect(hosts.addresses(of: "a.example") == expected && hosts.addresses(of: "A.EXAMPLE.") == expected)
        #expect(hosts.addresses(of: "alias") == [expected[0]])
        for name in ["b.example", "c.example", "d.example"] { #expect(hosts.addresses(of: name) == nil) }
        #expect(hosts.addresses(of: "e.example") == [IPAddress(ipv4: 0xC000_0202)] && hosts.count == 3)
    }

    @Test("resolv.conf(5): time-outs, attempts and TCP, within the bounds of the C library")
    func options() {
        let text = "nameserver 192.0.2.1\n# options timeout:9\noptions timeout:99 attempts:0 use-vc ndots:2\n"
        let options = ResolverOptions(parsing: Array(text.utf8))
        #expect(options.timeout == .seconds(30) && options.attempts == 1 && options.usesTCP)
        #expect(ResolverOptions(parsing: Array("options rotate\n".utf8)) == ResolverOptions())
    }

    @Test(
        "nsswitch.conf(5): whether the system may know more than the hosts file and DNS",
        arguments: [
            ("hosts: files dns", false), ("hosts: files [NOTFOUND=return] dns", false), ("passwd: files sss", false),
            ("hosts:\tfiles mdns4_minimal [NOTFOUND=return] dns # x", true), ("hosts: files dns myhostname", true),
            ("# hosts: files mdns", false), ("", false),
        ])
    func sources(text: String, knowsMore: Bool) {
        #expect(NameSources(parsing: Array(text.utf8)).knowsMore == knowsMore)
    }
}
