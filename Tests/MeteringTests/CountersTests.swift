import Metering
import ProxyTypes
import Testing

@Suite("Counters")
struct CountersTests {
    typealias Reasons = Counters<CloseReason>

    @Test("nothing is stored before the first count, not even by writing 0")
    func storageIsLazy() {
        var counters = Reasons()
        counters[.killed] = 0
        counters += Reasons()
        #expect(counters.isZero && counters.total == 0 && counters.nonZero.isEmpty)
        #expect(Mirror(reflecting: counters).children.allSatisfy { ($0.value as? [Int])?.isEmpty == true })
    }

    @Test("each label has its own count")
    func labelsAreSeparate() {
        for label in RequestClass.allCases {
            var counters = Counters<RequestClass>()
            counters[label] += 3
            #expect(counters.total == 3 && !counters.isZero)
            #expect(RequestClass.allCases.allSatisfy { counters[$0] == ($0 == label ? 3 : 0) })
            #expect(counters.nonZero.map(\.label) == [label])
        }
    }

    @Test("what was counted is told in the order of the labels, whatever came first")
    func orderIsFixed() {
        var counters = Reasons()
        counters[.shutdown] += 1
        counters[.idleTimeout] += 2
        counters[.killed] += 3
        #expect(counters.nonZero.map(\.label) == [.idleTimeout, .killed, .shutdown])
        #expect(counters.nonZero.map(\.count) == [2, 3, 1])
    }

    @Test("sums and differences are taken label by label, also with one that never counted")
    func sumsAndDifferences() {
        var sample = SampleStatistics(seed: 7)
        let (a, b): (Reasons, Reasons) = (sample.counters(), sample.counters())
        var sum = a
        sum += b
        #expect(CloseReason.allCases.allSatisfy { sum[$0] == a[$0] + b[$0] })
        #expect(sum - b == a)
        #expect(sum - Reasons() == sum)
        var fromNothing = Reasons()
        fromNothing += a
        #expect(fromNothing == a)
        #expect(CloseReason.allCases.allSatisfy { (Reasons() - a)[$0] == -a[$0] })
    }

    @Test("one that has come back to 0 equals one that never counted")
    func equalityIsByCount() {
        var counters = Reasons()
        counters[.killed] += 1
        #expect(counters != Reasons())
        let back = counters - counters
        #expect(back == Reasons() && Reasons() == back)
        #expect(back.hashValue == Reasons().hashValue)
        var other = Reasons()
        other[.drained] += 1
        #expect(counters != other)
    }

    @Test("names in a report are unique, and each stands for its count")
    func reportNamesAreUnique() {
        var metrics = ProxyMetrics()
        metrics.upstreamClosed[.idleTimeout] += 2
        metrics.upstreamClosed[.maxRequests] += 1
        metrics.errors[.dnsError] += 1
        let rows = metrics.nonZero
        #expect(rows.map(\.value).reduce(0, +) == 4)
        #expect(rows.contains { $0.name == "upstream_closed.idle_timeout" && $0.value == 2 })
        var sample = SampleStatistics(seed: 1)
        let names = sample.proxy().nonZero.map(\.name)
        #expect(Set(names).count == names.count && names.count > 80)
    }
}
