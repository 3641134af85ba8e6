import Pooling
import ProxyTypes
import Testing

@Suite("Connections are drained by an order")
struct DrainTests {
    @Test("a drain closes idle ones now, leased ones at the end of their lease, dialing ones at success")
    func drain() {
        let pool = PoolFixture()
        let ids = pool.becomeIdle(2)
        pool.lease(1)
        pool.lease(2)
        pool.release(ids[0])
        pool.lease(3)
        pool.lease(4)
        pool.cancel(4)
        pool.release(ids[0])
        #expect(pool.drain(.dnsDrain) == [.close(ids[0], .dnsDrain)])
        #expect(pool.affected == 3)
        #expect(pool.counts.draining == 2)
        #expect(pool.drain(.drained) == [])
        #expect(pool.affected == 0, "they were to close before")
        #expect(pool.release(ids[1]) == [.close(ids[1], .dnsDrain)])
        #expect(pool.dialSucceeded(connection(2)) == [.close(connection(2), .dnsDrain)])
    }

    @Test("after a drain, new and waiting requests get new connections")
    func dialsAnew() {
        let pool = PoolFixture()
        pool.lease(1)
        #expect(pool.drain(.settingsChanged) == [.dial(connection(1))])
        #expect(pool.lease(2) == [.dial(connection(2))])
        #expect(pool.dialSucceeded(connection(1)) == [.grant(waiter(1), connection(1), reused: false)])
        #expect(pool.release(connection(1)) == [.grant(waiter(2), connection(1), reused: true)])
    }

    @Test("the first reason to close a connection is the one reported")
    func firstReason() {
        let pool = PoolFixture()
        let id = pool.becomeIdle(1)[0]
        pool.lease(1)
        #expect(pool.drain(.dnsDrain) == [])
        #expect(pool.drain(.killed) == [])
        #expect(pool.release(id, .mustClose(.framingError)) == [.close(id, .dnsDrain)])
        pool.closed(id)
        #expect(pool.origin.taken == 0 && !pool.origin.isExceeded)
        #expect(pool.apply { $0.maxConnections = 1 } == [])
        #expect(pool.lease(2) == [.dial(connection(0, 1))])
        pool.origin.limit = 0
        #expect(pool.origin.isExceeded)
    }

    @Test("a draining connection counts against max_connections until it is gone")
    func drainingCounts() {
        let pool = PoolFixture { $0.maxConnections = 1 }
        let id = pool.becomeIdle(1)[0]
        #expect(pool.drain(.drained) == [.close(id, .drained)])
        #expect(pool.lease(1) == [])
        #expect(pool.closed(id) == [.dial(connection(0, 1))])
    }

    @Test("a shutdown refuses waiting and later requests, closes idle ones, and lets leases end")
    func shutdown() {
        let pool = PoolFixture { $0.maxConnections = 2 }
        let ids = pool.becomeIdle(2)
        pool.lease(1)
        pool.lease(2)
        pool.lease(3)
        #expect(pool.shutdown() == [.refuse(waiter(3), .draining)])
        #expect(pool.lease(4) == [.refuse(waiter(4), .draining)])
        #expect(pool.release(ids[0]) == [.close(ids[0], .shutdown)])
        #expect(pool.release(ids[1]) == [.close(ids[1], .shutdown)])
        #expect(!pool.isEmpty)
        pool.closed(ids[0])
        pool.closed(ids[1])
        #expect(pool.isEmpty)
        #expect(pool.nextDeadline == .distantFuture)
    }

    @Test("a shutdown closes idle ones, and min_idle does not bring them back")
    func shutdownIdle() {
        let pool = PoolFixture { $0.minIdle = 1 }
        _ = pool.prewarm(1)
        pool.dialSucceeded(connection(0))
        #expect(pool.shutdown() == [.close(connection(0), .shutdown)])
        #expect(pool.closed(connection(0)) == [])
        #expect(pool.prewarm(3) == [])
    }

    @Test("short of descriptors the longest idle go first, and min_idle does not dial them again at once")
    func shed() {
        let pool = PoolFixture { $0.minIdle = 2 }
        _ = pool.prewarm(2)
        pool.dialSucceeded(connection(0))
        pool.dialSucceeded(connection(1))
        #expect(pool.shedIdle(1) == [.close(connection(0), .fdPressure)])
        #expect(pool.closed(connection(0)) == [])
        #expect(pool.shedIdle(5) == [.close(connection(1), .fdPressure)])
        #expect(pool.shedIdle(5) == [])
    }
}

@Suite("An operator ends one connection")
struct CloseTests {
    @Test("an idle one closes now, and the others stay")
    func idle() {
        let pool = PoolFixture()
        let ids = pool.becomeIdle(2)
        #expect(pool.close(ids[1]) == [.close(ids[1], .killed)])
        #expect(pool.lease(1) == [.grant(waiter(1), ids[0], reused: true)])
    }

    @Test("a leased one closes when its lease ends, for this reason, and is not shared until then")
    func leased() {
        let pool = PoolFixture {
            $0.maxConnections = 1
            $0.pipelineDepth = 2
        }
        let id = pool.becomeIdle(1)[0]
        pool.lease(1, mayPipeline: true)
        #expect(pool.close(id) == [])
        #expect(pool.state(id) == .draining)
        #expect(pool.lease(2, mayPipeline: true) == [])
        #expect(pool.release(id, .mustClose(.framingError)) == [.close(id, .killed)])
        #expect(pool.closed(id) == [.dial(connection(0, 1))])
    }

    @Test("a dialing one closes when it has succeeded, and the waiting request gets another")
    func dialing() {
        let pool = PoolFixture()
        pool.lease(1)
        #expect(pool.close(connection(0)) == [.dial(connection(1))])
        #expect(pool.dialSucceeded(connection(0)) == [.close(connection(0), .killed)])
        #expect(pool.dialSucceeded(connection(1)) == [.grant(waiter(1), connection(1), reused: false)])
    }

    @Test("without room for another dial, queue_timeout applies again to the request that waited for that one")
    func dialingAtTheLimit() {
        let pool = PoolFixture { $0.maxConnections = 1 }
        pool.lease(1)
        #expect(pool.pass(.seconds(6)) == [])
        #expect(pool.close(connection(0)) == [])
        #expect(pool.deadlineReached() == [.refuse(waiter(1), .waitedTooLong)])
    }

    @Test("one that is closing, to close, or gone is left as it is")
    func already() {
        let pool = PoolFixture()
        let ids = pool.becomeIdle(2)
        pool.lease(1)
        _ = pool.drain(.dnsDrain)
        #expect(pool.close(ids[0]) == [])
        #expect(pool.close(ids[1]) == [])
        #expect(pool.release(ids[1]) == [.close(ids[1], .dnsDrain)])
        pool.closed(ids[0])
        #expect(pool.close(ids[0]) == [])
    }

    @Test("min_idle replaces it")
    func minIdle() {
        let pool = PoolFixture { $0.minIdle = 1 }
        _ = pool.prewarm(1)
        pool.dialSucceeded(connection(0))
        #expect(pool.close(connection(0)) == [.close(connection(0), .killed), .dial(connection(1), .warmUp)])
    }
}

@Suite("Budgets")
struct BudgetTests {
    @Test("a budget gives no more than its limit, also when that drops below what is taken")
    func limit() {
        let budget = ConnectionBudget(limit: 2)
        #expect(budget.tryTake() && budget.tryTake() && !budget.tryTake())
        budget.limit = 1
        #expect(budget.isExceeded)
        budget.giveBack()
        #expect(!budget.tryTake() && !budget.isExceeded)
        budget.giveBack()
        #expect(budget.tryTake())
        #expect(budget.taken == 1)
    }

    @Test("many threads never take more than the limit")
    func threads() async {
        let budget = ConnectionBudget(limit: 3)
        await withTaskGroup(of: Int.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    var most = 0
                    for _ in 0..<2_000 where budget.tryTake() {
                        most = max(most, budget.taken)
                        budget.giveBack()
                    }
                    return most
                }
            }
            for await most in group { #expect(most <= 3) }
        }
        #expect(budget.taken == 0)
    }

    @Test("at the total limit a request waits, and is dialled for when there is room")
    func totalLimit() {
        let pool = PoolFixture(total: 1)
        #expect(pool.total.tryTake())
        #expect(pool.lease(1) == [])
        #expect(pool.totalRoomWanted == 1)
        #expect(pool.origin.taken == 0)
        #expect(pool.budgetFreed() == [])
        pool.total.giveBack()
        #expect(pool.budgetFreed() == [.dial(connection(0))])
        #expect(pool.totalRoomWanted == 0)
    }

    @Test("a request that waited too long for the total limit is refused with that reason")
    func totalLimitRefusal() {
        let pool = PoolFixture(total: 0)
        pool.lease(1)
        #expect(pool.pass(.seconds(5)) == [.refuse(waiter(1), .connectionLimit)])
    }

    @Test("over a total limit that was lowered, a connection closes when its lease ends")
    func totalLowered() {
        let pool = PoolFixture(total: 2)
        let ids = pool.becomeIdle(2)
        pool.lease(1)
        pool.total.limit = 1
        #expect(pool.release(ids[1]) == [.close(ids[1], .poolShrink)])
        #expect(pool.counts.idle == 1)
    }

    @Test("two pools of one origin share its limit")
    func sharedByLoops() {
        let origin = ConnectionBudget(limit: 1)
        let total = ConnectionBudget(limit: 9)
        var one = OriginPool(policy: PoolPolicy(), origin: origin, total: total, seed: 1)
        var other = OriginPool(policy: PoolPolicy(), origin: origin, total: total, seed: 2)
        let request = LeaseRequest(client: ClientID(rawValue: 1))
        var actions: [PoolAction] = []
        one.lease(waiter(1), request, now: .zero, into: &actions)
        other.lease(waiter(2), request, now: .zero, into: &actions)
        #expect(actions == [.dial(connection(0))])
        one.dialFailed(connection(0), now: .zero, into: &actions)
        other.budgetFreed(now: .zero, into: &actions)
        #expect(actions.last == .dial(connection(0)))
    }
}
