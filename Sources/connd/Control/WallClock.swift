import Reactor

/// The time of day, for records and for people. Nothing lasts by it: what does reads `SystemClock`.
enum WallClock {
    /// Milliseconds since 1970, UTC.
    static func now() -> Int64 { SystemClock.wall() }
}
