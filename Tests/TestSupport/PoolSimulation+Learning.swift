import Pooling
import ProxyTypes

/// What was learned of the origin changes.
extension PoolSimulation {
    mutating func learn() {
        if choices.chance(1, in: 3) {
            let parking =
                choices.chance(1, in: 4)
                ? .none : Parking(most: 1 + choices.pick(3), hold: .seconds(Int64(choices.pick(40))))
            note("parking \(parking)")
            both({ $0.apply(parking, now: $2, into: &$1) }, { $0.apply(parking, now: $1) })
            return
        }
        let bounds = choices.chance(1, in: 6) ? nil : learnedBounds()
        note("learn \(bounds.map { "\($0)" } ?? "nothing")")
        both({ $0.apply(bounds, now: $2, into: &$1) }, { $0.apply(bounds, now: $1) })
    }

    private mutating func learnedBounds() -> LearnedBounds {
        let ages = (0..<3).map { _ in Interval.milliseconds(Int64(choices.pick(12)) * 400) }
        var bounds = LearnedBounds(
            once: ages[0], repeatable: ages[1], retire: choices.chance(3, in: 4) ? max(ages[0], ages[1]) : ages[2],
            countsFromRequest: choices.chance(1, in: 3),
            maxRequests: choices.chance(1, in: 4) ? UInt32(1 + choices.pick(4)) : 0)
        func zone(_ low: Int) -> LearnedBounds.Zone {
            LearnedBounds.Zone(low: .milliseconds(Int64(low) * 100), high: .milliseconds(Int64(low) * 100 + 300))
        }
        let first = choices.pick(20)
        guard choices.chance(1, in: 2) else { return bounds }
        bounds.zones.0 = zone(first)
        if choices.chance(1, in: 2) { bounds.zones.1 = zone(first + 4 + choices.pick(10)) }
        return bounds
    }
}
