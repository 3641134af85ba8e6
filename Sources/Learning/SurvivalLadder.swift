/// How many idle periods ended at which age with the connection still open: 64 rungs, eight to an octave, from 4 s to
/// 1024 s. Value.
struct SurvivalLadder: BitwiseCopyable, Sendable {
    static let rungs = 64
    private var counts = InlineArray<64, UInt8>(repeating: 0)

    subscript(rung: Int) -> UInt8 {
        get { counts[rung] }
        set { counts[rung] = newValue }
    }

    /// -1 below 4 s.
    static func rung(_ age: Microseconds) -> Int {
        let units = age / (500 * LearningRules.millisecond)
        guard units >= 8 else { return -1 }
        let octave = Int64.bitWidth - units.leadingZeroBitCount - 4
        return min(octave * 8 + Int((units >> Int64(octave)) & 7), rungs - 1)
    }

    static func top(_ rung: Int) -> Microseconds {
        (Int64(8 + rung % 8 + 1) << Int64(rung / 8)) * 500 * LearningRules.millisecond
    }

    mutating func climb(_ age: Microseconds) {
        let rung = Self.rung(age)
        guard rung >= 0 else { return }
        if counts[rung] == .max { halve() }
        counts[rung] += 1
    }

    private mutating func halve() {
        for rung in 0..<Self.rungs { counts[rung] >>= 1 }
    }

    mutating func forget(above age: Microseconds) {
        for rung in (Self.rung(age) + 1)..<Self.rungs { counts[rung] = 0 }
    }

    /// The largest age that enough idle periods outlived for the fresh strays below it; 0: none.
    func vouched(against strays: InlineVector<8, Stray>, now: Int64) -> Microseconds {
        var total = 0
        for rung in stride(from: Self.rungs - 1, through: 0, by: -1) {
            total += Int(counts[rung])
            guard total >= LearningRules.vouchers else { continue }
            let top = Self.top(rung)
            let below = strays.count { $0.isFresh(now) && $0.age <= top }
            if total >= LearningRules.vouchers * (1 + below) { return top }
        }
        return 0
    }

    /// The largest age that a connection certainly lived for; 0: none.
    var largest: Microseconds {
        for rung in stride(from: Self.rungs - 1, through: 0, by: -1) where counts[rung] > 0 {
            return rung > 0 ? Self.top(rung - 1) : LearningRules.trustedAge
        }
        return 0
    }

    /// Halved until each count fits.
    mutating func merge(_ other: SurvivalLadder) {
        var largest = 0
        for rung in 0..<Self.rungs { largest = max(largest, Int(counts[rung]) + Int(other.counts[rung])) }
        let shift = largest > 255 ? 1 : 0
        for rung in 0..<Self.rungs {
            counts[rung] = UInt8((Int(counts[rung]) + Int(other.counts[rung])) >> shift)
        }
    }
}
