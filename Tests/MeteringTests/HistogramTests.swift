import Metering
import ProxyTypes
import Testing

@Suite("Histogram")
struct HistogramTests {
    private static func recording(_ values: [Int64]) -> Histogram {
        var histogram = Histogram()
        for value in values { histogram.record(microseconds: value) }
        return histogram
    }

    /// Of one to a dozen values of any size, small ones and large ones as likely.
    private static func values(_ random: inout SeededRandom) -> [Int64] {
        (0...random.below(12)).map { _ in Int64(random.next() >> UInt64(24 + random.below(40))) }
    }

    @Test("a quantile is never below the value that it stands for, and at most a quarter above")
    func quantileIsNear() {
        for value in [1, 2, 3, 4, 5, 7, 8, 100, 1_000, 12_345, 1_000_000, 60_000_000] as [Int64] {
            let read = Self.recording([value]).quantile(0.5)
            #expect(read >= value)
            #expect(read <= value + value / 4 + 1)
        }
    }

    @Test("quantiles order what was recorded")
    func quantilesAreOrdered() {
        let histogram = Self.recording((1...1000).map { Int64($0) })
        #expect(histogram.count == 1000)
        #expect(histogram.sum == 500_500)
        #expect(histogram.mean == 500.5)
        #expect((500...640).contains(histogram.quantile(0.5)))
        #expect((990...1280).contains(histogram.quantile(0.99)))
        #expect(histogram.quantile(0) == 1)
    }

    @Test("its cells are the buckets that hold something, by the bounds that quantiles tell")
    func cells() {
        let cells = Self.recording([5, 1000, 1000, 7_000_000]).cells
        #expect(cells.map(\.count) == [1, 2, 1])
        #expect(cells.map(\.bound) == [0.25, 0.75, 1].map { Self.recording([5, 1000, 1000, 7_000_000]).quantile($0) })
        #expect(Histogram().cells.isEmpty)
    }

    @Test("an empty one says 0, and what is far beyond the range is still counted")
    func extremes() {
        #expect(Histogram().quantile(0.99) == 0 && Histogram().mean == 0 && Histogram().isEmpty)
        let histogram = Self.recording([.max, -5])
        #expect(histogram.count == 2)
        #expect(histogram.quantile(1) >= 1 << 39)
    }

    @Test("what is below 1 counts, and never makes the sum fall")
    func negativeValues() {
        let histogram = Self.recording([10, -5, 0, .min])
        #expect(histogram.count == 4 && histogram.sum == 10)
        #expect(histogram.count(belowOctave: 1) == 3)
    }

    @Test("what lies below a power of two is told exactly", arguments: 1...20)
    func countsBelowOctaves(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let values = Self.values(&random) + [255, 256, 257]
        let histogram = Self.recording(values)
        for octave in 1..<40 {
            #expect(
                histogram.count(belowOctave: octave) == values.count { $0 < Int64(1) << Int64(octave) }, "\(octave)")
        }
    }

    @Test("sums count as one that saw both, differences as one that saw the rest", arguments: 1...50)
    func sumsAndDifferences(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let (first, second) = (Self.values(&random), Self.values(&random))
        let (a, b, both) = (Self.recording(first), Self.recording(second), Self.recording(first + second))
        var sum = a
        sum += b
        #expect(sum == both && both == sum)
        #expect(sum.hashValue == both.hashValue)
        for share in [0.1, 0.5, 0.9, 1] { #expect(sum.quantile(share) == both.quantile(share)) }
        #expect(sum - b == a && sum - a == b)
        #expect(sum - sum == Histogram() && Histogram() == sum - sum)
        #expect(sum - Histogram() == sum)
    }

    @Test("two that saw the same number and sum differ by where it lay")
    func equalityIsByBucket() {
        #expect(Self.recording([1, 1_000_003]) != Self.recording([500_002, 500_002]))
        #expect(Self.recording([64, 64]) == Self.recording([64, 64]))
    }

    @Test("it takes no room for what it has not seen")
    func storageIsLazy() {
        func buckets(_ histogram: Histogram) -> Int {
            Mirror(reflecting: histogram).children.compactMap { ($0.value as? [UInt64])?.count }.reduce(0, +)
        }
        #expect(buckets(Histogram()) == 0)
        #expect(buckets(Self.recording([1_000_000])) == 8)
        #expect(buckets(Self.recording([1_000_000, 1_000, 4_000_000])) < 64)
    }

    @Test("a bucket counts on beyond 32 bits")
    func bucketsAreWide() {
        var histogram = Self.recording([700])
        for _ in 0..<40 { histogram += histogram }
        #expect(histogram.count == 1 << 40)
        #expect(histogram.count(belowOctave: 10) == 1 << 40 && histogram.count(belowOctave: 9) == 0)
        #expect(Histogram(encoded: histogram.encoded) == histogram)
    }
}

@Suite("Histogram as bytes")
struct HistogramEncodingTests {
    @Test("bytes lead back to what they were made of", arguments: 1...50)
    func roundTrip(seed: UInt64) throws {
        var sample = SampleStatistics(seed: seed)
        let histogram = sample.histogram()
        let read = try #require(Histogram(encoded: histogram.encoded))
        #expect(read == histogram)
        #expect(read.encoded == histogram.encoded)
        #expect(read.count(belowOctave: 20) == histogram.count(belowOctave: 20))
    }

    @Test("an empty one is no bytes, also when it has come back to nothing")
    func emptyIsNothing() {
        var histogram = Histogram()
        #expect(histogram.encoded == [])
        #expect(Histogram(encoded: []) == histogram)
        histogram.record(microseconds: 5)
        #expect((histogram - histogram).encoded == [])
    }

    @Test(
        "bytes that it does not make are refused",
        arguments: [
            [0x05],  // a sum of nothing
            [0x05, 0x01],  // a bucket without its number
            [0x05, 0x01, 0x80],  // cut off
            [0x05, 0x01, 0x00],  // a bucket with nothing in it
            [0x05, 0x01, 0x01, 0x00, 0x01],  // the same bucket again
            [0x05, 0xA0, 0x01, 0x01],  // the 161st bucket
            [0x05, 0x9F, 0x01, 0x01, 0x01, 0x01],  // beyond the last one
            [0x85, 0x00, 0x01, 0x01],  // longer than need be
            [0x05, 0x01] + [UInt8](repeating: 0xFF, count: 9) + [0x01],  // more than an Int holds
            [0x05, 0x01] + [UInt8](repeating: 0xFF, count: 9) + [0x02],  // over 64 bits
            [UInt8](repeating: 0x80, count: 11) + [0x01],
            // Two that overflow together.
            [0x05, 0x01] + [UInt8](repeating: 0xFF, count: 8) + [0x7F, 0x01] + [UInt8](repeating: 0xFF, count: 8) + [
                0x7F
            ],
        ] as [[UInt8]])
    func hostileBytes(bytes: [UInt8]) {
        #expect(Histogram(encoded: bytes) == nil)
    }

    @Test("any bytes are refused or lead back to themselves, and what they make can be added to")
    func randomBytes() {
        var random = SeededRandom(seed: 11)
        var taken = 0
        var sum = Histogram()
        for _ in 0..<20_000 {
            let bytes = (0..<random.below(12)).map { _ in
                UInt8(truncatingIfNeeded: random.next() >> UInt64(random.below(8)))
            }
            guard let histogram = Histogram(encoded: bytes) else { continue }
            #expect(histogram.encoded == bytes)
            taken += 1
            sum += histogram
            sum += sum - histogram
            _ = sum.quantile(0.5)
        }
        #expect(taken > 100)
    }

    @Test("every cut and every changed byte of a good one is refused or read, never a trap")
    func damagedBytes() {
        var sample = SampleStatistics(seed: 4)
        let bytes = sample.histogram().encoded
        for length in bytes.indices { _ = Histogram(encoded: bytes[..<length]) }
        for index in bytes.indices {
            for bit in 0..<8 {
                var damaged = bytes
                damaged[index] ^= 1 << UInt8(bit)
                if let read = Histogram(encoded: damaged) { #expect(read.encoded == damaged) }
            }
        }
    }
}
