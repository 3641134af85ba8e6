import Foundation
import GRDB
import ProxyTypes
import Testing
import Tuning

@testable import Store

@Suite("Settings in the database")
struct SettingTests {
    let scratch: Scratch
    let bench = Bench()

    init() throws { scratch = try Scratch() }

    @Test("a setting is there after a restart, with all that was said of it")
    func kept() async throws {
        let row = SettingRow.sample()
        let store = try bench.open(scratch.path)
        try await store.commit(SettingChange(put: row))
        await store.close()
        #expect(try bench.open(scratch.path).loadSettings() == [row])
    }

    @Test("what commit returned for is in the files at that moment, with no close after it")
    func durable() async throws {
        let store = try bench.open(scratch.path)
        for count in 1...20 {
            try await store.commit(SettingChange(put: .sample(.maxConnections, .count(count))))
            let copy = try Scratch()
            for suffix in ["", "-wal"] { try scratch.bytes(suffix).write(to: URL(fileURLWithPath: copy.path + suffix)) }
            let found = try bench.open(copy.path).loadSettings()
            #expect(found.map(\.value) == [.count(count)])
        }
        await store.close()
    }

    @Test(
        "each kind of value comes back as it was",
        arguments: [
            (Setting.idleTimeout, "auto"), (.idleTimeout, "1500ms"), (.lifetimeJitter, "15%"), (.tcpNodelay, "off"),
            (.reuseOrder, "widest"), (.tcpKeepalive, "60s/10s/6"), (.sourceAddress, "10.0.0.5,2001:db8::1"),
            (.sendBuffer, "64KiB"), (.maxIdle, "0"), (.congestionControl, "bbr"),
        ])
    func kinds(_ setting: Setting, _ text: String) async throws {
        let row = SettingRow.sample(setting, try setting.read(.text(text)), pattern: nil)
        let store = try bench.open(scratch.path)
        try await store.commit(SettingChange(put: row))
        await store.close()
        #expect(try bench.open(scratch.path).loadSettings() == [row])
    }

    @Test(
        "each form of pattern comes back as it was",
        arguments: ["*", "*.example.com", "example.com:8080", "http://10.1.2.3:8080", "[2001:db8::1]:443", "10.0.0.1"])
    func patterns(_ text: String) async throws {
        let row = SettingRow.sample(pattern: try HostPattern(parsing: text))
        let store = try bench.open(scratch.path)
        try await store.commit(SettingChange(put: row))
        await store.close()
        #expect(try bench.open(scratch.path).loadSettings() == [row])
    }

    @Test("the same key again replaces the row; a removal removes it; an override and a trial are two rows")
    func keys() async throws {
        let store = try bench.open(scratch.path)
        let trial = SettingRow.sample(.maxConnections, .count(9), layer: .trial, expiresAt: Bench.start - 1)
        try await store.commit(SettingChange(put: .sample(), trial))
        try await store.commit(SettingChange(put: .sample(.maxConnections, .count(3))))
        #expect(Set(store.loadSettings()) == [.sample(.maxConnections, .count(3)), trial])
        var change = SettingChange()
        change.removals = [SettingRow.sample().key]
        try await store.commit(change)
        #expect(store.loadSettings() == [trial])
        await store.close()
        // Its time is up, and it is for the caller to revert it.
        #expect(try bench.open(scratch.path).loadSettings() == [trial])
    }

    @Test("of an edit that cannot be kept whole nothing is kept, on disk or in memory")
    func allOrNothing() async throws {
        let store = try bench.open(scratch.path)
        try await store.commit(SettingChange(put: .sample()))
        try execute(
            scratch.path,
            "CREATE TRIGGER t BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'not today'); END")
        var change = SettingChange(put: .sample(.maxConnections, .count(7)), .sample(.maxQueue, .count(1)))
        change.removals = [SettingRow.sample().key]
        let edit = change
        await #expect(throws: StoreFailure.self) { try await store.commit(edit) }
        #expect(store.loadSettings() == [.sample()])
        #expect(try query(scratch.path, "SELECT value FROM settings").map { $0[0] as String } == ["2"])
        #expect(store.health.isFailing)
    }

    @Test("a row that this version cannot read is kept, reported, and not applied")
    func unreadable() async throws {
        let store = try bench.open(scratch.path)
        try await store.commit(SettingChange(put: .sample()))
        await store.close()
        for (setting, value, layer) in [
            ("from_the_future", "1", "override"), ("max_connections", "0", "override"), ("max_queue", "5", "wish"),
        ] {
            try execute(
                scratch.path,
                """
                INSERT INTO settings VALUES
                ('\(layer)', '*', '\(setting)', '\(value)', 'a', NULL, 1, '1', 'default', NULL)
                """)
        }
        let again = try bench.open(scratch.path)
        #expect(again.loadSettings() == [.sample()])
        #expect(bench.words == Array(repeating: "unreadable", count: 3))
        try await again.commit(SettingChange(put: .sample(.maxQueue, .count(1))))
        // A new file gets them too.
        for suffix in DatabaseFile.suffixes { try? FileManager.default.removeItem(atPath: scratch.path + suffix) }
        await again.flush()
        #expect(try query(scratch.path, "SELECT * FROM settings").count == 5)
    }

    @Test("in memory a setting holds, and health says that it is not durable")
    func inMemory() async throws {
        let store = try bench.open(":memory:")
        try await store.commit(SettingChange(put: .sample()))
        #expect(store.loadSettings() == [.sample()])
        #expect(try await store.audit(limit: 10).rows.count == 1)
        #expect(!store.health.isDurable)
        store.record(batch(at: bench.now, snapshot(.example, statistics(requests: 3))))
        await store.flush()
        #expect(!store.health.isFailing)
        #expect(store.loadLifetimes()[.example]?.counts.requests == 3)
        await store.close()
    }

    @Test("the audit is paged newest first, by subject, by setting, or whole")
    func audit() async throws {
        let store = try bench.open(scratch.path)
        for count in 1...5 { try await store.commit(SettingChange(put: .sample(.maxConnections, .count(count)))) }
        try await store.commit(SettingChange(put: .sample(.maxQueue, .count(0), pattern: nil)))
        let first = try await store.audit(limit: 4)
        #expect(first.rows.map(\.record.after) == ["0", "5", "4", "3"])
        let second = try await store.audit(before: first.next, limit: 4)
        #expect(second.rows.map(\.record.after) == ["2", "1"])
        #expect(second.next == nil)
        #expect(try await store.audit(subject: "*", limit: 9).rows.map(\.record.setting) == [.maxQueue])
        // As earlier versions wrote it.
        try execute(scratch.path, "UPDATE audit SET subject = '' WHERE subject = '*'")
        #expect(try await store.audit(subject: "*", limit: 9).rows.map(\.record.setting) == [.maxQueue])
        #expect(try await store.audit(limit: 1).rows.map(\.record.subject) == ["*"])
        #expect(try await store.audit(setting: .maxConnections, limit: 9).rows.count == 5)
        let entry = try #require(second.rows.last?.record)
        #expect(entry == SettingChange(put: .sample(.maxConnections, .count(1))).audit.first)
        await store.close()
    }

    @Test("the file is its owner's alone, and its folder is made")
    func modes() async throws {
        let path = scratch.folder + "/a/b/connd.db"
        let store = try bench.open(path)
        try await store.commit(SettingChange(put: .sample()))
        for (name, mode) in [(path, 0o600), (path + "-wal", 0o600), (scratch.folder + "/a/b", 0o700)] {
            let facts = try FileManager.default.attributesOfItem(atPath: name)
            #expect(facts[.posixPermissions] as? Int == mode, "\(name)")
        }
        await store.close()
        let names = try FileManager.default.contentsOfDirectory(atPath: scratch.folder + "/a/b").sorted()
        #expect(names == ["connd.db", "connd.db.lock"])
    }

    @Test("after the end an edit is refused and a batch is nothing to it")
    func closed() async throws {
        let store = try bench.open(scratch.path)
        await store.close()
        await #expect { try await store.commit(SettingChange(put: .sample())) } throws: {
            ($0 as? StoreFailure)?.kind == .closed
        }
        store.record(batch(at: bench.now, snapshot(.example, statistics(requests: 1))))
        await store.tick()
        await #expect(throws: StoreFailure.self) { try await store.audit(limit: 1) }
    }
}
