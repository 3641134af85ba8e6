import GRDB
import Metering
import ProxyTypes
import Testing

@testable import Store

@Suite("Origins that an older version wrote in several spellings")
struct OriginSpellingTests {
    let scratch: Scratch
    let bench = Bench()

    private static let one = Origin(scheme: .http, host: "[2001:db8::1]", port: 8080)
    private static let mapped = Origin(scheme: .http, host: "127.0.0.1", port: 80)

    init() throws { scratch = try Scratch() }

    /// A database with what `traffic` says of each name, which connd did not know to be one origin.
    private func make(_ traffic: [(name: String, requests: [Int])]) async throws {
        let store = try bench.open(scratch.path)
        let stand = traffic.indices.map { Origin(scheme: .http, host: "stand-in-\($0)", port: 80) }
        for round in 0..<(traffic.map(\.requests.count).max() ?? 0) {
            for (origin, entry) in zip(stand, traffic) where round < entry.requests.count && entry.requests[round] > 0 {
                store.record(batch(at: bench.now, snapshot(origin, statistics(requests: entry.requests[round]))))
            }
            await store.flush()
            bench.advance(hours: 1)
        }
        for (index, origin) in stand.enumerated() {
            var more = MeasurementBatch(time: bench.now)
            more.closed = [closedConnection(UInt64(index + 1), origin, at: bench.now)]
            more.exchanges = [failedExchange(origin, at: bench.now)]
            store.record(more)
        }
        await store.flush()
        await store.close()
        for (origin, entry) in zip(stand, traffic) {
            try execute(scratch.path, "UPDATE origins SET name = '\(entry.name)' WHERE name = '\(origin)'")
        }
    }

    private func requests(_ store: Store, of origin: Origin?) async throws -> [Int] {
        try await store.history(of: origin, from: Bench.start - 3_600_000, to: bench.now + 3_600_000, maxPoints: 10)
            .points.map(\.rollup.counts.requests).filter { $0 > 0 }
    }

    @Test("they become one, with the sum of what was measured, whichever was there first")
    func united() async throws {
        try await make([
            ("http://[2001:db8:0:0::1]:8080", [3, 2]), ("http://example.com", [1]),
            ("http://[2001:db8::1]:8080", [4, 0, 5]),
            ("http://[2001:0db8::0001]:8080", [0, 7]),
        ])
        let all = try query(scratch.path, "SELECT sum(success) FROM rollup_1h WHERE origin <> 0")[0][0] as Int
        #expect(all == 22)
        for _ in 0..<2 {
            let store = try bench.open(scratch.path)
            #expect(!store.health.isFailing && bench.words.isEmpty)
            let lifetimes = store.loadLifetimes()
            #expect(lifetimes.mapValues(\.counts.requests) == [Self.one: 21, .example: 1])
            #expect(lifetimes[Self.one]?.firstSeen == Bench.start)
            #expect(try await requests(store, of: Self.one) == [7, 9, 5])
            #expect(try await requests(store, of: .example) == [1])
            #expect(try await requests(store, of: nil).reduce(0, +) == 22)
            let closed = try await store.closedConnections(limit: 9).rows.map(\.record.origin)
            #expect(closed.count == 4 && closed.count { $0 == Self.one } == 3)
            let exchanges = try await store.exchanges(limit: 9).rows.map(\.record.origin)
            #expect(exchanges.count == 4 && exchanges.count { $0 == Self.one } == 3)
            // What comes now is counted on.
            await store.close()
            #expect(
                try query(scratch.path, "SELECT name FROM origins ORDER BY name").map { $0[0] as String } == [
                    "http://[2001:db8::1]:8080", "http://example.com",
                ])
            #expect(try query(scratch.path, "SELECT sum(success) FROM rollup_1h WHERE origin <> 0")[0][0] as Int == 22)
        }
        let store = try bench.open(scratch.path)
        store.record(batch(at: bench.now, snapshot(Self.one, statistics(requests: 2))))
        await store.flush()
        #expect(store.loadLifetimes()[Self.one]?.counts.requests == 23)
        await store.close()
    }

    @Test("one that has a single, older spelling gets its name")
    func renamed() async throws {
        try await make([("http://[::ffff:127.0.0.1]", [6])])
        let store = try bench.open(scratch.path)
        #expect(store.loadLifetimes().mapValues(\.counts.requests) == [Self.mapped: 6])
        #expect(try await requests(store, of: Self.mapped) == [6])
        await store.close()
        #expect(try query(scratch.path, "SELECT name FROM origins").map { $0[0] as String } == ["http://127.0.0.1"])
    }

    @Test("what is no origin any more is left alone, and neither stops nor doubles anything")
    func refused() async throws {
        try await make([("http://127.1", [2]), ("http://[::1]", [3]), ("http://[::1%eth0]", [1])])
        let store = try bench.open(scratch.path)
        #expect(!store.health.isFailing)
        #expect(store.loadLifetimes().map(\.key.description) == ["http://[::1]"])
        #expect(try await requests(store, of: nil).reduce(0, +) == 6)
        #expect(try await store.exchanges(limit: 9).rows.count == 1)
        #expect(
            await store.recentlyBusy(since: Bench.start, until: bench.now, limit: 9).map(\.origin.host) == ["[::1]"])
        await store.close()
    }

    @Test("in a file that may only be read their totals are added up, and stay so when it may be written again")
    func readOnly() async throws {
        try await make([("http://[0:0::1]", [3]), ("http://[::1]", [4])])
        let disk = try Mounted(readOnly: scratch.folder)
        let store = try bench.open(scratch.path)
        let origin = Origin(scheme: .http, host: "[::1]", port: 80)
        #expect(store.health.isFailing && store.loadLifetimes()[origin]?.counts.requests == 7)
        store.record(batch(at: bench.now, snapshot(origin, statistics(requests: 1))))
        try disk.unmount()
        bench.advance(milliseconds: 2_500)
        await store.tick()
        #expect(!store.health.isFailing && store.loadLifetimes()[origin]?.counts.requests == 8)
        await store.close()
        #expect(try query(scratch.path, "SELECT success FROM origins").map { $0[0] as Int } == [8])
    }
}
