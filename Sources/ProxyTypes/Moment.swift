/// One reading of two clocks: the monotonic one, for durations, and the wall clock. Value; passed in, never read by
/// pure code.
///
/// The wall clock may be set at any time: the difference of two readings is no duration. It is compared only across a
/// restart, where there is no other clock.
package struct Moment: Hashable, BitwiseCopyable, Sendable {
    /// Milliseconds since 1970, UTC.
    package var wall: Int64
    /// Since the machine was booted, including suspended time.
    package var instant: Instant

    package init(wall: Int64, instant: Instant) {
        self.wall = wall
        self.instant = instant
    }

    /// The wall clock at `instant`, assuming that it is not set in between.
    package func wall(at instant: Instant) -> Int64 { wall + (instant - self.instant).wholeMilliseconds }

    /// When the wall clock reaches `time`, assuming that it is not set. Clamped to 139 years from now.
    package func instant(atWall time: Int64) -> Instant {
        let (difference, overflow) = time.subtractingReportingOverflow(wall)
        let bounded = overflow ? (time < 0 ? -Self.farthest : Self.farthest) : difference
        return instant + .milliseconds(min(max(bounded, -Self.farthest), Self.farthest))
    }

    /// 139 years.
    private static let farthest: Int64 = 1 << 42
}
