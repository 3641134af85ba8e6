package import ProxyTypes

/// Counts what a pool to one origin would have done had it never closed an idle connection and never made a request wait;
/// `predict` tells from that what it would do under other settings. Value; reads no clock.
///
/// The last connection to become idle is used first, so idle connections are a stack. Those that a shorter time-out
/// keeps are exactly the younger ones of that stack: one histogram of the idle ages at which connections are taken
/// answers for all time-outs, how many lay above a connection at most answers for every `max_idle`, and how many are busy
/// with it for every `max_connections`: a request that raises the busy ones beyond that waits for one of them.
///
/// About 8 kB.
package struct GapSketch: Sendable {
    /// Four buckets to an octave of idle age, from 1 ms to 70 minutes.
    static let buckets = 4 * octaves
    static let octaves = 22
    /// Of how many lay above: 0, 1, 2, 3, 4 to 7, 8 to 15, 16 to 31, 32 and more.
    static let rows = 8
    /// Of how many are busy: 1, 2, 3, 4, then two to an octave, up to 1,024 and more.
    static let levels = 21
    /// The first bucket: 1,024 ticks of 1,024 ns, as each request computes with it.
    static let unit: Int64 = 1024

    // In place, as each request changes some: an array would be asked each time whether it is shared.
    private var counts = InlineArray<704, UInt32>(repeating: 0)
    private var places = InlineArray<88, Places>(repeating: Places())
    /// By octave of the idle age, the last for requests that found no idle connection at all.
    private var busyThen = InlineArray<483, UInt32>(repeating: 0)
    private var stack = IdleStack()
    /// Of other loops.
    private var otherStacks: [IdleStack] = []
    /// Connections in use, and requests that wait for one.
    var busy = 0
    /// Requests seen, and connections that were idle after them.
    package private(set) var requests: Int64 = 0
    private(set) var releases: Int64 = 0
    /// When it began to look, as far as it has not faded.
    private var began: Instant

    /// `idle`: since when connections have been idle, the earliest first.
    package init(idle: [Instant] = [], now: Instant) {
        began = now
        for since in idle { stack.push(since) }
    }

    /// A connection became idle.
    @inline(__always)
    package mutating func released(now: Instant) {
        if busy > 0 { busy &-= 1 }
        releases &+= 1
        stack.push(now)
    }

    /// The request ended its connection with it.
    package mutating func ended() { if busy > 0 { busy -= 1 } }

    /// A request came, and wanted an idle connection.
    @inline(__always)
    package mutating func wanted(now: Instant) {
        requests &+= 1
        busy &+= 1
        let level = Self.level(busy)
        guard let (since, above) = stack.pop() else {
            busyThen[Self.octaves &* Self.levels &+ level] &+= 1
            return
        }
        let gap = max(now.nanoseconds &- since.nanoseconds, 0) >> 10
        let bucket = Self.bucket(gap)
        // Bucket, row and level have bounds of their own.
        counts[unchecked: bucket &* Self.rows &+ Self.row(above)] &+= 1
        places[unchecked: bucket].add(Self.place(of: gap, in: bucket))
        busyThen[unchecked: (bucket &>> 2) &* Self.levels &+ level] &+= 1
    }

    /// Halves the weight of what was seen so far.
    package mutating func fade(now: Instant) {
        for bucket in places.indices {
            let before = number(in: bucket)
            guard before > 0 else { continue }
            for row in 0..<Self.rows { counts[bucket * Self.rows + row] >>= 1 }
            // Of those that are left: each odd count has lost more than half.
            places[bucket].scale(by: Double(number(in: bucket)) / Double(before))
        }
        for index in busyThen.indices { busyThen[index] >>= 1 }
        requests >>= 1
        releases >>= 1
        began = began + Interval(nanoseconds: (now - began).nanoseconds / 2)
    }

    private func number(in bucket: Int) -> UInt64 {
        var sum: UInt64 = 0
        for row in 0..<Self.rows { sum += UInt64(counts[bucket * Self.rows + row]) }
        return sum
    }

    /// Adds what another loop saw of the same origin in the same time.
    package mutating func merge(_ other: GapSketch) {
        Self.add(other.counts, to: &counts)
        Self.add(other.busyThen, to: &busyThen)
        for index in places.indices { places[index].merge(other.places[index]) }
        otherStacks += [other.stack] + other.otherStacks
        requests += other.requests
        releases += other.releases
        busy += other.busy
        began = min(began, other.began)
    }

    private static func add<let size: Int>(
        _ other: InlineArray<size, UInt32>, to counts: inout InlineArray<size, UInt32>
    ) {
        for index in counts.indices { counts[index] = UInt32(clamping: UInt64(counts[index]) + UInt64(other[index])) }
    }

    var endingShare: Double { max(1 - Double(releases) / Double(max(requests, 1)), 0) }

    package func observed(now: Instant) -> Interval { now - began }

    @inline(__always)
    static func bucket(_ gap: Int64) -> Int {
        let units = gap >> 10
        guard units > 0 else { return 0 }
        let octave = Int64.bitWidth &- 1 &- units.leadingZeroBitCount
        let quarter = (gap &>> Int64(octave &+ 8)) & 3
        return min(octave &* 4 &+ Int(quarter), buckets - 1)
    }

    /// How long those that are idle now have been, as in `IdleStack`.
    func idle(now: Instant, atMost longest: Interval, maxIdle: Int) -> Interval {
        var time = stack.idle(now: now, atMost: longest, maxIdle: maxIdle)
        for other in otherStacks { time = time + other.idle(now: now, atMost: longest, maxIdle: maxIdle) }
        return time
    }

    /// Where in the bucket an age is, from 0 to 255.
    @inline(__always)
    private static func place(of gap: Int64, in bucket: Int) -> Int64 {
        // A quarter of its octave is 256 places wide; the first bucket is taken as a whole octave.
        (gap &>> Int64(bucket >> 2)) & 255
    }

    /// The ages of a bucket, in ticks.
    static func edges(_ bucket: Int) -> (low: Double, high: Double) {
        let quarter = Double(unit << Int64(bucket / 4)) / 4
        let low = quarter * Double(4 + bucket % 4)
        return (bucket == 0 ? 0 : low, low + quarter)
    }

    @inline(__always)
    private static func row(_ above: UInt8) -> Int {
        above < 4 ? Int(above) : min(UInt8.bitWidth &- above.leadingZeroBitCount &+ 1, rows - 1)
    }

    /// How much of a row `maxIdle` connections keep, as if the depths in it were equally frequent.
    private static func share(ofRow row: Int, maxIdle: Int) -> Double {
        guard row > 3 else { return maxIdle > row ? 1 : 0 }
        let low = 1 << (row - 2)
        return min(max(Double(maxIdle - low) / Double(low), 0), 1)
    }

    @inline(__always)
    static func level(_ busy: Int) -> Int {
        let below = max(busy, 1) &- 1
        guard below > 3 else { return below }
        let octave = Int.bitWidth &- 1 &- below.leadingZeroBitCount
        return min(2 &* octave &+ (below &>> (octave &- 1)) & 1, levels - 1)
    }

    /// How much of a level is reached with at most `maxConnections` busy, as if all in it were equally frequent.
    static func share(ofLevel level: Int, maxConnections: Int) -> Double {
        guard level > 3 else { return maxConnections > level ? 1 : 0 }
        let width = 1 << (level / 2 - 1)
        let low = (level & 1 == 0 ? 2 : 3) * width
        if level == levels - 1 { return maxConnections > low ? 1 : 0 }
        return min(max(Double(maxConnections - low) / Double(width), 0), 1)
    }

    /// Of the requests of an octave of idle age: the share that finds fewer than `maxConnections` busy.
    private func share(ofOctave octave: Int, maxConnections: Int) -> Double {
        let (within, all) = number(inOctave: octave, maxConnections: maxConnections)
        return all > 0 ? within / all : 1
    }

    private func number(inOctave octave: Int, maxConnections: Int) -> (within: Double, all: Double) {
        var (within, all) = (0.0, 0.0)
        for level in 0..<Self.levels {
            let number = Double(busyThen[octave * Self.levels + level])
            within += number * Self.share(ofLevel: level, maxConnections: maxConnections)
            all += number
        }
        return (within, all)
    }

    /// Requests that would find fewer than `maxConnections` busy if none waited.
    func requests(maxConnections: Int) -> Double {
        guard maxConnections < .max else { return Double(requests) }
        var count = 0.0
        for octave in 0...Self.octaves { count += number(inOctave: octave, maxConnections: maxConnections).within }
        return count
    }

    /// Of the ages in one bucket: what makes their mean and variance.
    private struct Places: BitwiseCopyable, Sendable {
        private var sum: Int64 = 0
        private var squares: Int64 = 0

        @inline(__always)
        mutating func add(_ place: Int64) {
            sum &+= place
            squares &+= place &* place
        }

        /// `share`: at most 1.
        mutating func scale(by share: Double) {
            sum = Int64(Double(sum) * share)
            squares = Int64(Double(squares) * share)
        }

        mutating func merge(_ other: Places) {
            sum += other.sum
            squares += other.squares
        }

        /// As parts of the bucket's width.
        func spread(of count: Double) -> AgeSpread {
            let mean = (Double(sum) / count + 0.5) / 256
            let variance = max(Double(squares) / count - (Double(sum) / count) * (Double(sum) / count), 0) / 65_536
            return AgeSpread(mean: mean, deviation: variance.squareRoot())
        }
    }

    /// In a bucket: how many would be taken, and of how many its places are.
    private func content(_ bucket: Int, maxIdle: Int, maxConnections: Int) -> (count: Double, all: Double) {
        var (count, all) = (0.0, 0.0)
        for row in 0..<Self.rows {
            let number = Double(counts[bucket * Self.rows + row])
            count += number * Self.share(ofRow: row, maxIdle: maxIdle)
            all += number
        }
        guard maxConnections < .max, all > 0 else { return (count, all) }
        // No more lie above a connection than are busy when it is taken.
        let within = share(ofOctave: bucket / 4, maxConnections: maxConnections)
        guard within < 1 else { return (count, all) }
        let shallow = share(ofOctave: bucket / 4, maxConnections: min(maxConnections, maxIdle))
        return (max(count * within, all * shallow), all)
    }

    /// Connections taken at ages below a given one. Ages in ticks.
    struct Taken {
        var count = 0.0
        /// The sum of their ages.
        var total = 0.0
    }

    func below(_ age: Double, maxIdle: Int = .max, maxConnections: Int = .max) -> Taken {
        var taken = Taken()
        for bucket in 0..<Self.buckets {
            let (low, high) = Self.edges(bucket)
            if age <= low { break }
            let (count, all) = content(bucket, maxIdle: maxIdle, maxConnections: maxConnections)
            guard all > 0 else { continue }
            let spread = places[bucket].spread(of: all)
            let (part, mean) = spread.below(min((age - low) / (high - low), 1))
            taken.count += count * part
            taken.total += count * part * (low + mean * (high - low))
        }
        return taken
    }
}
