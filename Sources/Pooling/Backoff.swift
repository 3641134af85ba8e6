package import ProxyTypes

/// Decides how long to wait after failed dials: 50 ms doubled per consecutive failure, ±20 %, at most 2 s. Value.
///
/// Of dials that were under way at the same time, only the first failure counts: the others have the same cause.
package struct Backoff: Sendable {
    package private(set) var failures = 0
    /// While failing: the earliest time of the next dial.
    package private(set) var notBefore = Instant.zero
    /// Counts the failures. A dial keeps the value it began with; an equal value later means no failure in between.
    package private(set) var epoch: UInt32 = 0

    package init() {}

    package var isFailing: Bool { failures > 0 }

    package mutating func failed(begunIn epoch: UInt32, now: Instant, random: inout SeededRandom) {
        guard epoch == self.epoch else { return }
        self.epoch &+= 1
        failures += 1
        let plain = min(Int64(50) << Int64(min(failures - 1, 6)), 2_000) * 1_000_000
        let jittered = plain - plain / 5 + Int64(random.below(Int(plain / 5 * 2) + 1))
        notBefore = now + Interval(nanoseconds: min(jittered, 2_000_000_000))
    }

    /// What delays has gone: the next dial may begin now.
    package mutating func hasten(to now: Instant) {
        notBefore = min(notBefore, now)
    }

    /// The next failure starts a new series. A delay that has begun is not shortened.
    package mutating func succeeded() {
        failures = 0
    }
}
