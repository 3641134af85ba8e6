import Foundation
import GRDB
import Metering
import ProxyTypes
import Testing
import Tuning

@testable import Store

@Suite("Retention")
struct RetentionTests {
    let scratch: Scratch
    let bench = Bench()

    init() throws { scratch = try Scratch() }

    private func count(_ table: String, _ condition: String = "1") throws -> Int {
        try query(scratch.path, "SELECT count(*) FROM \(table) WHERE \(condition)").first.map { $0[0] } ?? -1
    }

    @Test("roll-ups are kept as long as their resolution says")
    func rollups() async throws {
        let store = try bench.open(scratch.path)
        store.record(batch(at: bench.now, snapshot(.example, statistics(requests: 1))))
        await store.flush()
        for (hours, left) in [
            (1, [2, 2, 2]), (2, [0, 2, 2]), (46, [0, 0, 2]), (24 * 397, [0, 0, 2]), (72, [0, 0, 0]),
        ] {
            bench.advance(hours: Int64(hours))
            await store.flush()
            #expect(try RollupResolution.allCases.map { try count($0.table) } == left, "after \(hours) hours more")
        }
        #expect(store.loadLifetimes()[.example]?.counts.requests == 1)
        await store.close()
    }

    @Test("old hours keep their busiest origins and all together")
    func thinning() async throws {
        var retention = Retention.standard
        retention.thinning.origins = 2
        let store = try bench.open(scratch.path, retention)
        var batch = MeasurementBatch(time: bench.now)
        for number in 1...6 {
            let origin = Origin(scheme: .http, host: "h\(number)", port: 80)
            batch.statistics.append(snapshot(origin, statistics(requests: number)))
        }
        store.record(batch)
        await store.flush()
        bench.advance(hours: 24 * 30)
        await store.flush()
        #expect(try count("rollup_1h") == 7)
        bench.advance(hours: 24 * 2)
        await store.flush()
        let left = try query(
            scratch.path,
            "SELECT coalesce(name, 'all') FROM rollup_1h r LEFT JOIN origins o ON o.id = r.origin ORDER BY 1")
        #expect(left.map { $0[0] as String } == ["all", "http://h5", "http://h6"])
        await store.close()
    }

    @Test("lists keep the newest, by number and by age")
    func lists() async throws {
        var retention = Retention.standard
        (retention.closedConnections, retention.exchanges, retention.auditEntries) = (20, 10, 15)
        let store = try bench.open(scratch.path, retention)
        for round in 0..<6 {
            var batch = MeasurementBatch(time: bench.now)
            batch.closed = (0..<7).map { closedConnection(UInt64(round * 7 + $0 + 1), at: bench.now) }
            batch.exchanges = (0..<7).map { _ in failedExchange(at: bench.now) }
            store.record(batch)
            for _ in 0..<7 { try await store.commit(SettingChange(put: .sample())) }
            await store.flush()
        }
        #expect(try count("closed_connections") == 20)
        #expect(try await store.closedConnections(limit: 1000).rows.last?.record.number == 23)
        #expect(try count("exchanges") == 10)
        #expect(try count("audit") == 15)
        bench.advance(hours: 24 * 7 + 1)
        await store.flush()
        #expect(try count("closed_connections") == 0)
        #expect(try count("exchanges") == 0)
        #expect(try count("audit") == 15)
        #expect(try count("settings") == 1)
        // The numbers that are gone are not given again.
        #expect(store.nextConnectionNumber == 43)
        await store.close()
        #expect(try bench.open(scratch.path).nextConnectionNumber == 43)
    }

    @Test("of too many origins those longest unseen go, with what was recorded of them")
    func lifetimes() async throws {
        var retention = Retention.standard
        retention.lifetimes = 50
        let store = try bench.open(scratch.path, retention)
        for number in 1...80 {
            let origin = Origin(scheme: .http, host: "h\(number)", port: 80)
            var batch = batch(at: bench.now, snapshot(origin, statistics(requests: 1)))
            batch.closed = [closedConnection(UInt64(number), origin, at: bench.now)]
            store.record(batch)
            bench.advance(milliseconds: 2500)
            await store.tick()
        }
        let kept = store.loadLifetimes()
        #expect((45...50).contains(kept.count))
        #expect(kept[Origin(scheme: .http, host: "h80", port: 80)] != nil)
        #expect(kept[Origin(scheme: .http, host: "h30", port: 80)] == nil)
        #expect(try count("origins") == kept.count)
        #expect(try count("closed_connections") == kept.count)
        await store.close()
    }

    @Test("the file shrinks when what it held has gone")
    func shrinks() async throws {
        let store = try bench.open(scratch.path)
        for _ in 0..<4 {
            var batch = MeasurementBatch(time: bench.now)
            batch.exchanges = (0..<1200).map { _ in
                var detail = failedExchange(at: bench.now)
                detail.target = String(repeating: "/long", count: 180)
                return detail
            }
            store.record(batch)
            await store.flush()
        }
        let full = store.health.bytes
        #expect(full > 4_000_000)
        bench.advance(hours: 24 * 8)
        for _ in 0..<12 { await store.flush() }
        await store.close()
        #expect(try scratch.bytes().count < 1_000_000)
    }

    @Test("the write-ahead log is copied into the file before it grows large")
    func log() async throws {
        var retention = Retention.standard
        retention.maxLogBytes = 1 << 20
        let store = try bench.open(scratch.path, retention)
        for _ in 0..<400 {
            var batch = batch(at: bench.now, snapshot(.example, statistics(requests: 1)))
            batch.closed = (0..<20).map { closedConnection(UInt64(bench.now % 1_000_000_000) * 20 + $0, at: bench.now) }
            store.record(batch)
            bench.advance(milliseconds: 2500)
            await store.tick()
        }
        #expect(try scratch.bytes("-wal").count < 3 << 20)
        await store.close()
    }

    /// Some thousands of requests, whose times spread over six octaves: rows as large as a busy service makes them.
    private func busy(_ random: inout SeededRandom) -> OriginStatistics {
        var part = OriginStatistics()
        let middle = 9 + Double(random.below(8))
        func time() -> Int64 {
            let bell = (0..<6).reduce(-3.0) { sum, _ in sum + Double(random.below(1000)) / 1000 }
            return Int64(exp2(middle + bell * 1.4))
        }
        let requests = 100 + random.below(200)
        for _ in 0..<requests {
            part.queueTime.record(microseconds: random.below(8) == 0 ? time() / 8 : Int64(1 + random.below(6)))
            let first = time()
            part.firstByteTime.record(microseconds: first)
            part.totalTime.record(microseconds: first + time() / 2)
        }
        part.requests[RequestClass(.safe, .success)] = requests * 9 / 10
        part.requests[RequestClass(.safe, .clientError)] = requests / 12
        part.requests[RequestClass(.unsafe, .serverError)] = requests - requests * 9 / 10 - requests / 12
        part.errors[.connectionTerminated] = 3
        (part.reused, part.firstLeases) = (requests - 12, 12)
        part.opened[.demand] = 12
        part.closed[.maxRequests] = 11
        part.retryOutcomes[.sent] = 2
        part.staleRetried = 2
        (part.bytesSent, part.bytesReceived) = (requests * 412, requests * 20_312)
        (part.handshakePaid, part.handshakeSaved) = (12 * 41_000, Int64(requests - 12) * 41_000)
        var sum = part
        for _ in 0..<4 { sum += sum }
        return sum
    }

    /// 5,000 origins, all active in every hour; in the last two days in every minute, in the last two hours every 10 s,
    /// so that each table is as full as it can be. `CONND_MONTH=1` in a release build runs the whole month; else it is
    /// some hours.
    @Test("with 5,000 active origins a month's database stays under 50 MiB")
    func month() async throws {
        let isWhole = ProcessInfo.processInfo.environment["CONND_MONTH"] != nil
        var retention = Retention.standard
        retention.batchInterval = 0
        let store = try bench.open(scratch.path, retention)
        var random = SeededRandom(seed: 42)
        let origins = (0..<5000).map { Origin(scheme: .https, host: "service-\($0).some-company.example", port: 443) }
        let shapes = (0..<64).map { _ in busy(&random) }
        let hours = isWhole ? 31 * 24 : 5
        let fine = isWhole ? 48 : 1
        let finest = isWhole ? 2 : 0
        var largest: Int64 = 0
        var number: UInt64 = 0
        for hour in 0..<hours {
            let left = hours - hour
            let steps = left <= finest ? 360 : left <= fine ? (isWhole ? 60 : 6) : 1
            for _ in 0..<steps {
                var batch = MeasurementBatch(time: bench.now)
                // Everyone in each hour; in its parts a changing tenth, as large as the tables can tell apart.
                let share = steps == 1 ? 1 : 10
                batch.statistics = origins.indices.compactMap { index in
                    guard steps == 1 || random.below(share) == 0 else { return nil }
                    return snapshot(origins[index], shapes[random.below(shapes.count)])
                }
                batch.closed = (0..<20).map { _ in
                    number += 1
                    return closedConnection(number, origins[random.below(origins.count)], at: bench.now)
                }
                batch.exchanges = (0..<10).map { _ in
                    failedExchange(origins[random.below(origins.count)], at: bench.now)
                }
                store.record(batch)
                bench.advance(milliseconds: 3_600_000 / Int64(steps))
                await store.flush()
                largest = max(largest, store.health.bytes)
            }
        }
        for _ in 0..<3000 where isWhole { try await store.commit(SettingChange(put: .sample())) }
        await store.flush()
        largest = max(largest, store.health.bytes)
        #expect(!store.health.isFailing)
        #expect(store.health.dropped.total == 0)
        await store.close()
        let sizes = try query(
            scratch.path, "SELECT name, sum(pgsize), count(*) FROM dbstat GROUP BY name ORDER BY 2 DESC LIMIT 9")
        let rows = try RollupResolution.allCases.map { try count($0.table) }
        print("store: \(hours) hours of 5,000 origins: largest \(largest) bytes with its log; roll-up rows \(rows)")
        for row in sizes { print("store:   \(row[0] as String) \(row[1] as Int) bytes") }
        #expect(largest < 50 << 20)
        // A bucket has rows of its busiest origins alone, and one of all together.
        #expect(rows[2] == hours * (retention.hour.origins + 1))
    }
}
