/// How often values of each size occurred: the buckets of a histogram, by their upper bounds. Value.
package struct Tally: Hashable, Sendable, Codable {
    package struct Bucket: Hashable, Sendable, Codable {
        /// In microseconds, or in whatever is counted.
        package var bound: Int64
        package var count: Int

        package init(bound: Int64, count: Int) {
            self.bound = bound
            self.count = count
        }
    }

    /// By their bounds; none is empty.
    package private(set) var buckets: [Bucket]
    package let sum: Double

    package init(_ buckets: [Bucket] = [], sum: Double = 0) {
        self.buckets = buckets.filter { $0.count > 0 }.sorted { $0.bound < $1.bound }
        self.sum = sum
    }

    package var count: Int { buckets.reduce(0) { $0 + $1.count } }

    package var mean: Double { buckets.isEmpty ? 0 : sum / Double(count) }

    /// The upper bound of the bucket that holds this share (0 to 1) of the values; 0 without any.
    package func quantile(_ share: Double) -> Double {
        let wanted = Double(count) * share
        var seen = 0
        for bucket in buckets {
            seen += bucket.count
            if Double(seen) >= wanted { return Double(bucket.bound) }
        }
        return Double(buckets.last?.bound ?? 0)
    }
}
