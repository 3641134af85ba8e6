import Pooling
import ProxyTypes
import TestSupport
import Testing

@Suite("A connection belongs to one client")
struct PinTests {
    /// One connection that client 1 has logged in, between two of its requests.
    private func loggedIn(_ change: (inout PoolPolicy) -> Void = { _ in }) -> (pool: PoolFixture, id: ConnectionID) {
        let pool = PoolFixture(change)
        let id = pool.becomeIdle(1)[0]
        #expect(pool.lease(1, client: 1) == [.grant(waiter(1), id, reused: true)])
        pool.pin(id, to: 1)
        #expect(pool.release(id) == [])
        return (pool, id)
    }

    @Test("its owner gets it again, everybody else another one")
    func owner() {
        let (pool, id) = loggedIn()
        #expect(pool.counts.pinned == 1 && pool.counts.idle == 0)
        #expect(pool.isPinned(to: 1) && !pool.isPinned(to: 2))
        #expect(pool.leaseIdle() == nil)
        #expect(pool.lease(2, client: 2) == [.dial(connection(1))])
        #expect(pool.lease(3, client: 1) == [.grant(waiter(3), id, reused: true)])
    }

    @Test("whoever else waits is not served by it, however long it lies there")
    func othersWait() {
        let (pool, id) = loggedIn { $0.maxConnections = 1 }
        #expect(pool.lease(2, client: 2) == [])
        #expect(pool.lease(3, client: 1) == [.grant(waiter(3), id, reused: true)])
        #expect(pool.release(id) == [])
        #expect(pool.budgetFreed() == [])
        #expect(pool.counts.waiting == 1 && pool.counts.pinned == 1)
    }

    @Test("it makes room for those that wait once it has been idle for as long as any may be")
    func idleBound() {
        let (pool, id) = loggedIn { $0.maxConnections = 1 }
        pool.lease(2, client: 2)
        #expect(pool.pass(.seconds(4)) == [.close(id, .idleTimeout)])
        #expect(pool.closed(id) == [.dial(connection(0, 1))])
    }

    @Test("its owner does not get it when its time has come")
    func tooLate() {
        let (pool, id) = loggedIn()
        pool.time.advance(by: .seconds(5))
        #expect(pool.lease(2, client: 1) == [.close(id, .idleTimeout), .dial(connection(1))])
    }

    @Test("no retry gets it, not even its owner's")
    func retries() {
        let (pool, _) = loggedIn()
        #expect(pool.lease(2, client: 1, fresh: true) == [.dial(connection(1), .replacement)])
    }

    @Test("it is not shared by pipelining")
    func pipelining() {
        let pool = PoolFixture {
            $0.maxConnections = 1
            $0.pipelineDepth = 4
        }
        let id = pool.becomeIdle(1)[0]
        pool.lease(1, client: 1, mayPipeline: true)
        pool.pin(id, to: 1)
        #expect(pool.lease(2, client: 1, mayPipeline: true) == [])
        #expect(pool.lease(3, client: 2, mayPipeline: true) == [])
        #expect(pool.release(id) == [.grant(waiter(2), id, reused: true)])
        #expect(pool.release(id) == [])
        #expect(pool.counts.waiting == 1)
    }

    @Test("one that requests of others share is nobody's, and closes with its last lease")
    func shared() {
        let pool = PoolFixture {
            $0.maxConnections = 1
            $0.pipelineDepth = 4
        }
        let id = pool.becomeIdle(1)[0]
        pool.lease(1, client: 1, mayPipeline: true)
        #expect(pool.lease(2, client: 2, mayPipeline: true) == [.grant(waiter(2), id, reused: true)])
        pool.pin(id, to: 1)
        #expect(!pool.isPinned(to: 1))
        #expect(pool.lease(3, client: 3, mayPipeline: true) == [])
        #expect(pool.release(id) == [])
        #expect(pool.release(id) == [.close(id, .pinned)])
    }

    @Test("it closes with its owner: at once between requests, with its lease else")
    func ownerEnds() {
        let (pool, id) = loggedIn()
        #expect(pool.endPins(of: 2) == [])
        #expect(pool.endPins(of: 1) == [.close(id, .pinned)])
        let (other, busy) = loggedIn()
        other.lease(2, client: 1)
        #expect(other.endPins(of: 1) == [])
        #expect(other.release(busy) == [.close(busy, .pinned)])
    }

    @Test("a client has one at most: the one it used last")
    func oneEach() {
        let (pool, id) = loggedIn()
        pool.lease(2, client: 1, fresh: true)
        pool.dialSucceeded(connection(1))
        pool.pin(connection(1), to: 1)
        #expect(pool.release(connection(1)) == [.close(id, .pinned)])
        #expect(pool.lease(3, client: 1) == [.grant(waiter(3), connection(1), reused: true)])
    }

    @Test("a drain, an order to close and the end close it")
    func ended() {
        let (drained, id) = loggedIn()
        #expect(drained.drain(.drained) == [.close(id, .drained)])
        #expect(drained.concerned == 1)
        let (closed, _) = loggedIn()
        #expect(closed.close(id) == [.close(id, .killed)])
        let (stopped, _) = loggedIn()
        #expect(stopped.shutdown() == [.close(id, .shutdown)])
        let (short, _) = loggedIn()
        #expect(short.shedIdle(1) == [.close(id, .fdPressure)])
    }

    @Test("it does not count for max_idle, but for max_connections")
    func limits() {
        let (pool, id) = loggedIn()
        #expect(pool.apply { $0.maxIdle = 0 } == [])
        #expect(pool.counts.pinned == 1)
        #expect(pool.apply { $0.maxConnections = 0 } == [.close(id, .poolShrink)])
    }

    @Test("after a pause its owner gets it, not whose turn it is")
    func pause() {
        let (pool, id) = loggedIn { $0.maxConnections = 1 }
        pool.pause()
        #expect(pool.lease(2, client: 2) == [])
        #expect(pool.lease(3, client: 1) == [])
        #expect(pool.resume() == [.grant(waiter(3), id, reused: true)])
    }
}
