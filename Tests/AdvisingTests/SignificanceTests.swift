import ProxyTypes
import Testing

@testable import Advising

@Suite struct SignificanceTests {
    private func near(_ a: Double, _ b: Double, within: Double = 1e-4) -> Bool { abs(a - b) <= within }

    // The expected probabilities were computed apart, from the textbooks' formulas.

    @Test("small tables are tested exactly, such as Fisher's cups of tea")
    func exact() {
        // 4 of 4 cups rather than 0 of 4: 1 in 70.
        #expect(near(Significance.isLower((0, 4), than: (4, 4)), 1 / 70.0))
        #expect(near(Significance.isLower((1, 4), than: (3, 4)), 17 / 70.0))
        #expect(near(Significance.isLower((1, 100), than: (8, 100)), 0.0174496, within: 1e-6))
    }

    @Test("large tables are tested by the normal approximation with Yates's correction")
    func normal() {
        #expect(near(Significance.isLower((150, 1000), than: (200, 1000)), 0.0019658, within: 1e-5))
        #expect(near(Significance.isLower((200, 1000), than: (200, 1000)), 0.5, within: 0.03))
        #expect(Significance.isLower((200, 1000), than: (150, 1000)) > 0.99)
    }

    @Test("without data nothing is significant")
    func nothing() {
        #expect(Significance.isLower((0, 0), than: (5, 10)) == 1)
        #expect(Significance.isLower((0, 10), than: (0, 0)) == 1)
        #expect(Significance.areLower(Tally(), than: Tally()).probability == 1)
        let one = Tally([.init(bound: 5, count: 10)], sum: 50)
        #expect(Significance.areLower(one, than: one) == (1, 0.5))
    }

    @Test("times are compared by their ranks")
    func ranks() {
        func tally(_ values: [Int64]) -> Tally {
            Tally(
                Dictionary(grouping: values, by: { $0 }).map { Tally.Bucket(bound: $0.key, count: $0.value.count) },
                sum: Double(values.reduce(0, +)))
        }
        // Of the 100 pairs, 85 in order and five ties.
        let found = Significance.areLower(tally(Array(1...10)), than: tally(Array(6...15)))
        #expect(near(found.share, 0.875) && near(found.probability, 0.0025377, within: 1e-6))
        let reversed = Significance.areLower(tally(Array(6...15)), than: tally(Array(1...10)))
        #expect(near(reversed.share, 0.125) && reversed.probability > 0.99)
    }

    @Test("Erlang's C formula, as its tables have it")
    func erlang() {
        #expect(near(Queueing.waitShare(busy: 1, of: 2), 1 / 3.0))
        #expect(near(Queueing.waitShare(busy: 8, of: 10), 0.4092))
        #expect(Queueing.waitShare(busy: 3, of: 2) == 1 && Queueing.waitShare(busy: 0, of: 2) == 0)
    }

    @Test("a value is written as a person would, and never shorter than computed")
    func values() {
        #expect(ValueText.duration(microseconds: 1_000_000) == "1s")
        #expect(ValueText.duration(microseconds: 1_234_567) == "1300ms")
        #expect(ValueText.duration(microseconds: 20) == "1ms")
        #expect(ValueText.duration(microseconds: 61_000_000) == "61s")
        #expect(ValueText.duration(microseconds: 3_600_000_000) == "1h")
        #expect(ValueText.duration(microseconds: 120_000_000) == "2m")
    }
}
