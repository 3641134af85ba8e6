/// One reading of two clocks: the one that durations run on, and the one that people read and set. Value; passed in, never
/// read by what decides.
///
/// The wall clock may be set to anything at any time: two of its readings make no duration. Only what outlives the process
/// is kept by it, for lack of anything else, and compared with it across a restart.
package struct Moment: Hashable, BitwiseCopyable, Sendable {
    /// Milliseconds since 1970, UTC.
    package var wall: Int64
    /// Since the machine was started, with the time it was suspended.
    package var instant: Instant

    package init(wall: Int64, instant: Instant) {
        self.wall = wall
        self.instant = instant
    }

    /// What the wall clock says at `instant` unless it is set, or said had it not been.
    package func wall(at instant: Instant) -> Int64 { wall + (instant - self.instant).wholeMilliseconds }

    /// When the wall clock will say so unless it is set. Far-off times are bounded.
    package func instant(atWall time: Int64) -> Instant {
        let (difference, overflow) = time.subtractingReportingOverflow(wall)
        let bounded = overflow ? (time < 0 ? -Self.farthest : Self.farthest) : difference
        return instant + .milliseconds(min(max(bounded, -Self.farthest), Self.farthest))
    }

    /// 139 years.
    private static let farthest: Int64 = 1 << 42
}
