import ProxyTypes

/// The program whose connections were found last, where it was the only one lately. Value.
///
/// A program that opens thousands of connections a second closes most of them before anybody can look. Some are found, and as
/// long as no other program is found, the rest are most likely its own: they are counted as such, and apart as assumed.
struct LatestProgram: Sendable {
    private var key: ProgramKey?
    private var time = Instant.zero
    /// When another program was found last.
    private var othersUntil = Instant.zero
    private var hasOthers = false

    static let lately = Interval.seconds(5)

    mutating func found(_ next: ProgramKey, now: Instant) {
        if let key, key != next {
            othersUntil = time
            hasOthers = true
        }
        key = next
        time = now
    }

    /// Nil where none was found lately, or more than one. `user`: of the connection, where that is known.
    func assumption(user: UInt32?, now: Instant) -> ProgramKey? {
        guard let key, now - time <= Self.lately, !hasOthers || now - othersUntil > Self.lately else { return nil }
        return user == nil || key.user == user ? key : nil
    }
}
