import Pooling
import ProxyTypes
import TestSupport
import Testing

@Suite("Dials and their back-off")
struct DialTests {
    @Test("a failed dial with no other connection alive refuses all waiting requests, and gives its place back")
    func refusesAll() {
        let pool = PoolFixture { $0.maxConnections = 1 }
        pool.lease(1)
        pool.lease(2)
        #expect(
            pool.dialFailed(connection(0)) == [.refuse(waiter(1), .dialFailing), .refuse(waiter(2), .dialFailing)])
        #expect(pool.isEmpty)
        #expect(pool.origin.taken == 0 && pool.total.taken == 0)
    }

    @Test("while another dial is under way, all go on waiting")
    func otherDial() {
        let pool = PoolFixture()
        pool.lease(1)
        pool.lease(2)
        #expect(pool.dialFailed(connection(0)) == [])
        #expect(pool.dialSucceeded(connection(1)).first == .grant(waiter(1), connection(1), reused: false))
    }

    @Test("while a leased connection lives, all go on waiting for it")
    func liveConnection() {
        let pool = PoolFixture()
        let ids = pool.becomeIdle(1)
        pool.lease(1)
        pool.lease(2)
        #expect(pool.dialFailed(connection(1)) == [])
        #expect(pool.release(ids[0]) == [.grant(waiter(2), ids[0], reused: true)])
    }

    @Test("a leased connection that is to close does not count as alive")
    func drainingIsNotAlive() {
        let pool = PoolFixture()
        _ = pool.becomeIdle(1)
        pool.lease(1)
        _ = pool.drain(.dnsDrain)
        pool.lease(2)
        #expect(pool.dialFailed(connection(1)) == [.refuse(waiter(2), .dialFailing)])
    }

    @Test("requests that come during the back-off wait for its end, when one dial probes for all")
    func probes() {
        let pool = PoolFixture()
        pool.lease(1)
        pool.dialFailed(connection(0))
        #expect(pool.lease(2) == [])
        #expect(pool.lease(3) == [])
        #expect(pool.untilDeadline >= .milliseconds(40) && pool.untilDeadline <= .milliseconds(60))
        pool.time.advance(by: .milliseconds(39))
        #expect(pool.deadlineReached() == [])
        pool.time.advance(to: pool.nextDeadline)
        #expect(pool.deadlineReached() == [.dial(connection(0, 1))])
        #expect(pool.lease(4) == [], "one probe at a time")
        #expect(
            pool.dialSucceeded(connection(0, 1)) == [
                .grant(waiter(2), connection(0, 1), reused: false), .dial(connection(1)), .dial(connection(2)),
            ])
    }

    @Test("during the back-off max_queue counts only those that could not dial without it")
    func backoffAndQueue() {
        let pool = PoolFixture {
            $0.maxConnections = 2
            $0.maxQueue = 0
        }
        pool.lease(1)
        pool.dialFailed(connection(0))
        #expect(pool.lease(2) == [])
        #expect(pool.lease(3) == [])
        #expect(pool.lease(4) == [.refuse(waiter(4), .queueFull)])
    }

    @Test("the delay doubles from 50 ms to 2 s, give or take a fifth, and starts again after a success")
    func delays() {
        var backoff = Backoff()
        var random = SeededRandom(seed: 3)
        for milliseconds in [50, 100, 200, 400, 800, 1600, 2000, 2000] as [Int64] {
            backoff.failed(begunIn: backoff.epoch, now: .zero, random: &random)
            let delay = backoff.notBefore - .zero
            #expect(delay >= .milliseconds(milliseconds * 4 / 5))
            #expect(delay <= .milliseconds(min(2000, milliseconds * 6 / 5)))
        }
        backoff.succeeded()
        #expect(!backoff.isFailing)
        backoff.failed(begunIn: backoff.epoch, now: .zero, random: &random)
        #expect(backoff.notBefore - .zero <= .milliseconds(60))
    }

    @Test("the delays are jittered")
    func jitter() {
        var random = SeededRandom(seed: 3)
        let delays = (0..<20).map { _ in
            var backoff = Backoff()
            backoff.failed(begunIn: 0, now: .zero, random: &random)
            return backoff.notBefore
        }
        #expect(Set(delays).count > 15)
    }

    @Test("dials that were under way together count as one failure")
    func oneOutage() {
        let pool = PoolFixture()
        for number in 0..<8 { pool.lease(UInt32(number)) }
        for slot in 0..<8 { pool.dialFailed(connection(UInt32(slot))) }
        pool.lease(20)
        #expect(pool.untilDeadline <= .milliseconds(60))
    }

    @Test("min_idle is kept once the origin was used, beside the dials for waiting requests, and replaced when retired")
    func minIdle() {
        let pool = PoolFixture { $0.minIdle = 2 }
        #expect(pool.budgetFreed() == [])
        #expect(pool.lease(1) == [.dial(connection(0)), .dial(connection(1), .warmUp), .dial(connection(2), .warmUp)])
        for slot in 0..<3 { pool.dialSucceeded(connection(UInt32(slot))) }
        #expect(pool.counts.idle == 2)
        #expect(pool.lease(2) == [.grant(waiter(2), connection(2), reused: false), .dial(connection(3), .warmUp)])
        pool.dialSucceeded(connection(3))
        #expect(
            pool.pass(.seconds(4)) == [
                .close(connection(1), .idleTimeout), .close(connection(3), .idleTimeout), .dial(connection(4), .warmUp),
                .dial(connection(5), .warmUp),
            ])
    }

    @Test("min_idle stays within max_idle and max_connections")
    func minIdleBounded() {
        let pool = PoolFixture {
            $0.minIdle = 9
            $0.maxIdle = 4
            $0.maxConnections = 3
        }
        #expect(pool.lease(1).count == 3)
        let other = PoolFixture {
            $0.minIdle = 9
            $0.maxIdle = 1
        }
        #expect(other.lease(1).count == 2)
    }

    @Test("an origin that closes connections dialled ahead is not dialled in a loop")
    func warmLoop() {
        let pool = PoolFixture { $0.minIdle = 1 }
        pool.lease(1)
        pool.dialSucceeded(connection(0))
        pool.dialSucceeded(connection(1))
        #expect(pool.closed(connection(1)) == [])
        #expect(pool.untilDeadline > .milliseconds(30))
        pool.time.advance(to: pool.nextDeadline)
        #expect(pool.deadlineReached() == [.dial(connection(1, 1), .warmUp)])
    }

    @Test("prewarm dials ahead once, as far as limits allow")
    func prewarm() {
        let pool = PoolFixture { $0.maxConnections = 3 }
        #expect(pool.prewarm(2) == [.dial(connection(0), .warmUp), .dial(connection(1), .warmUp)])
        #expect(pool.affected == 2)
        #expect(pool.prewarm(2) == [])
        #expect(pool.affected == 0)
        #expect(pool.prewarm(9) == [.dial(connection(2), .warmUp)])
        #expect(pool.affected == 1)
    }

    @Test("prewarm counts what it dials ahead, not the dials under way for waiting requests")
    func prewarmBesideWaiters() {
        let pool = PoolFixture { $0.minIdle = 1 }
        pool.lease(1)
        #expect(pool.prewarm(3) == [.dial(connection(2), .warmUp), .dial(connection(3), .warmUp)])
        #expect(pool.affected == 2)
        let first = PoolFixture { $0.minIdle = 2 }
        #expect(first.prewarm(1).count == 2)
        #expect(first.affected == 2, "min_idle comes to be kept with it")
    }

    @Test("a dial names the cause for which it began, whichever request then gets its connection")
    func causes() {
        let pool = PoolFixture { $0.minIdle = 1 }
        #expect(pool.lease(1) == [.dial(connection(0), .demand), .dial(connection(1), .warmUp)])
        #expect(pool.lease(2, fresh: true) == [.dial(connection(2), .replacement)])
        #expect(pool.lease(3) == [.dial(connection(3), .demand)])
        #expect(pool.dialSucceeded(connection(0)) == [.grant(waiter(2), connection(0), reused: false)])
        #expect(pool.lease(4) == [.dial(connection(4), .demand)])
        #expect(pool.dialFailed(connection(2)) == [])
        #expect(pool.counts.dialing == 3)
        #expect(pool.dialSucceeded(connection(1)).contains(.dial(connection(2, 1), .warmUp)))
        let other = PoolFixture { $0.minIdle = 1 }
        #expect(
            other.lease(1, fresh: true) == [.dial(connection(0), .replacement), .dial(connection(1), .warmUp)])
    }

    @Test("the cause of a dial that drains is free for the next one")
    func causeOfADrainingDial() {
        let pool = PoolFixture()
        #expect(pool.lease(1, fresh: true) == [.dial(connection(0), .replacement)])
        #expect(pool.drain(.dnsDrain) == [.dial(connection(1), .replacement)])
    }

    @Test("late events of a connection that is gone change nothing")
    func lateNews() {
        let pool = PoolFixture()
        pool.lease(1)
        pool.dialFailed(connection(0))
        let before = pool.counts
        #expect(pool.dialSucceeded(connection(0)) == [])
        #expect(pool.dialFailed(connection(0)) == [])
        #expect(pool.closed(connection(0)) == [])
        #expect(pool.noteClosing(connection(0)) == [])
        #expect(pool.release(connection(0)) == [])
        #expect(pool.counts == before)
    }

    @Test(
        "a dial that the driver gave up gives its place back when it ends, and is not a failure",
        arguments: [true, false])
    func givenUp(byFailure: Bool) {
        let pool = PoolFixture { $0.maxConnections = 1 }
        pool.lease(1)
        #expect(pool.noteClosing(connection(0)) == [])
        #expect(pool.dialSucceeded(connection(0)) == [])
        let actions = byFailure ? pool.dialFailed(connection(0)) : pool.closed(connection(0))
        #expect(actions == [.dial(connection(0, 1))])
    }
}
