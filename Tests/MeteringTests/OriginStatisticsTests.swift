import Metering
import ProxyTypes
import Testing

@Suite("Statistics of an origin")
struct OriginStatisticsTests {
    /// Names of the fields that are as they were at first.
    private static func untouched(_ value: Any, _ empty: Any) -> [String] {
        zip(Mirror(reflecting: value).children, Mirror(reflecting: empty).children).compactMap { a, b in
            String(reflecting: a.value) == String(reflecting: b.value) ? a.label : nil
        }
    }

    @Test("the samples of these tests have something in every place")
    func samplesAreFull() {
        var sample = SampleStatistics(seed: 1)
        #expect(Self.untouched(sample.next(), OriginStatistics()) == [])
        #expect(Self.untouched(sample.tunnels(), TunnelStatistics()) == [])
        #expect(Self.untouched(sample.tls(), TLSStatistics()) == [])
        #expect(Self.untouched(sample.intercept(), InterceptStatistics()) == [])
        #expect(Self.untouched(sample.gauges(), OriginGauges()) == [])
        #expect(Self.untouched(sample.proxy(), ProxyMetrics()) == [])
    }

    @Test("a difference takes back what a sum has added, in every place", arguments: 1...50)
    func sumAndDifferenceAreInverse(seed: UInt64) {
        var sample = SampleStatistics(seed: seed)
        let (a, b) = (sample.next(), sample.next())
        var sum = a
        sum += b
        #expect(Self.untouched(sum, a) == [] && Self.untouched(sum, b) == [])
        #expect(sum - b == a)
        #expect(sum - a == b)
        #expect(sum - sum == OriginStatistics())
        #expect(a - OriginStatistics() == a)
        var swapped = b
        swapped += a
        #expect(swapped == sum)
        var fromNothing = OriginStatistics()
        fromNothing += a
        #expect(fromNothing == a)
    }

    @Test("the reuse ratio is the share of leases that reused a connection, and nothing before the first lease")
    func reuseRatio() {
        var statistics = OriginStatistics()
        #expect(statistics.reuseRatio == nil)
        statistics.firstLeases = 1
        #expect(statistics.reuseRatio == 0)
        statistics.reused = 3
        #expect(statistics.reuseRatio == 0.75)
    }

    @Test("gauges of several loops add up; paused is any of them, failures in a row are the most")
    func gaugesAddUp() {
        var sample = SampleStatistics(seed: 3)
        var (a, b) = (sample.gauges(), sample.gauges())
        a.isPaused = false
        b.dialFailures = a.dialFailures + 1
        let before = a
        a += b
        #expect(a.connections == before.connections + b.connections)
        #expect(a.waiting == before.waiting + b.waiting && a.active == before.active + b.active)
        #expect(a.tunnels == before.tunnels + b.tunnels)
        #expect(a.unverified == before.unverified + b.unverified)
        #expect(a.certificateExpires == min(before.certificateExpires ?? 0, b.certificateExpires ?? 0))
        #expect(a.isPaused && a.dialFailures == b.dialFailures)
        #expect(b.connections == b.dialing + b.idle + b.parked + b.leased + b.pinned + b.draining + b.closing)
        #expect(a.learnedIdleBound == min(before.learnedIdleBound ?? .zero, b.learnedIdleBound ?? .zero))
    }
}
