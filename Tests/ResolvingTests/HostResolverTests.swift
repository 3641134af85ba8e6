import Foundation
import ProxyTypes
import Reactor
import TestSupport
import Testing

@testable import Resolving

/// c-ares and the real loop, against a DNS server whose answers a test gives.
@Suite("The resolver of this host")
struct HostResolverTests {
    private let server: NameServer
    private let folder: ScratchFolder
    private let reactor: Reactor
    private let names: HostResolver
    private let log = Log()

    private final class Log {
        var answers: [(name: String, answer: NameAnswer)] = []
        subscript(name: String) -> NameAnswer? { answers.last { $0.name == name }?.answer }
    }

    private static func ipv4(_ last: UInt32) -> IPAddress { IPAddress(ipv4: 0xC000_0200 | last) }
    private static let ipv6 = IPAddress(high: 0x2001_0DB8 << 32, low: 1)

    init() throws {
        server = try NameServer()
        folder = try ScratchFolder()
        var paths = ResolverPaths()
        paths.resolvConf = try folder.write("resolv.conf", "search x.example y.example\noptions ndots:1 timeout:1\n")
        paths.hosts = try folder.write("hosts", "192.0.2.77 known.example\n")
        paths.nsswitch = try folder.write("nsswitch.conf", "hosts: files dns\n")
        paths.servers = [Endpoint(address: IPAddress(ipv4: 0x7F00_0001), port: server.port)]
        reactor = try Reactor(readSize: 4096)
        names = HostResolver(paths, on: reactor)
    }

    @discardableResult
    private func start(_ name: String, _ mode: ResolverMode = .dns) -> Resolver.Abandon {
        names.resolver.lookUp(name, mode) { [log] in log.answers.append((name, $0)) }
    }

    /// Runs the loop until there is an answer for each of these.
    private func answers(_ wanted: String..., within seconds: Double = 30) throws -> [NameAnswer] {
        let end = Date() + seconds
        while !wanted.allSatisfy({ log[$0] != nil }), Date() < end { reactor.turn() }
        return try wanted.map { try #require(log[$0], "no answer for \($0)") }
    }

    private func look(_ name: String, _ mode: ResolverMode = .dns) throws -> NameAnswer {
        // The loop's clock goes on once a round.
        reactor.mailbox.execute {}
        reactor.turn()
        log.answers.removeAll { $0.name == name }
        start(name, mode)
        return try answers(name)[0]
    }

    @Test("both families, with their TTLs")
    func both() throws {
        server["a.example"] = .init(["192.0.2.1", "192.0.2.2"], ipv6: ["2001:db8::1"], ttl: 42)
        let answer = try look("a.example")
        #expect(answer.ipv4 == .addresses([Self.ipv4(1), Self.ipv4(2)], ttl: .seconds(42)))
        #expect(answer.ipv6 == .addresses([Self.ipv6], ttl: .seconds(42)) && answer.source == .dns)
        #expect(Set(server.questions(about: "a.example").map(\.type)) == [1, 28])
    }

    @Test("an answer that is cut comes over TCP")
    func truncated() throws {
        server["a.example"] = .init((1...40).map { "192.0.2.\($0)" }, manner: .truncated)
        guard case .addresses(let list, _) = try look("a.example").ipv4 else {
            Issue.record("no addresses")
            return
        }
        #expect(list.count == 40 && server.questions.contains { $0.isTCP })
    }

    @Test("one family that nobody answers for leaves the other")
    func silentFamily() throws {
        server["a.example"] = .init(["192.0.2.1"], manner: .silentFor(28))
        let answer = try look("a.example")
        #expect(answer.ipv4 == .addresses([Self.ipv4(1)], ttl: .seconds(60)) && answer.ipv6 == .unknown)
    }

    @Test("lies, failures, circles and missing names")
    func bad() throws {
        server["lie.example"] = .init(["192.0.2.1"], manner: .lying)
        server["fail.example"] = .init(manner: .failing)
        server["loop.example"] = .init(alias: "loop2.example")
        server["loop2.example"] = .init(alias: "loop.example")
        for name in ["lie.example", "gone.example.", "loop.example"] { start(name) }
        let answers = try answers("lie.example", "gone.example.", "loop.example")
        #expect(answers[0].isAbsent && answers[1].isAbsent)
        #expect(!answers[2].hasAddresses && answers[2].reason == "the name is an alias of itself")
        let failed = try look("fail.example")
        #expect(!failed.hasAddresses && !failed.isAbsent && !failed.isTimeout, "\(failed)")
    }

    @Test("a server that is silent is a time-out; names that hang delay no other")
    func hanging() throws {
        for number in 0..<200 {
            server["hang\(number).example"] = .init(manner: .silent)
            start("hang\(number).example")
        }
        server["a.example"] = .init(["192.0.2.1"])
        #expect(try look("a.example").hasAddresses)
        #expect(try look("known.example").source == .hosts)
        #expect(log.answers.count == 2)
        #expect(try answers("hang0.example")[0].isTimeout)
    }

    @Test("search domains, and no questions about localhost")
    func domains() throws {
        server["short.y.example"] = .init(["192.0.2.3"])
        #expect(try look("short").ipv4 == .addresses([Self.ipv4(3)], ttl: .seconds(60)))
        #expect(server.questions.map(\.name).filter { $0 == "short" }.isEmpty)
        server["localhost.x.example"] = .init(["192.0.2.66"])
        for name in ["localhost", "a.localhost"] {
            let answer = try look(name)
            #expect(answer.source == .loopback && answer.ipv4 == .addresses([IPAddress(ipv4: 0x7F00_0001)], ttl: nil))
        }
        #expect(!server.questions.contains { $0.name.contains("localhost") })
    }

    /// A resolver with few questions to a channel, whose server waits long.
    private func narrow(_ limits: DNSChannels.Limits) throws -> HostResolver {
        var paths = ResolverPaths()
        paths.resolvConf = try folder.write("slow.conf", "options timeout:30 attempts:5\n")
        paths.hosts = try folder.write("no-hosts", "")
        paths.servers = [Endpoint(address: IPAddress(ipv4: 0x7F00_0001), port: server.port)]
        return HostResolver(paths, on: reactor, limits)
    }

    private func turn(until isMet: () -> Bool) -> Bool {
        let end = Date() + 20
        while !isMet(), Date() < end { reactor.turn() }
        return isMet()
    }

    @Test("questions that nobody waits for are given up long before they time out")
    func givenUp() throws {
        let names = try narrow(.init(perChannel: 8, channels: 16, underWay: 60))
        for number in 0..<40 { server["hang\(number).example"] = .init(manner: .silent) }
        let abandons = (0..<28).map { names.resolver.lookUp("hang\($0).example.", .dns) { _ in } }
        #expect(names.questionsUnderWay == 56)
        for abandon in abandons { abandon() }
        #expect(turn { names.questionsUnderWay <= 8 })
        for number in 28..<40 { _ = names.resolver.lookUp("hang\(number).example.", .dns) { _ in } }
        #expect(names.questionsUnderWay >= 24)
    }

    @Test("a family that nobody answers for is waited for as long as there is room for other questions")
    func lateFamilies() throws {
        let names = try narrow(.init(perChannel: 8, channels: 16, underWay: 40))
        var answered = 0
        for number in 0..<100 {
            let name = "half\(number).example."
            server[String(name.dropLast())] = .init(["192.0.2.1"], manner: .silentFor(28))
            _ = names.resolver.lookUp(name, .dns) { if $0.hasAddresses { answered += 1 } }
            #expect(turn { answered == number + 1 }, "\(name) is not answered")
            if number == 15 { #expect(names.questionsUnderWay == 16) }
        }
        #expect(names.questionsUnderWay <= 40)
    }

    @Test("questions come from changing ports though one of them is never answered")
    func ports() throws {
        let names = try narrow(.init(perChannel: 8, channels: 16, underWay: 60))
        server["hang.example"] = .init(manner: .silent)
        _ = names.resolver.lookUp("hang.example.", .dns) { _ in }
        var answered = 0
        for number in 1...40 {
            server["a\(number).example"] = .init(["192.0.2.1"], ipv6: ["2001:db8::1"])
            _ = names.resolver.lookUp("a\(number).example.", .dns) { _ in answered += 1 }
            #expect(turn { answered == number })
        }
        #expect(Set(server.questions.map(\.port)).count >= 10)
    }

    @Test("an abandoned look-up is not told")
    func abandoned() throws {
        server["a.example"] = .init(["192.0.2.1"])
        server["b.example"] = .init(["192.0.2.1"])
        start("a.example")()
        _ = try look("b.example")
        #expect(log["a.example"] == nil)
    }

    @Test("the hosts file and resolv.conf are read again when they change")
    func changes() throws {
        server["short.z.example"] = .init(["192.0.2.5"])
        _ = try folder.write("hosts", "192.0.2.78 known.example added.example\n")
        _ = try folder.write("resolv.conf", "search z.example\n")
        let end = Date() + Self.patience
        var found: NameAnswer?
        while Date() < end {
            let (first, second) = (try look("known.example"), try look("short"))
            if first.ipv4 == .addresses([Self.ipv4(78)], ttl: nil), second.hasAddresses {
                found = second
                break
            }
            Self.giveThreadUp()
        }
        #expect(found?.ipv4 == .addresses([Self.ipv4(5)], ttl: .seconds(60)))
        #expect(names.description.domains == ["z.example"] && names.description.hostsNames == 2)
    }

    /// The files are read by a worker, which waits for a thread as long as other tests hold them all.
    private static let patience = 300.0

    /// What waits for the worker and never blocks may hold the thread that the worker needs: there are as many as cores.
    private static func giveThreadUp() { usleep(10_000) }

    /// A look-up notices that the file has changed.
    private func waitUntilSystemKnowsMore() throws {
        let end = Date() + Self.patience
        while !names.description.systemKnowsMore, Date() < end {
            _ = try look("known.example", .auto)
            Self.giveThreadUp()
        }
        try #require(names.description.systemKnowsMore)
    }

    @Test("auto asks the system for what DNS does not know, where that may know more, and says who answered")
    func auto() throws {
        // The system's resolver takes it for an address; DNS is asked for a name.
        let name = "127.1"
        #expect(try look(name, .auto).isAbsent)
        #expect(try look(name, .system).source == .system)
        _ = try folder.write("nsswitch.conf", "hosts: files dns myhostname\n")
        let known = NameAnswer.addresses([IPAddress(ipv4: 0x7F00_0001)])
        try waitUntilSystemKnowsMore()
        #expect(try look(name, .auto) == known && look(name, .dns).isAbsent)
        server["gone.example"] = .init(manner: .noSuchName)
        let both = try look("gone.example.", .auto)
        #expect(both.isAbsent && both.source == .dns)
    }

    @Test("auto asks the system as well while DNS is silent, and gives up both together")
    func silentAuto() throws {
        _ = try folder.write("nsswitch.conf", "hosts: files dns myhostname\n")
        try waitUntilSystemKnowsMore()
        server["127.1"] = .init(manner: .silent)
        server["127.1.x.example"] = .init(manner: .silent)
        #expect(try look("127.1", .auto) == NameAnswer.addresses([IPAddress(ipv4: 0x7F00_0001)]))
        #expect(names.questionsUnderWay > 0)
    }
}
