/// A close that no limit explains. Value.
struct Stray: BitwiseCopyable, Sendable {
    /// At which age, in microseconds.
    var age: Microseconds
    /// Between the last byte sent and the last received before it, in microseconds.
    var lag: Microseconds
    /// When: milliseconds of the wall clock.
    let at: Int64
    /// Connections that outlived this age since.
    var passed: UInt8 = 0
    /// Whether the running burst of closes is compared with this one.
    var leadsBurst = false

    static let unused = Stray(age: 0, lag: 0, at: 0)

    func isFresh(_ now: Int64) -> Bool { now - at < LearningRules.strayLife }
}

/// Closes at one moment that no limit explains. Value.
///
/// Unlike ages mean that the origin ended them for another reason, such as a restart.
struct Burst: BitwiseCopyable, Sendable {
    /// When it began: milliseconds of the wall clock.
    let began: Int64
    private var low: Microseconds
    private var high: Microseconds
    private(set) var isMixed = false
    /// The close that others are compared with.
    var leader: Stray

    /// `leader` began it.
    init(_ leader: Stray) {
        began = leader.at
        low = leader.age
        high = leader.age
        self.leader = leader
    }

    func includes(_ now: Int64) -> Bool { 0 <= now - began && now - began < LearningRules.burst }

    /// Whether this close is the first of an unlike age.
    mutating func add(_ age: Microseconds) -> Bool {
        low = min(low, age)
        high = max(high, age)
        guard !isMixed, high > 2 * low + 100 * LearningRules.millisecond else { return false }
        isMixed = true
        return true
    }
}
