import Pooling
import ProxyTypes
import TestSupport
import Testing

@Suite("Claims on room in the total")
struct ClaimTests {
    /// One connection, leased, all that the total allows; `waiting` requests wait.
    private func busy(
        waiting: UInt32 = 0, _ change: (inout PoolPolicy) -> Void = { _ in }
    ) -> (pool: PoolFixture, id: ConnectionID) {
        let pool = PoolFixture(total: 1, change)
        pool.lease(1)
        pool.dialSucceeded(connection(0))
        for number in 0..<waiting { pool.lease(2 + number) }
        return (pool, connection(0))
    }

    @Test("a claim is due a second after the first request came to wait, or when half of queue_timeout has passed")
    func due() {
        let (pool, _) = busy()
        #expect(pool.roomClaim == .distantFuture)
        pool.time.advance(by: .seconds(3))
        pool.lease(2)
        #expect(pool.roomClaim == pool.time.now + .seconds(1))
        pool.time.advance(by: .milliseconds(10))
        pool.lease(3)
        #expect(pool.roomClaim == pool.time.now + .milliseconds(990))
        let (short, _) = busy(waiting: 1) { $0.queueTimeout = .milliseconds(300) }
        #expect(short.roomClaim == short.start + .milliseconds(150))
    }

    @Test("each request that is served puts the claim off")
    func served() {
        let (pool, id) = busy(waiting: 2)
        #expect(pool.roomClaim == pool.start + .seconds(1))
        pool.time.advance(by: .milliseconds(700))
        #expect(pool.release(id) == [.grant(waiter(2), id, reused: true)])
        #expect(pool.roomClaim == pool.start + .milliseconds(1700))
        pool.time.advance(by: .milliseconds(100))
        #expect(pool.release(id) == [.grant(waiter(3), id, reused: true)])
        #expect(pool.roomClaim == .distantFuture)
    }

    @Test("a retry claims at once, and comes before CONNECTs that wait longer")
    func retry() {
        let (pool, id) = busy()
        pool.openTunnel(2)
        pool.lease(3, fresh: true)
        #expect(pool.roomClaim == .zero)
        pool.total.earliestClaim = .zero
        #expect(pool.release(id, .mustClose(.originClosedMidResponse)).count == 1)
        #expect(pool.closed(id) == [])
        #expect(pool.budgetFreed() == [.dial(connection(0, 1), .replacement)])
    }

    @Test("while pools wait, none takes room out of turn, and one dial is begun in a turn")
    func turn() {
        let pool = PoolFixture(total: 3)
        pool.total.earliestClaim = pool.start + .seconds(1)
        #expect(pool.lease(1) == [])
        #expect(pool.lease(2) == [])
        #expect(pool.totalRoomWanted == 2)
        #expect(pool.budgetFreed() == [.dial(connection(0))])
        #expect(pool.totalRoomWanted == 1)
        #expect(pool.budgetFreed() == [.dial(connection(1))])
        #expect(pool.budgetFreed() == [])
    }

    @Test("for a starved pool a connection is closed that would go on to the next request")
    func yields() {
        let (pool, id) = busy(waiting: 1)
        pool.total.earliestClaim = pool.start + .milliseconds(900)
        pool.time.advance(by: .milliseconds(900))
        #expect(pool.release(id) == [.close(id, .poolShrink)])
        #expect(pool.totalRoomWanted == 1)
    }

    @Test("not before the other claim is due, nor where its own is earlier")
    func keeps() {
        let (pool, id) = busy(waiting: 2)
        pool.total.earliestClaim = pool.start + .milliseconds(900)
        pool.time.advance(by: .milliseconds(899))
        #expect(pool.release(id) == [.grant(waiter(2), id, reused: true)])
        pool.total.earliestClaim = pool.start + .seconds(2)
        pool.time.advance(by: .seconds(2))
        #expect(pool.roomClaim < pool.total.earliestClaim)
        #expect(pool.release(id) == [.grant(waiter(3), id, reused: true)])
    }

    @Test("one connection is closed for a claim, not all")
    func once() {
        let pool = PoolFixture(total: 2)
        pool.lease(1)
        pool.lease(2)
        for number in 0..<2 { pool.dialSucceeded(connection(UInt32(number))) }
        pool.lease(3)
        pool.lease(4)
        pool.total.earliestClaim = pool.start + .milliseconds(1)
        pool.time.advance(by: .milliseconds(1))
        #expect(pool.release(connection(0)) == [.close(connection(0), .poolShrink)])
        #expect(pool.release(connection(1)) == [.grant(waiter(3), connection(1), reused: true)])
    }

    @Test("a connection that drains makes no room as long as its lease lasts: another one is closed")
    func drains() {
        let pool = PoolFixture(total: 2)
        pool.lease(1)
        pool.dialSucceeded(connection(0))
        _ = pool.drain(.drained)
        pool.lease(2)
        pool.dialSucceeded(connection(1))
        pool.lease(3)
        pool.total.earliestClaim = pool.start + .milliseconds(1)
        pool.time.advance(by: .milliseconds(1))
        #expect(pool.release(connection(1)) == [.close(connection(1), .poolShrink)])
    }

    @Test("a connection that pipelines takes no more requests, and closes after those that it has")
    func pipelined() {
        let (pool, id) = busy { $0.pipelineDepth = 4 }
        pool.release(id)
        pool.lease(2, mayPipeline: true)
        pool.lease(3, mayPipeline: true)
        pool.total.earliestClaim = .zero
        pool.release(id)
        #expect(pool.counts.draining == 1)
        #expect(pool.release(id) == [.close(id, .poolShrink)])
    }

    @Test("a client's own connection is not closed for others")
    func owned() {
        let (pool, id) = busy()
        pool.pin(id, to: 1_001)
        pool.lease(2, client: 1_001)
        pool.total.earliestClaim = .zero
        #expect(pool.release(id) == [.grant(waiter(2), id, reused: true)])
    }
}
