import ProxyTypes

/// What several idle connections show together. Pure.
enum IdleVerdict {
    /// Ages that are this near are one limit.
    private static let leastTolerance = Interval.milliseconds(25)
    /// Closes of unlike ages this near in time are one event at the origin: a sweep, or a restart.
    private static let atOnce = Interval.milliseconds(100)

    /// Nil where there are none.
    static func of(_ outcomes: [IdleOutcome], wait: Interval) -> IdleLimit? {
        let closed = outcomes.compactMap { if case .closed(let age, _) = $0 { age } else { nil } }
        let outlived = outcomes.compactMap { if case .outlived(let age) = $0 { age } else { nil } }
        let silent = outcomes.compactMap(\.ageIfForgotten)
        let ages = closed.map(\.age).sorted()
        guard let least = ages.first, let most = ages.last else {
            if let first = silent.map(\.age).min() { return .pathForgets(within: first) }
            return outlived.map(\.age).min().map { .outlasts($0, connections: outlived.count) }
        }
        guard outlived.isEmpty, silent.isEmpty else {
            return .sometimes(
                after: least, closed: closed.count, connections: outcomes.count, wait: wait)
        }
        let tolerance = max(leastTolerance, Interval(nanoseconds: most.nanoseconds / 100 * 3))
        guard most - least <= tolerance else {
            let times = closed.map(\.at.nanoseconds)
            let span = Interval(nanoseconds: (times.max() ?? 0) - (times.min() ?? 0))
            return .closesBetween(least, most, connections: ages.count, atOnce: span <= atOnce)
        }
        let deviation = Interval(nanoseconds: (most - least).nanoseconds / 2)
        return .closes(
            after: ages[ages.count / 2], deviation: max(deviation, .milliseconds(1)), connections: ages.count)
    }
}

extension IdleOutcome {
    fileprivate var ageIfForgotten: IdleAge? {
        switch self {
        case .silent(let age), .forgotten(let age): age
        case .closed, .outlived: nil
        }
    }
}
