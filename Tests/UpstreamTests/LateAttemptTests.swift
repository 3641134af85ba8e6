import Metering
import Pooling
import ProxyTypes
import ReactorTestSupport
import Resolving
import Testing
import Tuning

@testable import Upstream

@Suite("An attempt that is under way when another address has answered")
struct LateAttemptTests {
    private let resolver = ScriptedResolver()

    private func fixture(_ change: (inout EffectiveSettings) -> Void = { _ in }) -> UpstreamFixture {
        UpstreamFixture(host: "a.example", resolver: resolver.resolver) {
            $0.happyEyeballsDelay = .milliseconds(250)
            change(&$0)
        }
    }

    /// The first address stays silent until the second has answered.
    private func race(_ fixture: UpstreamFixture) -> (first: ScriptedPeer, second: ScriptedPeer) {
        fixture.lease(RecordingExchange())
        resolver.answer(.addresses([IPAddress(ipv4: 0xC000_0201), IPAddress(ipv4: 0xC000_0202)]))
        fixture.turn()
        let first = fixture.peer
        fixture.advance(by: .milliseconds(250))
        let second = fixture.peer
        second.accept()
        fixture.turn()
        return (first, second)
    }

    @Test("if it opens within a second it is kept idle")
    func kept() {
        let fixture = fixture()
        let (first, _) = race(fixture)
        #expect(fixture.pool.counts.leased == 1 && fixture.pool.counts.idle == 0 && !first.isClosed)
        first.accept()
        fixture.turn()
        #expect(fixture.pool.counts.idle == 1 && fixture.pool.openConnections == 2)
        #expect(fixture.pool.load.connections.values.sorted() == [1, 1])
        #expect(fixture.pool.statistics.opened[.warmUp] == 1)
        // It answered after all: the next dial tries it as any other.
        #expect(fixture.loop.failingAddresses.endpoints.isEmpty)
    }

    @Test("otherwise it is given up, and tried last for a while")
    func givenUp() {
        let fixture = fixture()
        let (first, _) = race(fixture)
        fixture.advance(by: .milliseconds(999))
        #expect(!first.isClosed)
        fixture.advance(by: .milliseconds(1))
        #expect(first.isClosed && fixture.pool.openConnections == 1 && fixture.pool.lateAttempts.isEmpty)
        #expect(fixture.loop.failingAddresses.endpoints.map(\.0.address) == [IPAddress(ipv4: 0xC000_0201)])
    }

    @Test("without room it is closed", arguments: [1, 2])
    func full(limit: Int) {
        let fixture = fixture {
            $0.maxConnections = limit
            $0.maxIdle = limit
        }
        let (first, _) = race(fixture)
        first.accept()
        fixture.turn()
        #expect(first.isClosed == (limit == 1) && fixture.pool.openConnections == limit)
    }

    @Test("it ends with its pool")
    func ended() {
        let fixture = fixture()
        let (first, _) = race(fixture)
        fixture.loop.shutdown()
        fixture.turn()
        #expect(first.isClosed && fixture.pool.lateAttempts.isEmpty)
    }

    @Test("one that fails is forgotten")
    func failed() {
        let fixture = fixture()
        let (first, _) = race(fixture)
        first.refuse()
        fixture.turn()
        #expect(fixture.pool.lateAttempts.isEmpty && fixture.pool.openConnections == 1)
    }
}
