import Metering
import ProxyTypes
import Testing

@testable import Store

@Suite("Busy origins")
struct BusyOriginsTests {
    let scratch: Scratch
    let bench = Bench()

    init() throws { scratch = try Scratch() }

    private static func origin(_ number: Int) -> Origin { Origin(scheme: .http, host: "h\(number)", port: 80) }

    private func measure(_ store: Store, _ requests: [Int: Int], connections: Int = 2, active: Int = 1) async {
        var batch = MeasurementBatch(time: bench.now)
        batch.statistics = requests.map {
            snapshot(Self.origin($0.key), statistics(requests: $0.value), connections: connections, active: active)
        }
        store.record(batch)
        await store.flush()
    }

    @Test(
        "the busiest come first, with the sum of their requests and the peaks of what they held, of the time asked for")
    func busiest() async throws {
        let store = try bench.open(scratch.path)
        await measure(store, [1: 50, 2: 1])
        bench.advance(milliseconds: 60_000)
        let since = bench.now
        await measure(store, [2: 5, 3: 4], connections: 7, active: 6)
        bench.advance(milliseconds: 30_000)
        await measure(store, [2: 1, 3: 9, 4: 1], connections: 3, active: 3)
        await store.close()
        // Of an earlier run.
        let next = try bench.open(scratch.path)
        #expect(
            await next.recentlyBusy(since: since, until: bench.now, limit: 20) == [
                BusyOrigin(origin: Self.origin(3), requests: 13, peakActive: 6, peakConnections: 7),
                BusyOrigin(origin: Self.origin(2), requests: 6, peakActive: 6, peakConnections: 7),
                BusyOrigin(origin: Self.origin(4), requests: 1, peakActive: 3, peakConnections: 3),
            ])
        #expect(await next.recentlyBusy(since: since, until: bench.now, limit: 1).map(\.origin) == [Self.origin(3)])
        #expect(
            await next.recentlyBusy(since: since - 60_000, until: bench.now, limit: 20).first?.origin == Self.origin(1))
        #expect(await next.recentlyBusy(since: bench.now + 10_000, until: .max, limit: 20).isEmpty)
        // A clock that was ahead left these behind.
        let ahead = await next.recentlyBusy(since: since, until: bench.now - 30_000, limit: 20).map(\.origin)
        #expect(ahead == [Self.origin(2), Self.origin(3)])
        #expect(await next.recentlyBusy(since: since, until: bench.now, limit: 0).isEmpty)
        #expect(await next.recentlyBusy(since: since, until: bench.now, limit: -1).isEmpty)
        await next.close()
    }

    @Test("an origin that held connections and had no request was not busy")
    func idle() async throws {
        let store = try bench.open(scratch.path)
        await measure(store, [1: 0, 2: 1])
        #expect(
            await store.recentlyBusy(since: Bench.start, until: bench.now, limit: 9).map(\.origin) == [Self.origin(2)])
        await store.close()
    }

    @Test("where the database cannot be read none was")
    func failing() async throws {
        let store = try bench.open(scratch.path)
        await measure(store, [1: 1])
        await store.close()
        #expect(await store.recentlyBusy(since: Bench.start, until: bench.now, limit: 9).isEmpty)
    }
}
