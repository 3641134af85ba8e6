import Pooling
import ProxyTypes
import TestSupport
import Testing

@Suite("A pool is paused")
struct PauseTests {
    @Test("no idle connection is granted and no dial begins, by lease or leaseIdle")
    func holdsBack() {
        let pool = PoolFixture()
        _ = pool.becomeIdle(1)
        #expect(pool.pause() == [])
        #expect(pool.isPaused)
        #expect(pool.leaseIdle() == nil)
        #expect(pool.lease(1) == [])
        #expect(pool.lease(2, fresh: true) == [])
        #expect(pool.counts.idle == 1 && pool.counts.waiting == 2 && pool.counts.dialing == 0)
        #expect(pool.budgetFreed() == [])
    }

    @Test("leases go on, and their connections become idle although requests wait")
    func leasesGoOn() {
        let pool = PoolFixture { $0.maxConnections = 2 }
        let ids = pool.becomeIdle(2)
        pool.lease(1)
        pool.lease(2)
        pool.lease(3)
        pool.pause()
        #expect(pool.counts.leased == 2)
        #expect(pool.release(ids[0]) == [])
        #expect(pool.release(ids[1], .mustClose(.originConnectionClose)) == [.close(ids[1], .originConnectionClose)])
        #expect(pool.closed(ids[1]) == [])
        #expect(pool.counts.idle == 1 && pool.counts.waiting == 1)
    }

    @Test("a connection is not closed to make room for a retry that may not dial")
    func noRoomForRetries() {
        let pool = PoolFixture { $0.maxConnections = 1 }
        let id = pool.becomeIdle(1)[0]
        pool.lease(1)
        pool.pause()
        pool.lease(2, fresh: true)
        #expect(pool.release(id) == [])
        #expect(pool.counts.idle == 1)
        #expect(pool.resume() == [.close(id, .poolShrink)])
        #expect(pool.closed(id) == [.dial(connection(0, 1), .replacement)])
    }

    @Test("a dial that ends in a pause becomes idle")
    func dialEnds() {
        let pool = PoolFixture()
        pool.lease(1)
        pool.lease(2, fresh: true)
        pool.pause()
        #expect(pool.dialSucceeded(connection(0)) == [])
        #expect(pool.counts.idle == 1 && pool.counts.waiting == 2)
        #expect(pool.dialSucceeded(connection(1)) == [])
        #expect(
            pool.resume() == [
                .grant(waiter(2), connection(1), reused: false), .grant(waiter(1), connection(0), reused: false),
            ])
    }

    @Test("a dial that fails in a pause refuses no request; after the pause the back-off applies, then one dial probes")
    func dialFails() {
        let pool = PoolFixture()
        pool.lease(1)
        pool.pause()
        #expect(pool.dialFailed(connection(0)) == [])
        #expect(pool.counts.waiting == 1)
        #expect(pool.resume() == [])
        #expect(pool.untilDeadline >= .milliseconds(40) && pool.untilDeadline <= .milliseconds(60))
        pool.time.advance(to: pool.nextDeadline)
        #expect(pool.deadlineReached() == [.dial(connection(0, 1))])
    }

    @Test("idle connections are bounded by max_idle and retired by age as usual")
    func idleOnes() {
        let pool = PoolFixture { $0.maxIdle = 1 }
        pool.lease(1)
        pool.lease(2)
        for slot in 0..<2 { pool.dialSucceeded(connection(UInt32(slot))) }
        pool.pause()
        pool.lease(3)
        #expect(pool.release(connection(0)) == [])
        #expect(pool.release(connection(1)) == [.close(connection(0), .poolShrink)])
        #expect(pool.pass(.seconds(4)) == [.close(connection(1), .idleTimeout)])
        #expect(pool.closed(connection(1)) == [])
        #expect(pool.counts.waiting == 1)
    }

    @Test("min_idle and prewarm dial nothing")
    func nothingAhead() {
        let pool = PoolFixture { $0.minIdle = 2 }
        _ = pool.prewarm(0)
        for slot in 0..<2 { pool.dialSucceeded(connection(UInt32(slot))) }
        pool.pause()
        #expect(pool.prewarm(9) == [])
        #expect(pool.affected == 0)
        #expect(pool.close(connection(0)) == [.close(connection(0), .killed)])
        #expect(pool.close(connection(1)) == [.close(connection(1), .killed)])
        #expect(pool.apply { $0.minIdle = 1 } == [])
        #expect(pool.nextDeadline == .distantFuture)
        #expect(pool.resume() == [.dial(connection(2), .warmUp)])
    }

    @Test("busy connections are not shared")
    func pipelining() {
        let pool = PoolFixture {
            $0.maxConnections = 1
            $0.pipelineDepth = 2
        }
        let id = pool.becomeIdle(1)[0]
        pool.lease(1, mayPipeline: true)
        pool.pause()
        #expect(pool.lease(2, mayPipeline: true) == [])
        #expect(pool.resume() == [.grant(waiter(2), id, reused: true)])
    }
}

@Suite("Requests that wait in a pause")
struct PausedQueueTests {
    @Test("after queue_timeout they are refused, also those with a dial under way")
    func timeout() {
        let pool = PoolFixture()
        pool.lease(1)
        pool.time.advance(by: .seconds(2))
        pool.pause()
        pool.lease(2)
        #expect(pool.untilDeadline == .seconds(3))
        #expect(pool.pass(.seconds(3)) == [.refuse(waiter(1), .paused)])
        #expect(pool.pass(.seconds(2)) == [.refuse(waiter(2), .paused)])
        #expect(pool.dialSucceeded(connection(0)) == [])
        #expect(pool.counts.idle == 1)
    }

    @Test(
        "a dial no longer exempts from queue_timeout: a request that has waited longer is refused when the pause begins"
    )
    func overdue() {
        let pool = PoolFixture()
        pool.lease(1)
        #expect(pool.pass(.seconds(6)) == [])
        #expect(pool.pause() == [])
        #expect(pool.nextDeadline <= pool.time.now)
        #expect(pool.deadlineReached() == [.refuse(waiter(1), .paused)])
    }

    @Test("over max_queue new requests are refused, whatever dials are under way")
    func queueFull() {
        let pool = PoolFixture { $0.maxQueue = 2 }
        pool.lease(1)
        pool.pause()
        #expect(pool.lease(2) == [])
        #expect(pool.lease(3) == [.refuse(waiter(3), .paused)])
        #expect(pool.lease(4, fresh: true) == [.refuse(waiter(4), .paused)])
        #expect(pool.cancel(1) == [])
        #expect(pool.lease(5) == [])
    }

    @Test("neither a closing connection nor room that the back-off leaves unused extends the queue")
    func noPlaceByRoom() {
        let pool = PoolFixture { $0.maxQueue = 0 }
        let ids = pool.becomeIdle(1)
        #expect(pool.close(ids[0]) == [.close(ids[0], .killed)])
        pool.lease(1)
        pool.dialFailed(connection(1))
        pool.pause()
        #expect(pool.lease(2, fresh: true) == [.refuse(waiter(2), .paused)])
        #expect(pool.lease(3) == [.refuse(waiter(3), .paused)])
    }

    @Test("with queue_timeout 0 new requests are refused at once")
    func noWaiting() {
        let pool = PoolFixture { $0.queueTimeout = .zero }
        _ = pool.becomeIdle(1)
        pool.pause()
        #expect(pool.lease(1) == [.refuse(waiter(1), .paused)])
        #expect(pool.counts.idle == 1)
    }

    @Test("they do not wait for the total limit: no other origin's connections are closed for them")
    func notTheTotal() {
        let pool = PoolFixture(total: 0)
        pool.lease(1)
        #expect(pool.totalRoomWanted == 1)
        pool.pause()
        #expect(pool.totalRoomWanted == 0)
        #expect(pool.pass(.seconds(5)) == [.refuse(waiter(1), .paused)])
    }

    @Test("a shutdown refuses them as usual, and ends the pause")
    func shutdown() {
        let pool = PoolFixture()
        let id = pool.becomeIdle(1)[0]
        pool.pause()
        pool.lease(1)
        #expect(pool.shutdown() == [.refuse(waiter(1), .draining), .close(id, .shutdown)])
        #expect(!pool.isPaused)
        #expect(pool.lease(2) == [.refuse(waiter(2), .draining)])
        pool.pause()
        #expect(!pool.isPaused)
        #expect(pool.resume() == [])
        #expect(pool.lease(3) == [.refuse(waiter(3), .draining)])
    }
}

@Suite("A pool resumes")
struct ResumeTests {
    @Test("waiting requests are served in turn, from idle connections at once, then by dials")
    func serves() {
        let pool = PoolFixture { $0.maxConnections = 3 }
        let ids = pool.becomeIdle(2)
        pool.pause()
        for number in 1...4 { pool.lease(UInt32(number)) }
        #expect(
            pool.resume() == [
                .grant(waiter(1), ids[1], reused: true), .grant(waiter(2), ids[0], reused: true),
                .dial(connection(2)),
            ])
        #expect(!pool.isPaused)
        #expect(pool.release(ids[0]) == [.grant(waiter(3), ids[0], reused: true)])
    }

    @Test("clients have their turns")
    func turns() {
        let pool = PoolFixture { $0.maxConnections = 2 }
        let ids = pool.becomeIdle(2)
        pool.pause()
        pool.lease(1, client: 1)
        pool.lease(2, client: 1)
        pool.lease(3, client: 2)
        #expect(
            pool.resume() == [.grant(waiter(1), ids[1], reused: true), .grant(waiter(3), ids[0], reused: true)])
    }

    @Test("a retry comes first: it is dialled for, or an idle connection makes room, before others take the rest")
    func retries() {
        let pool = PoolFixture { $0.maxConnections = 3 }
        let ids = pool.becomeIdle(2)
        pool.pause()
        pool.lease(1)
        pool.lease(2)
        pool.lease(3, fresh: true)
        pool.lease(4, fresh: true)
        #expect(
            pool.resume() == [
                .dial(connection(2), .replacement), .close(ids[0], .poolShrink),
                .grant(waiter(1), ids[1], reused: true),
            ])
    }

    @Test("an idle connection past its deadline is closed and not granted, however late the timer is")
    func dueIsNotGranted() {
        let pool = PoolFixture()
        let ids = pool.becomeIdle(1)
        pool.pause()
        pool.lease(1)
        pool.time.advance(by: .seconds(4))
        #expect(pool.resume() == [.close(ids[0], .idleTimeout), .dial(connection(1))])
    }

    @Test("dials under way since before the pause serve waiting requests, and no more begin for them")
    func dialsUnderWay() {
        let pool = PoolFixture()
        pool.lease(1)
        pool.pause()
        pool.lease(2)
        #expect(pool.resume() == [.dial(connection(1))])
        #expect(pool.dialSucceeded(connection(0)) == [.grant(waiter(1), connection(0), reused: false)])
    }

    @Test("pausing and resuming twice changes nothing more")
    func twice() {
        let pool = PoolFixture()
        let id = pool.becomeIdle(1)[0]
        #expect(pool.resume() == [])
        pool.pause()
        #expect(pool.pause() == [])
        pool.lease(1)
        #expect(pool.resume() == [.grant(waiter(1), id, reused: true)])
        #expect(pool.resume() == [])
        pool.release(id)
        #expect(pool.leaseIdle() == id)
    }

    @Test("a paused pool is not empty: dropping it would resume it")
    func notForgotten() {
        let pool = PoolFixture()
        #expect(pool.isEmpty)
        pool.pause()
        #expect(!pool.isEmpty)
        _ = pool.resume()
        #expect(pool.isEmpty)
    }
}
