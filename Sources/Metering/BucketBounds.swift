/// Where a page cuts a histogram: at powers of two, which is where its own buckets end. Value.
struct BucketBounds: Sendable {
    struct Bound: Sendable {
        let octave: Int
        /// Of the label `le`, with what closes it.
        let text: [UInt8]
    }

    let bounds: [Bound]
    /// Microseconds, written as seconds; else whole numbers.
    let isTime: Bool

    /// 256 µs, 1 ms, ... 67 s. Times are rounded down to microseconds, so what is below a bound is at most that long.
    static let latency = BucketBounds(times: 8...26)
    /// 256 µs, ... 4.2 s: what lasts longer has most often met its time-out.
    static let handshake = BucketBounds(times: 8...22)
    /// 1 s, 4 s, ... 19 h.
    static let age = BucketBounds(times: 20...36)
    /// 4 ms, ... 18 min.
    static let gap = BucketBounds(times: 12...30)
    /// 1, 3, 7, ... 4095: `le` includes its bound, and the histogram's buckets end below the powers.
    static let requests = BucketBounds(
        bounds: [1, 2, 3, 4, 6, 8, 10, 12].map { Bound(octave: $0, text: Array("\((1 << $0) - 1)\"} ".utf8)) },
        isTime: false)

    private init(bounds: [Bound], isTime: Bool) {
        self.bounds = bounds
        self.isTime = isTime
    }

    private init(times octaves: ClosedRange<Int>) {
        bounds = stride(from: octaves.lowerBound, through: octaves.upperBound, by: 2).map { octave in
            let (seconds, fraction) = (1 << octave).quotientAndRemainder(dividingBy: 1_000_000)
            var digits = String(1_000_000 + fraction).dropFirst()
            while digits.last == "0" { digits.removeLast() }
            return Bound(octave: octave, text: Array("\(seconds)\(digits.isEmpty ? "" : ".")\(digits)\"} ".utf8))
        }
        isTime = true
    }
}
