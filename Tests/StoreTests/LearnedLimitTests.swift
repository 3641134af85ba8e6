import Foundation
import Metering
import ProxyTypes
import Testing

@testable import Store

@Suite("Learned idle limits in the database")
struct LearnedLimitTests {
    let scratch: Scratch
    let bench = Bench()
    private let limit = LearnedLimit(origin: .example, state: [1, 2, 255, 0], changed: 77)
    private let other = LearnedLimit(
        origin: Origin(scheme: .http, host: "b.example.com", port: 8080), state: [9], changed: nil)

    init() throws { scratch = try Scratch() }

    private func record(_ limits: [LearnedLimit], in store: Store) async {
        var batch = MeasurementBatch(time: Bench.start)
        batch.learned = limits
        store.record(batch)
        await store.flush()
    }

    @Test("they are there after a restart as last recorded, until they are forgotten")
    func kept() async throws {
        let store = try bench.open(scratch.path)
        var earlier = limit
        earlier.state = [7]
        await record([earlier, limit, other], in: store)
        await store.close()
        let again = try bench.open(scratch.path)
        #expect(again.loadLearned() == [limit.origin: limit, other.origin: other])
        await record([LearnedLimit(origin: limit.origin, state: [], changed: nil)], in: again)
        await again.close()
        #expect(try bench.open(scratch.path).loadLearned() == [other.origin: other])
    }

    @Test("a database that forgets an origin forgets what was learned of it; one that is made anew gets the rest")
    func outlives() async throws {
        let store = try bench.open(scratch.path)
        await record([limit, other], in: store)
        try await store.forget(limit.origin)
        for suffix in DatabaseFile.suffixes { try? FileManager.default.removeItem(atPath: scratch.path + suffix) }
        await store.flush()
        await store.close()
        #expect(try bench.open(scratch.path).loadLearned() == [other.origin: other])
    }
}
