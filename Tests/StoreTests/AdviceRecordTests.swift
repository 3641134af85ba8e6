import ProxyTypes
import Testing

@testable import Store

@Suite("Advice in the database")
struct AdviceRecordTests {
    let scratch: Scratch
    let bench = Bench()

    init() throws { scratch = try Scratch() }

    private static func advice(_ rule: String, _ state: String = "waiting") throws -> StoredAdvice {
        let origin = try #require(Origin("http://a.example:8080"))
        return StoredAdvice(key: .init(origin: origin, rule: rule), state: state, time: Bench.start, document: "{}")
    }

    @Test("it is there after a restart, until it is removed or replaced")
    func kept() async throws {
        let (first, second) = (try Self.advice("pool_small"), try Self.advice("keep_warm", "trial"))
        let store = try bench.open(scratch.path)
        var change = StoredAdviceChange()
        change.puts = [first, second]
        try await store.save(advice: change)
        await store.close()

        let again = try bench.open(scratch.path)
        #expect(Set(try await again.advice()) == [first, second])
        var confirmed = second
        confirmed.state = "confirmed"
        change = StoredAdviceChange()
        (change.puts, change.removals) = ([confirmed], [first.key])
        try await again.save(advice: change)
        #expect(try await again.advice() == [confirmed])
        change = StoredAdviceChange()
        (change.replacesAll, change.puts) = (true, [first])
        try await again.save(advice: change)
        #expect(try await again.advice() == [first])
        await again.close()
    }

    @Test("of what cannot be written nothing is, and rows that name no origin are left out")
    func failing() async throws {
        let store = try bench.open(scratch.path)
        var change = StoredAdviceChange()
        change.puts = [try Self.advice("pool_small"), try Self.advice("keep_warm")]
        try execute(
            scratch.path,
            "CREATE TRIGGER t BEFORE INSERT ON advice WHEN NEW.rule = 'keep_warm' BEGIN SELECT RAISE(ABORT, 'no'); END")
        await #expect(throws: StoreFailure.self) { try await store.save(advice: change) }
        try execute(scratch.path, "INSERT INTO advice VALUES ('a..b', 'pool_small', 'waiting', 1, '{}')")
        try execute(scratch.path, "DROP TRIGGER t")
        change.puts = [try Self.advice("keep_warm")]
        try await store.save(advice: change)
        #expect(try await store.advice() == change.puts)
        await store.close()
    }
}
