import ProxyTypes
import Testing

@testable import Advising

@Suite("Numbers of stored advice")
struct SoundnessTests {
    private let origin: Origin

    init() throws { origin = try #require(Origin("http://example.com")) }

    private func record(
        _ advice: Advice, given: Int64 = 1, _ state: AdviceState = .waiting
    ) -> AdviceRecord {
        AdviceRecord(id: AdviceID(rule: advice.rule, origin: origin), advice: advice, given: given, state: state)
    }

    private func advice(evidence: Double = 1, most: Double = 0.1) -> Advice {
        Advice(
            rule: .poolSmall, change: .set(setting: "max_connections", value: "4"), text: "",
            evidence: [Evidence("", evidence, .perHour)],
            prediction: Prediction(.waiting, now: 0.5, least: 0, most: most), confidence: .high, isSafe: false)
    }

    private let decision = AdviceDecision(actor: "uid:0", reason: nil, time: 1)

    @Test("whatever the rules say is sound, and so is its trial", arguments: AdviceRule.allCases)
    func made(_ rule: AdviceRule) throws {
        let facts = MadeFacts.facts(for: rule)
        let advice = try #require(rule.advice(on: facts))
        #expect(record(advice).isSound && record(advice, .dismissed(decision)).isSound)
        #expect(record(advice, .onTrial(RunningTrial(accepted: decision, before: Sample(facts)))).isSound)
    }

    @Test("figures that nobody measured are refused", arguments: [1e300, -1e300, .infinity, .nan])
    func figures(_ wrong: Double) {
        #expect(record(advice()).isSound)
        #expect(!record(advice(evidence: wrong)).isSound)
        func ended(_ finding: TrialOutcome.Finding) -> AdviceRecord {
            record(advice(), .ended(TrialOutcome(accepted: decision, finding: finding, time: 1)))
        }
        #expect(ended(.confirmed(after: 0.1)).isSound && !ended(.confirmed(after: wrong)).isSound)
        #expect(!ended(.reverted(.noEffect(after: wrong))).isSound)
        #expect(!ended(.reverted(.harm(.slower(before: 1, after: wrong)))).isSound)
        #expect(ended(.settledElsewhere(isInForce: false)).isSound)
    }

    @Test("a prediction that nobody measured is refused")
    func prediction() { #expect(!record(advice(most: 1e300)).isSound) }

    @Test("counts and times that would overflow are refused", arguments: [Int.min, -1, .max])
    func counts(_ wrong: Int) {
        func onTrial(_ sample: Sample) -> Bool {
            record(advice(), .onTrial(RunningTrial(accepted: decision, before: sample))).isSound
        }
        var sample = Sample()
        #expect(onTrial(sample))
        sample.fresh = wrong
        #expect(!onTrial(sample))
        sample.fresh = 0
        sample.delaysOfOurs.waitsWithSetting = wrong
        #expect(!onTrial(sample))
        sample = Sample()
        sample.totalTime = Tally([.init(bound: 1, count: .max)], sum: 1)
        #expect(!onTrial(sample))
        #expect(!record(advice(), given: Int64(wrong)).isSound)
        let late = AdviceDecision(actor: "uid:0", reason: nil, time: Int64(wrong))
        #expect(!record(advice(), .dismissed(late)).isSound)
    }
}
