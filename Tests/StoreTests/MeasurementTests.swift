import GRDB
import Metering
import ProxyTypes
import Testing
import Tuning

@testable import Store

@Suite("Measurements in the database")
struct MeasurementTests {
    let scratch: Scratch
    let bench = Bench()

    init() throws { scratch = try Scratch() }

    private func history(_ store: Store, of origin: Origin?, hours: Int64 = 1, points: Int = 1000) async throws
        -> History
    {
        try await store.history(
            of: origin, from: bench.now - hours * 3_600_000, to: bench.now, maxPoints: points)
    }

    @Test("a batch is written when it is due, not before")
    func due() async throws {
        let store = try bench.open(scratch.path)
        await store.tick()
        store.record(batch(at: bench.now, snapshot(.example, statistics(requests: 4))))
        bench.advance(milliseconds: 2_000)
        await store.tick()
        #expect(try await history(store, of: .example).points.isEmpty)
        #expect(store.health.pending == 1)
        bench.advance(milliseconds: 600)
        await store.tick()
        #expect(try await history(store, of: .example).points.map(\.rollup.counts.requests) == [4])
        #expect(store.health.pending == 0)
        #expect(store.health.lastWrite == bench.now)
        await store.close()
    }

    @Test("batches of a bucket add up in one row of each resolution; gauges keep their peak")
    func addsUp() async throws {
        let store = try bench.open(scratch.path)
        var expected = Rollup()
        for (index, active) in [1, 3, 2].enumerated() {
            let part = snapshot(.example, statistics(requests: 5 + index), connections: 4, active: active)
            expected += Rollup(part)
            store.record(batch(at: bench.now, part))
            await store.flush()
            bench.advance(milliseconds: 2500)
        }
        for resolution in RollupResolution.allCases {
            let rows = try query(scratch.path, "SELECT * FROM \(resolution.table) WHERE origin <> 0")
            #expect(rows.count == 1)
        }
        let points = try await history(store, of: .example).points
        #expect(points.map(\.rollup) == [expected])
        #expect(expected.peakActive == 3)
        #expect(expected.counts.requests == 18 && expected.firstByteTime.count == 18)
        #expect(try await history(store, of: nil).points.map(\.rollup) == [expected])
        await store.close()
    }

    @Test("all together is the sum of all origins, those that have no row of their own too")
    func allTogether() async throws {
        var retention = Retention.standard
        retention.tenSeconds.origins = 2
        let store = try bench.open(scratch.path, retention)
        var sum = Rollup()
        var batch = MeasurementBatch(time: bench.now)
        for number in 1...5 {
            let origin = Origin(scheme: .http, host: "h\(number)", port: 80)
            let part = snapshot(origin, statistics(requests: number), connections: 2, active: 1)
            sum.addBeside(Rollup(part))
            batch.statistics.append(part)
        }
        store.record(batch)
        await store.flush()
        #expect(try await history(store, of: nil).points.map(\.rollup) == [sum])
        #expect(sum.counts.requests == 15 && sum.peakConnections == 10)
        let names = "SELECT name FROM rollup_10s r JOIN origins o ON o.id = r.origin ORDER BY name"
        #expect(try query(scratch.path, names).map { $0[0] as String } == ["http://h4", "http://h5"])
        // The busiest changes within the bucket: whose row it was loses it.
        store.record(
            StoreTests.batch(
                at: bench.now, snapshot(Origin(scheme: .http, host: "h1", port: 80), statistics(requests: 90))))
        await store.flush()
        #expect(try query(scratch.path, names).map { $0[0] as String } == ["http://h1", "http://h5"])
        await store.close()
    }

    @Test("a bucket goes on where it stood after a restart")
    func restart() async throws {
        let first = try bench.open(scratch.path)
        let part = snapshot(.example, statistics(requests: 5), connections: 9, active: 3)
        first.record(batch(at: bench.now, part))
        await first.close()
        bench.advance(milliseconds: 3000)
        let second = try bench.open(scratch.path)
        let later = snapshot(.example, statistics(requests: 2, microseconds: 90_000))
        second.record(batch(at: bench.now, later))
        await second.flush()
        var expected = Rollup(part)
        expected += Rollup(later)
        #expect(try await history(second, of: .example).points.map(\.rollup) == [expected])
        #expect(try await history(second, of: nil).points.map(\.rollup) == [expected])
        #expect(second.loadLifetimes()[.example]?.counts == expected.counts)
        await second.close()
    }

    @Test("a clock that is set back finds the earlier bucket again, and nothing counts twice")
    func clockSetBack() async throws {
        let store = try bench.open(scratch.path)
        for offset: Int64 in [0, 60_000, 1_000, 62_000, 2_000] {
            store.record(batch(at: Bench.start + offset, snapshot(.example, statistics(requests: 1))))
            bench.now = Bench.start + offset
            await store.tick()
            await store.flush()
        }
        bench.now = Bench.start + 70_000
        let points = try await history(store, of: .example).points
        #expect(points.map(\.rollup.counts.requests) == [3, 2])
        await store.close()
    }

    @Test("lifetimes hold what was counted and when, over restarts")
    func lifetimes() async throws {
        let first = try bench.open(scratch.path)
        first.record(
            batch(at: bench.now, snapshot(.example, statistics(requests: 3)), snapshot(.other, statistics(requests: 1)))
        )
        await first.close()
        bench.advance(hours: 50)
        let second = try bench.open(scratch.path)
        second.record(
            batch(at: bench.now, snapshot(.example, statistics(requests: 4)), snapshot(.other, OriginStatistics())))
        await second.close()
        let found = try bench.open(scratch.path).loadLifetimes()
        let lifetime = try #require(found[.example])
        #expect(lifetime.firstSeen == Bench.start && lifetime.lastSeen == bench.now)
        #expect(lifetime.counts.requests == 7 && lifetime.counts[.bytesSent] == 7 * 180)
        #expect(lifetime.counts[.handshakeSaved] == 2 * 2000 + 3 * 2000)
        #expect(found[.other]?.lastSeen == Bench.start)
    }

    @Test("each count of the statistics is in the roll-up, under its own name")
    func counts() {
        var all = OriginStatistics()
        for outcome in OutcomeClass.allCases {
            all.requests[RequestClass(.unsafe, outcome)] = 100 + Int(outcome.rawValue)
        }
        all.errors[.dnsError] = 1
        (all.reused, all.firstLeases) = (2, 3)
        all.opened[.warmUp] = 4
        all.closed[.drained] = 5
        all.dialFailures[.connectionRefused] = 6
        all.retryOutcomes[.sent] = 7
        all.retryOutcomes[.succeeded] = 50
        (all.staleRetried, all.staleSurfaced, all.bytesSent, all.bytesReceived) = (8, 9, 10, 11)
        (all.handshakePaid, all.handshakeSaved) = (12, 13)
        (all.tunnels.opened, all.tunnels.bytesSent, all.tunnels.bytesReceived) = (14, 15, 16)
        (all.tcp.segmentsSent, all.tcp.segmentsRetransmitted) = (17, 18)
        (all.handshakeWaits.dns, all.handshakeWaits.tls, all.slowStart.timeLost) = (10, 9, 20)
        (all.races.passedOver, all.races.prevented, all.races.lostTime) = (21, 22, 23)
        let counts = Counters<TrafficCount>(all)
        #expect(TrafficCount.allCases.map { counts[$0] } == Array(100...107) + Array(1...23))
        #expect(counts.requests == (100...107).reduce(0, +))
    }

    @Test("closed connections come back as they were, newest first, page by page")
    func connections() async throws {
        let store = try bench.open(scratch.path)
        #expect(store.nextConnectionNumber == 1)
        var batch = MeasurementBatch(time: bench.now)
        batch.closed = (1...5).map { closedConnection($0, $0 == 3 ? .other : .example) }
        var bare = ConnectionRecord(number: 6, origin: .example, state: .closed, openedAt: 5, cause: .demand)
        bare.closedAt = 9
        batch.closed.append(bare)
        store.record(batch)
        await store.flush()
        let first = try await store.closedConnections(limit: 4)
        #expect(first.rows.map(\.record.number) == [6, 5, 4, 3])
        let second = try await store.closedConnections(before: first.next, limit: 4)
        #expect(second.rows.map(\.record) == [closedConnection(2), closedConnection(1)])
        #expect(second.next == nil)
        #expect(try await store.closedConnections(origin: .other, limit: 9).rows.map(\.record.number) == [3])
        #expect(try await store.connection(number: 6) == bare)
        #expect(try await store.connection(number: 7) == nil)
        await store.close()
        #expect(try bench.open(scratch.path).nextConnectionNumber == 7)
    }

    @Test("exchanges come back as they were, by origin and by outcome")
    func exchanges() async throws {
        let store = try bench.open(scratch.path)
        var slow = failedExchange(.other)
        (slow.outcome, slow.error, slow.errorDetail, slow.leaseCause, slow.race) = (.slow, nil, nil, .dialled, nil)
        var batch = MeasurementBatch(time: bench.now)
        batch.exchanges = [failedExchange(), slow, failedExchange()]
        store.record(batch)
        await store.flush()
        let all = try await store.exchanges(limit: 10)
        #expect(all.rows.map(\.record) == [failedExchange(), slow, failedExchange()])
        #expect(try await store.exchanges(origin: .other, limit: 10).rows.map(\.record) == [slow])
        #expect(try await store.exchanges(outcome: .failed, limit: 10).rows.count == 2)
        #expect(try await store.exchanges(raced: true, limit: 10).rows.map(\.record.origin) == [.example, .example])
        let id = try #require(all.rows.last?.id)
        #expect(try await store.exchange(id: id) == failedExchange())
        #expect(try await store.exchange(id: 99) == nil)
        // An exchange names the connection that it used: that number is taken too.
        #expect(store.nextConnectionNumber == 35)
        await store.close()
    }

    @Test("a forgotten origin leaves no row but its settings, the audit, and its part of all together")
    func forget() async throws {
        let store = try bench.open(scratch.path)
        try await store.commit(SettingChange(put: .sample()))
        for _ in 1...2 {
            var batch = batch(
                at: bench.now, snapshot(.example, statistics(requests: 3)), snapshot(.other, statistics(requests: 2)))
            batch.closed = [
                closedConnection(UInt64(bench.now % 1000) + 1), closedConnection(UInt64(bench.now % 1000) + 2, .other),
            ]
            batch.exchanges = [failedExchange(), failedExchange(.other)]
            store.record(batch)
            // The second batch is not written yet when the origin is forgotten.
            if bench.now == Bench.start { await store.flush() }
            bench.advance(milliseconds: 10)
        }
        try await store.forget(.example)
        await store.flush()
        #expect(store.loadLifetimes().keys.map(\.description) == [Origin.other.description])
        #expect(try await history(store, of: .example).points.isEmpty)
        #expect(try await history(store, of: .other).points.map(\.rollup.counts.requests) == [4])
        #expect(try await history(store, of: nil).points.map(\.rollup.counts.requests) == [10])
        #expect(try await store.closedConnections(limit: 9).rows.allSatisfy { $0.record.origin == .other })
        #expect(try await store.exchanges(limit: 9).rows.map(\.record.origin) == [.other, .other])
        #expect(store.loadSettings() == [.sample()])
        #expect(try await store.audit(limit: 9).rows.count == 1)
        await store.close()
        #expect(try bench.open(scratch.path).loadLifetimes()[.example] == nil)
    }

    @Test("writers, readers and editors at once: each is served, and every count arrives")
    func together() async throws {
        let store = try bench.open(scratch.path)
        await withTaskGroup(of: Void.self) { group in
            for task in 0..<4 {
                group.addTask {
                    for _ in 1...25 {
                        store.record(batch(at: Bench.start, snapshot(.example, statistics(requests: 2))))
                        if task == 0 { await store.flush() }
                        if task == 1 { try? await store.commit(SettingChange(put: .sample(.maxQueue, .count(task)))) }
                        if task == 2 { _ = try? await store.history(of: nil, from: 0, to: .max, maxPoints: 10) }
                    }
                }
            }
        }
        await store.flush()
        #expect(store.loadLifetimes()[.example]?.counts.requests == 200)
        #expect(try await history(store, of: nil).points.map(\.rollup.counts.requests) == [200])
        #expect(try await store.audit(limit: 100).rows.count == 25)
        #expect(bench.words.isEmpty)
        await store.close()
    }
}
