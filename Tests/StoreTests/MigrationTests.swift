import Foundation
import GRDB
import Metering
import Migrations
import Testing
import Tuning

@testable import Store

@Suite("Schema")
struct MigrationTests {
    let scratch: Scratch
    let bench = Bench()

    init() throws { scratch = try Scratch() }

    /// What was released is in databases out there: a new line here is right, a changed one never.
    static let released: [(number: Int, name: String, checksum: String)] = [
        (1, "initial", "7794e5da0f44d429"),
        (2, "runs", "d570ac752eccc9e4"),
        (3, "pauses", "d401e6711ad59ab9"),
        (4, "gateways", "75b04fec47896a8b"),
        (5, "tls_facts", "91ef45ef3e35feb3"),
        (6, "client_refusals", "e4e6b0f8370ae3bd"),
        (7, "tcp_facts", "aa30305e9c4970b9"),
        (8, "dial_facts", "42024e702d1e82ed"),
        (9, "slow_start", "a83820caecfe2b1a"),
        (10, "learned_limits", "c1b05bdb598bb6a7"),
        (11, "lost_races", "669add0aa4e361e4"),
        (12, "advice", "dc57a03c2e2f1fbe"),
    ]

    @Test("released migrations are unchanged, and numbered without gaps")
    func unchanged() {
        #expect(Migrations.all.map(\.number) == Array(1...Migrations.all.count))
        #expect(
            Migrations.all.map { [$0.name, MigrationRunner.checksum($0.sql)] }
                == Self.released.map { [$0.name, $0.checksum] })
    }

    @Test(
        "roll-ups and origins have a column for every count",
        arguments: ["origins"] + RollupResolution.allCases.map(\.table))
    func columns(_ table: String) async throws {
        await (try bench.open(scratch.path)).close()
        let names = try query(scratch.path, "SELECT name FROM pragma_table_info('\(table)')").map { $0[0] as String }
        #expect(Set(TrafficCount.allCases.map(\.name)).subtracting(names).isEmpty)
    }

    /// A minute after the last row of `schema-1.sql` was written.
    private static let schema1End: Int64 = 1_795_407_527_436

    private func restoreSchema1() throws {
        let tests = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        try execute(
            scratch.path, String(contentsOf: tests.appending(path: "Fixtures/schema-1.sql"), encoding: .utf8))
        bench.now = Self.schema1End
    }

    /// Each table, and what to select of it.
    private func columns() throws -> [String: String] {
        let tables = try query(
            scratch.path, "SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> 'migrations'")
        return try Dictionary(
            uniqueKeysWithValues: tables.map { table in
                let name: String = table[0]
                let columns = try query(scratch.path, "SELECT name FROM pragma_table_info('\(name)')")
                return (name, columns.map { $0[0] as String }.joined(separator: ", "))
            })
    }

    /// Each row of these tables, as text.
    private func everything(_ columns: [String: String]) throws -> [String: [String]] {
        try Dictionary(
            uniqueKeysWithValues: columns.map { name, columns in
                (name, try query(scratch.path, "SELECT \(columns) FROM \(name)").map(\.description).sorted())
            })
    }

    @Test("a database that a connd of schema 1 wrote keeps every row")
    func schema1() async throws {
        try restoreSchema1()
        let known = try columns()
        let before = try everything(known)
        #expect(before.count == 10 && before.allSatisfy { !$0.value.isEmpty })
        let store = try bench.open(scratch.path)
        #expect(!store.health.isFailing && bench.events.isEmpty)
        #expect(store.health.schemaVersion == Migrations.all.count)
        #expect(store.loadSettings().count == 4)
        #expect(store.loadLifetimes().values.reduce(0) { $0 + $1.counts.requests } == 9)
        #expect(store.nextConnectionNumber == 2)
        let history = try await store.history(of: nil, from: bench.now - 600_000, to: bench.now, maxPoints: 1)
        #expect(history.points.map(\.rollup.counts.requests) == [9])
        await store.close()
        let after = try everything(known)
        for (table, rows) in before { #expect(after[table] == rows, "\(table)") }
        let added: Set = ["runs", "run_endings", "pauses", "gateways", "client_refusals", "learned_limits", "advice"]
        #expect(Set(try columns().keys).subtracting(before.keys) == added)
    }

    @Test("the settings of an older database that may only be read are in force, and connd runs failing")
    func olderReadOnly() async throws {
        try restoreSchema1()
        let disk = try Mounted(readOnly: scratch.folder)
        let store = try bench.open(scratch.path)
        #expect(store.health.isFailing)
        store.beginRun(version: "2")
        #expect(store.loadSettings().count == 4)
        #expect(store.nextConnectionNumber == 2)
        #expect(store.run == (1, nil))
        let (closed, exchanges) = (try await store.closedConnections(limit: 9), try await store.exchanges(limit: 9))
        #expect(!closed.rows.isEmpty && closed.rows.allSatisfy { $0.record.tls == nil })
        #expect(!exchanges.rows.isEmpty && exchanges.rows.allSatisfy { $0.record.gateway == nil })
        #expect(try await store.exchanges(raced: true, limit: 9).rows.isEmpty)
        try disk.unmount()
        bench.advance(milliseconds: 2_500)
        await store.tick()
        #expect(!store.health.isFailing)
        #expect(store.health.schemaVersion == Migrations.all.count)
        await store.close()
        #expect(try everything(["runs": "number"])["runs"]?.count == 1)
    }

    private static func more(_ sql: String) -> [Migration] {
        Migrations.all + [Migration(number: Migrations.all.count + 1, name: "more", sql: Array(sql.utf8))]
    }

    @Test("an older database is brought up to date, with its content")
    func older() async throws {
        let old = try bench.open(scratch.path)
        try await old.commit(SettingChange(put: .sample()))
        await old.close()
        let migrations = Self.more("CREATE TABLE extra (a INTEGER); ALTER TABLE audit ADD COLUMN request TEXT;")
        let new = try bench.open(scratch.path, migrations: migrations)
        #expect(new.health.schemaVersion == migrations.count)
        #expect(new.loadSettings() == [.sample()])
        await new.close()
        #expect(
            try query(scratch.path, "SELECT name FROM migrations ORDER BY number").map { $0[0] as String } == [
                "initial", "runs", "pauses", "gateways", "tls_facts", "client_refusals", "tcp_facts", "dial_facts",
                "slow_start", "learned_limits", "lost_races", "advice", "more",
            ])
    }

    @Test("a migration that fails leaves the database as it was, and connd runs failing")
    func failing() async throws {
        let old = try bench.open(scratch.path)
        try await old.commit(SettingChange(put: .sample()))
        await old.close()
        let new = try bench.open(
            scratch.path, migrations: Self.more("CREATE TABLE extra (a INTEGER); CREATE NONSENSE;"))
        #expect(new.health.isFailing)
        // What is in it can be read all the same.
        #expect(new.loadSettings() == [.sample()])
        await new.close()
        #expect(try query(scratch.path, "SELECT 1 FROM sqlite_schema WHERE name = 'extra'").isEmpty)
        let again = try bench.open(scratch.path)
        #expect(again.loadSettings() == [.sample()])
        #expect(!again.health.isFailing)
        await again.close()
    }

    @Test("a newer database is refused by name and not touched, byte for byte")
    func newer() async throws {
        await (try bench.open(scratch.path, migrations: Self.more("CREATE TABLE extra (a INTEGER);"))).close()
        let before = try scratch.bytes()
        let failure = try #require(throws: StoreFailure.self) { try bench.open(scratch.path) }
        #expect(failure.kind == .newerSchema)
        let ours = Migrations.all.count
        for part in ["schema \(ours + 1)", "up to \(ours)", "install the newer connd", "name another database"] {
            #expect(failure.message.contains(part), "\(failure.message)")
        }
        #expect(try scratch.bytes() == before)
        #expect(try scratch.names() == ["connd.db", "connd.db.lock"])
    }

    @Test("a newer database whose newness is still in its log is refused too, and neither file is touched")
    func newerInLog() async throws {
        await (try bench.open(scratch.path)).close()
        let copy = try Scratch()
        let newer = try bench.open(scratch.path, migrations: Self.more("CREATE TABLE extra (a INTEGER);"))
        for suffix in ["", "-wal"] { try scratch.bytes(suffix).write(to: URL(fileURLWithPath: copy.path + suffix)) }
        await newer.close()
        let before = (try copy.bytes(), try copy.bytes("-wal"))
        let failure = try #require(throws: StoreFailure.self) { try bench.open(copy.path) }
        #expect(failure.kind == .newerSchema)
        #expect(try (copy.bytes(), copy.bytes("-wal")) == before)
        #expect(try copy.names() == ["connd.db", "connd.db-wal"])
    }

    @Test("another program's database is refused and not touched", arguments: [true, false])
    func foreign(hasVersion: Bool) throws {
        try execute(scratch.path, "CREATE TABLE theirs (a); PRAGMA user_version = \(hasVersion ? 1 : 0)")
        let before = try scratch.bytes()
        let failure = try #require(throws: StoreFailure.self) { try bench.open(scratch.path) }
        #expect(failure.kind == .foreign)
        #expect(try scratch.bytes() == before)
        #expect(try scratch.names() == ["connd.db"])
    }

    @Test("a database of a build whose past differs is refused")
    func changedPast() async throws {
        await (try bench.open(scratch.path)).close()
        var changed = Migrations.all
        changed[0] = Migration(number: 1, name: "initial", sql: changed[0].sql + Array("-- more".utf8))
        let edited = changed
        let failure = try #require(throws: StoreFailure.self) { try bench.open(scratch.path, migrations: edited) }
        #expect(failure.kind == .foreign)
        #expect(failure.message.contains("another build"))
    }
}
