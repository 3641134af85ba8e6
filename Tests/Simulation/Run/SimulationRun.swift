import ProxyTypes
import Synchronization

/// The result of one run of a seed, or of a part of its scenario. Value.
package struct SimulationRun {
    package let seed: UInt64
    package let events: Int
    /// Equal for equal runs, on any machine.
    package let hash: UInt64
    /// The first one ended the run.
    package let findings: [String]
    /// Which properties did not hold.
    package let properties: [String]
    package let trace: [String]

    package var isClean: Bool { findings.isEmpty }

    package init(seed: UInt64, isTraced: Bool = false) {
        self.init(Scenario.generate(seed: seed), isTraced: isTraced)
    }

    init(_ scenario: Scenario, isTraced: Bool) {
        Self.brokenInvariant.withLock { $0 = nil }
        Invariant.onFirstBroken { text in Self.brokenInvariant.withLock { $0 = text } }
        var (verdict, remains) = Self.run(scenario, isTraced)
        if verdict.violations.isEmpty, let names = remains?.names, !names.isEmpty {
            let text = "after the run there still is \(names.joined(separator: ", "))"
            verdict.violations.append(Violation(property: .memory, text: text, at: verdict.trace.now))
        }
        seed = scenario.seed
        events = verdict.events
        hash = verdict.trace.hash
        let broken = Self.brokenInvariant.withLock { $0 }
        findings = verdict.violations.map { violation in
            violation.property == .invariants ? "\(violation): \(broken ?? "")" : violation.description
        }
        properties = verdict.violations.map { "\($0.property)" }
        trace = verdict.trace.lines
    }

    /// On return everything is released.
    private static func run(_ scenario: Scenario, _ isTraced: Bool) -> (Verdict, Remains?) {
        let world = World(scenario, tracing: isTraced)
        let verdict = world.run()
        world.tearDown()
        return (verdict, world.remains)
    }

    private static let brokenInvariant = Mutex<String?>(nil)
}

extension SimulationRun {
    /// The shortest scenario found that fails in the same way, and what happens in it.
    package static func story(ofSeed seed: UInt64) -> String {
        let whole = Scenario.generate(seed: seed)
        let run = SimulationRun(whole, isTraced: false)
        guard let property = run.properties.first else { return "seed \(seed) has no finding" }
        let (shortest, runs) = Shrinker(property: property).shrink(whole)
        let last = SimulationRun(shortest, isTraced: true)
        let lines =
            ["\(shortest)", "— what happens (found in \(runs) runs) —"] + last.trace.suffix(200) + last.findings
        return lines.joined(separator: "\n")
    }

    /// The scenario of a seed, as text.
    package static func scenario(ofSeed seed: UInt64) -> String { "\(Scenario.generate(seed: seed))" }
}
