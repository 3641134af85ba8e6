import Pooling
import ProxyTypes
import TestSupport
import Testing

@Suite("A request asks for a connection")
struct LeaseTests {
    @Test("the first request dials, and gets the new connection")
    func firstRequest() {
        let pool = PoolFixture()
        #expect(pool.lease(1) == [.dial(connection(0))])
        #expect(pool.dialSucceeded(connection(0)) == [.grant(waiter(1), connection(0), reused: false)])
    }

    @Test("an idle connection is granted at once, as reused")
    func idleIsReused() {
        let pool = PoolFixture()
        let ids = pool.becomeIdle(1)
        #expect(pool.lease(1) == [.grant(waiter(1), ids[0], reused: true)])
        #expect(pool.state(ids[0]) == .leased)
    }

    @Test("the reuse order decides which idle connection is granted", arguments: [(ReuseOrder.lifo, 2), (.fifo, 0)])
    func reuseOrder(order: ReuseOrder, expected: Int) {
        let pool = PoolFixture { $0.reuseOrder = order }
        let ids = pool.becomeIdle(3)
        #expect(pool.lease(1) == [.grant(waiter(1), ids[expected], reused: true)])
    }

    @Test("widest grants the largest congestion window, and the last used among equals")
    func widest() {
        let pool = PoolFixture { $0.reuseOrder = .widest }
        let ids = (0..<4).map { connection(UInt32($0)) }
        for number in 0..<4 { pool.lease(UInt32(number)) }
        for id in ids { pool.dialSucceeded(id) }
        for (id, window) in zip(ids, [10, 40, 40, 20] as [UInt32]) {
            pool.release(id, .reusable(nil, window: SendWindow(segments: window)))
        }
        #expect(pool.lease(10) == [.grant(waiter(10), ids[2], reused: true)])
        #expect(pool.lease(11) == [.grant(waiter(11), ids[1], reused: true)])
        #expect(pool.lease(12) == [.grant(waiter(12), ids[3], reused: true)])
    }

    @Test("leaseIdle takes an idle connection, and leaves every other case to lease")
    func shortWay() {
        let pool = PoolFixture()
        #expect(pool.leaseIdle() == nil)
        let ids = pool.becomeIdle(2)
        #expect(pool.leaseIdle() == ids[1])
        #expect(pool.state(ids[1]) == .leased)
        pool.time.advance(by: .seconds(4))
        #expect(pool.leaseIdle() == nil, "it is due")
        pool.release(ids[1])
        #expect(pool.leaseIdle() == ids[1])
        pool.release(ids[1])
        pool.lease(1, fresh: true)
        #expect(pool.leaseIdle() == nil, "somebody waits")
        _ = pool.shutdown()
        #expect(pool.leaseIdle() == nil)
    }

    @Test("one dial per waiting request, up to max_connections; the others wait")
    func dialsUpToTheLimit() {
        let pool = PoolFixture { $0.maxConnections = 2 }
        #expect(pool.lease(1) == [.dial(connection(0))])
        #expect(pool.lease(2) == [.dial(connection(1))])
        #expect(pool.lease(3) == [])
        #expect(pool.counts.waiting == 3)
    }

    @Test("a connection that comes back first serves the first waiter, and the dial stays as idle")
    func whicheverComesFirst() {
        let pool = PoolFixture()
        let ids = pool.becomeIdle(1)
        pool.lease(1)
        #expect(pool.lease(2) == [.dial(connection(1))])
        #expect(pool.release(ids[0]) == [.grant(waiter(2), ids[0], reused: true)])
        #expect(pool.dialSucceeded(connection(1)) == [])
        #expect(pool.counts.idle == 1)
        #expect(pool.lease(3) == [.grant(waiter(3), connection(1), reused: false)])
    }

    @Test("no dial is begun for a request that one under way will serve")
    func noSurplusDials() {
        let pool = PoolFixture()
        pool.lease(1)
        pool.cancel(1)
        #expect(pool.lease(2) == [])
        #expect(pool.dialSucceeded(connection(0)) == [.grant(waiter(2), connection(0), reused: false)])
    }

    @Test("only requests that wait for lack of room count against max_queue")
    func queueBound() {
        let pool = PoolFixture {
            $0.maxConnections = 2
            $0.maxQueue = 1
        }
        #expect(pool.lease(1) == [.dial(connection(0))])
        #expect(pool.lease(2) == [.dial(connection(1))])
        #expect(pool.lease(3) == [])
        #expect(pool.lease(4) == [.refuse(waiter(4), .queueFull)])
        #expect(pool.counts.waiting == 3)
    }

    @Test("with max_queue 0 a request may still dial")
    func noQueue() {
        let pool = PoolFixture {
            $0.maxConnections = 1
            $0.maxQueue = 0
        }
        #expect(pool.lease(1) == [.dial(connection(0))])
        #expect(pool.lease(2) == [.refuse(waiter(2), .queueFull)])
    }

    @Test("with queue_timeout 0 a request that cannot dial is refused at once")
    func noWaiting() {
        let pool = PoolFixture {
            $0.maxConnections = 1
            $0.queueTimeout = .zero
        }
        #expect(pool.lease(1) == [.dial(connection(0))])
        #expect(pool.lease(2) == [.refuse(waiter(2), .waitedTooLong)])
        #expect(pool.dialSucceeded(connection(0)) == [.grant(waiter(1), connection(0), reused: false)])
    }

    @Test("a cancelled request is not answered")
    func cancelled() {
        let pool = PoolFixture { $0.maxConnections = 1 }
        pool.lease(1)
        pool.lease(2)
        #expect(pool.cancel(1) == [])
        #expect(pool.dialSucceeded(connection(0)) == [.grant(waiter(2), connection(0), reused: false)])
        #expect(pool.cancel(2) == [], "it was answered: nothing is left to cancel")
    }

    @Test("an idle connection past its deadline is closed and not granted, however late the timer is")
    func dueIsNotGranted() {
        let pool = PoolFixture()
        let ids = pool.becomeIdle(1)
        pool.time.advance(by: .seconds(4))
        #expect(pool.lease(1) == [.close(ids[0], .idleTimeout), .dial(connection(1))])
    }
}

@Suite("Turns")
struct TurnTests {
    private func full() -> (PoolFixture, ConnectionID) {
        let pool = PoolFixture { $0.maxConnections = 1 }
        let id = pool.becomeIdle(1)[0]
        pool.lease(800)
        return (pool, id)
    }

    private func served(_ pool: PoolFixture, _ id: ConnectionID, _ count: Int) -> [UInt32] {
        (0..<count).flatMap { _ in
            pool.release(id).compactMap { if case .grant(let waiter, _, _) = $0 { waiter.slot } else { nil } }
        }
    }

    @Test("with one request per client, first come is first served")
    func firstComeFirstServed() {
        let (pool, id) = full()
        for number in 1...5 { pool.lease(UInt32(number)) }
        #expect(served(pool, id, 5) == [1, 2, 3, 4, 5])
    }

    @Test("a client with many requests gets one turn per round")
    func oneTurnPerRound() {
        let (pool, id) = full()
        for number in 1...4 { pool.lease(UInt32(number), client: 1) }
        pool.lease(11, client: 2)
        pool.lease(12, client: 2)
        pool.lease(21, client: 3)
        #expect(served(pool, id, 7) == [1, 11, 21, 2, 12, 3, 4])
    }

    @Test("a client that was just served comes after those that wait")
    func servedGoesLast() {
        let (pool, id) = full()
        pool.lease(1, client: 1)
        pool.lease(2, client: 2)
        #expect(served(pool, id, 1) == [1])
        pool.lease(3, client: 1)
        pool.lease(4, client: 2)
        #expect(served(pool, id, 3) == [2, 3, 4])
    }

    @Test(
        "thousands wait, some give up, and the others are served in the order they came",
        arguments: 1...4 as ClosedRange<UInt64>)
    func many(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let pool = PoolFixture {
            $0.maxConnections = 1
            $0.maxQueue = 100_000
            $0.maxRequestsPerConnection = 0
        }
        let id = pool.becomeIdle(1)[0]
        pool.lease(999_999)
        var waiting: [UInt32] = []
        var number: UInt32 = 0
        for _ in 0..<1_000 {
            for _ in 0..<random.below(4) {
                number += 1 + UInt32(random.below(3))
                #expect(pool.lease(number) == [])
                waiting.append(number)
            }
            if !waiting.isEmpty, random.below(2) == 0 { pool.cancel(waiting.remove(at: random.below(waiting.count))) }
            #expect(pool.counts.waiting == waiting.count)
        }
        let order = served(pool, id, waiting.count)
        #expect(order == waiting)
        #expect(pool.counts.waiting == 0)
    }

    @Test("a client whose requests were all cancelled has no turn")
    func cancelledTurn() {
        let (pool, id) = full()
        pool.lease(1, client: 1)
        pool.lease(2, client: 2)
        pool.lease(3, client: 1)
        pool.cancel(1)
        #expect(served(pool, id, 1) == [3])
        pool.cancel(2)
        #expect(pool.counts.waiting == 0)
    }
}
