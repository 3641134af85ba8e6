/// The bucket bounds of a histogram on the metrics page: powers of two, where its own buckets end. Value.
struct BucketBounds: Sendable {
    struct Bound: Sendable {
        let octave: Int
        /// The label `le` with its closing characters.
        let text: [UInt8]
    }

    let bounds: [Bound]
    /// True: in microseconds, written as seconds. False: whole numbers.
    let isTime: Bool

    /// 256 µs, 1 ms, ... 67 s. Times are rounded down to microseconds, so that values below a bound are at most that
    /// long.
    static let latency = BucketBounds(times: 8...26)
    /// 256 µs, ... 4.2 s: anything longer has mostly met its timeout.
    static let handshake = BucketBounds(times: 8...22)
    /// 64 µs, 256 µs, ... 4.2 s.
    static let roundTrip = BucketBounds(times: 6...22)
    /// 1 s, 4 s, ... 19 h.
    static let age = BucketBounds(times: 20...36)
    /// 4 ms, ... 18 min.
    static let gap = BucketBounds(times: 12...30)
    /// 1, 3, 7, ... 4095: `le` includes its bound, and the histogram's buckets end below the powers.
    static let requests = BucketBounds(
        bounds: [1, 2, 3, 4, 6, 8, 10, 12].map { Bound(octave: $0, text: Array("\((1 << $0) - 1)\"} ".utf8)) },
        isTime: false)

    /// 4 KiB, 32 KiB, ... 8 GiB, less one byte each.
    static let rate = BucketBounds(
        bounds: stride(from: 12, through: 33, by: 3).map {
            Bound(octave: $0, text: Array("\((1 << $0) - 1)\"} ".utf8))
        },
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
