import Pooling
import ProxyTypes
import Testing

@Suite("A retry must have a fresh connection")
struct RetryTests {
    @Test("it is never granted a connection that has served")
    func notReused() {
        let pool = PoolFixture()
        _ = pool.becomeIdle(2)
        #expect(pool.lease(1, fresh: true) == [.dial(connection(2), .replacement)])
        #expect(pool.dialSucceeded(connection(2)) == [.grant(waiter(1), connection(2), reused: false)])
    }

    @Test("an idle connection that has not served yet will do")
    func unservedIdle() {
        let pool = PoolFixture()
        _ = pool.prewarm(1)
        pool.dialSucceeded(connection(0))
        _ = pool.becomeIdle(0)
        #expect(pool.lease(1, fresh: true) == [.grant(waiter(1), connection(0), reused: false)])
    }

    @Test("without room the longest idle connection is closed, and only that one")
    func makesRoom() {
        let pool = PoolFixture { $0.maxConnections = 3 }
        let ids = pool.becomeIdle(3)
        #expect(pool.lease(1, fresh: true) == [.close(ids[0], .poolShrink)])
        #expect(pool.counts.idle == 2)
        #expect(pool.closed(ids[0]) == [.dial(connection(0, 1), .replacement)])
        #expect(pool.dialSucceeded(connection(0, 1)) == [.grant(waiter(1), connection(0, 1), reused: false)])
    }

    @Test("with all leased, the next that comes back is closed for it; others are served by the ones after")
    func returnedMakesRoom() {
        let pool = PoolFixture { $0.maxConnections = 2 }
        let ids = pool.becomeIdle(2)
        pool.lease(1)
        pool.lease(2)
        pool.lease(3)
        pool.lease(4, fresh: true)
        #expect(pool.release(ids[0]) == [.close(ids[0], .poolShrink)])
        #expect(pool.release(ids[1]) == [.grant(waiter(3), ids[1], reused: true)])
        #expect(pool.closed(ids[0]) == [.dial(connection(0, 1), .replacement)])
        #expect(pool.dialSucceeded(connection(0, 1)) == [.grant(waiter(4), connection(0, 1), reused: false)])
    }

    @Test("a new connection goes to a retry before all others")
    func retryFirst() {
        let pool = PoolFixture { $0.maxConnections = 2 }
        pool.lease(1)
        pool.lease(2)
        pool.lease(3, fresh: true)
        #expect(pool.dialSucceeded(connection(0)) == [.grant(waiter(3), connection(0), reused: false)])
        #expect(pool.dialSucceeded(connection(1)) == [.grant(waiter(1), connection(1), reused: false)])
    }

    @Test("while dials fail no connection is closed to make room for it")
    func backoffKeepsConnections() {
        let pool = PoolFixture()
        let ids = pool.becomeIdle(2)
        pool.lease(1, fresh: true)
        #expect(pool.dialFailed(connection(2)) == [])
        #expect(pool.counts.idle == 2)
        pool.lease(2)
        #expect(pool.release(ids[1]) == [])
    }

    @Test("room that another pool gave back is used before a connection that works is closed")
    func unannouncedRoom() {
        let pool = PoolFixture(total: 2)
        let id = pool.becomeIdle(1)[0]
        pool.lease(1)
        #expect(pool.total.tryTake())
        #expect(pool.lease(2, fresh: true) == [])
        pool.total.giveBack()
        #expect(pool.release(id) == [.dial(connection(1), .replacement)])
        #expect(pool.counts.idle == 1)
    }

    @Test("while it waits, others take idle connections")
    func othersPass() {
        let pool = PoolFixture()
        let ids = pool.becomeIdle(1)
        pool.lease(1, fresh: true)
        #expect(pool.lease(2) == [.grant(waiter(2), ids[0], reused: true)])
    }
}

@Suite("Pipelining")
struct PipeliningTests {
    private func oneLeased(mayPipeline: Bool = true, depth: Int = 2) -> (PoolFixture, ConnectionID) {
        let pool = PoolFixture {
            $0.maxConnections = 1
            $0.pipelineDepth = depth
        }
        let id = pool.becomeIdle(1)[0]
        pool.lease(1, mayPipeline: mayPipeline)
        return (pool, id)
    }

    @Test("without room a busy connection is shared, up to the depth")
    func shared() {
        let (pool, id) = oneLeased(depth: 3)
        #expect(pool.lease(2, mayPipeline: true) == [.grant(waiter(2), id, reused: true)])
        #expect(pool.lease(3, mayPipeline: true) == [.grant(waiter(3), id, reused: true)])
        #expect(pool.lease(4, mayPipeline: true) == [])
        #expect(pool.release(id) == [.grant(waiter(4), id, reused: true)])
    }

    @Test("a dial comes before sharing")
    func dialFirst() {
        let pool = PoolFixture { $0.pipelineDepth = 2 }
        _ = pool.becomeIdle(1)
        pool.lease(1, mayPipeline: true)
        #expect(pool.lease(2, mayPipeline: true) == [.dial(connection(1))])
    }

    @Test("it is off by default")
    func off() {
        let (pool, _) = oneLeased(depth: 1)
        #expect(pool.lease(2, mayPipeline: true) == [])
    }

    @Test("neither a request that may not, nor a connection that holds one, is shared")
    func notAllowed() {
        let (pool, _) = oneLeased()
        #expect(pool.lease(2, mayPipeline: false) == [])
        let (other, _) = oneLeased(mayPipeline: false)
        #expect(other.lease(2, mayPipeline: true) == [])
    }

    @Test("a connection that has not answered yet is not shared")
    func notBeforeTheFirstAnswer() {
        let pool = PoolFixture {
            $0.maxConnections = 1
            $0.pipelineDepth = 2
        }
        pool.lease(1, mayPipeline: true)
        pool.dialSucceeded(connection(0))
        #expect(pool.lease(2, mayPipeline: true) == [])
    }

    @Test("a request that may not share is not overtaken by those that may")
    func noOvertaking() {
        let (pool, id) = oneLeased()
        pool.lease(2, mayPipeline: false)
        #expect(pool.lease(3, mayPipeline: true) == [])
        #expect(pool.release(id) == [.grant(waiter(2), id, reused: true)])
        #expect(pool.release(id) == [.grant(waiter(3), id, reused: true)])
    }

    @Test("a connection that must close does so when its last lease ends")
    func closesAtTheEnd() {
        let (pool, id) = oneLeased()
        pool.lease(2, mayPipeline: true)
        #expect(pool.release(id, .mustClose(.originConnectionClose)) == [])
        #expect(pool.lease(3, mayPipeline: true) == [])
        #expect(pool.release(id) == [.close(id, .originConnectionClose)])
        #expect(pool.closed(id) == [.dial(connection(0, 1))])
    }

    @Test("requests under way count against what the origin's max still allows")
    func hintCountsThoseUnderWay() {
        let (pool, id) = oneLeased(depth: 4)
        pool.lease(2, mayPipeline: true)
        pool.release(id, .reusable(KeepAliveHint(max: 2), window: .unknown))
        #expect(pool.lease(3, mayPipeline: true) == [.grant(waiter(3), id, reused: true)])
        #expect(pool.lease(4, mayPipeline: true) == [])
        #expect(pool.release(id) == [])
        #expect(pool.release(id) == [.close(id, .keepAliveHint)])
    }
}
