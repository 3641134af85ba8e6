import Metering
import ProxyTypes
import Testing

@Suite("What programs have asked for")
struct ProgramTableTests {
    private let start = Instant.zero + .hours(1)
    private static let curl = ProgramKey.executable("curl", user: 1000)

    private static func origin(_ name: String) -> Origin { Origin(scheme: .http, host: name, port: 80) }

    private static func use(
        _ client: UInt64, _ host: String = "a.example", requests: Int = 1, errors: Int = 0, isFirst: Bool = true,
        isLast: Bool = false
    ) -> ProgramUse {
        var use = ProgramUse(client: client, isLast: isLast)
        use.part = .init(origin: origin(host), requests: requests, errors: errors, isFirst: isFirst)
        return use
    }

    /// A connection that has asked for something and has ended.
    private static func connect(
        _ table: inout ProgramTable, _ client: UInt64, _ key: ProgramKey, _ host: String = "a.example", now: Instant
    ) {
        table.opened(client)
        table.identified(client, key, ProgramFacts(), .found, now: now)
        table.used(use(client, host, isLast: true), now: now)
    }

    @Test("requests, connections and errors are counted by program and origin")
    func counts() throws {
        var table = ProgramTable()
        for client: UInt64 in 1...3 { table.opened(client) }
        table.identified(1, Self.curl, ProgramFacts(process: 7, executable: "curl"), .found, now: start)
        table.identified(2, Self.curl, ProgramFacts(process: 9, executable: "curl"), .found, now: start)
        table.identified(3, .user(0), ProgramFacts(), .userOnly, now: start)
        var several = Self.use(1, requests: 3, errors: 1)
        several.requests = 2
        several.others = [.init(origin: Self.origin("b.example"), requests: 5, errors: 0, isFirst: true)]
        table.used(several, now: start)
        table.used(Self.use(1, requests: 1, isFirst: false, isLast: true), now: start)
        table.used(Self.use(2), now: start)
        let programs = table.programs(now: start)
        #expect(programs.map(\.key) == [Self.curl, .user(0)])
        let curl = try #require(programs.first)
        #expect([curl.counts.requests, curl.counts.connections, curl.counts.errors, curl.open] == [12, 2, 1, 1])
        #expect(curl.facts.process == 9)
        let origins = curl.busiestOrigins(now: start)
        #expect(origins.map(\.origin.host) == ["a.example", "b.example"])
        #expect(origins.map(\.counts.requests) == [5, 5] && origins.map(\.counts.connections) == [2, 1])
        #expect(table.attributions[.found] == 2 && table.attributions[.userOnly] == 1)
    }

    @Test("what a client does before its program is known counts once it is, also where it has gone by then")
    func late() throws {
        var table = ProgramTable()
        table.opened(1)
        table.used(Self.use(1), now: start)
        table.used(Self.use(1, isFirst: false, isLast: true), now: start)
        #expect(table.programs(now: start).isEmpty && table.waiting == 1)
        table.identified(1, Self.curl, ProgramFacts(), .found, now: start)
        let curl = try #require(table.programs(now: start).first)
        #expect([curl.counts.requests, curl.counts.connections, curl.open] == [2, 1, 0] && table.waiting == 0)
    }

    @Test(
        "what is gone before anybody looks is the only program's that was connecting, and nobody's where there were two"
    )
    func assumed() throws {
        var table = ProgramTable()
        let git = ProgramKey.executable("git", user: 7)
        var (client, now) = (UInt64(0), start)
        func end(_ key: ProgramKey, _ attribution: Attribution, after interval: Interval) {
            now = now + interval
            client += 1
            table.opened(client)
            table.identified(client, key, ProgramFacts(), attribution, now: now)
        }
        end(.unknown, .gone, after: .zero)
        end(Self.curl, .found, after: .zero)
        end(.unknown, .gone, after: .seconds(5))
        end(.user(1000), .processNotFound, after: .zero)
        end(.user(7), .processNotFound, after: .zero)
        end(.unknown, .failed, after: .zero)
        #expect(table.attributions[.assumed] == 2 && table.attributions[.gone] == 1)
        #expect(table.programs(now: now).first { $0.key == Self.curl }?.counts.connections == 3)
        end(.unknown, .gone, after: .milliseconds(1))
        #expect(table.attributions[.assumed] == 2, "none was found within 5 s")
        end(Self.curl, .found, after: .zero)
        end(git, .found, after: .seconds(1))
        end(.unknown, .gone, after: .zero)
        #expect(table.attributions[.assumed] == 2, "it may be the other's")
        end(git, .found, after: .seconds(5))
        end(.unknown, .gone, after: .milliseconds(1))
        #expect(
            table.attributions[.assumed] == 3
                && table.programs(now: now).first { $0.key == git }?.counts.connections == 3)
    }

    @Test("a client of which nothing was told before is unknown, and counted as put off")
    func untold() {
        var table = ProgramTable()
        table.used(Self.use(5, isLast: true), now: start)
        let program = table.programs(now: start).first
        #expect(program?.key == .unknown && program?.counts.connections == 1 && program?.open == 0)
        #expect(table.attributions[.tooMany] == 1)
    }

    @Test("programs beyond the bound are counted together, and give their place up when they are not used any more")
    func programBound() throws {
        var table = ProgramTable()
        let most = ProgramTable.mostPrograms
        for number in 0..<(most + 10) {
            Self.connect(&table, UInt64(number), .executable("p\(number)", user: 1), now: start)
        }
        func program(_ key: ProgramKey, _ now: Instant) -> ProgramTable.Program? {
            table.programs(now: now).first { $0.key == key }
        }
        #expect(table.programs(now: start).count == most + 1 && program(.other, start)?.counts.connections == 10)
        let later = start + ProgramTable.kept
        Self.connect(&table, 1000, Self.curl, now: later)
        #expect(program(Self.curl, later)?.counts.requests == 1)
        let other = try #require(program(.other, later))
        #expect(other.counts.connections == 11 && other.counts.requests == 11 && other.otherOrigins.requests == 1)
        #expect(table.total.connections == most + 11)
    }

    @Test("the least busy origin of a program gives its place up")
    func originBound() throws {
        var table = ProgramTable()
        table.opened(1)
        table.identified(1, Self.curl, ProgramFacts(), .found, now: start)
        table.used(Self.use(1, "busy.example", requests: 50), now: start)
        for number in 0..<(ProgramTable.mostOrigins * 2) {
            table.used(Self.use(1, "o\(number).example", requests: 2), now: start)
        }
        let curl = try #require(table.programs(now: start).first)
        #expect(curl.origins.count == ProgramTable.mostOrigins)
        #expect(curl.busiestOrigins(now: start).first?.origin.host == "busy.example")
        #expect(curl.otherOrigins.requests == 2 * (ProgramTable.mostOrigins + 1))
        #expect(curl.counts.requests == 50 + 4 * ProgramTable.mostOrigins)
    }

    @Test("as many labels as are allowed, and none of their counters ever falls")
    func series() throws {
        var table = ProgramTable()
        var before: [String: ProgramSeries] = [:]
        var now = start
        for number in 0..<(ProgramTable.mostPrograms * 2) {
            // Half of them come again, as other users.
            Self.connect(&table, UInt64(number), .executable("p\(number / 2)", user: UInt32(number % 2)), now: now)
            now = now + .seconds(10)
            let series = table.series
            #expect(series.count <= ProgramTable.mostSeries + 1)
            for one in series {
                if let earlier = before[one.name] { #expect(one.requests >= earlier.requests) }
                before[one.name] = one
            }
            #expect(series.reduce(0) { $0 + $1.connections } == number + 1)
        }
        #expect(before["p0"]?.connections == 2 && before["other"] != nil)
    }

    @Test("a name that is not used for an hour gives its series up to one that is; no counter falls")
    func seriesGivenUp() throws {
        var table = ProgramTable()
        var before: [String: ProgramSeries] = [:]
        var now = start
        func connect(_ name: String) {
            Self.connect(&table, UInt64(table.total.connections), .executable(name, user: 1), now: now)
            var next: [String: ProgramSeries] = [:]
            for one in table.series { next[one.name] = one }
            for (name, one) in next where before[name] != nil {
                #expect(one.connections >= (before[name]?.connections ?? 0), "\(name)")
            }
            #expect(next.count <= ProgramTable.mostSeries + 1)
            #expect(next.values.reduce(0) { $0 + $1.connections } == table.total.connections)
            before = next
        }
        for number in 0..<ProgramTable.mostSeries { connect("throwaway\(number)") }
        for _ in 0..<59 {
            now = now + .minutes(1)
            connect("git")
            connect("throwaway7")
        }
        #expect(before["git"] == nil && before["other"]?.connections == 59)
        for _ in 0..<3 {
            now = now + .minutes(1)
            connect("git")
        }
        // It begins when it has a name, and what was counted before stays where it was.
        #expect(before["git"]?.connections == 3 && before["throwaway0"] == nil && before["throwaway7"] != nil)
        now = now + .minutes(1)
        connect("throwaway0")
        #expect(before["throwaway0"]?.connections == 1 && before["throwaway1"] == nil)
    }

    @Test("clients that have gone lately are known still")
    func gone() {
        var table = ProgramTable()
        for client: UInt64 in 0..<5000 { Self.connect(&table, client, Self.curl, now: start) }
        table.opened(9000)
        #expect(table.program(of: 9000) == nil && table.program(of: 903) == nil && table.program(of: 9001) == nil)
        #expect(table.program(of: 904) == Self.curl && table.program(of: 4999) == Self.curl)
        table.identified(9000, .user(1), ProgramFacts(), .userOnly, now: start)
        #expect(table.program(of: 9000) == .user(1))
    }

    @Test("clients whose end was lost are dropped")
    func lostEnds() {
        var table = ProgramTable()
        for client: UInt64 in 1...4 {
            table.opened(client)
            table.identified(client, Self.curl, ProgramFacts(), .found, now: start)
        }
        table.keepOnly([2], before: 4, now: start)
        #expect(table.programs(now: start).first?.open == 2)
    }

    @Test("a rate is of the last minute, whenever that begins")
    func rate() {
        var rate = MinuteRate()
        rate.add(400, now: start)
        #expect(rate.value(now: start + .seconds(59)) == 400)
        #expect(rate.value(now: start + .seconds(75)) == 300)
        #expect(rate.value(now: start + .seconds(120)) == 0)
        var other = MinuteRate()
        other.add(60, now: start + .seconds(60))
        rate += other
        #expect(rate.value(now: start + .seconds(90)) == 260)
        other += MinuteRate()
        #expect(other.value(now: start + .seconds(60)) == 60)
    }
}

@Suite("Names of programs")
struct ProgramKeyTests {
    @Test(
        "a service counts as one program, what runs in a session as what it is",
        arguments: [
            ("curl", "nginx.service", "nginx.service"), ("curl", "session-3.scope", "curl"),
            ("curl", "user@1000.service", "curl"), (nil, "session-3.scope", "user:7"), ("curl", nil, "curl"),
            (nil, "nginx.service", "nginx.service"), (nil, nil, "user:7"),
        ] as [(String?, String?, String)])
    func keys(executable: String?, unit: String?, wanted: String) {
        #expect(ProgramFacts(process: 3, executable: executable, unit: unit).key(user: 7).name == wanted)
    }

    @Test(
        "the innermost unit counts",
        arguments: [
            ("/system.slice/nginx.service", "nginx.service"), ("/", nil), ("", nil),
            ("/user.slice/user-1000.slice/user@1000.service/app.slice/x.service", "x.service"),
            ("/system.slice/docker-ab.scope/inner", "docker-ab.scope"),
        ] as [(String, String?)])
    func units(path: String, wanted: String?) {
        #expect(SystemdUnit.name(ofControlGroup: path) == wanted)
    }

    @Test("the unified hierarchy counts, or systemd's own beside it")
    func hierarchies() {
        let unified = "0::/system.slice/a.service\n"
        #expect(SystemdUnit.controlGroup(inProcessFile: unified) == "/system.slice/a.service")
        let hybrid = "4:memory:/x\n1:name=systemd:/system.slice/b.service\n0::/\n"
        #expect(SystemdUnit.controlGroup(inProcessFile: hybrid) == "/system.slice/b.service")
        #expect(SystemdUnit.controlGroup(inProcessFile: "4:memory:/x:y\n") == nil)
    }

    @Test(
        "other hosts are told apart by what their addresses are for",
        arguments: [
            ("10.1.2.3", "remote:private"), ("172.31.0.1", "remote:private"), ("172.32.0.1", "remote:public"),
            ("169.254.1.1", "remote:link_local"), ("fe80::1", "remote:link_local"), ("fd00::1", "remote:private"),
            ("2001:db8::1", "remote:public"), ("100.64.0.1", "remote:private"), ("127.0.0.9", "remote:loopback"),
        ])
    func remote(address: String, wanted: String) throws {
        #expect(ProgramKey.remote(AddressClass(try #require(IPAddress(address)))).name == wanted)
    }
}
