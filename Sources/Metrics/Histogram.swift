/// Durations in buckets of a quarter octave: recording is a few shifts, a quantile is within 19 %. Value.
package struct Histogram: Sendable {
    private var buckets: [UInt32]
    package private(set) var count: Int = 0
    package private(set) var sum: Int64 = 0

    private static let bucketCount = 4 * 40

    package init() {
        buckets = Array(repeating: 0, count: Self.bucketCount)
    }

    /// `value` in microseconds; what is below 1 counts as 1.
    package mutating func record(microseconds value: Int64) {
        count += 1
        sum &+= value
        buckets[Self.bucket(of: value)] &+= 1
    }

    /// The upper bound, in microseconds, of the bucket that holds this share (0 to 1) of what was recorded.
    package func quantile(_ share: Double) -> Int64 {
        guard count > 0 else { return 0 }
        let wanted = max(1, Int((Double(count) * share).rounded(.up)))
        var seen = 0
        for (index, bucket) in buckets.enumerated() {
            seen += Int(bucket)
            if seen >= wanted { return Self.upperBound(of: index) }
        }
        return Self.upperBound(of: Self.bucketCount - 1)
    }

    package static func += (a: inout Histogram, b: Histogram) {
        a.count += b.count
        a.sum &+= b.sum
        for index in a.buckets.indices { a.buckets[index] &+= b.buckets[index] }
    }

    static func bucket(of value: Int64) -> Int {
        let bits = UInt64(max(value, 1))
        let octave = 63 - bits.leadingZeroBitCount
        let quarter = octave >= 2 ? Int((bits >> UInt64(octave - 2)) & 3) : Int((bits << UInt64(2 - octave)) & 3)
        return min(octave * 4 + quarter, bucketCount - 1)
    }

    static func upperBound(of bucket: Int) -> Int64 {
        let octave = bucket / 4
        let quarter = Int64(bucket % 4)
        return octave >= 2 ? ((5 + quarter) << Int64(octave - 2)) - 1 : max((5 + quarter) >> Int64(2 - octave), 1)
    }
}
