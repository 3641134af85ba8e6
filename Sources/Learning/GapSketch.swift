package import ProxyTypes

/// Counts what a pool to one origin would have done had it never closed an idle connection; `predict` tells from that
/// what it would do under other settings. Value; reads no clock.
///
/// The last connection to become idle is used first, so idle connections are a stack. Those that a shorter time-out
/// keeps are exactly the younger ones of that stack: one histogram of the idle ages at which connections are taken
/// answers for all time-outs, and how many lay above a connection at most answers for every `max_idle`.
///
/// About 4 kB, allocated once.
package struct GapSketch: Sendable {
    /// Four buckets to an octave of idle age, from 1 ms to 70 minutes.
    static let buckets = 4 * 22
    /// Of how many lay above: 0, 1, 2, 3, 4 to 7, 8 to 15, 16 to 31, 32 to 63.
    static let rows = 8
    /// Only the latest so many connections are looked at.
    static let depth = 64

    private var counts = [UInt32](repeating: 0, count: buckets * rows)
    /// Of the ages in each bucket, in microseconds.
    private var sums = [Int64](repeating: 0, count: buckets)
    private var stack = IdleStack(capacity: depth)
    /// Requests seen.
    package private(set) var requests: Int64 = 0
    /// When it began to look, as far as it has not faded.
    private var began: Instant

    package init(now: Instant) {
        began = now
    }

    /// A connection became idle.
    package mutating func released(now: Instant) { stack.push(now) }

    /// A request came, and wanted an idle connection.
    package mutating func wanted(now: Instant) {
        if requests >= 1 << 30 { fade(now: now) }
        requests += 1
        guard let (since, above) = stack.pop() else { return }
        let gap = max((now - since).microseconds, 0)
        let bucket = Self.bucket(gap)
        counts[bucket * Self.rows + Self.row(above)] += 1
        sums[bucket] += gap
    }

    /// Halves the weight of what was seen so far.
    package mutating func fade(now: Instant) {
        for index in counts.indices { counts[index] >>= 1 }
        for index in sums.indices { sums[index] >>= 1 }
        requests >>= 1
        began = began + Interval(nanoseconds: (now - began).nanoseconds / 2)
    }

    /// Adds what another loop saw of the same origin in the same time.
    package mutating func merge(_ other: GapSketch) {
        for index in counts.indices {
            counts[index] = UInt32(clamping: UInt64(counts[index]) + UInt64(other.counts[index]))
        }
        for index in sums.indices { sums[index] += other.sums[index] }
        requests += other.requests
        began = min(began, other.began)
    }

    package func observed(now: Instant) -> Interval { now - began }

    static func bucket(_ gap: Microseconds) -> Int {
        let milliseconds = gap / LearningRules.millisecond
        guard milliseconds > 0 else { return 0 }
        let octave = Int64.bitWidth - 1 - milliseconds.leadingZeroBitCount
        let floor = LearningRules.millisecond << Int64(octave)
        return min(octave * 4 + Int((gap - floor) * 4 / floor), buckets - 1)
    }

    /// The ages of a bucket, in microseconds.
    static func edges(_ bucket: Int) -> (low: Double, high: Double) {
        let quarter = Double(LearningRules.millisecond << Int64(bucket / 4)) / 4
        let low = quarter * Double(4 + bucket % 4)
        return (bucket == 0 ? 0 : low, low + quarter)
    }

    private static func row(_ above: UInt8) -> Int {
        above < 4 ? Int(above) : min(UInt8.bitWidth - above.leadingZeroBitCount + 1, rows - 1)
    }

    /// How much of a row `maxIdle` connections keep, as if the depths in it were equally frequent.
    private static func share(ofRow row: Int, maxIdle: Int) -> Double {
        guard row > 3 else { return maxIdle > row ? 1 : 0 }
        let low = 1 << (row - 2)
        return min(max(Double(maxIdle - low) / Double(low), 0), 1)
    }

    /// In a bucket: how many would be taken under `maxIdle`, and the mean age of all.
    private func content(_ bucket: Int, maxIdle: Int) -> (count: Double, mean: Double) {
        var (count, all) = (0.0, 0.0)
        for row in 0..<Self.rows {
            let number = Double(counts[bucket * Self.rows + row])
            count += number * Self.share(ofRow: row, maxIdle: maxIdle)
            all += number
        }
        return (count, all > 0 ? Double(sums[bucket]) / all : 0)
    }

    /// Connections taken at ages below `age`, and the sum of those ages, both in microseconds.
    func below(_ age: Double, maxIdle: Int = .max) -> (count: Double, total: Double) {
        var (count, total) = (0.0, 0.0)
        for bucket in 0..<Self.buckets {
            let (low, high) = Self.edges(bucket)
            if age <= low { break }
            let (number, mean) = content(bucket, maxIdle: maxIdle)
            guard number > 0 else { continue }
            if age >= high {
                count += number
                total += number * mean
            } else {
                let part = Self.part(below: age, low: low, high: high, mean: mean)
                count += number * part
                total += number * part * min((low + age) / 2, mean)
            }
        }
        return (count, total)
    }

    /// Which part of a bucket with this mean is below `age`.
    private static func part(below age: Double, low: Double, high: Double, mean: Double) -> Double {
        let width = high - low
        let slope = 6 * (mean - (low + high) / 2) / width
        if abs(slope) <= 1 {
            // A density that rises or falls evenly and has this mean.
            let place = (age - low) / width
            return place + slope * (place * place - place)
        }
        // Crowded: evenly about the mean.
        let half = max(min(mean - low, high - mean), 1)
        return min(max((age - mean + half) / (2 * half), 0), 1)
    }
}

/// The idle connections of a pool that closes none: since when each is idle, and how many lay above it at most. Value.
private struct IdleStack {
    private var since: [Instant]
    private var above: [UInt8]
    /// One behind the top of a ring; the oldest is overwritten.
    private var top = 0
    private var count = 0

    init(capacity: Int) {
        since = Array(repeating: .zero, count: capacity)
        above = Array(repeating: 0, count: capacity)
    }

    mutating func push(_ now: Instant) {
        since[top] = now
        above[top] = 0
        top = top + 1 == since.count ? 0 : top + 1
        count = min(count + 1, since.count)
    }

    mutating func pop() -> (since: Instant, above: UInt8)? {
        guard count > 0 else { return nil }
        top = (top == 0 ? since.count : top) - 1
        count -= 1
        if count > 0 {
            let next = (top == 0 ? since.count : top) - 1
            above[next] = max(above[next], above[top] < .max ? above[top] + 1 : .max)
        }
        return (since[top], above[top])
    }
}
