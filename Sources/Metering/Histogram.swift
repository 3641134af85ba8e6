/// Values in buckets of a quarter octave: recording is a few shifts, a quantile is at most a quarter above. Value; its
/// storage spans from the smallest recorded value to the largest.
package struct Histogram: Hashable, Sendable {
    /// Counts of the buckets from number `base` on.
    private var buckets: [UInt64] = []
    private var base = 0
    package private(set) var count = 0
    package private(set) var sum: Int64 = 0

    static let bucketCount = 4 * 40
    /// Storage grows by this much: two octaves.
    private static let growth = 8

    package init() {}

    /// In microseconds, or in whatever the histogram counts; what is below 1 counts as 1.
    @inline(__always)
    package mutating func record(microseconds value: Int64) {
        count += 1
        sum &+= max(value, 0)
        add(1, to: Self.bucket(of: value))
    }

    @inline(__always)
    private mutating func add(_ number: UInt64, to bucket: Int) {
        // One comparison for both ends: what is below `base` is huge as unsigned.
        if UInt(bitPattern: bucket &- base) >= UInt(bitPattern: buckets.count) { grow(toHold: bucket) }
        buckets[bucket &- base] &+= number
    }

    private mutating func grow(toHold bucket: Int) {
        let block = bucket / Self.growth * Self.growth
        if buckets.isEmpty { base = block }
        if block < base {
            buckets.insert(contentsOf: repeatElement(0, count: base - block), at: 0)
            base = block
        }
        let wanted = block + Self.growth - base
        if wanted > buckets.count { buckets.append(contentsOf: repeatElement(0, count: wanted - buckets.count)) }
    }

    @inline(__always)
    private mutating func merge(_ other: Histogram, _ combine: (inout UInt64, UInt64) -> Void) {
        guard let last = other.buckets.indices.last else { return }
        if other.base < base || buckets.isEmpty { grow(toHold: other.base) }
        if other.base + last >= base + buckets.count { grow(toHold: other.base + last) }
        let shift = other.base - base
        var span = buckets.mutableSpan
        for index in other.buckets.indices { combine(&span[index + shift], other.buckets[index]) }
    }

    private func number(in bucket: Int) -> UInt64 {
        let index = bucket - base
        return buckets.indices.contains(index) ? buckets[index] : 0
    }

    package var isEmpty: Bool { count == 0 }
    /// 0 where nothing was recorded.
    package var mean: Double { count == 0 ? 0 : Double(sum) / Double(count) }

    /// The upper bound, in microseconds, of the bucket that holds this share (0 to 1) of what was recorded.
    package func quantile(_ share: Double) -> Int64 {
        guard count > 0 else { return 0 }
        let wanted = max(1, Int(exactly: (Double(count) * share).rounded(.up)) ?? count)
        var seen = 0
        for (index, bucket) in buckets.enumerated() {
            seen &+= Int(truncatingIfNeeded: bucket)
            if seen >= wanted { return Self.upperBound(of: base + index) }
        }
        return Self.upperBound(of: Self.bucketCount - 1)
    }

    /// The buckets that hold something, by their upper bounds.
    package var cells: [(bound: Int64, count: Int)] {
        buckets.enumerated().compactMap { index, number in
            number == 0 ? nil : (Self.upperBound(of: base + index), Int(truncatingIfNeeded: number))
        }
    }

    /// How many values were below 2 to the power of `octave`: a multiple of 4 buckets.
    package func count(belowOctave octave: Int) -> Int {
        buckets.prefix(max(octave * 4 - base, 0)).reduce(0) { $0 &+ Int(truncatingIfNeeded: $1) }
    }

    package static func += (a: inout Histogram, b: Histogram) {
        guard b.count > 0 else { return }
        guard a.count > 0 else { return a = b }
        a.count &+= b.count
        a.sum &+= b.sum
        a.merge(b) { $0 &+= $1 }
    }

    /// What was recorded since `b`.
    package static func - (a: Histogram, b: Histogram) -> Histogram {
        guard b.count > 0 else { return a }
        var difference = a
        difference.count &-= b.count
        difference.sum &-= b.sum
        difference.merge(b) { $0 &-= $1 }
        return difference
    }

    /// Compares what was recorded, not the size of the storage.
    package static func == (a: Histogram, b: Histogram) -> Bool {
        guard a.count == b.count, a.sum == b.sum else { return false }
        let first = min(a.base, b.base)
        let end = max(a.base + a.buckets.count, b.base + b.buckets.count)
        return (first..<end).allSatisfy { a.number(in: $0) == b.number(in: $0) }
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(count)
        hasher.combine(sum)
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

/// As bytes: the sum, then each bucket that holds something as (distance to the one before, count), all LEB128.
extension Histogram {
    package var encoded: [UInt8] {
        guard count > 0 else { return [] }
        var out: [UInt8] = []
        Self.append(UInt64(bitPattern: sum), to: &out)
        var last = 0
        for (index, number) in buckets.enumerated() where number > 0 {
            Self.append(UInt64(base + index - last), to: &out)
            Self.append(number, to: &out)
            last = base + index
        }
        return out
    }

    /// Nil where the bytes are not what `encoded` makes.
    package init?(encoded bytes: some Sequence<UInt8>) {
        self.init()
        guard let numbers = Self.numbers(in: bytes) else { return nil }
        guard let first = numbers.first else { return }
        guard numbers.count > 1, numbers.count % 2 == 1 else { return nil }
        var bucket = 0
        for pair in stride(from: 1, to: numbers.count, by: 2) {
            let (distance, number) = (numbers[pair], numbers[pair + 1])
            guard distance < UInt64(Self.bucketCount), distance > 0 || pair == 1, number > 0,
                let more = Int(exactly: number)
            else { return nil }
            bucket += Int(distance)
            let (total, overflow) = count.addingReportingOverflow(more)
            guard bucket < Self.bucketCount, !overflow else { return nil }
            count = total
            add(number, to: bucket)
        }
        sum = Int64(bitPattern: first)
    }

    /// Nil where one is cut off, longer than it need be or over 64 bits.
    private static func numbers(in bytes: some Sequence<UInt8>) -> [UInt64]? {
        var numbers: [UInt64] = []
        var value: UInt64 = 0
        var shift: UInt64 = 0
        for byte in bytes {
            let bits = UInt64(byte & 0x7F)
            guard shift < 63 || bits <= 1, shift == 0 || byte != 0, shift < 64 else { return nil }
            value |= bits << shift
            shift += 7
            guard byte & 0x80 == 0 else { continue }
            numbers.append(value)
            guard numbers.count <= 1 + 2 * bucketCount else { return nil }
            value = 0
            shift = 0
        }
        return shift == 0 ? numbers : nil
    }

    private static func append(_ value: UInt64, to out: inout [UInt8]) {
        var rest = value
        while rest >= 0x80 {
            out.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        out.append(UInt8(rest))
    }
}
