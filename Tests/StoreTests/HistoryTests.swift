import Metering
import ProxyTypes
import Testing

@testable import Store

@Suite("History")
struct HistoryTests {
    private static let minute: Int64 = 60_000
    private static let hour = 60 * minute
    private static let day = 24 * hour
    private static let now = Bench.start / hour * hour + 37 * minute + 11_000

    @Test(
        "the shortest step is taken that needs no more than the points asked for, of rows that are kept so far back",
        arguments: [
            (hour, 400, RollupResolution.tenSeconds, Int64(10_000)),
            (hour, 61, .minute, minute),
            (10 * minute, 60, .tenSeconds, 20_000),
            (2 * hour - minute, 60, .minute, 3 * minute),
            (3 * hour, 1000, .minute, minute),
            (2 * day, 500, .minute, 6 * minute),
            (2 * day, 49, .hour, hour),
            (3 * day, 1000, .hour, hour),
            (400 * day, 100, .hour, 97 * hour),
        ])
    func plan(_ span: Int64, _ points: Int, _ resolution: RollupResolution, _ step: Int64) {
        let plan = History.Plan(
            from: Self.now - span, to: Self.now, maxPoints: points, now: Self.now, retention: .standard)
        #expect(plan.resolution == resolution)
        // Where the edges fall decides whether a step more is needed.
        #expect(plan.step == step || plan.step == step + resolution.width || plan.step == step - resolution.width)
    }

    @Test("no question gives more points than asked for, or reads rows without bound")
    func bounded() {
        var random = SeededRandom(seed: 7)
        for _ in 0..<3000 {
            let from = Self.now - Int64(random.below(500)) * Self.day + Int64(random.below(10_000_000)) - 5_000_000
            let to = from + Int64(random.below(20)) * Self.day + Int64(random.below(90_000_000)) - 5_000_000
            let points = random.below(300) - 2
            let plan = History.Plan(from: from, to: to, maxPoints: points, now: Self.now, retention: .standard)
            let made = Int64(plan.buckets.count) * plan.resolution.width / plan.step
            #expect(made <= Int64(max(points, 1)), "\(from) \(to) \(points)")
            #expect(plan.buckets.count <= 9_700 + Int(plan.step / plan.resolution.width))
            #expect(plan.buckets.lowerBound * plan.resolution.width <= max(from, Self.now - 400 * Self.day))
        }
        for (from, to) in [(Int64.min, Int64.max), (0, 0), (.max, .min), (-1, -1)] {
            let plan = History.Plan(from: from, to: to, maxPoints: 100, now: Self.now, retention: .standard)
            #expect(plan.buckets.count < 10_000)
        }
    }

    @Test("one point is all there is from the one time to the other")
    func onePoint() {
        let from = Self.now - 90 * Self.minute
        let plan = History.Plan(from: from, to: Self.now, maxPoints: 1, now: Self.now, retention: .standard)
        #expect(plan.time(of: plan.buckets.upperBound) == from / plan.resolution.width * plan.resolution.width)
        #expect(plan.step <= 90 * Self.minute + 10_000)
    }

    @Test("neighbouring rows become one point; a stretch of nothing has none")
    func merges() async throws {
        let scratch = try Scratch()
        let bench = Bench()
        let store = try bench.open(scratch.path)
        bench.now = Bench.start / Self.hour * Self.hour
        let start = bench.now
        for index in 0..<60 {
            if index % 20 < 10 { store.record(batch(at: bench.now, snapshot(.example, statistics(requests: 2)))) }
            await store.flush()
            bench.advance(milliseconds: Self.minute)
        }
        let fine = try await store.history(of: .example, from: start, to: bench.now - 1, maxPoints: 60)
        #expect(fine.step == Self.minute)
        #expect(fine.points.count == 30)
        let coarse = try await store.history(of: .example, from: start, to: bench.now - 1, maxPoints: 6)
        #expect(coarse.step == 10 * Self.minute)
        #expect(coarse.points.map(\.time) == [0, 20, 40].map { start + $0 * Self.minute })
        #expect(coarse.points.map(\.rollup.counts.requests) == [20, 20, 20])
        #expect(coarse.points.map(\.rollup.totalTime.count) == [20, 20, 20])
        let hours = try await store.history(of: nil, from: start - 5 * Self.day, to: bench.now, maxPoints: 200)
        #expect(hours.resolution == .hour)
        #expect(hours.points.map(\.rollup.counts.requests) == [60])
        let unknown = try await store.history(of: .other, from: start, to: bench.now, maxPoints: 60)
        #expect(unknown.points.isEmpty)
        await store.close()
    }
}
