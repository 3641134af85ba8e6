import GRDB
import Metering
import ProxyTypes
import Testing

@testable import Store

/// The wall clock is set while the store runs, or between two runs: each request is counted in one bucket of each
/// width, nothing is deleted on the word of a clock that jumped, and what comes after is kept as ever.
@Suite("The database and a wall clock that is set")
struct ClockTests {
    let scratch: Scratch
    let bench = Bench()
    private static let hour: Int64 = 3_600_000
    private static let day: Int64 = 24 * hour

    init() throws { scratch = try Scratch() }

    private func sum(_ table: String, origin: Bool) throws -> Int {
        let columns = TrafficCount.requestNames.joined(separator: " + ")
        return try query(
            scratch.path, "SELECT coalesce(sum(\(columns)), 0) FROM \(table) WHERE origin \(origin ? "<>" : "=") 0"
        ).first.map { $0[0] } ?? -1
    }

    private func measure(_ store: Store, _ origin: Origin = .example) async {
        bench.advance(milliseconds: 2_500)
        var batch = batch(at: bench.now, snapshot(origin, statistics(requests: 1)))
        batch.closed = [closedConnection(UInt64(bench.moment.instant.nanoseconds / 1_000_000), origin, at: bench.now)]
        batch.exchanges = [failedExchange(origin, at: bench.now)]
        store.record(batch)
        await store.tick()
    }

    /// What is stamped as older than it is kept goes when the clock is right again: with `aheadOnly` nothing is.
    @Test(
        "no bucket is lost, doubled or negative, wherever the clock goes", arguments: [1, 2, 3, 4] as [UInt64],
        [true, false])
    func walk(seed: UInt64, aheadOnly: Bool) async throws {
        var random = SeededRandom(seed: seed)
        var retention = Retention.standard
        if !aheadOnly {
            for age in [\Retention.tenSeconds.age, \.minute.age, \.hour.age, \.closedConnectionAge, \.exchangeAge] {
                retention[keyPath: age] = 100 * 365 * Self.day
            }
        }
        var store = try bench.open(scratch.path, retention)
        let back = [-400 * Self.day, -Self.day, -Self.hour, -61_000, -9_000]
        let steps = (aheadOnly ? [] : back) + [9_000, 61_000, Self.hour, Self.day, 500 * Self.day]
        for _ in 0..<300 {
            // Never so long that the clock would be believed, and what is old by it would rightly go.
            if random.below(4) == 0 { bench.now += steps[random.below(steps.count)] }
            if random.below(9) == 0 {
                bench.now = Bench.start + bench.moment.instant.nanoseconds / 1_000_000 - 7_000_000
            }
            await measure(store)
            if random.below(25) == 0 {
                await store.close()
                store = try bench.open(scratch.path, retention)
            }
        }
        await store.flush()
        for resolution in RollupResolution.allCases {
            #expect(try sum(resolution.table, origin: true) == 300, "\(resolution)")
            #expect(try sum(resolution.table, origin: false) == 300, "\(resolution)")
        }
        #expect(try query(scratch.path, "SELECT 1 FROM rollup_1m WHERE success < 0").isEmpty)
        #expect(try query(scratch.path, "SELECT count(*) FROM closed_connections").map { $0[0] as Int } == [300])
        #expect(try query(scratch.path, "SELECT count(*) FROM exchanges").map { $0[0] as Int } == [300])
        let lifetime = try #require(store.loadLifetimes()[.example])
        #expect(lifetime.counts.requests == 300 && lifetime.firstSeen <= lifetime.lastSeen)
        #expect(lifetime.lastSeen == bench.now)
        // Newest first, by the order in which they came.
        let numbers = try await store.closedConnections(limit: 1000).rows.map(\.record.number)
        #expect(numbers == numbers.sorted(by: >))
        await store.close()
    }

    @Test("a clock that jumps ahead for a while deletes nothing; when it has held for an hour what is old goes")
    func ahead() async throws {
        let store = try bench.open(scratch.path)
        for _ in 0..<4 { await measure(store) }
        bench.now += 500 * Self.day
        for _ in 0..<40 { await measure(store) }
        #expect(try sum("rollup_10s", origin: true) == 44)
        bench.now -= 500 * Self.day
        for _ in 0..<4 { await measure(store) }
        for resolution in RollupResolution.allCases { #expect(try sum(resolution.table, origin: true) == 48) }
        #expect(try await store.closedConnections(limit: 100).rows.count == 48)
        bench.now += 500 * Self.day
        for _ in 0..<1441 { await measure(store) }
        for _ in 0..<20 { await store.flush() }
        #expect(try query(scratch.path, "SELECT 1 FROM rollup_1h WHERE bucket < \(bench.now / Self.hour - 24)").isEmpty)
        #expect(try sum("rollup_1m", origin: true) == 1441 + 40)
        await store.close()
    }

    @Test("a start with a clock that is far ahead deletes nothing until it has held")
    func startAhead() async throws {
        let first = try bench.open(scratch.path)
        for _ in 0..<4 { await measure(first) }
        await first.close()
        bench.now += 500 * Self.day
        let second = try bench.open(scratch.path)
        for _ in 0..<10 { await measure(second) }
        #expect(try sum("rollup_10s", origin: true) == 14)
        #expect(try await second.closedConnections(limit: 100).rows.count == 14)
        await second.close()
    }

    @Test("batches are written when due, whichever way the clock was set", arguments: [-400, -1, 1, 400])
    func due(days: Int64) async throws {
        let store = try bench.open(scratch.path)
        await measure(store)
        bench.now += days * Self.day
        store.record(batch(at: bench.now, snapshot(.example, statistics(requests: 1))))
        bench.advance(milliseconds: 1_000)
        await store.tick()
        #expect(store.health.pending > 0)
        bench.advance(milliseconds: 1_500)
        await store.tick()
        #expect(store.health.pending == 0)
        await store.close()
    }

    @Test("how long a fault lasted is told by the clock that cannot be set")
    func fault() async throws {
        let store = try bench.open(scratch.path)
        await measure(store)
        let lock = try LockHolder(scratch.path)
        await measure(store)
        bench.now -= 3 * Self.day
        bench.advance(milliseconds: 60_000)
        try lock.release()
        await store.flush()
        guard case .recovered(let length) = try #require(bench.events.last) else {
            Issue.record("\(bench.words)")
            return
        }
        #expect(length == 60_000)
        await store.close()
    }

    @Test("of too many origins those longest unseen go, also when the clock was set back meanwhile")
    func longestUnseen() async throws {
        var retention = Retention.standard
        retention.lifetimes = 50
        let store = try bench.open(scratch.path, retention)
        for number in 1...80 {
            if number == 40 { bench.now -= 300 * Self.day }
            await measure(store, Origin(scheme: .http, host: "h\(number)", port: 80))
        }
        let kept = store.loadLifetimes()
        #expect((45...50).contains(kept.count))
        for number in 40...80 { #expect(kept[Origin(scheme: .http, host: "h\(number)", port: 80)] != nil, "\(number)") }
        await store.close()
    }

    @Test("hours are thinned again where a clock that was ahead had marked them as done")
    func thinning() async throws {
        var retention = Retention.standard
        retention.thinning.origins = 1
        let store = try bench.open(scratch.path, retention)
        bench.now += 100 * Self.day
        await measure(store, .other)
        bench.advance(hours: 32 * 24)
        for _ in 0..<9 { await store.flush() }
        bench.now -= 132 * Self.day
        for host in ["a", "b", "c"] { await measure(store, Origin(scheme: .http, host: host, port: 80)) }
        bench.advance(hours: 33 * 24)
        for _ in 0..<60 { await store.flush() }
        let hour = (bench.now - 33 * Self.day) / Self.hour
        #expect(
            try query(scratch.path, "SELECT 1 FROM rollup_1h WHERE origin <> 0 AND bucket = \(hour)").count == 1)
        await store.close()
    }
}
