import Foundation
import GRDB
import Metering
import ProxyTypes
import Testing
import Tuning

@testable import Store

/// Faults that are there when connd starts.
extension FaultTests {
    @Test("the disk is full at the start")
    func fullAtStart() async throws {
        let disk = try Mounted(["-t", "tmpfs", "-o", "size=64k,mode=0700", "tmpfs", scratch.folder])
        try fill(scratch.folder + "/filler")
        let store = try bench.open(scratch.path)
        await measure(store, 2)
        #expect(store.health.isFailing)
        await expectNothingKept(store)
        try disk.unmount()
        await measure(store)
        #expect(bench.words.last == "recovered")
        try await store.commit(SettingChange(put: .sample()))
        try await checkWhole(store, requests: 3, connections: 3)
    }

    private func expectNothingKept(_ store: Store) async {
        await #expect(throws: StoreFailure.self) { try await store.commit(SettingChange(put: .sample())) }
        #expect(store.loadSettings().isEmpty)
    }

    @Test("the file is read-only at the start: its settings are in force", arguments: [true, false])
    func readOnlyAtStart(onlyTheFile: Bool) async throws {
        let first = try bench.open(scratch.path)
        try await first.commit(SettingChange(put: .sample()))
        await measure(first)
        await first.close()
        // A folder that cannot be written has no place for the log either.
        let disk = try Mounted(readOnly: onlyTheFile ? scratch.path : scratch.folder)
        let store = try bench.open(scratch.path)
        #expect(store.health.failure?.kind == .readOnly || !onlyTheFile)
        #expect(store.health.isFailing)
        #expect(store.loadSettings() == [.sample()])
        #expect(store.nextConnectionNumber == 2501)
        await measure(store, 2)
        #expect(store.health.isFailing)
        try disk.unmount()
        await measure(store)
        try await checkWhole(store, requests: 4, connections: 4)
        #expect(!bench.words.contains("moved aside"))
    }

    @Test("a file that is garbage at the start is moved aside; of the damaged files the newest three are kept")
    func garbageAtStart() async throws {
        for round in 0..<5 {
            try Data("garbage \(round)".utf8).write(to: URL(fileURLWithPath: scratch.path))
            let store = try bench.open(scratch.path)
            #expect(!store.health.isFailing)
            await store.close()
            #expect(bench.words.filter { $0 == "moved aside" }.count == round + 1)
        }
        let kept = try scratch.names().filter { $0.contains("damaged") }
        #expect(kept.count == 3)
        let contents = try kept.map { try String(contentsOfFile: scratch.folder + "/" + $0, encoding: .utf8) }
        #expect(contents == ["garbage 2", "garbage 3", "garbage 4"])
    }

    @Test(
        "of a file that is damaged at the start, what can be read is kept",
        arguments: ["origins", "facts", "settings", "runs"])
    func salvage(_ table: String) async throws {
        let first = try bench.open(scratch.path)
        first.beginRun(version: "1")
        try await first.commit(SettingChange(put: .sample()))
        await measure(first)
        await first.close()
        let page = try query(scratch.path, "SELECT rootpage FROM sqlite_schema WHERE name = '\(table)'").map {
            $0[0] as Int
        }
        let handle = try #require(FileHandle(forWritingAtPath: scratch.path))
        try handle.seek(toOffset: UInt64((try #require(page.first) - 1) * 4096))
        handle.write(Data(repeating: 0xAB, count: 4096))
        try handle.close()
        let store = try bench.open(scratch.path)
        #expect(bench.words.contains("moved aside"))
        #expect(!store.health.isFailing)
        #expect(store.loadSettings() == (table == "settings" ? [] : [.sample()]))
        #expect(store.loadLifetimes()[.example]?.counts.requests == (table == "origins" ? nil : 1))
        #expect(store.nextConnectionNumber == (table == "facts" ? 1 : 2501))
        store.beginRun(version: "1")
        #expect(store.run.number == (table == "runs" ? 1 : 2))
        await store.close()
    }

    @Test("a database that could not be read at the start is read as soon as it can, and its settings are told")
    func late() async throws {
        let first = try bench.open(scratch.path)
        try await first.commit(SettingChange(put: .sample()))
        await measure(first)
        await first.close()
        try FileManager.default.moveItem(atPath: scratch.path, toPath: scratch.folder + "/away")
        try FileManager.default.createDirectory(atPath: scratch.path, withIntermediateDirectories: false)
        let store = try bench.open(scratch.path)
        #expect(store.health.failure?.kind == .unopenable)
        #expect(store.loadSettings().isEmpty)
        // Above any number that the unread database may hold.
        #expect(store.nextConnectionNumber > 1_000_000_000_000)
        await measure(store)
        try FileManager.default.removeItem(atPath: scratch.path)
        try FileManager.default.moveItem(atPath: scratch.folder + "/away", toPath: scratch.path)
        await measure(store)
        #expect(bench.words == ["failing unopenable", "loaded 1", "recovered"])
        try await checkWhole(store, requests: 3, connections: 3)
    }
}
