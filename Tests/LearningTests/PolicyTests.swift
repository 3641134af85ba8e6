import Learning
import OriginZoo
import ProxyTypes
import Testing

@Suite("Policies side by side")
struct PolicyTests {
    private static func run(
        _ contender: ZooContender, _ origin: ZooOrigin, _ arrivals: ZooArrivals = .diurnal(0.2)
    ) -> ZooCount {
        ZooSimulation(origin, arrivals, contender.policy(.daemon), requests: 30_000, seed: 1, warmUp: 0.5).run()
    }

    @Test("a hint that promises too much costs POSTs, unless limits are learned")
    func lyingHint() {
        let origin = ZooOrigin("", .fixed(5), roundTrip: 0.1).with { $0.hint = 60 }
        let best = Self.run(.oracle, origin).reuse
        for contender in [ZooContender.learned, .unexplored] {
            let run = Self.run(contender, origin)
            #expect(run.lostPosts == 0)
            #expect(best - run.reuse < 0.02)
        }
        #expect(Self.run(.hint, origin).lostPosts > 10)
    }

    @Test("without exploring, nothing changes until an origin has closed a connection")
    func unexplored() {
        let quiet = ZooOrigin("", .fixed(60))
        #expect(Self.run(.unexplored, quiet) == Self.run(.hint, quiet))
        #expect(Self.run(.learned, quiet).reuse > Self.run(.hint, quiet).reuse + 0.1)
    }

    @Test("no more than two connections are watched at a time, and none without exploring")
    func watched() {
        for origin in [ZooOrigin("", .never), ZooOrigin("", .fixed(60)), ZooOrigin("", .pressure(30))] {
            for (contender, most) in [(ZooContender.learned, 2), (.unexplored, 0), (.oracle, 0)] {
                let simulation = ZooSimulation(
                    origin, .bursts(20, on: 10, off: 60), contender.policy(.daemon), requests: 5000)
                let run = simulation.run()
                #expect(simulation.mostProbes == most)
                #expect((run.probing > 0) == (most > 0))
            }
        }
    }

    @Test("decades pass as minutes do")
    func decades() {
        let origin = ZooOrigin("", .fixed(5)).with { $0.changes = [.init(at: 5e8, model: .never)] }
        let policy = ZooLearnedPolicy()
        let run = ZooSimulation(origin, .poisson(1e-6), policy, requests: 1000).run()
        #expect(run.seconds > 9e8)
        // Its probes outlived what was learned before.
        #expect(policy.bounds.post > .seconds(60))
    }
}
