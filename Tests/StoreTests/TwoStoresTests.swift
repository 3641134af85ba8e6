import GRDB
import Glibc
import Metering
import ProxyTypes
import Testing
import Tuning

@testable import Store

@Suite("Two connds on one database")
struct TwoStoresTests {
    let scratch: Scratch
    let bench = Bench()
    let other = Bench()

    init() throws { scratch = try Scratch() }

    private func measure(_ store: Store, number: UInt64) async {
        var batch = batch(at: bench.now, snapshot(.example, statistics(requests: 1)))
        batch.closed = [closedConnection(number, at: bench.now)]
        store.record(batch)
        await store.flush()
    }

    @Test("the second takes the settings, writes nothing, and says whose the database is")
    func standby() async throws {
        let first = try bench.open(scratch.path)
        first.beginRun(version: "1")
        try await first.commit(SettingChange(put: .sample()))
        await measure(first, number: 1)
        let second = try other.open(scratch.path)
        second.beginRun(version: "1")
        #expect(other.words == ["failing in_use"])
        let message = try #require(second.health.failure?.message)
        #expect(message.contains("process \(getpid())") && message.contains(scratch.path), "\(message)")
        #expect(second.loadSettings() == [.sample()])
        // Connection numbers of the two are far apart, and the run is not numbered yet.
        #expect(second.nextConnectionNumber > 1_000_000_000_000)
        #expect(second.run.number == 0)
        for number in 2...4 { await measure(second, number: UInt64(number) << 40) }
        await #expect { try await second.commit(SettingChange(put: .sample(.maxQueue, .count(9)))) } throws: {
            ($0 as? StoreFailure)?.kind == .inUse
        }
        await #expect(throws: StoreFailure.self) { try await second.forget(.example) }
        #expect(try query(scratch.path, "SELECT count(*) FROM closed_connections").map { $0[0] as Int } == [1])
        #expect(try query(scratch.path, "SELECT count(*) FROM runs").map { $0[0] as Int } == [1])
        // What the first one keeps can be read.
        #expect(try await second.closedConnections(limit: 9).rows.map(\.record.number) == [1])
        await measure(first, number: 5)
        #expect(!first.health.isFailing && bench.words.isEmpty)
        await second.close()
        await first.close()
    }

    @Test("when the first one ends the second takes over, with what was set meanwhile and all that it measured")
    func takesOver() async throws {
        let first = try bench.open(scratch.path)
        first.beginRun(version: "1")
        try await first.commit(SettingChange(put: .sample(), .sample(.maxIdle, .count(1))))
        await measure(first, number: 1)
        let second = try other.open(scratch.path)
        second.beginRun(version: "1")
        await measure(second, number: 100)
        var change = SettingChange(put: .sample(.maxConnections, .count(5)), .sample(.maxQueue, .count(7)))
        change.removals = [SettingRow.sample(.maxIdle, .count(1)).key]
        try await first.commit(change)
        await measure(first, number: 2)
        first.endRun()
        await first.close()
        // An edit was worked out from older settings: it is refused until they are read.
        await #expect(throws: StoreFailure.self) { try await second.commit(SettingChange(put: .sample())) }
        await measure(second, number: 101)
        #expect(other.words == ["failing in_use", "loaded 2", "recovered"])
        let expected: Set<SettingRow> = [.sample(.maxConnections, .count(5)), .sample(.maxQueue, .count(7))]
        #expect(Set(second.loadSettings()) == expected)
        try await second.commit(SettingChange(put: .sample(.maxIdle, .count(3))))
        #expect(second.run == (2, .stopped))
        #expect(second.loadLifetimes()[.example]?.counts.requests == 4)
        #expect(try await second.closedConnections(limit: 9).rows.map(\.record.number) == [101, 100, 2, 1])
        let history = try await second.history(of: .example, from: Bench.start, to: bench.now + 1, maxPoints: 1)
        #expect(history.points.map(\.rollup.counts.requests) == [4])
        await second.close()
        let third = try Bench().open(scratch.path)
        #expect(Set(third.loadSettings()) == expected.union([.sample(.maxIdle, .count(3))]))
        await third.close()
    }

    @Test("the lock is the file's, by whatever name the database goes")
    func links() async throws {
        let first = try bench.open(scratch.path)
        let link = scratch.folder + "/other.db"
        try #require(symlink(scratch.path, link) == 0)
        let second = try other.open(link)
        #expect(second.health.failure?.kind == .inUse)
        await second.close()
        await first.close()
    }

    @Test("with the lock's file deleted one of the two goes on, and the other stands by")
    func lockDeleted() async throws {
        let first = try bench.open(scratch.path)
        try await first.commit(SettingChange(put: .sample()))
        unlink(scratch.path + ".lock")
        await first.flush()
        let second = try other.open(scratch.path)
        #expect(second.health.failure?.kind == .inUse)
        await second.close()
        unlink(scratch.path + ".lock")
        let third = try other.open(scratch.path)
        try await third.commit(SettingChange(put: .sample(.maxQueue, .count(9))))
        await first.flush()
        #expect(first.health.failure?.kind == .inUse)
        await #expect(throws: StoreFailure.self) { try await first.commit(SettingChange(put: .sample(.maxIdle))) }
        await third.close()
        await first.flush()
        #expect(!first.health.isFailing)
        #expect(Set(first.loadSettings()) == [.sample(), .sample(.maxQueue, .count(9))])
        await first.close()
    }

    @Test("with its folder deleted the first one keeps the database that it makes anew")
    func folderDeleted() async throws {
        let path = scratch.folder + "/deep/connd.db"
        let first = try bench.open(path)
        try await first.commit(SettingChange(put: .sample()))
        for name in ["connd.db", "connd.db-wal", "connd.db-shm", "connd.db.lock"] {
            unlink(scratch.folder + "/deep/" + name)
        }
        rmdir(scratch.folder + "/deep")
        await first.flush()
        #expect(!first.health.isFailing)
        let second = try other.open(path)
        #expect(second.health.failure?.kind == .inUse)
        await second.close()
        await first.close()
    }
}
