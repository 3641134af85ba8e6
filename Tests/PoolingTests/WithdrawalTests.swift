import Pooling
import ProxyTypes
import TestSupport
import Testing

@Suite("The address of connections leaves the origin's name")
struct WithdrawalTests {
    @Test("an idle one serves no request, repeatable or not, and closes at its time")
    func servesNothing() {
        let pool = PoolFixture()
        let id = pool.becomeIdle(1)[0]
        #expect(pool.withdraw(id, in: .seconds(3)) == [])
        #expect(pool.state(id) == .draining && pool.counts.idle == 1)
        #expect(pool.leaseIdle() == nil)
        #expect(pool.lease(1, isRetryable: true) == [.dial(connection(1))])
        #expect(pool.pass(.milliseconds(2999)) == [])
        #expect(pool.pass(.milliseconds(1)) == [.close(id, .dnsDrain)])
    }

    @Test("others serve meanwhile, and none is closed because a request meets it")
    func othersServe() {
        let pool = PoolFixture()
        let ids = pool.becomeIdle(4)
        for id in ids[1...] { pool.withdraw(id) }
        #expect(pool.lease(1) == [.grant(waiter(1), ids[0], reused: true)])
        #expect(pool.lease(2) == [.dial(connection(4))])
        #expect(pool.counts.idle == 3)
    }

    @Test("it closes no later because yet another address leaves, and sooner where the idle timeout says so")
    func times() {
        let pool = PoolFixture { $0.idleTimeout = .fixed(.seconds(8)) }
        let ids = pool.becomeIdle(2)
        pool.withdraw(ids[0], in: .seconds(3))
        pool.withdraw(ids[0], in: .seconds(9))
        pool.withdraw(ids[1], in: .seconds(9))
        #expect(pool.pass(.seconds(3)) == [.close(ids[0], .dnsDrain)])
        #expect(pool.pass(.seconds(5)) == [.close(ids[1], .idleTimeout)])
    }

    @Test("it gives way to a request that waits for room")
    func givesWay() {
        let pool = PoolFixture { $0.maxConnections = 1 }
        let id = pool.becomeIdle(1)[0]
        pool.withdraw(id)
        #expect(pool.lease(1) == [.close(id, .dnsDrain)])
        #expect(pool.closed(id) == [.dial(connection(0, 1))])
    }

    @Test("when the address comes back it serves again, in its place among the others")
    func back() {
        let pool = PoolFixture()
        let ids = pool.becomeIdle(3)
        for id in [ids[2], ids[1]] { pool.withdraw(id) }
        #expect(pool.restore(ids[1]) == [] && pool.restore(ids[2]) == [])
        #expect(pool.state(ids[1]) == .idle)
        #expect(ids.reversed().allSatisfy { pool.leaseIdle() == $0 })
    }

    @Test("one that comes back serves a request that waits")
    func backForWaiting() {
        let pool = PoolFixture()
        let id = pool.becomeIdle(1)[0]
        pool.withdraw(id)
        pool.lease(1)
        #expect(pool.restore(id) == [.grant(waiter(1), id, reused: true)])
    }

    @Test("one that is in doubt already closes at once")
    func distrusted() {
        let pool = PoolFixture()
        let ids = pool.becomeIdle(2)
        _ = pool.lease(1)
        pool.lose(ids[1])
        #expect(pool.state(ids[0]) == .distrusted)
        #expect(pool.withdraw(ids[0]) == [.close(ids[0], .dnsDrain)])
    }

    @Test("a client's own connection serves its owner until its time, and longer if the address comes back")
    func pinned() {
        let pool = PoolFixture()
        let id = pool.becomeIdle(1)[0]
        func use() {
            #expect(pool.lease(1, client: 1) == [.grant(waiter(1), id, reused: true)])
            pool.pin(id, to: 1)
            #expect(pool.release(id) == [])
        }
        use()
        pool.withdraw(id, in: .seconds(2))
        #expect(pool.pass(.seconds(1)) == [])
        pool.restore(id)
        #expect(pool.pass(.seconds(1)) == [])
        pool.withdraw(id, in: .seconds(1))
        #expect(pool.apply { $0.maxIdle = 3 } == [])
        #expect(pool.pass(.seconds(1)) == [.close(id, .dnsDrain)])
    }
}
