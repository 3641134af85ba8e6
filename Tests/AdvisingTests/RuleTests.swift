import Advising
import ProxyTypes
import Testing
import Tuning

@Suite struct RuleTests {
    @Test("each rule advises on the hour that is made for it, and no other one does", arguments: AdviceRule.allCases)
    func made(_ rule: AdviceRule) throws {
        let found = AdviceRule.advice(on: MadeFacts.facts(for: rule))
        #expect(found.map(\.rule) == [rule])
        let advice = try #require(found.first)
        #expect(!advice.evidence.isEmpty && !advice.text.isEmpty)
        #expect(advice.prediction.least <= advice.prediction.most)
        #expect(advice.prediction.most <= advice.prediction.now)
        #expect(advice.prediction.goal <= advice.prediction.now)
    }

    @Test("what is to be set is a setting and one of its values", arguments: AdviceRule.allCases)
    func settings(_ rule: AdviceRule) throws {
        guard case .set(let name, let value)? = rule.advice(on: MadeFacts.facts(for: rule))?.change else { return }
        let setting = try #require(Setting(name: name))
        #expect(setting.write(try setting.read(.text(value))) == value)
    }

    @Test("a time-out is advised as the setting is written", arguments: [5, 15, 30, 59, 60, 90, 1800])
    func timeouts(_ seconds: Int) throws {
        var facts = MadeFacts.facts(for: .headersTimeoutNear)
        facts.settings.headersTimeout = .seconds(Int64(seconds))
        facts.firstByteTime = MadeFacts.tally(3000, around: Int64(seconds) * 480_000)
        let advice = try #require(AdviceRule.headersTimeoutNear.advice(on: facts))
        guard case .set(_, let value) = advice.change else { return }
        #expect(Setting.headersTimeout.write(try Setting.headersTimeout.read(.text(value))) == value)
    }

    @Test("no rule advises on a healthy hour")
    func healthy() {
        #expect(AdviceRule.advice(on: MadeFacts.healthy).isEmpty)
        for seed in 0..<20_000 as Range<UInt64> {
            let found = AdviceRule.advice(on: MadeFacts.healthyHour(seed: seed))
            #expect(found.isEmpty, "seed \(seed): \(found)")
        }
    }

    @Test("nothing is advised before anything was seen", arguments: AdviceRule.allCases)
    func nothing(_ rule: AdviceRule) {
        #expect(rule.advice(on: OriginFacts()) == nil)
        #expect(rule.advice(on: OriginFacts(), isGiven: true) == nil)
    }

    @Test("advice that was given stays while its cause is a little smaller, and goes with it")
    func hysteresis() {
        var facts = MadeFacts.facts(for: .idleTimeoutLong)
        (facts.stale, facts.staleSurfaced) = (4, 2)
        #expect(AdviceRule.idleTimeoutLong.advice(on: facts) == nil)
        #expect(AdviceRule.idleTimeoutLong.advice(on: facts, isGiven: true) != nil)
        (facts.stale, facts.staleSurfaced) = (2, 1)
        #expect(AdviceRule.idleTimeoutLong.advice(on: facts, isGiven: true) == nil)
    }

    @Test("an idle time under the origin's own becomes auto; one that the origin does not allow is not lengthened")
    func idleTimeout() {
        var facts = MadeFacts.facts(for: .idleTimeoutShort)
        facts.learned = LearnedFacts(limit: .seconds(60), retire: .seconds(55), isSettled: true, maxRequests: 0)
        let advice = AdviceRule.idleTimeoutShort.advice(on: facts)
        #expect(advice?.change == .set(setting: "idle_timeout", value: "auto") && advice?.confidence == .high)
        // 2400 requests in an hour are 1.5 s apart: at most 1.5 in 55 of them come later than after 55 s, and one connection
        // is opened.
        #expect(advice.map { abs($0.prediction.most - 1.5 / 55 - 1.0 / 2400) < 1e-9 } == true)
        facts.learned?.limit = .milliseconds(900)
        #expect(AdviceRule.idleTimeoutShort.advice(on: facts) == nil)
    }

    @Test("with auto and nothing learned, a few connections are watched to learn the limit")
    func exploration() {
        var facts = MadeFacts.facts(for: .idleTimeoutShort)
        facts.requests = 400
        (facts.reused, facts.fresh, facts.dials, facts.closes.idle) = (0, 400, 400, 400)
        facts.settings.idleTimeout = nil
        let advice = AdviceRule.idleTimeoutShort.advice(on: facts)
        #expect(advice?.change == .set(setting: "idle_exploration", value: "on") && advice?.confidence == .low)
        facts.settings.idleExploration = true
        #expect(AdviceRule.idleTimeoutShort.advice(on: facts) == nil)
    }

    @Test("an origin that ends connections after one request is told from a low limit of connd's own")
    func oneRequest() {
        var facts = MadeFacts.facts(for: .originClosesSilently)
        (facts.closes.byOrigin, facts.closes.maxRequests) = (3, 3597)
        facts.settings.maxRequests = 1000
        facts.learned = LearnedFacts(limit: nil, retire: .seconds(4), isSettled: false, maxRequests: 1)
        #expect(AdviceRule.advice(on: facts).map(\.rule) == [.originClosesSilently])
    }

    @Test("max_requests_per_connection is not raised over what the origin allows")
    func maxRequests() {
        var facts = MadeFacts.facts(for: .maxRequestsLow)
        facts.learned = LearnedFacts(limit: nil, retire: .seconds(4), isSettled: false, maxRequests: 100)
        #expect(
            AdviceRule.maxRequestsLow.advice(on: facts)?.change
                == .set(setting: "max_requests_per_connection", value: "100"))
        facts.learned?.maxRequests = 3
        #expect(AdviceRule.maxRequestsLow.advice(on: facts) == nil)
    }

    @Test("an origin that cannot be reached, or only through few ports, needs no larger pool")
    func unreachable() {
        var facts = MadeFacts.facts(for: .poolSmall)
        facts.dialFailures = 5000
        #expect(AdviceRule.poolSmall.advice(on: facts) == nil)
        facts.dialFailures = 0
        facts.fewPorts = FewPorts(free: 3, usable: 28_000)
        #expect(AdviceRule.advice(on: facts).map(\.rule) == [.portsShort])
    }

    @Test("where many connections share the requests, each is idle for longer, and the prediction says so")
    func manyConnections() throws {
        var facts = MadeFacts.facts(for: .idleTimeoutShort)
        facts.learned = LearnedFacts(limit: .seconds(60), retire: .seconds(55), isSettled: true, maxRequests: 0)
        facts.pool.look(idle: 8, busy: 2)
        let advice = try #require(AdviceRule.idleTimeoutShort.advice(on: facts))
        #expect(abs(advice.prediction.most - 15.0 / 55 - 10.0 / 2400) < 1e-9)
    }

    @Test("a larger pool is more load on the origin, so it is never tried without asking", arguments: [2, 4, 50])
    func pool(_ limit: Int) throws {
        var facts = MadeFacts.facts(for: .poolSmall)
        facts.settings.maxConnections = limit
        let advice = try #require(AdviceRule.poolSmall.advice(on: facts))
        #expect(advice.change == .set(setting: "max_connections", value: "\(limit * 2)") && !advice.isSafe)
    }
}
