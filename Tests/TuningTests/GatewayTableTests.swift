import ProxyTypes
import Testing
import Tuning

@Suite("Which gateways are in force")
struct GatewayTableTests {
    private func definition(_ name: String, _ port: UInt16, origin: String = "https://a.example") throws
        -> GatewayDefinition
    {
        GatewayDefinition(
            name: name, origin: try #require(Origin(origin)), listen: [.tcp(IPAddress(ipv4: 0x7F00_0001), port: port)])
    }

    private func table() throws -> GatewayTable {
        GatewayTable(
            file: [
                FileGateway(try definition("a", 1), place: "f:1"), FileGateway(try definition("b", 2), place: "f:2"),
            ],
            revision: 7)
    }

    private func put(
        _ definition: GatewayDefinition, in table: GatewayTable, reason: String? = "why"
    ) throws(GatewayTable.Refusal) -> GatewayChange {
        try table.putting(
            definition, actor: "me", reason: reason, time: 5,
            others: [(.tcp(IPAddress(ipv4: 0x7F00_0001), port: 3128), "where the proxy listens")])
    }

    @Test("one that is set at run time wins over the file's of its name, until it is removed")
    func precedence() throws {
        var table = try table()
        let own = try definition("a", 9, origin: "https://b.example")
        let change = try put(own, in: table)
        #expect(change.audit.map(\.action) == [.gatewaySet] && change.audit.first?.reason == "why")
        #expect(change.audit.first?.before == "https://a.example on 127.0.0.1:1")
        #expect(change.audit.first?.after == "https://b.example on 127.0.0.1:9")
        table.apply(change)
        #expect(table.revision == 8)
        #expect(table.entries.map(\.definition.name) == ["a", "b"])
        #expect(table.entry("a")?.definition == own)
        #expect(
            table.entry("a")?.source
                == .override(GatewayRow(definition: own, actor: "me", reason: "why", time: 5), hidden: "f:1"))
        #expect(table.entry("b")?.source == .file(place: "f:2"))
        let removal = try table.removing("a", actor: "me", reason: nil, time: 6)
        #expect(removal.audit.first?.after == "https://a.example on 127.0.0.1:1")
        table.apply(removal)
        #expect(table.entry("a")?.source == .file(place: "f:1"))
    }

    @Test("the same again without a reason is no change")
    func unchanged() throws {
        var table = try table()
        table.apply(try put(try definition("c", 3), in: table))
        #expect(try put(try definition("c", 3), in: table, reason: nil).isEmpty)
        #expect(try !put(try definition("c", 3), in: table).isEmpty)
    }

    @Test("an address of another's is refused, its own is not")
    func collisions() throws {
        let table = try table()
        #expect(throws: GatewayTable.Refusal.taken("127.0.0.1:2 is where the gateway b listens")) {
            try put(try definition("a", 2), in: table)
        }
        #expect(throws: GatewayTable.Refusal.taken("127.0.0.1:3128 is where the proxy listens")) {
            try put(try definition("c", 3128), in: table)
        }
        #expect(throws: Never.self) { try put(try definition("a", 1), in: table) }
    }

    @Test("addresses beyond loopback, none, too many and the same twice are refused")
    func addresses() throws {
        let table = try table()
        var definition = try definition("c", 3)
        let own = definition.listen[0]
        for listen in [
            [], [.tcp(IPAddress(ipv4: 0x0A00_0001), port: 3)], [own, own],
            (0..<17).map { ListenAddress.unix(path: "/run/\($0)") },
        ] {
            definition.listen = listen
            #expect(throws: GatewayTable.Refusal.self, "\(listen)") { try put(definition, in: table) }
        }
        definition.listen = [own, .unix(path: "/run/c.sock")]
        #expect(throws: Never.self) { try put(definition, in: table) }
    }

    @Test("one of the file cannot be removed here, and one that is not there neither")
    func removals() throws {
        let table = try table()
        #expect(throws: GatewayTable.Refusal.inFile(name: "a", place: "f:1")) {
            try table.removing("a", actor: "me", reason: nil, time: 1)
        }
        #expect(throws: GatewayTable.Refusal.unknown(name: "x")) {
            try table.removing("x", actor: "me", reason: nil, time: 1)
        }
    }

    @Test(
        "an import sets what differs, moves addresses, and removes the rest only where it replaces",
        arguments: [true, false])
    func imports(replace: Bool) throws {
        var table = try table()
        for (name, port) in [("c", 3), ("d", 4), ("e", 5)] as [(String, UInt16)] {
            table.apply(try put(try definition(name, port), in: table))
        }
        let document = [try definition("c", 4), try definition("d", 3), try definition("f", 6)]
        let change = try table.importing(
            document, replace: replace, actor: "you", reason: nil, time: 9, others: [])
        #expect(change.puts.map(\.definition) == document)
        #expect(change.removals == (replace ? ["e"] : []))
        table.apply(change)
        #expect(try table.importing(document, replace: replace, actor: "you", reason: nil, time: 9, others: []).isEmpty)
        #expect(throws: GatewayTable.Refusal.self) {
            try table.importing(
                [try definition("g", 7), try definition("h", 7)], replace: false, actor: "you", reason: nil, time: 9,
                others: [])
        }
    }

    @Test(
        "names", arguments: [("a", true), ("A.b-c_9", true), ("", false), (".a", false), ("a b", false), ("ä", false)])
    func names(name: String, isValid: Bool) {
        #expect(((try? GatewayDefinition.checked(name: name)) != nil) == isValid)
    }
}
