import Foundation
import GRDB
import Glibc
import Metering
import ProxyTypes
import Testing
import Tuning

@testable import Store

/// A backup is whole and of one moment; one that is put back, also under a running connd, is in force.
@Suite("Backup and restore")
struct RestoreTests {
    let scratch: Scratch
    let bench = Bench()

    init() throws { scratch = try Scratch() }

    private func measure(_ store: Store, _ count: Int = 1) async {
        for _ in 0..<count {
            bench.advance(milliseconds: 2_500)
            var batch = batch(at: bench.now, snapshot(.example, statistics(requests: 1)))
            batch.closed = [closedConnection(UInt64(bench.now - Bench.start), at: bench.now)]
            store.record(batch)
            await store.tick()
        }
    }

    private func backUp(_ store: Store, to path: String) async throws {
        let backup = try await store.backUp()
        var bytes: [UInt8] = []
        while true {
            let part = try backup.read(at: bytes.count, 1000)
            if part.isEmpty { break }
            bytes += part
        }
        #expect(bytes.count == backup.bytes)
        try Data(bytes).write(to: URL(fileURLWithPath: path))
    }

    /// As `cp` does: the file stays, what it holds is another's.
    private func copyOver(_ source: String, _ target: String) throws {
        let descriptor = open(target, O_WRONLY | O_TRUNC)
        try #require(descriptor >= 0)
        defer { Glibc.close(descriptor) }
        let bytes = try Data(contentsOf: URL(fileURLWithPath: source))
        let written = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
        try #require(written == bytes.count)
    }

    @Test("a backup is one file, sound, of one moment, and leaves nothing behind")
    func backup() async throws {
        let store = try bench.open(scratch.path)
        try await store.commit(SettingChange(put: .sample()))
        await measure(store, 5)
        let copy = scratch.folder + "/copy.db"
        let load = Task {
            for number in 1...50 { try? await store.commit(SettingChange(put: .sample(.maxQueue, .count(number)))) }
        }
        try await backUp(store, to: copy)
        await load.value
        #expect(try scratch.names() == ["connd.db", "connd.db-shm", "connd.db-wal", "connd.db.lock", "copy.db"])
        #expect(try query(copy, "PRAGMA integrity_check").map { $0[0] as String } == ["ok"])
        #expect(try query(copy, "SELECT count(*) FROM closed_connections").map { $0[0] as Int } == [5])
        #expect(!FileManager.default.fileExists(atPath: copy + "-wal"))
        #expect(try query(copy, "PRAGMA journal_mode").map { $0[0] as String } == ["wal"])
        #expect(!store.health.isFailing)
        await store.close()
    }

    @Test("what is kept in memory alone can be backed up too")
    func memory() async throws {
        let store = try bench.open(":memory:")
        try await store.commit(SettingChange(put: .sample()))
        try await backUp(store, to: scratch.path)
        await store.close()
        let next = try bench.open(scratch.path)
        #expect(next.loadSettings() == [.sample()])
        await next.close()
    }

    @Test("a backup put back over a database that a link leads to is in force", arguments: [false, true])
    func link(moved: Bool) async throws {
        let real = scratch.folder + "/real.db"
        try FileManager.default.createSymbolicLink(atPath: scratch.path, withDestinationPath: "real.db")
        let store = try bench.open(scratch.path)
        try await store.commit(SettingChange(put: .sample()))
        let copy = scratch.folder + "/copy.db"
        try await backUp(store, to: copy)
        try await store.commit(SettingChange(put: .sample(.maxQueue, .count(9))))
        if moved { try #require(rename(copy, real) == 0) } else { try copyOver(copy, real) }
        await measure(store, 2)
        #expect(store.loadSettings() == [.sample()])
        await store.close()
        let next = try bench.open(scratch.path)
        #expect(next.loadSettings() == [.sample()])
        #expect(!next.health.isFailing)
        await next.close()
    }

    @Test("stop, copy, start: what the backup held is in force")
    func whileStopped() async throws {
        let store = try bench.open(scratch.path)
        try await store.commit(SettingChange(put: .sample()))
        let copy = scratch.folder + "/copy.db"
        try await backUp(store, to: copy)
        try await store.commit(SettingChange(put: .sample(.maxQueue, .count(9))))
        await store.close()
        try copyOver(copy, scratch.path)
        let next = try bench.open(scratch.path)
        #expect(next.loadSettings() == [.sample()])
        #expect(!next.health.isFailing)
        await measure(next)
        await next.close()
    }

    @Test(
        "a backup put back while connd runs is noticed, sound, and in force",
        arguments: ["copied over", "moved there", "removed and copied"], [0, 1, 400])
    func whileRunning(_ how: String, batchesBetween: Int) async throws {
        let store = try bench.open(scratch.path)
        try await store.commit(SettingChange(put: .sample()))
        await measure(store, 3)
        let copy = scratch.folder + "/copy.db"
        try await backUp(store, to: copy)
        var change = SettingChange(put: .sample(.maxConnections, .count(30)), .sample(.maxQueue, .count(9)))
        change.removals = []
        try await store.commit(change)
        await measure(store, batchesBetween)
        switch how {
        case "copied over": try copyOver(copy, scratch.path)
        case "moved there": try #require(rename(copy, scratch.path) == 0)
        default:
            for suffix in DatabaseFile.suffixes { unlink(scratch.path + suffix) }
            try FileManager.default.copyItem(atPath: copy, toPath: scratch.path)
        }
        await measure(store)
        #expect(bench.words == ["failing missing", "restored", "loaded 1", "recovered"])
        #expect(store.loadSettings() == [.sample()])
        #expect(store.health.failure == nil)
        // Totals are of what was counted, whatever file they were in.
        #expect(store.loadLifetimes()[.example]?.counts.requests == 4 + batchesBetween)
        try await store.commit(SettingChange(put: .sample(.maxIdle, .count(2))))
        await measure(store)
        #expect(try await store.closedConnections(limit: 1000).rows.count == 5)
        await store.close()
        #expect(try query(scratch.path, "PRAGMA integrity_check").map { $0[0] as String } == ["ok"])
        let next = try bench.open(scratch.path)
        #expect(Set(next.loadSettings()) == [.sample(), .sample(.maxIdle, .count(2))])
        #expect(next.loadLifetimes()[.example]?.counts.requests == 5 + batchesBetween)
        await next.close()
    }

    @Test("an edit that meets a restored database is worked out from older settings, and kept with what was restored")
    func metByEdit() async throws {
        let store = try bench.open(scratch.path)
        try await store.commit(SettingChange(put: .sample()))
        let copy = scratch.folder + "/copy.db"
        try await backUp(store, to: copy)
        try await store.commit(SettingChange(put: .sample(.maxQueue, .count(9))))
        try copyOver(copy, scratch.path)
        try await store.commit(SettingChange(put: .sample(.maxIdle, .count(2))))
        #expect(Set(store.loadSettings()) == [.sample(), .sample(.maxIdle, .count(2))])
        await store.close()
        #expect(Set(try bench.open(scratch.path).loadSettings()) == [.sample(), .sample(.maxIdle, .count(2))])
    }

    @Test("what another process writes, copies from the log or merely touches is no restored database")
    func othersAtWork() async throws {
        let store = try bench.open(scratch.path)
        try await store.commit(SettingChange(put: .sample()))
        await measure(store, 3)
        try execute(scratch.path, "PRAGMA wal_checkpoint(FULL)")
        try await store.commit(SettingChange(put: .sample(.maxQueue, .count(9))))
        await measure(store)
        try execute(scratch.path, "CREATE TABLE notes (a); PRAGMA wal_checkpoint(TRUNCATE)")
        try await store.commit(SettingChange(put: .sample(.maxQueue, .count(10))))
        await measure(store)
        utimensat(AT_FDCWD, scratch.path, [timespec(tv_sec: 1, tv_nsec: 0), timespec(tv_sec: 2, tv_nsec: 0)], 0)
        await measure(store)
        #expect(bench.words.isEmpty)
        #expect(Set(store.loadSettings()) == [.sample(), .sample(.maxQueue, .count(10))])
        await store.close()
        #expect(Set(try bench.open(scratch.path).loadSettings()) == [.sample(), .sample(.maxQueue, .count(10))])
    }

    @Test("a connd that ended between setting a restored file aside and putting it back finds it")
    func interrupted() async throws {
        let store = try bench.open(scratch.path)
        try await store.commit(SettingChange(put: .sample()))
        await store.close()
        try #require(rename(scratch.path, scratch.path + ".restored") == 0)
        let next = try bench.open(scratch.path)
        #expect(next.loadSettings() == [.sample()])
        await next.close()
        #expect(try scratch.names() == ["connd.db", "connd.db.lock"])
    }
}
