/// Removes parts of a scenario as long as the rest fails in the same way: first large parts, then single ones, until
/// none can be removed. Value.
struct Shrinker {
    let property: String
    /// Bounds the time that it takes.
    var maxRuns = 3000

    /// Returns the shortest scenario found, and the number of runs.
    func shrink(_ whole: Scenario) -> (Scenario, Int) {
        var shortest = whole
        var runs = 0
        var size = max(shortest.elementCount / 2, 1)
        while runs < maxRuns {
            let (shorter, hasShrunk) = pass(over: shortest, size: size, runs: &runs)
            shortest = shorter
            if size > 1 {
                size = max(size / 2, 1)
            } else if !hasShrunk {
                break
            }
        }
        return (shortest, runs)
    }

    /// Tries to remove each group of `size` elements once, from the last to the first.
    private func pass(over scenario: Scenario, size: Int, runs: inout Int) -> (Scenario, hasShrunk: Bool) {
        var scenario = scenario
        var hasShrunk = false
        var end = scenario.elementCount
        while end > 0, runs < maxRuns {
            let dropped = max(end - size, 0)..<end
            let candidate = scenario.keeping { !dropped.contains($0) }
            runs += 1
            if SimulationRun(candidate, isTraced: false).properties.first == property {
                hasShrunk = hasShrunk || candidate.elementCount < scenario.elementCount
                scenario = candidate
            }
            end = min(dropped.lowerBound, scenario.elementCount)
        }
        return (scenario, hasShrunk)
    }
}
