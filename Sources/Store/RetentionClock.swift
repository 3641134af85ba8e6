import ProxyTypes

/// Which time deletions by age go by. A wall clock that jumps is not believed until it has held for a while: an hour later
/// it may be set right again, and what was deleted on its word is gone. Value.
///
///     believed --jump--> doubted --held--> believed
///                           '---back where it was--> believed
///
/// While it is doubted the time goes on as before the jump, and never past what the clock says now.
struct RetentionClock: Hashable, Sendable {
    private enum Phase: Hashable {
        case believed
        /// `offset`: what the clock says, less the time that cannot be set.
        case doubted(offset: Int64, since: Instant)
    }

    /// How long a clock that jumped must hold.
    static let patience = Interval.hours(1)
    /// Milliseconds between two looks: more is no clock that is kept in step.
    private static let jump: Int64 = 2_000

    private var offset: Int64
    private var phase: Phase

    /// `last`: what `time` was towards the end of an earlier run. A start long after that may be one, or the clock is wrong.
    init(_ now: Moment, last: Int64? = nil) {
        let current = Self.offset(of: now)
        offset = last.map { min(current, Self.offset(of: Moment(wall: $0, instant: now.instant))) } ?? current
        phase = .believed
        look(now)
    }

    /// To be called every few seconds.
    mutating func look(_ now: Moment) {
        let current = Self.offset(of: now)
        if Self.isNear(current, offset) {
            (offset, phase) = (current, .believed)
            return
        }
        switch phase {
        case .doubted(let other, let since) where Self.isNear(current, other):
            if now.instant - since >= Self.patience {
                (offset, phase) = (current, .believed)
            } else {
                phase = .doubted(offset: current, since: since)
            }
        case .believed, .doubted:
            phase = .doubted(offset: current, since: now.instant)
        }
    }

    /// Milliseconds since 1970: what is older than its age by this may go.
    func time(_ now: Moment) -> Int64 { min(now.wall, offset + now.instant.nanoseconds / 1_000_000) }

    private static func offset(of now: Moment) -> Int64 { now.wall - now.instant.nanoseconds / 1_000_000 }

    private static func isNear(_ a: Int64, _ b: Int64) -> Bool { (a - b).magnitude <= jump }
}
