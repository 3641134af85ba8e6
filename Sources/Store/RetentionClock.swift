import ProxyTypes

/// The time by which old rows are deleted. A jump of the wall clock is trusted only after it has held for an hour: a
/// wrong clock may be corrected, but deleted rows do not come back. Value.
///
///     trusted --jump--> doubted --held--> trusted
///                           '---corrected--> trusted
///
/// While the clock is doubted, time continues as before the jump, but never beyond the clock.
struct RetentionClock: Hashable, Sendable {
    private enum Phase: Hashable {
        case trusted
        /// `offset`: the wall clock minus the monotonic time.
        case doubted(offset: Int64, since: Instant)
    }

    /// How long the clock must hold after a jump to be trusted.
    static let holdTime = Interval.hours(1)
    /// In milliseconds, between two updates. A larger step is a jump, not clock synchronisation.
    private static let jump: Int64 = 2_000

    private var offset: Int64
    private var phase: Phase

    /// `last`: what `time` returned near the end of an earlier run. A start long after that may be real, or the clock
    /// may be wrong.
    init(_ now: Moment, last: Int64? = nil) {
        let current = Self.offset(of: now)
        offset = last.map { min(current, Self.offset(of: Moment(wall: $0, instant: now.instant))) } ?? current
        phase = .trusted
        update(now)
    }

    /// To be called every few seconds.
    mutating func update(_ now: Moment) {
        let current = Self.offset(of: now)
        if Self.isNear(current, offset) {
            (offset, phase) = (current, .trusted)
            return
        }
        switch phase {
        case .doubted(let other, let since) where Self.isNear(current, other):
            if now.instant - since >= Self.holdTime {
                (offset, phase) = (current, .trusted)
            } else {
                phase = .doubted(offset: current, since: since)
            }
        case .trusted, .doubted:
            phase = .doubted(offset: current, since: now.instant)
        }
    }

    /// The time to compare ages with, in milliseconds since 1970.
    func time(_ now: Moment) -> Int64 { min(now.wall, offset + now.instant.nanoseconds / 1_000_000) }

    private static func offset(of now: Moment) -> Int64 { now.wall - now.instant.nanoseconds / 1_000_000 }

    private static func isNear(_ a: Int64, _ b: Int64) -> Bool { (a - b).magnitude <= jump }
}
