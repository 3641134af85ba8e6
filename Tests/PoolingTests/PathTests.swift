import Pooling
import ProxyTypes
import TestSupport
import Testing

@Suite("The path drops silent connections")
struct PathTests {
    /// A pool whose connections may be idle for ten minutes as far as its origin is concerned.
    private func pool(_ change: (inout PoolPolicy) -> Void = { _ in }) -> PoolFixture {
        PoolFixture {
            $0.idleTimeout = .fixed(.minutes(10))
            $0.maxLifetime = .hours(9)
            change(&$0)
        }
    }

    @Test("idle connections of its age and older close at once, younger ones stay until they are as old")
    func closesOlder() {
        let pool = pool()
        let ids = pool.becomeIdle(2)
        let (old, young) = (ids[0], ids[1])
        pool.time.advance(by: .seconds(200))
        // The one that was used last goes first.
        #expect(pool.leaseIdle() == young)
        pool.release(young)
        pool.time.advance(by: .seconds(50))
        let actions = pool.pathDropped(after: .seconds(250))
        #expect(actions.contains(.close(old, .learnedIdleBound)) && !actions.contains(.close(young, .learnedIdleBound)))
        #expect(pool.state(young) == .idle && pool.pathBound == .seconds(125))
        pool.time.advance(by: .milliseconds(74_999))
        #expect(pool.deadlineReached().isEmpty)
        pool.time.advance(by: .milliseconds(1))
        #expect(pool.leaseIdle() == nil)
        #expect(pool.deadlineReached().contains(.close(young, .learnedIdleBound)))
    }

    @Test("where no connection can be opened either it was an outage, and nothing is learned of the path")
    func outage() throws {
        let pool = pool()
        _ = pool.becomeIdle(1)
        pool.pathDropped(after: .seconds(300))
        #expect(pool.pathBound == .seconds(150))
        guard case .dial(let id, _) = pool.lease(1, fresh: true).first else { throw Stop.noDial }
        pool.dialFailed(id)
        #expect(pool.pathBound == nil)
    }

    @Test("a dial that succeeds shows that the path is not down: later failures take nothing back")
    func confirmed() throws {
        let pool = pool()
        pool.pathDropped(after: .seconds(300))
        for isOpen in [true, false] {
            guard case .dial(let id, _) = pool.lease(isOpen ? 1 : 2, fresh: true).first else { throw Stop.noDial }
            if isOpen { pool.dialSucceeded(id) } else { pool.dialFailed(id) }
        }
        #expect(pool.pathBound == .seconds(150))
    }

    @Test(
        "connections that the kernel probes more often than the limit are not bound by it, others are",
        arguments: [100, 149, 150, 200])
    func keepAlive(_ seconds: Int64) {
        let pool = pool { $0.probesEvery = .seconds(seconds) }
        let id = pool.becomeIdle(1)[0]
        pool.pathDropped(after: .seconds(300))
        pool.time.advance(by: .seconds(150))
        #expect(pool.deadlineReached().contains(.close(id, .learnedIdleBound)) == (seconds >= 150))
    }

    private enum Stop: Error { case noDial }
}
