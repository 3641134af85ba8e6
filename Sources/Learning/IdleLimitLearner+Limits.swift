/// How limits move, join and give way to each other.
extension IdleLimitLearner {
    mutating func hit(_ index: Int, _ age: Microseconds, now: Int64) {
        let isInside = limits[index].low <= age && age <= limits[index].high
        limits[index].hit(age, now: now)
        limits[index].vote(age, tolerance: tolerance(age) >> 1)
        let limit = limits[index]
        if limit.lead >= LearningRules.core, !isTight(limit) {
            // One age among scattered ones is the limit; the others had another cause.
            limits.remove(at: index)
            insert(limit.sharpened(by: tolerance(limit.core) >> 1, now: now))
        } else if !isInside {
            join()
        }
        forgetExplained()
    }

    mutating func insert(_ limit: Limit) {
        limits.append(limit)
        limits.sort { $0.low < $1.low }
        join()
        while limits.count > LearningRules.limits {
            // The one that most have outlived since it was last met, of these the least often met.
            var weakest = 0
            for index in limits.indices {
                let (a, b) = (limits[index], limits[weakest])
                if a.missed > b.missed || a.missed == b.missed && a.hits < b.hits { weakest = index }
            }
            limits.remove(at: weakest)
        }
    }

    /// What the limits now rule out.
    func isExplained(_ stray: Stray) -> Bool { explanation(of: stray.age) != nil }

    private mutating func forgetExplained() {
        let known = self
        strays.removeAll { known.isExplained($0) }
        if let terminal { ladder.forget(above: edge(limits[terminal])) }
    }

    /// Limits that touch become one, as far as one reaches.
    private mutating func join() {
        var index = 0
        while index + 1 < limits.count {
            let (a, b) = (limits[index], limits[index + 1])
            if areOne(a, b) {
                limits[index] = a.joined(with: b)
                limits.remove(at: index + 1)
            } else {
                index += 1
            }
        }
    }

    private func areOne(_ a: Limit, _ b: Limit) -> Bool {
        let isSharp = isSharp(a) || isSharp(b)
        return b.low - a.high <= (isSharp ? 0 : a.low >> 3)
            && LearningRules.inReach(low: a.low, high: max(a.high, b.high))
            && (!isSharp || isTight(a) && isTight(b))
    }

    private func isSharp(_ limit: Limit) -> Bool { isTight(limit) && limit.hits >= LearningRules.closesToBeSure }
}
