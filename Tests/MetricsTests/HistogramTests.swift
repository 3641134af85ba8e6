import Metrics
import ProxyTypes
import Testing

@Suite("Histogram")
struct HistogramTests {
    @Test("a quantile is never below the value that it stands for, and at most a quarter above")
    func quantileIsNear() {
        for value in [1, 2, 3, 4, 5, 7, 8, 100, 1_000, 12_345, 1_000_000, 60_000_000] as [Int64] {
            var histogram = Histogram()
            histogram.record(microseconds: value)
            let read = histogram.quantile(0.5)
            #expect(read >= value)
            #expect(read <= value + value / 4 + 1)
        }
    }

    @Test("quantiles order what was recorded")
    func quantilesAreOrdered() {
        var histogram = Histogram()
        for value in 1...1000 { histogram.record(microseconds: Int64(value)) }
        #expect(histogram.count == 1000)
        #expect(histogram.sum == 500_500)
        let median = histogram.quantile(0.5)
        let late = histogram.quantile(0.99)
        #expect((500...640).contains(median))
        #expect((990...1280).contains(late))
    }

    @Test("an empty one says 0, and what is far beyond the range is still counted")
    func extremes() {
        var histogram = Histogram()
        #expect(histogram.quantile(0.99) == 0)
        histogram.record(microseconds: .max)
        histogram.record(microseconds: -5)
        #expect(histogram.count == 2)
    }

    @Test("sums of two count as one that saw both")
    func sumsAdd() {
        var (one, two, both) = (Histogram(), Histogram(), Histogram())
        for value in [3, 900, 70_000] as [Int64] {
            one.record(microseconds: value)
            both.record(microseconds: value)
        }
        for value in [5, 1_500_000] as [Int64] {
            two.record(microseconds: value)
            both.record(microseconds: value)
        }
        one += two
        #expect(one.count == both.count)
        for share in [0.1, 0.5, 0.9, 1.0] { #expect(one.quantile(share) == both.quantile(share)) }
    }
}

@Suite("Counters")
struct CounterTests {
    @Test("each label has its own count, and names in a report are unique")
    func labelsAreSeparate() {
        var metrics = ProxyMetrics()
        metrics.upstreamClosed[.idleTimeout] += 2
        metrics.upstreamClosed[.maxRequests] += 1
        metrics.errors[.dnsError] += 1
        #expect(metrics.upstreamClosed.total == 3)
        let rows = metrics.nonZero
        #expect(rows.map(\.value).reduce(0, +) == 4)
        #expect(rows.contains { $0.name == "upstream_closed.idle_timeout" && $0.value == 2 })
        #expect(Set(rows.map(\.name)).count == rows.count)
    }
}
