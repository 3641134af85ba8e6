/// Closes that no age explains, and the idle time among which they came. Value.
struct Hazard: BitwiseCopyable, Sendable {
    var closes: Int64 = 0
    /// In microseconds.
    var idle: Microseconds = 0

    /// An idle period of this length has ended.
    mutating func rest(_ age: Microseconds) {
        idle += age
        while idle >> 42 != 0 {
            idle >>= 1
            closes >>= 1
        }
    }

    mutating func noteClose() {
        closes += 1
        fade()
    }

    /// A limit explains so many of them after all.
    mutating func explain(_ count: Int) { closes = max(closes - Int64(count), 0) }

    mutating func merge(_ other: Hazard) {
        closes += other.closes
        idle += other.idle
        fade()
    }

    private mutating func fade() {
        guard closes >= 64 else { return }
        closes >>= 1
        idle >>= 1
    }

    /// Whether such closes cost more POSTs than may be, whatever their connection's age. `reach`: how long before a
    /// close a request comes too late.
    func isRisky(reach: Microseconds) -> Bool {
        closes >= 3 && (closes - 1) * reach * LearningRules.postRisk > idle
    }

    /// Whether closes come far oftener within this limit's range than elsewhere.
    func isCrowded(_ limit: Limit) -> Bool {
        Int64(limit.share) * idle >= 4 * 255 * closes * limit.spread
    }
}
