import Foundation
import GRDB
import Glibc
import Metering
import ProxyTypes
import Testing
import Tuning

@testable import Store

/// Each fault comes while writes go on and goes again: health says so within a tick, nothing is thrown but by edits and
/// reads, no setting is lost, and what was measured meanwhile is written when it is over.
@Suite("Faults of the database")
struct FaultTests {
    let scratch: Scratch
    let bench = Bench()

    init() throws { scratch = try Scratch() }

    /// One batch of an origin with 1 request, one closed connection, one exchange; then the tick that writes it.
    func measure(_ store: Store, _ count: Int = 1) async {
        for _ in 0..<count {
            bench.advance(milliseconds: 2_500)
            var batch = batch(at: bench.now, snapshot(.example, statistics(requests: 1)))
            batch.closed = [closedConnection(UInt64(bench.now - Bench.start), at: bench.now)]
            batch.exchanges = [failedExchange(at: bench.now)]
            store.record(batch)
            await store.tick()
        }
    }

    func requests(_ store: Store) async throws -> [Int] {
        let history = try await store.history(of: .example, from: Bench.start, to: bench.now, maxPoints: 1)
        return history.points.map(\.rollup.counts.requests)
    }

    /// What holds after every fault, whatever it was.
    func checkWhole(_ store: Store, requests expected: Int, connections: Int) async throws {
        #expect(store.health.failure == nil)
        #expect(store.health.pending == 0)
        #expect(try await requests(store) == [expected])
        #expect(try await store.closedConnections(limit: 1000).rows.count == connections)
        #expect(store.loadLifetimes()[.example]?.counts.requests == expected)
        let lifetimes = store.loadLifetimes()
        try await store.commit(SettingChange(put: .sample(.maxQueue, .count(17))))
        await store.close()
        let again = try bench.open(store.health.path)
        #expect(Set(again.loadSettings()) == [.sample(), .sample(.maxQueue, .count(17))])
        #expect(again.loadLifetimes() == lifetimes)
        #expect(!again.health.isFailing)
        await again.close()
    }

    func expectRefused(_ store: Store, _ kind: StoreFailure.Kind) async {
        await #expect { try await store.commit(SettingChange(put: .sample(.maxQueue, .count(99)))) } throws: {
            ($0 as? StoreFailure)?.kind == kind
        }
        #expect(store.loadSettings() == [.sample()])
    }

    @Test("locked by another process")
    func locked() async throws {
        let store = try bench.open(scratch.path)
        try await store.commit(SettingChange(put: .sample()))
        await measure(store)
        let lock = try LockHolder(scratch.path)
        await measure(store, 3)
        #expect(store.health.failure?.kind == .locked)
        #expect(store.health.pending >= 6)
        await expectRefused(store, .locked)
        // Readers do not wait for who holds the lock.
        #expect(try await requests(store) == [1])
        try lock.release()
        await measure(store)
        #expect(bench.words == ["failing locked", "recovered"])
        #expect(store.health.recoveries == 1)
        #expect(store.health.dropped.total == 0)
        try await checkWhole(store, requests: 5, connections: 5)
    }

    @Test("what waits is bounded: the oldest is dropped and counted, by kind, and told once")
    func bounded() async throws {
        var retention = Retention.standard
        (retention.pendingClosedConnections, retention.pendingExchanges, retention.pendingRollupRows) = (4, 3, 30)
        let store = try bench.open(scratch.path, retention)
        try await store.commit(SettingChange(put: .sample()))
        let lock = try LockHolder(scratch.path)
        for _ in 0..<30 {
            await measure(store)
            bench.advance(milliseconds: 30_000)
        }
        #expect(store.health.dropped.closedConnections == 26)
        #expect(store.health.dropped.exchanges == 27)
        #expect(store.health.dropped.statistics > 30)
        #expect(store.health.pending <= 4 + 3 + 30 + 3)
        #expect(bench.words == ["failing locked", "dropping"])
        try lock.release()
        await store.flush()
        #expect(try await store.closedConnections(limit: 100).rows.count == 4)
        #expect(try await store.exchanges(limit: 100).rows.count == 3)
        // Totals are never dropped.
        #expect(store.loadLifetimes()[.example]?.counts.requests == 30)
        await store.close()
    }

    @Test("what waits for a writer that hangs is bounded too, and what producers dropped is counted")
    func inbox() async throws {
        var retention = Retention.standard
        retention.inboxRows = 10
        let store = try bench.open(scratch.path, retention)
        for number in 1...7 {
            var batch = batch(
                at: bench.now, snapshot(.example, statistics(requests: 1)), snapshot(.other, statistics(requests: 1)))
            batch.closed = [closedConnection(UInt64(number))]
            batch.droppedExchanges = 2
            store.record(batch)
        }
        #expect(store.health.pending == 9)
        await store.flush()
        #expect(
            store.health.dropped
                == {
                    var dropped = DroppedRows()
                    (dropped.statistics, dropped.closedConnections, dropped.exchanges) = (8, 4, 14)
                    return dropped
                }())
        #expect(!store.health.isFailing)
        await store.close()
    }

    @Test("the disk is full")
    func full() async throws {
        let disk = try Mounted(["-t", "tmpfs", "-o", "size=1m,mode=0700", "tmpfs", scratch.folder])
        let store = try bench.open(scratch.path)
        try await store.commit(SettingChange(put: .sample()))
        await measure(store)
        #expect(!store.health.isFailing)
        try fill(scratch.folder + "/filler")
        var batches = 0
        while !store.health.isFailing, batches < 200 {
            await measure(store)
            batches += 1
        }
        #expect(store.health.failure?.kind == .full)
        await expectRefused(store, .full)
        await measure(store, 3)
        #expect(store.health.isFailing)
        try FileManager.default.removeItem(atPath: scratch.folder + "/filler")
        await measure(store)
        #expect(bench.words == ["failing full", "recovered"])
        #expect(store.health.dropped.total == 0)
        try await checkWhole(store, requests: batches + 5, connections: batches + 5)
        try disk.unmount()
    }

    @Test("a disk that stays full is not taken for well because there is nothing to write")
    func fullAndIdle() async throws {
        let disk = try Mounted(["-t", "tmpfs", "-o", "size=1m,mode=0700", "tmpfs", scratch.folder])
        let store = try bench.open(scratch.path)
        try await store.commit(SettingChange(put: .sample(.maxQueue, .count(0))))
        try fill(scratch.folder + "/filler")
        var kept = 0
        while !store.health.isFailing, kept < 500 {
            do {
                try await store.commit(SettingChange(put: .sample(.maxQueue, .count(kept + 1))))
                kept += 1
            } catch {
                #expect(error.kind == .full)
            }
        }
        #expect(store.health.failure?.kind == .full)
        for _ in 1...3 { await store.flush() }
        #expect(store.health.failure?.kind == .full)
        try FileManager.default.removeItem(atPath: scratch.folder + "/filler")
        await store.flush()
        #expect(bench.words == ["failing full", "recovered"])
        #expect(store.loadSettings().map(\.value) == [.count(kept)])
        await store.close()
        try disk.unmount()
    }

    @Test("the file becomes read-only")
    func readOnly() async throws {
        let store = try bench.open(scratch.path)
        try await store.commit(SettingChange(put: .sample()))
        await measure(store)
        let disk = try Mounted(readOnly: scratch.path)
        await measure(store, 3)
        #expect(store.health.failure?.kind == .readOnly)
        await expectRefused(store, .readOnly)
        #expect(try await requests(store) == [1])
        try disk.unmount()
        await measure(store)
        #expect(bench.words == ["failing read_only", "recovered"])
        try await checkWhole(store, requests: 5, connections: 5)
    }

    @Test(
        "the file is overwritten with garbage",
        arguments: ["whole", "from its second page on", "from its second page on, unseen", "emptied"])
    func garbage(_ how: String) async throws {
        let store = try bench.open(scratch.path)
        try await store.commit(SettingChange(put: .sample()))
        for _ in 0..<300 { await measure(store) }
        #expect(try scratch.bytes().count > 20_000)
        var facts = stat()
        stat(scratch.path, &facts)
        let handle = try #require(FileHandle(forWritingAtPath: scratch.path))
        let junk = Data((0..<200_000).map { UInt8(truncatingIfNeeded: $0 &* 167 &+ 13) })
        switch how {
        case "whole": handle.write(junk)
        case "emptied": try handle.truncate(atOffset: 0)
        default:
            try handle.seek(toOffset: 4096)
            handle.write(junk.prefix(Int(facts.st_size) - 4096))
        }
        try handle.synchronize()
        if how.hasSuffix("unseen") { utimensat(AT_FDCWD, scratch.path, [facts.st_atim, facts.st_mtim], 0) }
        await measure(store)
        if how.hasSuffix("unseen") {
            // SQLite has what it writes in its cache: a reader of what lies further back meets it.
            #expect(bench.words.isEmpty)
            await #expect(throws: StoreFailure.self) { try await store.closedConnections(limit: 1000) }
        }
        await store.flush()
        #expect(bench.words == ["failing corrupt", "moved aside", "recreated", "recovered"])
        #expect(
            try scratch.names().filter { $0.contains("damaged") && !$0.contains("-wal") && !$0.contains("-shm") }.count
                == 1)
        // Settings and totals are written again; what was recorded in the lost file is lost, open buckets apart.
        #expect(store.loadLifetimes()[.example]?.counts.requests == 301)
        try await store.commit(SettingChange(put: .sample(.maxQueue, .count(17))))
        await measure(store)
        #expect(try await store.closedConnections(limit: 100).rows.count >= 1)
        #expect(store.health.failure == nil)
        await store.close()
        let again = try bench.open(scratch.path)
        #expect(Set(again.loadSettings()) == [.sample(), .sample(.maxQueue, .count(17))])
        #expect(again.loadLifetimes()[.example]?.counts.requests == 302)
        await again.close()
    }

    @Test("an edit that meets a damaged file is kept in the new one")
    func garbageMetByEdit() async throws {
        let store = try bench.open(scratch.path)
        try await store.commit(SettingChange(put: .sample()))
        await measure(store)
        try Data("not a database at all".utf8).write(to: URL(fileURLWithPath: scratch.path))
        try await store.commit(SettingChange(put: .sample(.maxQueue, .count(17))))
        await store.close()
        #expect(Set(try bench.open(scratch.path).loadSettings()) == [.sample(), .sample(.maxQueue, .count(17))])
    }

    @Test("the file is deleted", arguments: [["", "-wal", "-shm"], [""], ["-wal"]])
    func deleted(_ suffixes: [String]) async throws {
        let store = try bench.open(scratch.path)
        try await store.commit(SettingChange(put: .sample()))
        store.record(batch(at: bench.now, snapshot(.other, statistics(requests: 6))))
        await measure(store, 2)
        for suffix in suffixes { try FileManager.default.removeItem(atPath: scratch.path + suffix) }
        await measure(store)
        let isNew = suffixes.contains("")
        #expect(bench.words == ["failing missing"] + (isNew ? ["recreated"] : []) + ["recovered"])
        // The rows of a lost file are lost; buckets that were open are written whole, also what did not change since.
        let other = try await store.history(of: .other, from: Bench.start, to: bench.now, maxPoints: 1)
        #expect(other.points.map(\.rollup.counts.requests) == [6])
        try await checkWhole(store, requests: 3, connections: isNew ? 1 : 3)
    }

    @Test("deleted again and again: each time what is kept is in the new files, its log among them")
    func deletedOften() async throws {
        let store = try bench.open(scratch.path)
        try await store.commit(SettingChange(put: .sample()))
        for _ in 1...25 {
            // File systems give the numbers of deleted files to new ones at once.
            for suffix in DatabaseFile.suffixes { try FileManager.default.removeItem(atPath: scratch.path + suffix) }
            await store.flush()
            let copy = try Scratch()
            for suffix in ["", "-wal"] { try scratch.bytes(suffix).write(to: URL(fileURLWithPath: copy.path + suffix)) }
            #expect(try bench.open(copy.path).loadSettings() == [.sample()])
        }
        await store.close()
    }

    @Test("the file and its folder are deleted")
    func folderDeleted() async throws {
        let path = scratch.folder + "/deep/connd.db"
        let store = try bench.open(path)
        try await store.commit(SettingChange(put: .sample()))
        // Long ago: only its totals are in memory.
        store.record(batch(at: bench.now, snapshot(.other, statistics(requests: 6))))
        await store.flush()
        bench.advance(hours: 3)
        await measure(store)
        try FileManager.default.removeItem(atPath: scratch.folder + "/deep")
        await measure(store)
        try await checkWhole(store, requests: 2, connections: 1)
    }

    @Test("the file is replaced by another connd's: the settings in it are in force")
    func replaced() async throws {
        let another = try Scratch()
        let theirs = try bench.open(another.path)
        try await theirs.commit(SettingChange(put: .sample(.maxIdle, .count(1))))
        await theirs.close()
        let store = try bench.open(scratch.path)
        try await store.commit(SettingChange(put: .sample()))
        await measure(store)
        try FileManager.default.removeItem(atPath: scratch.path)
        try FileManager.default.copyItem(atPath: another.path, toPath: scratch.path)
        await measure(store)
        #expect(bench.words == ["failing missing", "restored", "loaded 1", "recovered"])
        #expect(store.loadSettings() == [.sample(.maxIdle, .count(1))])
        var change = SettingChange(put: .sample())
        change.removals = [SettingRow.sample(.maxIdle, .count(1)).key]
        try await store.commit(change)
        try await checkWhole(store, requests: 2, connections: 1)
    }

    @Test("the file is replaced by one that is not to be touched: it is not")
    func replacedByNewer() async throws {
        let store = try bench.open(scratch.path)
        try await store.commit(SettingChange(put: .sample()))
        try FileManager.default.removeItem(atPath: scratch.path)
        try execute(scratch.path, "CREATE TABLE theirs (a)")
        let before = try scratch.bytes()
        await measure(store, 2)
        #expect(store.health.failure?.kind == .foreign)
        await expectRefused(store, .foreign)
        #expect(try scratch.bytes() == before)
        try FileManager.default.removeItem(atPath: scratch.path)
        await measure(store)
        try await checkWhole(store, requests: 3, connections: 3)
    }

    func fill(_ path: String) throws {
        let descriptor = open(path, O_WRONLY | O_CREAT, 0o600)
        try #require(descriptor >= 0)
        let block = [UInt8](repeating: 7, count: 4096)
        while write(descriptor, block, block.count) > 0 {}
        close(descriptor)
    }
}
