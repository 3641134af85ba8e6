package import ProxyTypes

/// Decides how long to wait after failed dials: 50 ms doubled per consecutive failure, ±20 %, at most 2 s. It starts
/// nothing itself. Value.
///
/// Dials that were under way together when one failed tell the same news: only the first of them counts.
package struct Backoff: Sendable {
    package private(set) var failures = 0
    /// No dial before this, while failing.
    package private(set) var notBefore = Instant.zero
    /// What a dial remembers from its start: the same number again means that no failure was counted since.
    package private(set) var era: UInt32 = 0

    package init() {}

    package var isFailing: Bool { failures > 0 }

    package mutating func failed(begunIn era: UInt32, now: Instant, random: inout SeededRandom) {
        guard era == self.era else { return }
        self.era &+= 1
        failures += 1
        let plain = min(Int64(50) << Int64(min(failures - 1, 6)), 2_000) * 1_000_000
        let jittered = plain - plain / 5 + Int64(random.below(Int(plain / 5 * 2) + 1))
        notBefore = now + Interval(nanoseconds: min(jittered, 2_000_000_000))
    }

    /// The next failure is the first again; a delay under way still ends when it ends.
    package mutating func succeeded() {
        failures = 0
    }
}
