import Foundation
import ProxyTypes
import Testing

@testable import Store

@Suite("Refusals in the database")
struct RefusalTests {
    let scratch: Scratch
    let bench = Bench()

    init() throws { scratch = try Scratch() }

    private static func refusal(_ host: String, _ client: ClientIdentity, alert: UInt8?, count: Int = 2) throws
        -> StoredRefusal
    {
        let key = StoredRefusal.Key(host: try OriginHost(parsing: host), client: client, hello: .max)
        return StoredRefusal(key: key, alert: alert, count: count, first: Bench.start, last: Bench.start + 5)
    }

    @Test("they are there after a restart, until they are removed or replaced")
    func kept() async throws {
        let first = try Self.refusal("a.example", .program("a:b", user: 7), alert: 255)
        let second = try Self.refusal("b.example", .address(IPAddress(ipv4: 1)), alert: nil)
        let third = try Self.refusal("b.example", .unknown, alert: 0, count: 1)
        let store = try bench.open(scratch.path)
        var change = RefusalChange()
        change.puts = [first, second]
        try await store.save(refusals: change)
        await store.close()

        let again = try bench.open(scratch.path)
        #expect(Set(try await again.refusals()) == [first, second])
        change = RefusalChange()
        (change.puts, change.removals) = ([third], [first.key])
        try await again.save(refusals: change)
        #expect(Set(try await again.refusals()) == [second, third])
        var counted = third
        counted.count = 9
        change = RefusalChange()
        (change.replacesAll, change.puts) = (true, [counted])
        try await again.save(refusals: change)
        #expect(try await again.refusals() == [counted])
        await again.close()
    }

    @Test("of what cannot be written nothing is, and it is for the caller to try again")
    func failing() async throws {
        let store = try bench.open(scratch.path)
        let refusal = try Self.refusal("a.example", .user(1), alert: 48)
        try execute(
            scratch.path, "CREATE TRIGGER t BEFORE INSERT ON client_refusals BEGIN SELECT RAISE(ABORT, 'no'); END")
        var change = RefusalChange()
        change.puts = [refusal]
        await #expect(throws: StoreFailure.self) { try await store.save(refusals: change) }
        try execute(scratch.path, "DROP TRIGGER t")
        try await store.save(refusals: change)
        #expect(try await store.refusals() == [refusal])
        await store.close()
    }

    @Test("rows that this version cannot read are left out")
    func unreadable() async throws {
        let store = try bench.open(scratch.path)
        for (host, client) in [("a..b", "user:1"), ("a.example", "robot:1")] {
            let values = "'\(host)', '\(client)', 1, 48, 2, 1, 2"
            try execute(scratch.path, "INSERT INTO client_refusals VALUES (\(values))")
        }
        #expect(try await store.refusals().isEmpty)
        await store.close()
    }
}
