import ProxyTypes
import Simulation
import TestSupport
import Testing

@Suite("The data path in a simulated network")
struct SimulationTests {
    @Test("faults found earlier have not come back", arguments: PinnedScenario.allCases)
    func pinned(_ scenario: PinnedScenario) {
        let run = scenario.run
        #expect(run.isClean, "\((run.trace + run.findings).joined(separator: "\n"))")
    }

    @Test("no seed has a finding", arguments: 0..<20)
    func seeds(_ part: Int) {
        for seed in (part * 20 + 1)...(part * 20 + 20) {
            let run = SimulationRun(seed: UInt64(seed))
            guard !run.isClean else { continue }
            let story = SimulationRun.story(ofSeed: UInt64(seed))
            Issue.record("seed \(seed): \(run.findings.joined(separator: "\n"))\n\(story)")
        }
    }

    @Test("the same seed is the same run in every process, to the byte", arguments: [1, 2, 3, 5, 8] as [UInt64])
    func replays(_ seed: UInt64) throws {
        let program = try RunningProxy.binary("simulate")
        let first = try Subprocess.run(program, ["--seed", "\(seed)", "--trace"])
        let second = try Subprocess.run(program, ["--seed", "\(seed)", "--trace"])
        #expect(first.exitCode == 0, "\(first)")
        #expect(first.output == second.output)
        // Hashing in this process has another seed; no order may depend on it.
        let (run, again) = (SimulationRun(seed: seed), SimulationRun(seed: seed))
        #expect(run.isClean, "\(run.findings)")
        #expect(run.hash == again.hash)
        #expect(first.output.contains("hash \(run.hash), clean"))
    }
}
