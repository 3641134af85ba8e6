import Foundation
import ProxyTypes
import Testing
import Tuning

@testable import Store

@Suite("Stored gateways")
struct StoredGatewayTests {
    let scratch: Scratch
    let bench = Bench()

    init() throws { scratch = try Scratch() }

    private func row(_ name: String, reason: String? = nil) throws -> GatewayRow {
        GatewayRow(
            definition: GatewayDefinition(
                name: name, origin: try #require(Origin("https://a.example")),
                listen: [.tcp(IPAddress(ipv4: 0x7F00_0001), port: 9101), .unix(path: "/run/a b.sock")],
                preserveHost: true, cookieSecure: .strip, socketMode: try SocketMode(parsing: "0600"),
                allowHosts: [try GatewayHost(parsing: "gw.internal"), try GatewayHost(parsing: "*.b.example")]),
            actor: "uid:0", reason: reason, time: 7)
    }

    private func change(puts: [GatewayRow] = [], removals: [String] = []) -> GatewayChange {
        var change = GatewayChange()
        change.puts = puts
        change.removals = removals
        change.audit = [AuditEntry(time: 1, actor: "me", action: .gatewaySet, subject: "a", after: "x")]
        return change
    }

    @Test("what was set is there after the next start, with its audit entry; what was removed is not")
    func kept() async throws {
        let first = try bench.open(scratch.path)
        let (a, b) = (try row("a", reason: "why"), try row("b"))
        try await first.commit(change(puts: [a, b]))
        try await first.commit(change(removals: ["b"]))
        await first.close()
        let second = try bench.open(scratch.path)
        #expect(second.loadGateways() == [a])
        #expect(try await second.audit(limit: 10).rows.map(\.record.action) == [.gatewaySet, .gatewaySet])
        await second.close()
    }

    @Test("settings and gateways of one import are stored together or not at all")
    func together() async throws {
        let store = try bench.open(scratch.path)
        try await store.commit(SettingChange(put: .sample()), change(puts: [try row("a")]))
        #expect(store.loadSettings().count == 1 && store.loadGateways().count == 1)
        #expect(try await store.audit(limit: 10).rows.count == 2)
        try execute(scratch.path, "DROP TABLE gateways")
        await #expect(throws: StoreFailure.self) {
            try await store.commit(SettingChange(put: .sample(.maxQueue, .count(9))), change(puts: [try row("b")]))
        }
        await store.close()
        #expect(try query(scratch.path, "SELECT setting FROM settings").count == 1)
    }

    @Test("a row that this version cannot read is kept in the database")
    func unreadable() async throws {
        let first = try bench.open(scratch.path)
        try await first.commit(change(puts: [try row("a")]))
        await first.close()
        try execute(scratch.path, "UPDATE gateways SET listen = 'x'")
        let second = try bench.open(scratch.path)
        #expect(second.loadGateways().isEmpty)
        await second.close()
        #expect(try query(scratch.path, "SELECT listen FROM gateways").count == 1)
    }

    @Test("a database that is lost while connd runs is made again with the gateways")
    func recreated() async throws {
        let store = try bench.open(scratch.path)
        let row = try row("a")
        try await store.commit(change(puts: [row]))
        for suffix in DatabaseFile.suffixes { try? FileManager.default.removeItem(atPath: scratch.path + suffix) }
        await store.flush()
        await store.close()
        let again = try bench.open(scratch.path)
        #expect(again.loadGateways() == [row])
        await again.close()
    }
}
