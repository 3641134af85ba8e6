import Pooling
import ProxyTypes
import TestSupport
import Testing

@Suite("Reuse by the risk of the request")
struct RiskTests {
    /// An origin that closes after 60 s, and some of whose backends close after 5 s.
    private static let bounds = LearnedBounds(
        once: .seconds(50), repeatable: .seconds(58), retire: .seconds(58),
        zones: (.init(low: .seconds(4), high: .seconds(6)), .none, .none, .none))

    private func pool(_ bounds: LearnedBounds? = bounds, _ change: (inout PoolPolicy) -> Void = { _ in }) -> PoolFixture
    {
        let pool = PoolFixture { change(&$0) }
        pool.learn(bounds)
        return pool
    }

    /// Whether a new connection is dialled for a request rather than an idle one granted.
    private func dials(_ actions: [PoolAction]) -> Bool {
        if case .dial? = actions.first { true } else { false }
    }

    @Test(
        "what must not be sent twice keeps away from where the origin may close; what may be repeated does not",
        arguments: [
            (1_000, true, true), (3_900, true, true), (4_100, false, true), (6_100, true, true), (49_900, true, true),
            (50_100, false, true), (57_900, false, true),
        ])
    func ages(milliseconds: Int64, once: Bool, repeatable: Bool) {
        for isRetryable in [false, true] {
            let pool = pool()
            let id = pool.becomeIdle(1)[0]
            pool.time.advance(by: .milliseconds(milliseconds))
            let actions = pool.lease(1, isRetryable: isRetryable)
            let takesIdle = actions == [.grant(waiter(1), id, reused: true)]
            #expect(takesIdle == (isRetryable ? repeatable : once) && takesIdle != dials(actions), "\(actions)")
        }
    }

    @Test("leaseIdle keeps the same rule")
    func short() {
        let pool = pool()
        let id = pool.becomeIdle(1)[0]
        pool.time.advance(by: .seconds(5))
        #expect(pool.leaseIdle(isRetryable: false) == nil)
        #expect(pool.leaseIdle() == id)
    }

    @Test("a request is passed over only where an idle connection was too old for it")
    func passedOver() {
        let pool = pool()
        let id = pool.becomeIdle(1)[0]
        #expect(pool.takePassedOver() == 0 && pool.timePassedOver(id) == nil)
        pool.time.advance(by: .seconds(5))
        #expect(dials(pool.lease(1)) && pool.takePassedOver() == 1 && pool.takePassedOver() == 0)
        pool.time.advance(by: .milliseconds(30))
        #expect(pool.timePassedOver(id) == .milliseconds(30))
        #expect(pool.lease(2, isRetryable: true) == [.grant(waiter(2), id, reused: true)])
        pool.cancel(1)
        pool.time.advance(by: .milliseconds(1))
        pool.release(id)
        #expect(pool.takePassedOver() == 0 && pool.timePassedOver(id) == nil, "it has been used since")
    }

    @Test("one that was granted and given back unused is as old as before")
    func unused() {
        let pool = pool()
        let id = pool.becomeIdle(1)[0]
        pool.time.advance(by: .seconds(5))
        #expect(pool.leaseIdle() == id)
        #expect(pool.release(id, .unused).isEmpty)
        #expect(dials(pool.lease(1)), "it is in the zone still")
    }

    @Test(
        "a connection ends after as many requests as its origin was seen to answer, but one in eight, which tests that")
    func requestCap() {
        let pool = pool(
            LearnedBounds(once: .seconds(50), repeatable: .seconds(58), retire: .seconds(58), maxRequests: 1))
        for number in 1...8 {
            guard case .dial(let id, _)? = pool.lease(1).first else {
                Issue.record("the \(number)th request did not need a new connection")
                return
            }
            pool.dialSucceeded(id)
            let ends = pool.release(id)
            guard number == 8 else {
                #expect(ends == [.close(id, .maxRequests)], "the \(number)th")
                pool.closed(id)
                continue
            }
            #expect(ends.isEmpty)
            #expect(dials(pool.lease(2)), "it serves only what may be repeated")
            #expect(pool.lease(3, isRetryable: true) == [.grant(waiter(3), id, reused: true)])
            #expect(pool.release(id) == [.close(id, .maxRequests)], "the next waiting request may not have it")
        }
    }

    @Test("idle connections whose time is over are parked, few of one pool and few of all")
    func parks() {
        let pool = pool(nil)
        pool.total.parkingLimit = 1
        pool.park(Parking(most: 2, hold: .seconds(60)))
        let ids = pool.becomeIdle(3)
        #expect(pool.pass(.seconds(5)) == [.park(ids[0]), .close(ids[1], .idleTimeout), .close(ids[2], .idleTimeout)])
        #expect(pool.state(ids[0]) == .parked && pool.counts.parked == 1)
        for id in ids[1...] { pool.closed(id) }
        #expect(pool.pass(.seconds(60)) == [.close(ids[0], .learnedIdleBound)] && pool.counts.parked == 0)
        let next = pool.becomeIdle(1)[0]
        #expect(pool.pass(.seconds(5)) == [.park(next)], "the first one is gone")
    }

    @Test("an older one may be safe where the youngest is in a zone")
    func older() {
        let pool = pool()
        let old = pool.becomeIdle(1)[0]
        pool.time.advance(by: .seconds(5))
        let young = pool.becomeIdle(2)
        #expect(!young.contains(old))
        pool.time.advance(by: .milliseconds(4_900))
        #expect(pool.lease(1) == [.grant(waiter(1), old, reused: true)])
    }

    @Test("connections close at the learned age, whatever the origin hints, unless the operator says another")
    func retires() {
        let pool = pool()
        let ids = pool.becomeIdle(2, hint: KeepAliveHint(timeout: .seconds(5)))
        #expect(pool.pass(.seconds(57)).isEmpty)
        #expect(pool.pass(.seconds(2)) == ids.map { .close($0, .learnedIdleBound) })
        let fixed = self.pool { $0.idleTimeout = .fixed(.seconds(10)) }
        let id = fixed.becomeIdle(1)[0]
        fixed.time.advance(by: .seconds(5))
        #expect(fixed.lease(1) == [.grant(waiter(1), id, reused: true)])
        fixed.release(id)
        #expect(fixed.pass(.seconds(10)) == [.close(id, .idleTimeout)])
    }

    @Test("new bounds hold at once, for connections that are idle and for requests that wait")
    func applies() {
        let pool = pool(nil)
        let ids = pool.becomeIdle(2)
        pool.time.advance(by: .seconds(3))
        let shorter = LearnedBounds(once: .seconds(1), repeatable: .seconds(2), retire: .seconds(2))
        #expect(pool.learn(shorter) == ids.map { .close($0, .learnedIdleBound) })
        let other = self.pool(shorter) { $0.maxConnections = 8 }
        let id = other.becomeIdle(1)[0]
        other.time.advance(by: .milliseconds(1_500))
        #expect(dials(other.lease(1)))
        #expect(other.learn(Self.bounds) == [.grant(waiter(1), id, reused: true)])
    }

    @Test("ages count from the request where the origin's do")
    func fromRequest() {
        var bounds = Self.bounds
        bounds.countsFromRequest = true
        let pool = pool(bounds)
        let id = pool.becomeIdle(1)[0]
        pool.lease(1)
        pool.release(id, .reusable(nil, window: .unknown, lag: .seconds(20)))
        pool.time.advance(by: .seconds(31))
        #expect(dials(pool.lease(2)))
        #expect(pool.pass(.seconds(7)) == [.close(id, .learnedIdleBound)])
    }

    @Test("where there is no room for a dial an idle one that no waiting request may have makes it")
    func makesRoom() {
        let pool = pool {
            $0.maxConnections = 2
            $0.maxQueue = 0
        }
        let ids = pool.becomeIdle(2)
        pool.time.advance(by: .seconds(5))
        #expect(pool.lease(1) == [.close(ids[0], .poolShrink)])
        // Others still take what they may have.
        #expect(pool.lease(2, isRetryable: true) == [.grant(waiter(2), ids[1], reused: true)])
        #expect(dials(pool.closed(ids[0])))
    }

    @Test("one that has just answered serves it sooner than its dial")
    func justAnswered() {
        let pool = pool()
        let busy = pool.becomeIdle(1)[0]
        pool.lease(1)
        #expect(dials(pool.lease(2)))
        #expect(pool.release(busy) == [.grant(waiter(2), busy, reused: true)])
    }

    @Test("with few local ports left it is dialled for rather than kept waiting beside what it may not have")
    func fewPorts() {
        let pool = pool()
        _ = pool.becomeIdle(1)
        pool.time.advance(by: .seconds(5))
        pool.apply(.few(dials: 1))
        #expect(dials(pool.lease(1)))
    }

    @Test("a pause over, each client gets what it may have")
    func resume() {
        let pool = pool { $0.maxConnections = 1 }
        let id = pool.becomeIdle(1)[0]
        pool.time.advance(by: .seconds(5))
        pool.pause()
        pool.lease(1)
        pool.lease(2, isRetryable: true)
        #expect(pool.resume() == [.grant(waiter(2), id, reused: true)])
    }

    @Test("the other orders skip what is too old as well", arguments: [ReuseOrder.fifo, .widest])
    func orders(order: ReuseOrder) {
        let pool = pool { $0.reuseOrder = order }
        let wide = SendWindow(segments: 40, timeout: 0, silence: 0)
        let ids = pool.becomeIdle(2)
        pool.lease(1)
        pool.lease(2)
        // The wider one is idle for longer.
        pool.release(ids[0], .reusable(nil, window: wide))
        pool.time.advance(by: .milliseconds(1_500))
        pool.release(ids[1])
        pool.time.advance(by: .seconds(3))
        #expect(pool.lease(3) == [.grant(waiter(3), ids[1], reused: true)])
        #expect(pool.lease(4, isRetryable: true) == [.grant(waiter(4), ids[0], reused: true)])
    }

    @Test("a learned number of requests ends a connection")
    func maxRequests() {
        var bounds = Self.bounds
        bounds.maxRequests = 2
        let pool = pool(bounds)
        let id = pool.becomeIdle(1)[0]
        pool.lease(1)
        #expect(pool.release(id) == [.close(id, .maxRequests)])
    }
}
