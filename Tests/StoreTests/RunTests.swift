import Foundation
import GRDB
import Metering
import ProxyTypes
import Testing

@testable import Store

@Suite("Runs")
struct RunTests {
    let scratch: Scratch
    let bench = Bench()

    init() throws { scratch = try Scratch() }

    private func start(seen: RunEnd? = nil, _ retention: Retention = .standard) throws -> Store {
        let store = try bench.open(scratch.path, retention)
        store.beginRun(version: "1.2.3", previousEnd: seen.map { ($0, "as \($0.rawValue)") })
        return store
    }

    /// As a kill leaves it, but that no lock remains.
    private func kill(_ store: Store) async { await store.close() }

    private func stop(_ store: Store) async {
        store.endRun()
        await store.close()
    }

    /// Number, version, ending and detail of each.
    private func rows() throws -> [String] {
        try query(scratch.path, "SELECT number, version, ending, detail FROM runs ORDER BY number").map {
            "\($0[0] as Int) \($0[1] as String) \($0[2] as String? ?? "-") \($0[3] as String? ?? "-")"
        }
    }

    @Test("the first run has number 1 and none before it")
    func first() async throws {
        let store = try start()
        #expect(store.run == (1, nil))
        #expect(store.runEnds.isEmpty)
        await kill(store)
        #expect(try rows() == ["1 1.2.3 - -"])
    }

    @Test("a run is in the database without waiting for the next batch")
    func writtenAtOnce() async throws {
        let store = try start()
        // After what waits for the writer.
        _ = await store.lifetime(of: .example)
        #expect(try rows() == ["1 1.2.3 - -"])
        await kill(store)
    }

    @Test(
        "how a run ended is what was seen of it, unless that says no more than what it wrote itself",
        arguments: [
            (true, nil, .stopped), (true, .stopped, .stopped), (true, .unknown, .stopped), (true, .timeout, .timeout),
            (true, .killed, .killed), (true, .failed, .failed), (false, nil, .unknown), (false, .unknown, .unknown),
            (false, .stopped, .stopped), (false, .crashed, .crashed), (false, .outOfMemory, .outOfMemory),
        ] as [(Bool, RunEnd?, RunEnd)])
    func endings(inOrder: Bool, seen: RunEnd?, expected: RunEnd) async throws {
        let first = try start()
        bench.advance(hours: 1)
        await inOrder ? stop(first) : kill(first)
        bench.advance(hours: 1)
        let second = try start(seen: seen)
        #expect(second.run == (2, expected))
        #expect(second.runEnds == [expected: 1])
        await kill(second)
        let detail = seen == expected ? "as \(expected.rawValue)" : "-"
        #expect(try rows() == ["1 1.2.3 \(expected.rawValue) \(detail)", "2 1.2.3 - -"])
        let ended = try query(scratch.path, "SELECT ended_at FROM runs WHERE number = 1").first?[0] as Int64?
        #expect(ended == (inOrder ? Bench.start + 3_600_000 : nil))
    }

    @Test("an end that was seen counts also where the run itself is not in the database")
    func unrecorded() async throws {
        let store = try start(seen: .crashed)
        #expect(store.run == (1, .crashed))
        #expect(store.runEnds == [.crashed: 1])
        await kill(store)
    }

    @Test("each run is counted once, and for ever; its row stays for a while")
    func countedOnce() async throws {
        var retention = Retention.standard
        retention.runs = 3
        for round in 0..<10 {
            let store = try start(seen: round % 3 == 1 ? .killed : nil, retention)
            for _ in 0..<3 {
                bench.advance(milliseconds: 2_500)
                await store.tick()
            }
            await round % 2 == 0 ? stop(store) : kill(store)
        }
        let last = try start(seen: nil, retention)
        #expect(last.run == (11, .unknown))
        #expect(last.runEnds == [.stopped: 3, .killed: 3, .unknown: 4])
        await last.flush()
        #expect(
            try rows() == ["9 1.2.3 stopped -", "10 1.2.3 unknown -", "11 1.2.3 - -"])
        await kill(last)
    }

    @Test("rows of runs that began too long ago go, but never that of the one that runs")
    func aged() async throws {
        await stop(try start())
        let store = try start()
        bench.advance(hours: 24 * 399)
        await store.flush()
        #expect(try rows().count == 2)
        bench.advance(hours: 48)
        await store.flush()
        #expect(try rows() == ["2 1.2.3 - -"])
        await kill(store)
        #expect(try start().run == (3, .unknown))
    }

    @Test("while the database is locked a run has its number; it is written when the lock is gone, and counts once")
    func locked() async throws {
        await stop(try start())
        let lock = try LockHolder(scratch.path)
        let store = try start(seen: .watchdog)
        #expect(store.run == (2, .watchdog))
        await store.flush()
        #expect(store.health.failure?.kind == .locked)
        try lock.release()
        bench.advance(milliseconds: 2_500)
        await store.tick()
        #expect(try rows() == ["1 1.2.3 watchdog as watchdog", "2 1.2.3 - -"])
        await stop(store)
        #expect(try start().runEnds == [.watchdog: 1, .stopped: 1])
    }

    @Test("a run that begins while the database cannot be read gets its number when it can")
    func late() async throws {
        await stop(try start())
        await kill(try start())
        try FileManager.default.moveItem(atPath: scratch.path, toPath: scratch.folder + "/away")
        try FileManager.default.createDirectory(atPath: scratch.path, withIntermediateDirectories: false)
        let store = try start(seen: .killed)
        #expect(store.run == (0, .killed))
        #expect(store.runEnds.isEmpty)
        bench.advance(milliseconds: 2_500)
        await store.tick()
        #expect(store.run == (0, .killed))
        try FileManager.default.removeItem(atPath: scratch.path)
        try FileManager.default.moveItem(atPath: scratch.folder + "/away", toPath: scratch.path)
        bench.advance(milliseconds: 2_500)
        await store.tick()
        #expect(store.run == (3, .killed))
        #expect(store.runEnds == [.stopped: 1, .killed: 1])
        await kill(store)
        #expect(try rows() == ["1 1.2.3 stopped -", "2 1.2.3 killed as killed", "3 1.2.3 - -"])
        let began = try query(scratch.path, "SELECT started_at FROM runs WHERE number = 3").first?[0] as Int64?
        #expect(began == Bench.start)
    }

    @Test("a file that takes the place of a lost one holds this run and all counts", arguments: [true, false])
    func recreated(isDamaged: Bool) async throws {
        await stop(try start())
        let store = try start()
        await store.flush()
        if isDamaged {
            try Data("garbage".utf8).write(to: URL(fileURLWithPath: scratch.path))
        } else {
            try FileManager.default.removeItem(atPath: scratch.path)
        }
        bench.advance(milliseconds: 2_500)
        await store.tick()
        #expect(!store.health.isFailing)
        #expect(store.run == (2, .stopped))
        #expect(try rows() == ["1 1.2.3 stopped -", "2 1.2.3 - -"])
        await stop(store)
        #expect(try rows() == ["1 1.2.3 stopped -", "2 1.2.3 stopped -"])
        let next = try start()
        #expect(next.run == (3, .stopped))
        #expect(next.runEnds == [.stopped: 2])
    }

    @Test("in memory there is one run")
    func inMemory() async throws {
        let store = try bench.open(":memory:")
        store.beginRun(version: "1.2.3")
        await store.flush()
        #expect(store.run == (1, nil))
        await stop(store)
    }
}
