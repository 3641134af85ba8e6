/// Length of time in microseconds. The learner computes with shifts and rounded quotients, to the digit.
typealias Microseconds = Int64

/// The figures that the learner decides by.
enum LearningRules {
    static let millisecond: Microseconds = 1000
    static let second: Microseconds = 1_000_000

    /// Idle age that is trusted before anything is known.
    static let trustedAge = 4 * second
    /// A probe is held no longer than this.
    static let horizon = 840 * second
    /// Ordinary idle connections are held no longer than this where no limit is known.
    static let unprovenHold = 90 * second
    /// A FIN that comes sooner follows a response and tells nothing about idle time.
    static let afterResponse = 100 * millisecond
    /// The largest age that is told apart: more does not fit into what is kept.
    static let largestAge: Microseconds = 4_294_000_000

    // Milliseconds of the wall clock.

    /// Closes of unlike ages that are nearer together than this are one event at the origin.
    static let burst: Int64 = 1000
    /// Closes nearer together than this are one observation.
    static let instant: Int64 = 10
    /// Silent failures nearer together than this are one event.
    static let death: Int64 = 60_000
    static let strayLife: Int64 = 86_400_000
    /// A limit is trusted for so long after its last close.
    static let verified = 7 * strayLife

    static let limits = 3
    static let strays = 8

    /// Of 255: so few connections outlive a limit with this share that none is held beyond it.
    static let terminalShare: UInt8 = 245
    /// Closes that make a limit.
    static let closesToLearn = 3
    /// Closes that make a limit of ages further apart than the tolerance.
    static let closesToLearnRange = 6
    /// Closes after which a limit outweighs the origin's hint, and one probe is enough.
    static let closesToBeSure = 8
    /// POSTs are kept from what costs more than one reuse in this many.
    static let postRisk: Int64 = 10_000
    /// Lead of one age over all others that turns a wide limit into a sharp one.
    static let core = 6
    /// Idle periods that must have outlived an age before it is trusted without a known limit.
    static let vouchers = 20
    /// Repeatable requests may go to this multiple of the largest age proven usable.
    static let reachOfRepeats: Int64 = 4
    /// Connections that outlived an unexplained close before POSTs may go near its age again.
    static let passedToTrust = 32
    /// The same before that close is forgotten.
    static let passedToForget = 200
    /// The same in a row for a limit.
    static let missedToForget = 255
    /// Closes after which the smallest and largest of the generation before are forgotten.
    static let generation: Int64 = 128

    /// What the origin's own delays may take away from a limit: as seen, and what so few closes may not have shown.
    static func postGuard(low: Microseconds, spread: Microseconds, hits: Int64) -> Microseconds {
        20 * millisecond + min(2 * spread, low >> 5) + floored(low, 16 * min(max(hits, 1), 256))
    }

    /// The same for requests that may be repeated.
    static func repeatGuard(low: Microseconds, hits: Int64) -> Microseconds {
        5 * millisecond + floored(low, 64 * min(max(hits, 1), 256))
    }

    /// Whether one limit can reach so far: a sweep may come as late again as its time-out is long.
    static func inReach(low: Microseconds, high: Microseconds) -> Bool { 2 * high <= 5 * low }

    /// The quotient rounded down, where Swift's is rounded towards zero.
    static func floored(_ a: Int64, _ b: Int64) -> Int64 {
        let (quotient, remainder) = a.quotientAndRemainder(dividingBy: b)
        return remainder != 0 && (remainder < 0) != (b < 0) ? quotient - 1 : quotient
    }
}
