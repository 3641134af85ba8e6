package import ProxyTypes

/// How often something has happened within the last minute: counts of this minute and the one before, the latter as far as it
/// still lies within. Exact where the rate is even. Value.
package struct MinuteRate: Hashable, Sendable {
    private var minute: Int64 = 0
    private var current = 0
    private var previous = 0

    private static let length: Int64 = 60_000_000_000

    package init() {}

    package mutating func add(_ count: Int, now: Instant) {
        advance(to: now)
        current += count
    }

    package static func += (a: inout MinuteRate, b: MinuteRate) {
        if b.minute > a.minute { a.advance(to: Instant(nanoseconds: b.minute * length)) }
        switch a.minute - b.minute {
        case 0:
            a.current += b.current
            a.previous += b.previous
        case 1: a.previous += b.current
        default: break
        }
    }

    package func value(now: Instant) -> Double {
        var advanced = self
        advanced.advance(to: now)
        let passed = Double(now.nanoseconds % Self.length) / Double(Self.length)
        return Double(advanced.current) + Double(advanced.previous) * (1 - passed)
    }

    private mutating func advance(to now: Instant) {
        let new = now.nanoseconds / Self.length
        guard new > minute else { return }
        previous = new == minute + 1 ? current : 0
        current = 0
        minute = new
    }
}
