/// An age at which an origin closes idle connections. Ages in microseconds. Value.
struct Limit: BitwiseCopyable, Sendable {
    /// The smallest of this generation of closes and the one before.
    private(set) var low: Microseconds
    /// The smallest of this generation alone.
    private(set) var fresh: Microseconds
    /// The largest; falls back slowly.
    private(set) var high: Microseconds
    private(set) var mean: Microseconds
    /// The age that most closes have, if any has (Boyer and Moore's vote), and by how many it leads.
    private(set) var core: Microseconds
    private(set) var lead: UInt8
    /// In 255ths: how many of the connections that come so far end here.
    private(set) var share: UInt8
    /// Connections in a row that outlived it.
    private(set) var missed: UInt8
    /// Closes.
    private(set) var hits: UInt16
    /// The last close: milliseconds of the wall clock.
    private(set) var last: Int64

    static let unused = Limit(
        low: 0, fresh: 0, high: 0, mean: 0, core: 0, lead: 0, share: 0, missed: 0, hits: 1, last: 0)

    var spread: Microseconds { high - low }
    var isTerminal: Bool { share >= LearningRules.terminalShare && missed < 2 }

    mutating func hit(_ age: Microseconds, now: Int64) {
        let generation = UInt16(LearningRules.generation)
        hits = hits < .max ? hits + 1 : .max - generation + 1
        missed = 0
        share += UInt8((255 - Int(share) + 31) >> 5)
        mean += (age - mean) / Int64(min(hits, 16))
        high = max(age, high - (max(high - mean, 0) >> 8))
        if hits % generation == 0 {
            low = min(fresh, age)
            fresh = age
        }
        low = min(low, age)
        fresh = min(fresh, age)
        last = now
    }

    /// Another close of the same moment.
    mutating func widen(_ age: Microseconds) {
        low = min(low, age)
        fresh = min(fresh, age)
        high = max(high, age)
    }

    mutating func noteOutlived() {
        missed = missed < .max ? missed + 1 : .max
        share -= UInt8((Int(share) + 31) >> 5)
    }

    mutating func vote(_ age: Microseconds, tolerance: Microseconds) {
        if abs(age - core) <= tolerance {
            lead = lead < .max ? lead + 1 : .max
        } else if lead > 0 {
            lead -= 1
        } else {
            core = age
            lead = 1
        }
    }

    /// How much further closes may reach than those seen.
    func reserve(_ factor: Int64) -> Microseconds {
        spread * factor / min(max(Int64(hits), factor), 2 * LearningRules.generation)
    }

    /// Where the next close may come at the earliest.
    func floor(_ factor: Int64) -> Microseconds { max(low - reserve(factor), low - (low >> 2)) }

    /// What most closes agree on, where others are scattered about it.
    func sharpened(by near: Microseconds, now: Int64) -> Limit {
        Limit(
            low: core - near, fresh: core - near, high: core + near, mean: core, core: core, lead: lead, share: share,
            missed: 0, hits: UInt16(lead), last: now)
    }

    /// Both as one.
    func joined(with other: Limit) -> Limit {
        let latest = last > other.last ? self : other
        let all = Int64(hits) + Int64(other.hits)
        // What outlives the upper one has outlived both.
        let ending = 255 - (255 - Int(share)) * (255 - Int(other.share)) / 255
        return Limit(
            low: min(low, other.low), fresh: min(fresh, other.fresh), high: max(high, other.high),
            mean: LearningRules.floored(mean * Int64(hits) + other.mean * Int64(other.hits), all), core: latest.core,
            lead: latest.lead, share: UInt8(ending), missed: min(missed, other.missed),
            hits: UInt16(min(all, Int64(UInt16.max))), last: latest.last)
    }
}
