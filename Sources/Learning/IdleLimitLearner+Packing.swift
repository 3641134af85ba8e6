/// How it is kept: little-endian, at most 268 bytes.
extension IdleLimitLearner {
    private static let version: UInt8 = 1
    private static let headBytes = 45
    private static let limitBytes = 29
    private static let strayBytes = 9
    /// Milliseconds: of strays and the request cap, times are kept as a number of these, modulo 2^16.
    private static let coarse: Int64 = 256_000

    /// Times in seconds. The path's delays and a running burst are not kept.
    package var packed: [UInt8] {
        let (millisecond, second) = (LearningRules.millisecond, LearningRules.second)
        var out = PackedBytes()
        out.add(Self.version)
        out.add(UInt8((countsFromRequest ? 1 : 0) | (previousServer != 0 ? 2 : 0)))
        out.add(UInt16(clamping: restarts))
        out.add(UInt32(clamping: closes))
        out.add(server)
        out.add(previousServer)
        out.add(UInt32(clamping: path.alive / millisecond))
        out.add(UInt32(clamping: path.dead / millisecond))
        out.add(path.seen)
        out.add(path.refuted)
        out.add(fullHolds)
        out.add(cap.seen)
        out.add(UInt16(clamping: cap.requests))
        out.add(UInt8(limits.count))
        out.add(UInt8(strays.count))
        out.add(UInt16(clamping: hint / second))
        out.add(Self.coarse(cap.at))
        out.add(UInt32(clamping: doubtedAt / 1000))
        out.add(UInt32(clamping: hazard.idle / second))
        out.add(UInt8(clamping: hazard.closes))
        for index in limits.indices { Self.add(limits[index], to: &out) }
        for index in strays.indices {
            out.add(UInt32(clamping: strays[index].age))
            out.add(Self.coarse(strays[index].at))
            out.add(UInt16(clamping: strays[index].lag / millisecond))
            out.add(strays[index].passed)
        }
        for rung in 0..<SurvivalLadder.rungs { out.add(ladder[rung]) }
        return out.bytes
    }

    /// Nil where the bytes are of another version, or are none that were packed.
    package init?(packed: [UInt8], now: Int64) {
        var input = PackedBytes.Reader(packed)
        guard packed.count >= Self.headBytes, input.next(UInt8.self) == Self.version else { return nil }
        let (millisecond, second) = (LearningRules.millisecond, LearningRules.second)
        countsFromRequest = input.next(UInt8.self) & 1 != 0
        restarts = Int(input.next(UInt16.self))
        closes = Int64(input.next(UInt32.self))
        server = input.next(UInt32.self)
        previousServer = input.next(UInt32.self)
        path.alive = Int64(input.next(UInt32.self)) * millisecond
        path.dead = Int64(input.next(UInt32.self)) * millisecond
        path.seen = input.next(UInt8.self)
        path.refuted = min(input.next(UInt8.self), 1)
        fullHolds = input.next(UInt8.self)
        cap.seen = input.next(UInt8.self)
        cap.requests = Int64(input.next(UInt16.self))
        let limitCount = Int(input.next(UInt8.self))
        let strayCount = Int(input.next(UInt8.self))
        hint = Int64(input.next(UInt16.self)) * second
        cap.at = Self.time(input.next(UInt16.self), before: now)
        doubtedAt = Int64(input.next(UInt32.self)) * 1000
        hazard.idle = Int64(input.next(UInt32.self)) * second
        hazard.closes = Int64(input.next(UInt8.self))
        let tail = limitCount * Self.limitBytes + strayCount * Self.strayBytes + SurvivalLadder.rungs
        guard limitCount <= LearningRules.limits, strayCount <= LearningRules.strays,
            packed.count == Self.headBytes + tail
        else { return nil }
        for _ in 0..<limitCount {
            guard let limit = Self.limit(&input) else { return nil }
            limits.append(limit)
        }
        for _ in 0..<strayCount {
            let (age, unit) = (Int64(input.next(UInt32.self)), input.next(UInt16.self))
            let lag = Int64(input.next(UInt16.self)) * millisecond
            strays.append(
                Stray(age: age, lag: lag, at: Self.time(unit, before: now), passed: input.next(UInt8.self)))
        }
        for rung in 0..<SurvivalLadder.rungs { ladder[rung] = input.next(UInt8.self) }
    }

    private static func add(_ limit: Limit, to out: inout PackedBytes) {
        for age in [limit.low, limit.fresh, limit.high, limit.mean, limit.core] { out.add(UInt32(clamping: age)) }
        out.add(UInt32(clamping: limit.last / 1000))
        out.add(limit.hits)
        out.add(limit.missed)
        out.add(limit.share)
        out.add(limit.lead)
    }

    /// Nil where it cannot be one.
    private static func limit(_ input: inout PackedBytes.Reader) -> Limit? {
        let low = Int64(input.next(UInt32.self))
        let fresh = Int64(input.next(UInt32.self))
        let high = Int64(input.next(UInt32.self))
        let mean = Int64(input.next(UInt32.self))
        let core = Int64(input.next(UInt32.self))
        let last = Int64(input.next(UInt32.self)) * 1000
        let (hits, missed) = (input.next(UInt16.self), input.next(UInt8.self))
        let (share, lead) = (input.next(UInt8.self), input.next(UInt8.self))
        guard low <= high, hits > 0, missed < LearningRules.missedToForget else { return nil }
        return Limit(
            low: low, fresh: fresh, high: high, mean: mean, core: core, lead: lead, share: share, missed: missed,
            hits: hits, last: last)
    }

    private static func coarse(_ time: Int64) -> UInt16 { UInt16(truncatingIfNeeded: time / coarse) }

    /// The latest time before `now` that is kept as this.
    private static func time(_ unit: UInt16, before now: Int64) -> Int64 {
        let current = now / coarse
        return (current - ((current - Int64(unit)) & 0xFFFF)) * coarse
    }
}

/// Integers in little-endian order. Value.
private struct PackedBytes {
    private(set) var bytes: [UInt8] = []

    mutating func add<Number: FixedWidthInteger & UnsignedInteger>(_ number: Number) {
        for shift in stride(from: 0, to: Number.bitWidth, by: 8) {
            bytes.append(UInt8(truncatingIfNeeded: number >> Number(shift)))
        }
    }

    /// Zeros behind the end.
    struct Reader {
        private let bytes: [UInt8]
        private var at = 0

        init(_ bytes: [UInt8]) {
            self.bytes = bytes
        }

        mutating func next<Number: FixedWidthInteger & UnsignedInteger>(_ type: Number.Type) -> Number {
            var number: Number = 0
            for shift in stride(from: 0, to: Number.bitWidth, by: 8) where at < bytes.count {
                number |= Number(bytes[at]) << Number(shift)
                at += 1
            }
            return number
        }
    }
}
