import ProxyTypes
import Testing

@testable import ForwardProxy

@Suite("Clients that refuse connd's certificate")
struct ClientRefusalsTests {
    typealias Key = ClientRefusals.Key

    static func host(_ text: String) -> OriginHost {
        (try? OriginHost(parsing: text)) ?? OriginHost(IPAddress(ipv4: 0))
    }

    private static func key(_ user: UInt32 = 1, hello: UInt32 = 5, _ host: String = "a.example") -> Key {
        Key(client: .user(user), hello: hello, host: Self.host(host))
    }

    private func at(_ interval: Interval) -> Instant { .zero + interval }

    /// Refuses at this time of both clocks.
    private func refuse(
        _ refusals: inout ClientRefusals, _ key: Key, _ time: Interval, _ manner: ClientRefusals.Manner = .closed
    ) {
        refusals.refused(key, manner, now: at(time), wallClock: Self.epoch + time.wholeMilliseconds)
    }

    private static let epoch: Int64 = 1_700_000_000_000
    private static let day = Interval.hours(24)

    @Test("two refusals within a day: refusing until a day after the last one")
    func twoRefusals() {
        var refusals = ClientRefusals()
        let key = Self.key()
        refuse(&refusals, key, .zero)
        #expect(!refusals.isRefusing(key, now: at(.zero)))
        refuse(&refusals, key, .hours(23))
        #expect(refusals.isRefusing(key, now: at(.hours(23))))
        #expect(refusals.isRefusing(key, now: at(.hours(47) - .milliseconds(1))))
        #expect(!refusals.isRefusing(key, now: at(.hours(47))))
        #expect(refusals.refusing(now: at(.hours(46))) == 1 && refusals.refusing(now: at(.hours(47))) == 0)
    }

    @Test("two refusals a day apart are not in a row; a request ends a row of closes, but not one of alerts")
    func notInARow() {
        var refusals = ClientRefusals()
        let key = Self.key()
        refuse(&refusals, key, .zero)
        refuse(&refusals, key, Self.day)
        #expect(!refusals.isRefusing(key, now: at(Self.day)))
        refusals.accepted(key, now: at(Self.day))
        #expect(refusals.entries(now: at(Self.day)).isEmpty)
        refuse(&refusals, key, Self.day, .alert(48))
        refusals.accepted(key, now: at(Self.day))
        refuse(&refusals, key, Self.day, .alert(48))
        #expect(refusals.isRefusing(key, now: at(Self.day)))
    }

    @Test("who has sent a request within a day may close connections without one")
    func unused() {
        var refusals = ClientRefusals()
        let key = Self.key()
        refusals.accepted(key, now: at(.zero))
        for hours in [0, 1, 23] as [Int64] { refuse(&refusals, key, .hours(hours)) }
        #expect(refusals.entries(now: at(.hours(23))).isEmpty)
        refuse(&refusals, key, .hours(24))
        #expect(refusals.entries(now: at(.hours(24))).count == 1)
    }

    @Test("another client, another library or another host is something else", arguments: [0, 1, 2, 3, 4])
    func keys(index: Int) {
        var refusals = ClientRefusals()
        refuse(&refusals, Self.key(), .zero)
        refuse(&refusals, Self.key(), .zero)
        let a = Self.host("a.example")
        let others = [
            Self.key(2), Self.key(hello: 6), Self.key(1, "b.example"), Key(client: .unknown, hello: 5, host: a),
            Key(client: .address(IPAddress(ipv4: 1)), hello: 5, host: a),
        ]
        #expect(!refusals.isRefusing(others[index], now: .zero))
        refuse(&refusals, others[index], .zero)
        refuse(&refusals, others[index], .zero)
        #expect(refusals.isRefusing(others[index], now: .zero) && refusals.isRefusing(Self.key(), now: .zero))
    }

    @Test("listed with the last manner, the count and the times, the latest first")
    func list() {
        var refusals = ClientRefusals()
        refuse(&refusals, Self.key(1), .seconds(1), .alert(48))
        refuse(&refusals, Self.key(2), .seconds(2), .alert(42))
        refuse(&refusals, Self.key(1), .seconds(3), .closed)
        let entries = refusals.entries(now: at(.seconds(3)))
        #expect(entries.map(\.key) == [Self.key(1), Self.key(2)])
        #expect(entries.map(\.count) == [2, 1] && entries.map(\.manner) == [.closed, .alert(42)])
        #expect(entries[0].first == Self.epoch + 1000 && entries[0].last == Self.epoch + 3000)
        #expect(entries[0].splicedUntil == Self.epoch + 3000 + 86_400_000 && entries[1].splicedUntil == nil)
        #expect(refusals.entries(now: at(Self.day + .seconds(2))).map(\.key) == [Self.key(1)])
    }

    @Test("forgotten by host, or all")
    func forget() {
        var refusals = ClientRefusals()
        for key in [Self.key(1), Self.key(2), Self.key(3, "b.example")] {
            refuse(&refusals, key, .zero)
            refuse(&refusals, key, .zero)
        }
        #expect(refusals.forget(Self.host("c.example"), now: .zero) == 0)
        #expect(refusals.forget(Self.host("a.example"), now: .zero) == 2)
        #expect(!refusals.isRefusing(Self.key(1), now: .zero))
        #expect(refusals.isRefusing(Self.key(3, "b.example"), now: .zero))
        #expect(refusals.forget(nil, now: .zero) == 1 && refusals.entries(now: .zero).isEmpty)
    }

    @Test("the clients that refused longest ago go where there is no room")
    func bounded() {
        var refusals = ClientRefusals(limit: 3)
        for user in [1, 2, 3, 1, 4] as [UInt32] { refuse(&refusals, Self.key(user), .zero) }
        #expect(refusals.entries(now: .zero).map(\.key) == [Self.key(4), Self.key(1), Self.key(3)])
        for _ in 0..<1000 { refuse(&refusals, Self.key(9), .zero) }
        #expect(refusals.entries(now: .zero).map(\.key) == [Self.key(9), Self.key(4), Self.key(1)])
    }

    @Test("changes are handed out once, and all of them again where they could not be stored")
    func changes() {
        var refusals = ClientRefusals(limit: 3)
        for user in 1...4 as ClosedRange<UInt32> { refuse(&refusals, Self.key(user), .zero) }
        var changes = refusals.takeChanges()
        #expect(changes.replacesAll && changes.puts.count == 3)
        #expect(refusals.takeChanges().isEmpty)
        refusals.accepted(Self.key(3), now: .zero)
        refuse(&refusals, Self.key(4), .zero)
        changes = refusals.takeChanges()
        #expect(!changes.replacesAll && changes.removals == [Self.key(3)])
        #expect(changes.puts.map(\.key) == [Self.key(4)] && changes.puts.map(\.count) == [2])
        refusals.storeAgain()
        changes = refusals.takeChanges()
        #expect(changes.replacesAll && changes.puts.count == 2)
    }

    @Test("what an earlier process stored counts on by the wall clock, and what is over is removed")
    func load() {
        var refusals = ClientRefusals()
        refuse(&refusals, Self.key(9), .zero)
        _ = refusals.takeChanges()
        let hour: Int64 = 3_600_000
        let entries = [(1, 1), (2, 23), (3, 24), (4, -5), (9, 2)].map { user, hours in
            ClientRefusals.Entry(
                key: Self.key(UInt32(user)), manner: .alert(48), count: 2, first: Self.epoch,
                last: Self.epoch - Int64(hours) * hour)
        }
        refusals.load(entries, now: .zero, wallClock: Self.epoch)
        #expect(refusals.isRefusing(Self.key(1), now: at(.hours(22))))
        #expect(refusals.isRefusing(Self.key(2), now: .zero) && !refusals.isRefusing(Self.key(2), now: at(.hours(1))))
        #expect(!refusals.isRefusing(Self.key(3), now: .zero))
        // The clock was set back: it counts from now on.
        #expect(
            refusals.isRefusing(Self.key(4), now: at(.hours(23)))
                && !refusals.isRefusing(Self.key(4), now: at(Self.day)))
        #expect(!refusals.isRefusing(Self.key(9), now: .zero))
        let changes = refusals.takeChanges()
        #expect(changes.removals == [Self.key(3)] && changes.puts.isEmpty && !changes.replacesAll)
    }

    @Test("any order of events agrees with a slow model", arguments: 0..<20 as Range<UInt64>)
    func model(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let limit = 6
        var refusals = ClientRefusals(limit: limit)
        // In the order of their last refusals.
        var model: [(key: Key, count: Int, last: Interval, closed: Bool)] = []
        var accepted: [Key: Interval] = [:]
        var stored: [Key: Int] = [:]
        var now = Interval.zero
        for _ in 0..<2000 {
            now = now + .minutes(Int64(random.below(random.below(10) == 0 ? 3000 : 100)))
            let key = Self.key(UInt32(random.below(9)))
            let known = model.first { $0.key == key }
            switch random.below(10) {
            case 0..<6:
                let closed = random.below(2) == 0
                refuse(&refusals, key, now, closed ? .closed : .alert(48))
                if closed, let last = accepted[key], now < last + Self.day { continue }
                model.removeAll { $0.key == key }
                let goesOn = known.map { now < $0.last + Self.day } ?? false
                model.append((key, goesOn ? (known?.count ?? 0) + 1 : 1, now, closed))
                if model.count > limit { model.removeFirst() }
            case 6..<8:
                refusals.accepted(key, now: at(now))
                if accepted.count >= limit, accepted[key] == nil { accepted = [:] }
                accepted[key] = now
                model.removeAll { $0.key == key && $0.closed }
            case 8:
                let changes = refusals.takeChanges()
                if changes.replacesAll { stored = [:] }
                for entry in changes.puts { stored[entry.key] = entry.count }
                for key in changes.removals { stored[key] = nil }
                let wanted = Dictionary(uniqueKeysWithValues: model.map { ($0.key, $0.count) })
                #expect(stored == wanted, "seed \(seed)")
            default:
                let refuses = known.map { $0.count >= 2 && now < $0.last + Self.day } ?? false
                #expect(refusals.isRefusing(key, now: at(now)) == refuses, "seed \(seed)")
                let current = model.filter { now < $0.last + Self.day }.reversed()
                #expect(refusals.entries(now: at(now)).map(\.key) == current.map(\.key), "seed \(seed)")
            }
        }
    }
}
